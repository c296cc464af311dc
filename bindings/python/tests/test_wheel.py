"""`pip wheel` makes a wheel that holds the library and needs nothing else."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from lanparty import _native
from support import PACKAGE

FOLDER = Path(__file__).resolve().parents[1]


def can_build():
    """Whether a wheel can be built with no network."""
    if not all(importlib.util.find_spec(module) for module in ("pip", "setuptools")):
        return False
    version = [int(part) for part in importlib.metadata.version("setuptools").split(".")[:2]]
    return version >= [70, 1] or importlib.util.find_spec("wheel") is not None


@unittest.skipUnless(
    can_build(), "NOT TESTED: building a wheel offline needs pip, setuptools 70.1, or an older one and wheel"
)
class Wheel(unittest.TestCase):
    def sources(self, folder):
        """What a wheel is made of, and how."""
        sources = Path(folder, "sources")
        sources.mkdir()
        for name in ("pyproject.toml", "setup.py", "README.md"):
            (sources / name).write_bytes((FOLDER / name).read_bytes())
        (sources / "lanparty").mkdir()
        for path in [*(PACKAGE / "lanparty").glob("*.py"), PACKAGE / "lanparty" / "py.typed"]:
            (sources / "lanparty" / path.name).write_bytes(path.read_bytes())
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        command += ["--disable-pip-version-check", "--no-index", "--wheel-dir", folder, str(sources)]
        return sources, command

    def build(self, command, library):
        return subprocess.run(
            command,
            env={**os.environ, "LANPARTY_LIBRARY": str(library)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )

    def test_a_dll_makes_a_wheel_for_windows(self):
        with tempfile.TemporaryDirectory() as folder:
            _, command = self.sources(folder)
            # As much of one as says what machine it is for.
            library = Path(folder, "cross-built.dll")
            library.write_bytes(b"MZ" + bytes(58) + bytes([64, 0, 0, 0]) + b"PE\0\0\x64\x86" + bytes(100))
            built = self.build(command, library)
            self.assertEqual(built.returncode, 0, built.stdout)
            (wheel,) = Path(folder).glob("lanparty-*.whl")
            self.assertRegex(wheel.name, r"^lanparty-\d+\.\d+\.\d+-py3-none-win_amd64\.whl$")
            with zipfile.ZipFile(wheel) as archive:
                self.assertEqual(archive.read("lanparty/lanparty.dll"), library.read_bytes())
                self.assertNotIn(f"lanparty/{_native.FILE_NAME}", archive.namelist())

    def test_it_runs_from_a_wheel(self):
        with tempfile.TemporaryDirectory() as folder:
            sources, command = self.sources(folder)
            environment = dict(os.environ)
            built = self.build(command, Path(_native.lib._name).resolve())
            self.assertEqual(built.returncode, 0, built.stdout)
            (wheel,) = Path(folder).glob("lanparty-*.whl")
            self.assertRegex(wheel.name, r"^lanparty-\d+\.\d+\.\d+-py3-none-(?!any)\w+\.whl$")
            target = Path(folder, "installed")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
            for name in (_native.FILE_NAME, "py.typed"):
                self.assertTrue((target / "lanparty" / name).is_file(), name)
            for name in ("LANPARTY_LIBRARY", "PYTHONPATH"):
                environment.pop(name, None)
            # The library beside the package is the one that is loaded.
            source = f"import sys; sys.path.insert(0, {str(target)!r}); import lanparty; print(lanparty._native.lib._name)"
            shown = subprocess.run(
                [sys.executable, "-c", source],
                env=environment,
                stdout=subprocess.PIPE,
                universal_newlines=True,
            )
            self.assertEqual(shown.stdout.strip(), str(target / "lanparty" / _native.FILE_NAME))

            # Without a library, a checkout or cargo it says what is missing.
            shutil.rmtree(sources / "build", ignore_errors=True)
            failed = subprocess.run(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                universal_newlines=True,
            )
            self.assertNotEqual(failed.returncode, 0)
            self.assertIn("name the library in LANPARTY_LIBRARY", failed.stdout)


if __name__ == "__main__":
    unittest.main()
