"""Timeouts, and waits that Ctrl-C can end."""

from __future__ import annotations

import math
import threading
import time
from typing import Callable, Optional

from .enums import Status

FOREVER = 0xFFFF_FFFF
SLICE_MS = 100
"""The longest wait of the main thread in one call: Python looks at signals only in between."""


def milliseconds(timeout: Optional[float]) -> int:
    """Seconds as the library counts them; None is for ever."""
    if timeout is None:
        return FOREVER
    if not timeout >= 0:
        raise ValueError(f"a timeout of {timeout!r} s: zero or more, or None to wait for ever")
    return min(math.ceil(min(timeout, 1e9) * 1000), FOREVER - 1)


def wait(attempt: Callable[[int], int], timeout: Optional[float]) -> int:
    """Calls ``attempt(milliseconds)`` until it has something else to say than that it would block."""
    left = milliseconds(timeout)
    if left <= SLICE_MS or threading.get_ident() != threading.main_thread().ident:
        return attempt(left)
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        status = attempt(min(left, SLICE_MS))
        if status != Status.WOULD_BLOCK:
            return status
        if end is not None:
            left = math.ceil((end - time.monotonic()) * 1000)
            if left <= 0:
                return status
