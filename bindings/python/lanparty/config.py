"""How a session is set up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional, Union

from ._handle import Handle
from ._native import call, created, encoded, lib
from .enums import Role
from .identity import Identity
from .port import Port, PortBase

PathLike = Union[str, "os.PathLike[str]"]
Certificate = Union[bytes, PathLike]
"""A certificate in DER or PEM: the bytes themselves, or the path of a file."""
Setting = Union[str, int, float, "os.PathLike[str]"]


def setting_text(value: Setting) -> str:
    """A setting as the library reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return os.fspath(value)


def setting_key(name: str) -> str:
    """A key as the library calls it: ``limit_send_queue`` is ``limit-send-queue``."""
    return name.replace("_", "-")


def file_bytes(value: Union[bytes, PathLike]) -> bytes:
    """Bytes, or what is in the file of this name."""
    return value if isinstance(value, bytes) else Path(value).read_bytes()


class SessionConfig:
    """Settings of a session: relay, room and role, a port, an identity, and everything that has a key.

    The keys are those of the programs' long options and configuration files. It can be used for several sessions.
    """

    def __init__(
        self, relay: Optional[str] = None, room: Optional[str] = None, role: Union[Role, str] = Role.CLIENT
    ) -> None:
        if isinstance(role, str):
            try:
                role = Role[role.upper()]
            except KeyError:
                raise ValueError(f"role {role!r}: client or gateway") from None
        raw_relay = None if relay is None else encoded(relay, "relay")
        raw_room = None if room is None else encoded(room, "room")
        pointer = created(
            lib.lanparty_session_config_new,
            role,
            raw_relay,
            len(raw_relay or b""),
            raw_room,
            len(raw_room or b""),
        )
        self._handle = Handle(pointer, lib.lanparty_session_config_free)
        self._port: Optional[PortBase] = None
        self._identity: Optional[Identity] = None

    def set(self, key: str, value: Setting) -> None:
        """Sets one key. An unknown key or a bad value raises :class:`InvalidValueError` and changes nothing."""
        set_key(lib.lanparty_session_config_set, self._handle, key, value)

    def update(self, **settings: Setting) -> None:
        """Sets several keys; underscores stand for dashes."""
        for name, value in settings.items():
            self.set(setting_key(name), value)

    def load_toml(self, text: str) -> None:
        """Sets what a TOML text says, all of it or nothing."""
        raw = encoded(text, "text")
        call(lib.lanparty_session_config_load_toml, self._handle.pointer, raw, len(raw))

    def trust(self, certificate: Certificate) -> None:
        """Trusts a relay by this certificate, instead of the system's authorities."""
        raw = file_bytes(certificate)
        call(lib.lanparty_session_config_trust_certificates, self._handle.pointer, raw, len(raw))

    def dangerous_accept_any(self) -> None:
        """Trusts every relay, whatever it shows. For experiments: whoever sits in between reads and changes all frames."""
        call(lib.lanparty_session_config_dangerous_accept_any, self._handle.pointer)

    @property
    def identity(self) -> Optional[Identity]:
        """Who the member is. Every start makes a new one if it is not set."""
        return self._identity

    @identity.setter
    def identity(self, identity: Identity) -> None:
        if not isinstance(identity, Identity):
            raise TypeError(f"identity must be an Identity, not {type(identity).__name__}")
        call(lib.lanparty_session_config_set_identity, self._handle.pointer, identity._handle.pointer)
        self._identity = identity

    @property
    def port(self) -> Optional[PortBase]:
        """What is bridged into the room from the start."""
        return self._port

    @port.setter
    def port(self, port: PortBase) -> None:
        if not isinstance(port, PortBase):
            raise TypeError(f"port must be a Port, not {type(port).__name__}")
        call(lib.lanparty_session_config_set_port, self._handle.pointer, port._handle.pointer)
        self._port = port


def session_config(
    relay: str,
    room: str,
    role: Union[Role, str] = Role.CLIENT,
    certificate: Optional[Certificate] = None,
    identity: Union[Identity, PathLike, None] = None,
    port: Optional[PortBase] = None,
    toml: Optional[str] = None,
    **settings: Optional[Setting],
) -> SessionConfig:
    """What the arguments of ``join`` mean."""
    for value, what in ((relay, "relay"), (room, "room")):
        encoded(value, what)  # None is for those who set it later
    config = SessionConfig(relay, room, role)
    if toml is not None:
        config.load_toml(toml)
    config.update(**{name: value for name, value in settings.items() if value is not None})
    if certificate is not None:
        config.trust(certificate)
    if identity is None and toml is None:
        # Made here, so that the program knows its own MAC address.
        identity = Identity.generate()
    if identity is not None:
        config.identity = identity if isinstance(identity, Identity) else Identity.load_or_create(identity)
    config.port = Port.virtual() if port is None else port
    return config


def set_key(function: Any, handle: Handle, key: str, value: Setting) -> None:
    """One key of a configuration."""
    raw_key, raw_value = encoded(key, "key"), encoded(setting_text(value), key)
    call(function, handle.pointer, raw_key, len(raw_key), raw_value, len(raw_value))
