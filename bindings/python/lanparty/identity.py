"""Who a member is: its MAC address, and the secret by which a relay knows it again."""

from __future__ import annotations

import os
from ctypes import c_uint8
from typing import Any, Union

from ._handle import Handle
from ._native import call, copied_text, created, lib, path_bytes
from .models import Mac


class Identity:
    """A member's identity. One is made anew for every session that is not given one."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @classmethod
    def generate(cls) -> "Identity":
        """A new one."""
        return cls._made(lib.lanparty_identity_generate)

    @classmethod
    def load_or_create(cls, path: Union[str, bytes, "os.PathLike[Any]"]) -> "Identity":
        """The one in a file, which is made if it is not there."""
        name = path_bytes(path)
        return cls._made(lib.lanparty_identity_load_or_create, name, len(name))

    def with_mac(self, mac: Union[str, bytes]) -> "Identity":
        """The same with another MAC address."""
        raw = (c_uint8 * 6).from_buffer_copy(Mac(mac))
        return self._made(lib.lanparty_identity_with_mac, self._handle.pointer, raw)

    @property
    def mac(self) -> Mac:
        """The source address of this member's frames."""
        raw = (c_uint8 * 6)()
        call(lib.lanparty_identity_mac, self._handle.pointer, raw)
        return Mac(bytes(raw))

    @property
    def warning(self) -> str:
        """What is wrong with the file it came from, such as that others may read it; mostly nothing."""
        return copied_text(lib.lanparty_identity_warning, self._handle.pointer)

    @classmethod
    def _made(cls, function: Any, *args: Any) -> "Identity":
        return cls(Handle(created(function, *args), lib.lanparty_identity_free))

    def __repr__(self) -> str:
        return f"Identity({self.mac})"
