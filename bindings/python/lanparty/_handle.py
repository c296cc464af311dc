"""Handles: freed when nobody has them any more, closed when the interpreter ends.

Closing and freeing are two things. ``close()`` ends what runs and wakes whoever waits. The memory is freed when the last
reference goes, which no thread that is inside a call of the library can overtake.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from typing import Any, Callable, Optional

EXIT_SECONDS = 3.0
"""How long the end of the interpreter waits for sessions and relays to leave."""

Closer = Callable[[int, int], Any]


class Handle:
    """One handle of the library."""

    __slots__ = ("pointer", "port", "readiness", "_close", "_pid", "__weakref__")

    def __init__(self, pointer: int, free: Callable[[int], Any], close: Optional[Closer] = None) -> None:
        self.pointer = pointer
        # The port that a session has, for all that stand for the same session.
        self.port: Any = None
        # What asyncio knows about the descriptor; see _aio.
        self.readiness: Any = None
        self._close = close
        self._pid = os.getpid()
        finalizer = weakref.finalize(self, _free, free, pointer, self._pid)
        # At exit a thread may still be inside a call: what is open is closed then, and the process frees the rest.
        finalizer.atexit = False
        if close is not None:
            _open.add(self)

    def close_at_exit(self, timeout_ms: int) -> None:
        """Ends what runs, whatever comes of it."""
        if self._close is not None and self._pid == os.getpid():
            self._close(self.pointer, timeout_ms)


_open: "weakref.WeakSet[Handle]" = weakref.WeakSet()


def _free(free: Callable[[int], Any], pointer: int, pid: int) -> None:
    # A forked child has a copy of the pointer, but not the threads behind it.
    if os.getpid() == pid:
        free(pointer)


@atexit.register
def _close_all() -> None:
    """Ends every thread that could call into an interpreter that is no more."""
    handles = list(_open)
    # First all are told, so that they leave at the same time.
    for handle in handles:
        handle.close_at_exit(0)
    end = time.monotonic() + EXIT_SECONDS
    for handle in handles:
        handle.close_at_exit(max(0, int((end - time.monotonic()) * 1000)))
