"""Waiting in asyncio: on descriptors where the loop can, on a thread where it cannot."""

from __future__ import annotations

import asyncio
import sys
import weakref
from typing import Any, Callable, Optional, Set

from ._wait import milliseconds
from ._waiter import waiter
from .enums import Status

SLICE = 0.2
"""The longest wait of a thread, in seconds: so long does it live on when nobody waits for it any more."""


class Readiness:
    """Who waits for one descriptor, on which loop. A loop knows one reader per descriptor, so all share it."""

    def __init__(self) -> None:
        self._futures: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Set[asyncio.Future[None]]]"
        self._futures = weakref.WeakKeyDictionary()

    async def wait(self, descriptor: int, timeout: Optional[float]) -> None:
        """Until it is readable or the time is over."""
        loop = asyncio.get_running_loop()
        if sys.platform == "win32":
            # Its loops watch sockets at most.
            await _wait_on_thread(loop, descriptor, timeout)
            return
        futures = self._futures.setdefault(loop, set())
        if not futures:
            try:
                loop.add_reader(descriptor, _wake, futures)
            except NotImplementedError:
                await _wait_on_thread(loop, descriptor, timeout)
                return
        future = loop.create_future()
        futures.add(future)
        timer = None if timeout is None else loop.call_later(timeout, _resolve, future)
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()
            futures.discard(future)
            if not futures and not loop.is_closed():
                loop.remove_reader(descriptor)


def _wake(futures: "Set[asyncio.Future[None]]") -> None:
    for future in futures:
        _resolve(future)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


async def _wait_on_thread(loop: asyncio.AbstractEventLoop, handle: int, timeout: Optional[float]) -> None:
    """The same by the thread that waits for everybody."""
    future = loop.create_future()

    def ready() -> None:
        try:
            loop.call_soon_threadsafe(_resolve, future)
        except RuntimeError:
            pass  # the loop is closed, and nobody waits any more

    token = waiter().call(handle, ready)
    timer = None if timeout is None else loop.call_later(timeout, _resolve, future)
    try:
        await future
    finally:
        if timer is not None:
            timer.cancel()
        waiter().forget(token)


async def until_ready(source: Any, attempt: Callable[[], int], timeout: Optional[float]) -> int:
    """Calls ``attempt()`` now and whenever `source` has something, until it says something else than that it would block."""
    milliseconds(timeout)
    status = attempt()
    if status != Status.WOULD_BLOCK or timeout == 0:
        return status
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    descriptor: int = source.fileno()
    handle = source._handle
    if handle.readiness is None:
        handle.readiness = Readiness()
    while True:
        # Before each wait, because the descriptor may tell only of what comes after it was asked for.
        status = attempt()
        left = None if end is None else end - loop.time()
        if status != Status.WOULD_BLOCK or (left is not None and left <= 0):
            return status
        await handle.readiness.wait(descriptor, left)


async def in_slices(attempt: Callable[[float], Any], timeout: Optional[float]) -> Any:
    """Runs a call that has no descriptor on a thread, a little at a time, so that it can be cancelled.

    ``attempt(seconds)`` gives something true when it is done.
    """
    milliseconds(timeout)
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    while True:
        left = SLICE if end is None else max(0.0, min(SLICE, end - loop.time()))
        result = await loop.run_in_executor(None, attempt, left)
        if result or (end is not None and loop.time() >= end):
            return result
