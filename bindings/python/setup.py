"""Puts the shared library into the wheel.

It is the one that LANPARTY_LIBRARY names, or else one that cargo builds from the checkout around this folder. Nothing is
compiled when a wheel is installed. With a DLL it is a wheel for Windows, wherever it is made.
"""

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70.1
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1] if len(HERE.parents) > 1 else HERE
FILE_NAME = {"win32": "lanparty.dll", "darwin": "liblanparty.dylib"}.get(sys.platform, "liblanparty.so")
WINDOWS = {0x8664: "win_amd64", 0xAA64: "win_arm64", 0x014C: "win32"}
"""Platforms of wheels, by the machine that a DLL is for."""
CARGO = ["cargo", "build", "--release", "--locked", "-p", "lanparty-ffi"]


@lru_cache(maxsize=None)
def library():
    """The library's path; it is built if nobody names one."""
    named = os.environ.get("LANPARTY_LIBRARY")
    if named:
        path = Path(named)
        if not path.is_file():
            raise SystemExit(f"LANPARTY_LIBRARY names {named}, which is no file")
        return path
    if not (CHECKOUT / "lanparty-ffi" / "Cargo.toml").is_file():
        raise SystemExit(
            "there is no lanparty-ffi to build beside this package: name the library in LANPARTY_LIBRARY"
        )
    if shutil.which("cargo") is None:
        raise SystemExit(
            f"there is no cargo to build {FILE_NAME} with: install Rust, or name it in LANPARTY_LIBRARY"
        )
    subprocess.run(CARGO, cwd=str(CHECKOUT), check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    return CHECKOUT / target / "release" / FILE_NAME


def windows_platform(path):
    """The wheel's platform if the library is a DLL, else nothing."""
    head = path.read_bytes()[:4096]
    at = int.from_bytes(head[60:64], "little")
    if head[:2] != b"MZ" or head[at : at + 4] != b"PE\0\0":
        return None
    machine = int.from_bytes(head[at + 4 : at + 6], "little")
    if machine not in WINDOWS:
        raise SystemExit(f"{path} is for a machine that no wheel is known for: {machine:#x}")
    return WINDOWS[machine]


class BuildWithLibrary(build_py):
    """The package, and the library in it."""

    def run(self):
        super().run()
        # An editable install runs from the sources: LANPARTY_LIBRARY names the library there.
        if not getattr(self, "editable_mode", False):
            name = "lanparty.dll" if windows_platform(library()) else FILE_NAME
            target = Path(self.build_lib, "lanparty", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(library()), str(target))


class PlatformWheel(bdist_wheel):
    """A wheel for every Python 3, but for one platform."""

    def get_tag(self):
        return "py3", "none", windows_platform(library()) or super().get_tag()[2]


class WithLibrary(Distribution):
    """Not pure Python, though there is no extension module."""

    def has_ext_modules(self):
        return True


setup(distclass=WithLibrary, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})
