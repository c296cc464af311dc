"""Devices that are written in Python."""

from __future__ import annotations

import itertools
from ctypes import sizeof, string_at
from typing import Dict, Optional, Tuple

from . import _structs as s
from .enums import Status


class FrameSink:
    """A device: subclass it, and give it to :meth:`Port.from_sink`.

    The library calls it on its own threads, one call at a time. A call must not wait for the session or close it. An
    exception counts as a dropped frame; the first one is raised by the next call on the port.
    """

    mtu: int = 0
    """The largest payload in bytes; 0 means 1500."""

    def send(self, frame: bytes) -> Optional[bool]:
        """Takes a frame from the room. ``False`` if there is no place for it: it is dropped and counted."""
        raise NotImplementedError

    def set_mtu(self, mtu: int) -> None:
        """The room carries payloads of `mtu` bytes."""

    def set_link(self, up: bool) -> None:
        """The session joined its room, or is out of it."""

    def release(self) -> None:
        """The library will not call this sink again. Called once."""


class State:
    """A sink, and what it raised."""

    __slots__ = ("sink", "error", "__weakref__")

    def __init__(self, sink: FrameSink) -> None:
        self.sink = sink
        self.error: Optional[BaseException] = None

    def keep(self, error: BaseException) -> None:
        """Stores what a callback raised: there is nobody in that thread who could catch it."""
        if self.error is None:
            self.error = error

    def raise_stored(self) -> None:
        """Raises it where somebody can."""
        error, self.error = self.error, None
        if error is not None:
            raise error


# By the number that the library has as `user_data`. An entry goes with the library's last call.
_states: Dict[int, State] = {}
_numbers = itertools.count(1)


def register(sink: FrameSink) -> Tuple[State, s.FrameSink]:
    """The struct for a sink. The library releases it, also if it makes no port of it."""
    state = State(sink)
    number = next(_numbers)
    _states[number] = state
    struct = s.FrameSink(sizeof(s.FrameSink), sink.mtu, number, _send, _set_mtu, _set_link, _release)
    return state, struct


def _call_send(number: int, frame: int, length: int) -> int:
    state = _states[number]
    try:
        return Status.WOULD_BLOCK if state.sink.send(string_at(frame, length)) is False else Status.OK
    except BaseException as error:
        state.keep(error)
        return Status.PORT


def _call_set_mtu(number: int, mtu: int) -> None:
    state = _states[number]
    try:
        state.sink.set_mtu(mtu)
    except BaseException as error:
        state.keep(error)


def _call_set_link(number: int, up: int) -> None:
    state = _states[number]
    try:
        state.sink.set_link(bool(up))
    except BaseException as error:
        state.keep(error)


def _call_release(number: int) -> None:
    state = _states.pop(number)
    try:
        state.sink.release()
    except BaseException as error:
        state.keep(error)


# They live as long as the process: the library may call them for as long as it likes.
_send = s.SinkSend(_call_send)
_set_mtu = s.SinkSetMtu(_call_set_mtu)
_set_link = s.SinkSetLink(_call_set_link)
_release = s.Release(_call_release)
