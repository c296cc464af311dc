"""Sessions: one membership in one room."""

from __future__ import annotations

from ctypes import byref, c_uint32, c_uint64
from typing import TYPE_CHECKING, Dict, List, Optional, Type, TypeVar, Union

from . import _structs as s
from ._handle import Handle
from ._native import call, created, encoded, lib, listed
from ._source import EventSource
from ._wait import milliseconds, wait
from .config import Certificate, PathLike, SessionConfig, Setting, session_config
from .enums import EventKind, LogLevel, Phase, Role, Stat, Status
from .errors import EndError, NotFoundError, WaitTimeoutError, timed_out
from .identity import Identity
from .models import Diagnostics, Event, Peer, Room, Stats, UserLine, diagnostics_of, peer_of, room_of, text
from .port import Port, PortBase

if TYPE_CHECKING:
    from . import aio

_B = TypeVar("_B", bound="SessionBase")


class SessionBase(EventSource):
    """What sessions can do without waiting."""

    _next = lib.lanparty_session_next_event
    _wait_handle = lib.lanparty_session_wait_handle

    def __init__(self, handle: Handle, identity: Optional[Identity]) -> None:
        super().__init__(handle)
        self._identity = identity

    @classmethod
    def start(cls: Type[_B], config: SessionConfig) -> _B:
        """Begins a session, and does not wait for it."""
        if not isinstance(config, SessionConfig):
            raise TypeError(f"config must be a SessionConfig, not {type(config).__name__}")
        pointer = created(lib.lanparty_session_start, config._handle.pointer)
        handle = Handle(pointer, lib.lanparty_session_free, _close)
        handle.port = config.port
        return cls(handle, config.identity)

    @property
    def identity(self) -> Identity:
        """Who the member is. Raises :class:`NotFoundError` if that was left to the library or to a TOML text."""
        if self._identity is None:
            raise NotFoundError(
                Status.NOT_FOUND, "the session was not given an identity: its configuration can be"
            )
        return self._identity

    @property
    def phase(self) -> Phase:
        """How far the session is."""
        phase = c_uint32()
        call(lib.lanparty_session_phase, self._handle.pointer, byref(phase))
        return Phase(phase.value)

    def room(self) -> Room:
        """The room, so far as it is known."""
        room = s.sized(s.Room)
        call(lib.lanparty_session_room, self._handle.pointer, byref(room))
        return room_of(room)

    def peers(self) -> List[Peer]:
        """Everybody else in the room."""
        found = listed(s.Peer, lambda *array: call(lib.lanparty_session_peers, self._handle.pointer, *array))
        return [peer_of(peer) for peer in found]

    def set_paused(self, paused: bool) -> None:
        """Stops or resumes the flow of frames. The session stays in its room."""
        call(lib.lanparty_session_set_paused, self._handle.pointer, bool(paused))

    def stats(self) -> Stats:
        """All counters."""
        stats = s.sized(s.Stats)
        call(lib.lanparty_session_stats, self._handle.pointer, byref(stats))
        return Stats(*(getattr(stats, name) for name, *_ in s.Stats._fields_[2:]))

    def stat(self, counter: Stat) -> int:
        """One counter."""
        value = c_uint64()
        call(lib.lanparty_session_stat, self._handle.pointer, counter, byref(value))
        return value.value

    def drops(self) -> Dict[str, int]:
        """How many frames were dropped for which reason."""
        found = listed(s.Drop, lambda *array: call(lib.lanparty_session_drops, self._handle.pointer, *array))
        return {text(drop.reason): drop.count for drop in found}

    def diagnostics(self) -> Diagnostics:
        """What to look at when something does not work."""
        found = s.sized(s.Diagnostics)
        call(lib.lanparty_session_diagnostics, self._handle.pointer, byref(found))
        return diagnostics_of(found)

    def user_lines(self) -> List[UserLine]:
        """How it stands, in sentences for the user."""
        found = listed(
            s.UserLine, lambda *array: call(lib.lanparty_session_user_lines, self._handle.pointer, *array)
        )
        return [UserLine(LogLevel(line.level), text(line.text)) for line in found]

    def _wait_joined(self, timeout_ms: int) -> int:
        return call(lib.lanparty_session_wait_joined, self._handle.pointer, timeout_ms)

    def _bridge(self, port: PortBase, timeout_ms: int) -> int:
        if not isinstance(port, PortBase):
            raise TypeError(f"port must be a Port, not {type(port).__name__}")
        status = call(lib.lanparty_session_bridge, self._handle.pointer, port._handle.pointer, timeout_ms)
        self._handle.port = port
        return status

    def _unbridge(self, timeout_ms: int) -> int:
        status = call(lib.lanparty_session_unbridge, self._handle.pointer, timeout_ms)
        self._handle.port = None
        return status

    def _current_port(self) -> PortBase:
        port: Optional[PortBase] = self._handle.port
        if port is None:
            raise NotFoundError(Status.NOT_FOUND, "the session has no port: bridge one")
        return port

    def _close(self, raw_text: bytes, timeout_ms: int) -> int:
        return call(lib.lanparty_session_close, self._handle.pointer, raw_text, len(raw_text), timeout_ms)

    def _not_joined(self, timeout: Optional[float]) -> WaitTimeoutError:
        """A wait to be let in that ran out, with what is known of the cause. Takes the events, so the session must end."""
        causes = []
        try:
            while True:
                event = self._take(0)
                if event.kind == EventKind.DISCONNECTED:
                    causes.append(event.text)
        except (EndError, WaitTimeoutError):
            pass
        cause = f": {causes[-1]}" if causes and causes[-1] else ""
        return timed_out(f"not in the room{cause}", timeout)


