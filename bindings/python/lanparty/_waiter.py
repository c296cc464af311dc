"""One thread that waits for what a loop cannot watch by itself: the event objects of Windows."""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

TURN = 0.05
"""How long it waits for some of the handles, in seconds, if the system does not take them all at once."""


class Waiter:
    """Calls back, once, when a handle is ready. It begins with the first one, and has one thread for all."""

    def __init__(self, system: Any) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._calls: Dict[object, Tuple[int, Callable[[], None]]] = {}
        self._changed: int = system.event()
        self._thread: Optional[threading.Thread] = None

    def call(self, handle: int, back: Callable[[], None]) -> object:
        """Calls ``back()`` on the thread when `handle` is ready, unless what this gives is forgotten before."""
        token = object()
        with self._lock:
            self._calls[token] = handle, back
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lanparty-wait", daemon=True)
                self._thread.start()
        self._system.set(self._changed)
        return token

    def forget(self, token: object) -> None:
        """It is not called back any more, though it may be at this moment."""
        with self._lock:
            known = self._calls.pop(token, None)
        if known is not None:
            self._system.set(self._changed)

    def _run(self) -> None:
        first = 0
        while True:
            # Before looking, so that no change after that is overlooked.
            self._system.clear(self._changed)
            with self._lock:
                # Each one once, though several may wait for it.
                handles = list(dict.fromkeys(handle for handle, _ in self._calls.values()))
            crowd = len(handles) > self._system.most
            first = first + self._system.most if crowd and first + self._system.most < len(handles) else 0
            some = handles[first : first + self._system.most]
            for ready in self._system.wait([self._changed, *some], TURN if crowd else None):
                if ready != self._changed:
                    self._ready(ready)

    def _ready(self, handle: int) -> None:
        with self._lock:
            tokens = [token for token, (waiting, _) in self._calls.items() if waiting == handle]
            calls = [self._calls.pop(token)[1] for token in tokens]
        for back in calls:
            back()


class Windows:
    """Event objects."""

    most = 63
    """Besides the waiter's own: Windows takes 64."""

    _FOREVER = 0xFFFF_FFFF
    _TIMEOUT = 0x102

    def __init__(self, kernel: Any = None) -> None:
        import ctypes

        # A copy of its own, whose prototypes nobody else changes.
        self._kernel = kernel if kernel is not None else ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
        self._array = ctypes.c_void_p
        handle, number = ctypes.c_void_p, ctypes.c_uint32
        for name, restype, argtypes in (
            ("CreateEventW", handle, (handle, ctypes.c_int, ctypes.c_int, ctypes.c_wchar_p)),
            ("SetEvent", ctypes.c_int, (handle,)),
            ("ResetEvent", ctypes.c_int, (handle,)),
            ("WaitForMultipleObjects", number, (number, handle, ctypes.c_int, number)),
        ):
            function = getattr(self._kernel, name)
            function.restype, function.argtypes = restype, argtypes

    def event(self) -> int:
        event: Optional[int] = self._kernel.CreateEventW(None, 1, 0, None)
        if not event:
            raise OSError("no event object can be made")
        return event

    def set(self, event: int) -> None:
        self._kernel.SetEvent(event)

    def clear(self, event: int) -> None:
        self._kernel.ResetEvent(event)

    def wait(self, handles: Sequence[int], timeout: Optional[float]) -> List[int]:
        """Those that are ready, or some of them."""
        array = (self._array * len(handles))(*handles)
        millis = self._FOREVER if timeout is None else int(timeout * 1000)
        index: int = self._kernel.WaitForMultipleObjects(len(handles), array, 0, millis)
        if index < len(handles):
            return [handles[index]]
        if index == self._TIMEOUT:
            return []
        # One of them is gone, with the object that it belonged to. Whoever waits looks for himself.
        return list(handles)


if sys.platform != "win32":

    class Posix:
        """Descriptors, for loops that do not watch them."""

        most = 1000

        def __init__(self) -> None:
            self._ends: Dict[int, int] = {}

        def event(self) -> int:
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            os.set_blocking(writing, False)
            self._ends[reading] = writing
            return reading

        def set(self, event: int) -> None:
            try:
                os.write(self._ends[event], b"!")
            except BlockingIOError:
                pass  # it is set more often than can be

        def clear(self, event: int) -> None:
            try:
                while os.read(event, 512):
                    pass
            except BlockingIOError:
                pass

        def wait(self, handles: Sequence[int], timeout: Optional[float]) -> List[int]:
            """Those that are ready."""
            poll = select.poll()
            for handle in handles:
                poll.register(handle, select.POLLIN)
            return [handle for handle, _ in poll.poll(None if timeout is None else timeout * 1000)]


_lock = threading.Lock()
_waiter: Optional[Waiter] = None


def waiter() -> Waiter:
    """The one of this process."""
    global _waiter
    with _lock:
        if _waiter is None:
            _waiter = Waiter(_system())
        return _waiter


def _system() -> Any:
    if sys.platform == "win32":
        return Windows()
    else:
        return Posix()
