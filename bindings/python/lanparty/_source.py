"""Whatever has events: sessions and relays."""

from __future__ import annotations

from ctypes import byref, c_int64
from typing import Any, Optional

from . import _structs as s
from ._handle import Handle
from ._native import call
from ._wait import milliseconds, wait
from .enums import Status
from .errors import EndError, timed_out
from .models import Event, event_of


class EventSource:
    """What sessions and relays have in common, in both worlds."""

    _next: Any
    _wait_handle: Any

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def events(self, timeout: Optional[float] = None) -> "Events":
        """The events as they come, for ``for`` and for ``async for``, until all is over.

        With a timeout, a wait for the next one that takes longer raises :class:`WaitTimeoutError`. Each event is given
        out once, whoever takes it.
        """
        milliseconds(timeout)
        return Events(self, timeout)

    def fileno(self) -> int:
        """A descriptor for select, poll and the like: readable while there is an event. Do not read, write or close it.

        On Windows it is the handle of an event object, for ``WaitForMultipleObjects`` and the like, and ``select`` takes none.
        """
        handle = c_int64()
        call(self._wait_handle, self._handle.pointer, byref(handle))
        return handle.value

    def _take(self, timeout: Optional[float]) -> Event:
        event = s.sized(s.Event)
        pointer, target = self._handle.pointer, byref(event)
        status = wait(lambda ms: call(self._next, pointer, ms, target), timeout)
        return self._taken(status, event, timeout)

    async def _take_async(self, timeout: Optional[float]) -> Event:
        from ._aio import until_ready

        event = s.sized(s.Event)
        pointer, target = self._handle.pointer, byref(event)
        status = await until_ready(self, lambda: call(self._next, pointer, 0, target), timeout)
        return self._taken(status, event, timeout)

    def _taken(self, status: int, event: s.Event, timeout: Optional[float]) -> Event:
        if status == Status.WOULD_BLOCK:
            raise timed_out("no event", timeout)
        if status == Status.END:
            raise EndError(status, "all events have been taken: it is over")
        return event_of(event)


class Events:
    """Events one after the other."""

    def __init__(self, source: EventSource, timeout: Optional[float]) -> None:
        self._source = source
        self._timeout = timeout

    def __iter__(self) -> "Events":
        return self

    def __next__(self) -> Event:
        try:
            return self._source._take(self._timeout)
        except EndError:
            raise StopIteration from None

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> Event:
        try:
            return await self._source._take_async(self._timeout)
        except EndError:
            raise StopAsyncIteration from None
