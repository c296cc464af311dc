"""Finds and loads the shared library, and calls it.

It is looked for beside this file (where a wheel keeps it), then at the path in the environment variable
``LANPARTY_LIBRARY``, then wherever the system looks for libraries.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from ctypes import byref, c_size_t, c_void_p
from pathlib import Path
from typing import Any, Callable, List, Optional, Type, TypeVar, Union

from . import errors
from ._functions import FUNCTIONS
from .enums import Kind, Status

_S = TypeVar("_S", bound=ctypes.Structure)

ABI_VERSION = 1
"""The version of the C ABI that this package speaks."""
ENVIRONMENT = "LANPARTY_LIBRARY"

if sys.platform == "win32":
    FILE_NAME = "lanparty.dll"
elif sys.platform == "darwin":
    FILE_NAME = "liblanparty.dylib"
else:
    FILE_NAME = "liblanparty.so"


def find() -> str:
    """Where the library is."""
    beside = Path(__file__).with_name(FILE_NAME)
    if beside.exists():
        return str(beside)
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    known = ctypes.util.find_library("lanparty")
    if known:
        return known
    raise ImportError(
        f"no {FILE_NAME}: it is neither in {beside.parent}, nor named by {ENVIRONMENT}, nor where the system looks for"
        " libraries; build it with `cargo build --release -p lanparty-ffi`"
    )


def load(path: str, abi_version: int = ABI_VERSION) -> ctypes.CDLL:
    """Loads the library, and refuses one that this package does not fit."""
    try:
        # CDLL, not PyDLL: a call that waits must not hold the GIL.
        library = ctypes.CDLL(path)
    except OSError as cause:
        raise ImportError(f"the lanparty library cannot be loaded: {cause}") from cause
    check(library, path, abi_version)
    for name, (restype, argtypes) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError as cause:
            raise ImportError(f"{path} lacks {name}: it is older than this package; update it") from cause
        function.restype = restype
        function.argtypes = argtypes
    return library


def check(library: Any, path: str, abi_version: int) -> None:
    """Refuses a library with another ABI."""
    try:
        function = library.lanparty_abi_version
    except AttributeError as cause:
        raise ImportError(f"{path} is no lanparty library: it has no lanparty_abi_version") from cause
    function.restype = ctypes.c_uint32
    found = function()
    if found != abi_version:
        raise ImportError(
            f"{path} has version {found} of the lanparty ABI, and this package needs version {abi_version}:"
            f" install a package and a library of the same release"
        )


lib = load(find())


def failure(status: int, err: c_void_p) -> errors.LanPartyError:
    """The exception for a failed call; frees `err`."""
    if not err:
        text: Optional[bytes] = lib.lanparty_status_str(status)
        return errors.error(status, (text or b"").decode("utf-8", "replace"))
    try:
        message: bytes = lib.lanparty_error_message(err)
        kind: int = lib.lanparty_error_kind(err)
        os_error: int = lib.lanparty_error_os_error(err)
        return errors.error(status, message.decode("utf-8", "replace"), kind, os_error)
    finally:
        lib.lanparty_error_free(err)


def call(function: Any, *args: Any) -> int:
    """Calls a function whose last parameter is the error. Gives what is no error, raises what is one."""
    err = c_void_p()
    status: int = function(*args, byref(err))
    if status < 0:
        raise failure(status, err)
    return status


def created(function: Any, *args: Any) -> int:
    """Calls a function that makes a handle."""
    handle = c_void_p()
    call(function, *args, byref(handle))
    return handle.value or 0


def encoded(value: str, what: str) -> bytes:
    """Text for the library. Whoever passes something else is told so, rather than the library."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as cause:
        message = f"{what} cannot be written as UTF-8: {cause.reason} at {cause.start}"
        raise errors.InvalidValueError(Status.NOT_UTF8, message, Kind.USAGE) from cause


def path_bytes(path: Union[str, bytes, "os.PathLike[Any]"]) -> bytes:
    """A path for the library, which takes UTF-8 only."""
    name = os.fspath(path)
    return name if isinstance(name, bytes) else encoded(name, "path")


def copied(function: Any, handle: Any) -> bytes:
    """What a function with `buf, cap, *needed` has to give."""
    needed = c_size_t()
    cap = 512
    while True:
        buf = ctypes.create_string_buffer(cap)
        status = call(function, handle, buf, cap, byref(needed))
        if status != Status.TRUNCATED:
            return buf.raw[: needed.value]
        cap = needed.value


def copied_text(function: Any, handle: Any) -> str:
    """The same for text, which ends with a NUL."""
    return copied(function, handle).split(b"\0", 1)[0].decode("utf-8", "replace")


def listed(struct: Type[_S], get: Callable[[Any, int, int, Any], int]) -> List[_S]:
    """What a function with `array, element size, cap, *count` has to give."""
    count = c_size_t()
    cap = 16
    while True:
        array = (struct * cap)()
        status = get(array, ctypes.sizeof(struct), cap, byref(count))
        if status != Status.TRUNCATED:
            return list(array[: count.value])
        # Some more, because somebody may join in between.
        cap = count.value + 8


def version() -> str:
    """The library's version."""
    text: bytes = lib.lanparty_version()
    return text.decode()


def live_handles() -> int:
    """How many handles of the library exist in this process: for tests that look for leaks."""
    count: int = lib.lanparty_live_handles()
    return count
