"""Ports: what a session bridges into its room.

A virtual port is the program itself as a network card. The others are an adapter of the system (TAP), a wired interface
(AF_PACKET, for gateways), and a device that is written in Python (a sink).
"""

from __future__ import annotations

import threading
from ctypes import byref, c_int64
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Type, TypeVar, Union

from . import _batch
from . import _structs as s
from . import sink as sinks
from ._batch import Bytes
from ._handle import Handle
from ._native import call, created, encoded, lib
from ._wait import wait
from .enums import Status
from .errors import EndError, timed_out
from .models import PortInfo, port_info_of

if TYPE_CHECKING:
    from . import aio

_P = TypeVar("_P", bound="PortBase")


class PortBase:
    """What ports can do without waiting."""

    def __init__(self, handle: Handle, sink: Optional[sinks.State] = None) -> None:
        self._handle = handle
        self._sink = sink
        self._local = threading.local()

    @classmethod
    def virtual(cls: Type[_P], capacity: int = 0, mtu: int = 0) -> _P:
        """The program itself. `capacity` frames wait per direction (0: 256); payloads have up to `mtu` bytes (0: 1500)."""
        return cls._made(lib.lanparty_port_new_virtual, _u32(capacity, "capacity"), _u32(mtu, "mtu"))

    @classmethod
    def from_sink(cls: Type[_P], sink: sinks.FrameSink) -> _P:
        """A device that is written in Python. What it has for the room goes through :meth:`send`."""
        if not isinstance(sink, sinks.FrameSink):
            raise TypeError(f"a FrameSink, not {type(sink).__name__}")
        _u32(sink.mtu, "mtu")
        state, struct = sinks.register(sink)
        return cls._made(lib.lanparty_port_new_sink, byref(struct), sink=state)

    @classmethod
    def tap(cls: Type[_P], name: str, address: Optional[str] = None, mtu: int = 0) -> _P:
        """An adapter of the system.

        On Linux it is made when a session begins to use the port, and needs CAP_NET_ADMIN. On Windows it is an adapter of
        TAP-Windows6 that is there, taken by an elevated process: `name` is its connection's, or the instance id in braces,
        or empty for the only one.
        """
        raw = encoded(name, "name")
        raw_address = None if address is None else encoded(address, "address")
        return cls._made(
            lib.lanparty_port_new_tap, raw, len(raw), raw_address, len(raw_address or b""), _u32(mtu, "mtu")
        )

    @classmethod
    def af_packet(cls: Type[_P], iface: str) -> _P:
        """A wired interface of this computer, for a gateway. Needs CAP_NET_RAW; Linux only."""
        raw = encoded(iface, "iface")
        return cls._made(lib.lanparty_port_new_af_packet, raw, len(raw))

    def send(self, frames: Union[Bytes, Sequence[Bytes]]) -> int:
        """Sends one frame, or several at once. Never waits.

        Gives how many were taken, from the first on: fewer than all if the queue is full. A frame is what stands between
        preamble and check sum: 14 bytes at least. If one is no frame, none is sent.
        """
        self._raise_stored()
        status, sent = _batch.send(self._handle.pointer, frames)
        if status == Status.END:
            raise ended()
        return sent

    def info(self) -> PortInfo:
        """What the port is at the moment."""
        self._raise_stored()
        info = s.sized(s.PortInfo)
        call(lib.lanparty_port_info_get, self._handle.pointer, byref(info))
        return port_info_of(info)

    def fileno(self) -> int:
        """A descriptor for select, poll and the like: readable while something can be received.

        Now and then it is readable with nothing there, so receive with a timeout of 0. It belongs to the port: do not
        read, write or close it. On Windows it is the handle of an event object, for ``WaitForMultipleObjects`` and the like,
        and ``select`` takes none.
        """
        self._raise_stored()
        handle = c_int64()
        call(lib.lanparty_port_wait_handle, self._handle.pointer, byref(handle))
        return handle.value

    def close(self) -> None:
        """Closes the port for good and wakes whoever receives. A session that uses it ends; unbridge it first if not."""
        call(lib.lanparty_port_close, self._handle.pointer)
        self._raise_stored()

    def _receive(self, cap: int, timeout_ms: int) -> int:
        """Into this thread's memory. Gives the status."""
        return self._inbox().receive(self._handle.pointer, cap, timeout_ms)

    def _inbox(self) -> _batch.Inbox:
        try:
            inbox: _batch.Inbox = self._local.inbox
        except AttributeError:
            inbox = self._local.inbox = _batch.Inbox()
        return inbox

    def _raise_stored(self) -> None:
        if self._sink is not None:
            self._sink.raise_stored()

    @classmethod
    def _made(cls: Type[_P], function: Any, *args: Any, sink: Optional[sinks.State] = None) -> _P:
        pointer = created(function, *args)
        return cls(Handle(pointer, lib.lanparty_port_free, _close), sink)


class Port(PortBase):
    """A port. In a ``with`` block it is closed at the end."""

    def recv(self, timeout: Optional[float] = None) -> bytes:
        """The next frame. Raises :class:`WaitTimeoutError` if there is none in time, :class:`EndError` if none will come.

        Without a timeout it waits until there is one.
        """
        self._raise_stored()
        status = wait(lambda ms: self._receive(1, ms), timeout)
        if status == Status.WOULD_BLOCK:
            raise timed_out("no frame", timeout)
        if status == Status.END:
            raise ended()
        return self._inbox().first()

    def recv_batch(self, timeout: Optional[float] = None, limit: int = _batch.BATCH) -> List[memoryview]:
        """The frames that are there, 64 at most; an empty list if none comes in time.

        They are views of one memory that is used again: they hold until this thread receives from this port again. Copy
        with ``bytes(frame)`` what is to be kept. Raises :class:`EndError` if no more will come.
        """
        self._raise_stored()
        if not 0 < limit <= _batch.BATCH:
            raise ValueError(f"a limit of {limit} frames: 1 to {_batch.BATCH}")
        status = wait(lambda ms: self._receive(limit, ms), timeout)
        if status == Status.WOULD_BLOCK:
            return []
        if status == Status.END:
            raise ended()
        return self._inbox().views()

    def __iter__(self) -> Iterator[bytes]:
        """The frames as they come, until the port is closed."""
        while True:
            try:
                yield self.recv()
            except EndError:
                return

    @property
    def aio(self) -> "aio.Port":
        """The same port for asyncio."""
        from . import aio

        return aio.Port(self._handle, self._sink)

    def __enter__(self) -> "Port":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        try:
            self.close()
        except BaseException:
            # What a sink raised before must not hide what ends the block.
            if kind is None:
                raise


def ended() -> EndError:
    """The port has no more."""
    return EndError(Status.END, "the port is closed")


def _close(pointer: int, _timeout_ms: int) -> None:
    lib.lanparty_port_close(pointer, None)


def _u32(value: int, what: str) -> int:
    # ctypes would cut it silently.
    if not 0 <= value <= 0xFFFF_FFFF:
        raise ValueError(f"{what} is {value}: 0 to 4294967295")
    return value