class Session(SessionBase):
    """One membership in one room. In a ``with`` block it leaves at the end."""

    _view: Optional[Port] = None

    @property
    def port(self) -> Port:
        """What the session bridges into its room; if it was not given one, a virtual port."""
        port = self._current_port()
        if self._view is None or self._view._handle is not port._handle:
            self._view = port if isinstance(port, Port) else Port(port._handle, port._sink)
        return self._view

    def next_event(self, timeout: Optional[float] = None) -> Event:
        """The next event. Raises :class:`WaitTimeoutError` if none comes in time, :class:`EndError` if none will come."""
        return self._take(timeout)

    def wait_joined(self, timeout: Optional[float] = None) -> None:
        """Waits until the session is in its room for the first time; raises the reason if it ended before."""
        if wait(self._wait_joined, timeout) == Status.WOULD_BLOCK:
            raise timed_out("not in the room", timeout)

    def bridge(self, port: PortBase, timeout: Optional[float] = 10.0) -> None:
        """Bridges another port into the room, in place of the one that is."""
        if self._bridge(port, milliseconds(timeout)) == Status.WOULD_BLOCK:
            raise timed_out("the port is not bridged yet", timeout)

    def unbridge(self, timeout: Optional[float] = 10.0) -> None:
        """Lets go of the port, which can be bridged again, here or elsewhere."""
        if self._unbridge(milliseconds(timeout)) == Status.WOULD_BLOCK:
            raise timed_out("the port is not free yet", timeout)

    def close(self, text: str = "", timeout: Optional[float] = 5.0) -> bool:
        """Leaves the room, with some last words for the others, and wakes whoever waits for the session.

        True once all has stopped; False if that takes longer than `timeout` (it goes on). A second call changes nothing.
        """
        raw = encoded(text, "text")
        return wait(lambda ms: self._close(raw, ms), timeout) == Status.OK

    @property
    def aio(self) -> "aio.Session":
        """The same session for asyncio."""
        from . import aio

        return aio.Session(self._handle, self._identity)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def join(
    relay: str,
    room: str,
    *,
    certificate: Optional[Certificate] = None,
    server_name: Optional[str] = None,
    name: Optional[str] = None,
    identity: Union[Identity, PathLike, None] = None,
    role: Union[Role, str] = Role.CLIENT,
    port: Optional[PortBase] = None,
    timeout: Optional[float] = 10.0,
    toml: Optional[str] = None,
    **settings: Setting,
) -> Session:
    """Joins a room, and waits until it is in.

    `certificate` is the relay's, if no public authority knows it: the bytes or a file's path. Without a `port` the session
    gets a virtual one. Other settings have the names of the programs' options, with underscores: ``retry=False``.

    Raises what kept it out: :class:`WaitTimeoutError` if nothing was heard within `timeout` seconds,
    :class:`TrustError`, :class:`RefusedError` and so on.
    """
    config = session_config(
        relay, room, role, certificate, identity, port, toml, server_name=server_name, name=name, **settings
    )
    session = Session.start(config)
    try:
        if wait(session._wait_joined, timeout) == Status.WOULD_BLOCK:
            raise session._not_joined(timeout)
    except BaseException:
        session.close(timeout=1.0)
        raise
    return session


def _close(pointer: int, timeout_ms: int) -> None:
    lib.lanparty_session_close(pointer, None, 0, timeout_ms, None)
