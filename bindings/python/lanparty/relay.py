"""Relays: what rooms are hosted on."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, List, Optional, Type, TypeVar, Union

from . import _structs as s
from ._handle import Handle
from ._native import call, copied, copied_text, created, encoded, lib, listed
from ._source import EventSource
from ._wait import wait
from .config import PathLike, Setting, file_bytes, set_key, setting_key
from .enums import Status
from .models import Event, Member, RelayStats, Room, member_of, room_of

if TYPE_CHECKING:
    from . import aio

_B = TypeVar("_B", bound="RelayBase")

Pem = Union[bytes, PathLike]
"""Certificates or a key as PEM: the bytes themselves, or the path of a file."""


class RelayConfig:
    """Settings of a relay. The keys are those of ``lanparty-relay --help``."""

    def __init__(self) -> None:
        self._handle = Handle(created(lib.lanparty_relay_config_new), lib.lanparty_relay_config_free)

    def set(self, key: str, value: Setting) -> None:
        """Sets one key. An unknown key or a bad value raises :class:`InvalidValueError` and changes nothing."""
        set_key(lib.lanparty_relay_config_set, self._handle, key, value)

    def update(self, **settings: Setting) -> None:
        """Sets several keys; underscores stand for dashes."""
        for name, value in settings.items():
            self.set(setting_key(name), value)

    def load_toml(self, text: str) -> None:
        """Sets what a TOML text says, all of it or nothing."""
        raw = encoded(text, "text")
        call(lib.lanparty_relay_config_load_toml, self._handle.pointer, raw, len(raw))

    def set_certificate(self, chain: Pem, key: Pem) -> None:
        """The certificate by which members know the relay. Without one it makes one itself."""
        raw_chain, raw_key = file_bytes(chain), file_bytes(key)
        function = lib.lanparty_relay_config_set_certificate_pem
        call(function, self._handle.pointer, raw_chain, len(raw_chain), raw_key, len(raw_key))


class RelayBase(EventSource):
    """What relays can do without waiting."""

    _next = lib.lanparty_relay_next_event
    _wait_handle = lib.lanparty_relay_wait_handle

    @classmethod
    def bind(cls: Type[_B], config: RelayConfig) -> _B:
        """Opens a relay, which serves from now on."""
        if not isinstance(config, RelayConfig):
            raise TypeError(f"config must be a RelayConfig, not {type(config).__name__}")
        pointer = created(lib.lanparty_relay_bind, config._handle.pointer)
        return cls(Handle(pointer, lib.lanparty_relay_free, _close))

    @property
    def address(self) -> str:
        """Where it listens, such as ``127.0.0.1:4433``."""
        return copied_text(lib.lanparty_relay_address, self._handle.pointer)

    @property
    def certificate(self) -> bytes:
        """Its certificate as DER, for members to trust."""
        return copied(lib.lanparty_relay_certificate, self._handle.pointer)

    def set_certificate(self, chain: Pem, key: Pem) -> None:
        """Shows another certificate to those who come from now on."""
        raw_chain, raw_key = file_bytes(chain), file_bytes(key)
        function = lib.lanparty_relay_set_certificate_pem
        call(function, self._handle.pointer, raw_chain, len(raw_chain), raw_key, len(raw_key))

    def rooms(self) -> List[Room]:
        """The rooms that have somebody in."""
        found = listed(s.Room, lambda *array: call(lib.lanparty_relay_rooms, self._handle.pointer, *array))
        return [room_of(room) for room in found]

    def members(self, room: str) -> List[Member]:
        """Who is in a room. Raises :class:`NotFoundError` if there is no such room."""
        raw = encoded(room, "room")
        function = lib.lanparty_relay_members
        found = listed(s.Member, lambda *array: call(function, self._handle.pointer, raw, len(raw), *array))
        return [member_of(member) for member in found]

    def kick(self, room: str, peer: int, text: str = "") -> None:
        """Puts a member out of a room, with some words about why."""
        raw_room, raw_text = encoded(room, "room"), encoded(text, "text")
        if not 0 <= peer <= 0xFFFF_FFFF:
            raise ValueError(f"{peer} is no member's number")
        function = lib.lanparty_relay_kick
        call(function, self._handle.pointer, raw_room, len(raw_room), peer, raw_text, len(raw_text))

    def stats(self) -> RelayStats:
        """All counters."""
        stats = s.sized(s.RelayStats)
        call(lib.lanparty_relay_stats_get, self._handle.pointer, byref(stats))
        return RelayStats(*(getattr(stats, name) for name, *_ in s.RelayStats._fields_[2:]))

    def _close(self, raw_text: bytes, timeout_ms: int) -> int:
        return call(lib.lanparty_relay_close, self._handle.pointer, raw_text, len(raw_text), timeout_ms)


class Relay(RelayBase):
    """A relay in this process. In a ``with`` block it closes at the end."""

    def next_event(self, timeout: Optional[float] = None) -> Event:
        """The next event. Raises :class:`WaitTimeoutError` if none comes in time, :class:`EndError` if none will come."""
        return self._take(timeout)

    def close(self, text: str = "", timeout: Optional[float] = 5.0) -> bool:
        """Sends everybody away and stops. True once all has stopped; False if that takes longer than `timeout`."""
        raw = encoded(text, "text")
        return wait(lambda ms: self._close(raw, ms), timeout) == Status.OK

    @property
    def aio(self) -> "aio.Relay":
        """The same relay for asyncio."""
        from . import aio

        return aio.Relay(self._handle)

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def host(
    listen: str = "0.0.0.0:443",
    *,
    certificate: Optional[Pem] = None,
    key: Optional[Pem] = None,
    toml: Optional[str] = None,
    **settings: Setting,
) -> Relay:
    """Hosts a relay in this process.

    `certificate` and `key` are PEM, as bytes or paths; without them the relay makes itself a certificate for
    ``lanparty-relay.local``. Other settings have the names of ``lanparty-relay``'s options, with underscores.
    """
    return Relay.bind(relay_config(listen, certificate, key, toml, **settings))


def relay_config(
    listen: str, certificate: Optional[Pem], key: Optional[Pem], toml: Optional[str], **settings: Setting
) -> RelayConfig:
    """What the arguments of ``host`` mean."""
    if (certificate is None) != (key is None):
        raise ValueError("certificate and key belong together: give both or neither")
    config = RelayConfig()
    if toml is not None:
        config.load_toml(toml)
    config.set("listen", listen)
    config.update(**settings)
    if certificate is not None and key is not None:
        config.set_certificate(certificate, key)
    return config


def _close(pointer: int, timeout_ms: int) -> None:
    lib.lanparty_relay_close(pointer, None, 0, timeout_ms, None)
