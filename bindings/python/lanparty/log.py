"""The library's log, for those who want it. There is one per process."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
from ctypes import string_at
from typing import Any, Callable, Dict, List, Optional

from . import _structs as s
from ._native import call, lib
from .enums import LogLevel

LogHandler = Callable[[LogLevel, str, str], Any]
"""Called with the level, the part of the library, and the line."""

TRACE = 5
"""What the library's TRACE is for :mod:`logging`."""

_LOGGING = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.TRACE: TRACE,
}

# By the number that the library has as `user_data`. An entry goes with the library's last call.
_handlers: Dict[int, LogHandler] = {}
_numbers = itertools.count(1)
_errors: List[BaseException] = []
_pid = os.getpid()


def set_log_handler(handler: Optional[LogHandler], level: LogLevel = LogLevel.INFO) -> None:
    """Has `handler` called for every line of this level and above, in place of the handler before; None takes it away.

    It is called on the library's threads and must not wait for a session. What it raises is kept, and the first of it is
    raised by the next call of this function, after it has done its work.
    """
    if handler is None:
        call(lib.lanparty_log_set_callback, level, s.LogLine(), None, s.Release())
    else:
        if not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        number = next(_numbers)
        _handlers[number] = handler
        try:
            call(lib.lanparty_log_set_callback, level, _line, number, _release)
        except BaseException:
            _handlers.pop(number, None)
            raise
    if _errors:
        raise _errors.pop()


def log_to_logging(logger: Optional[logging.Logger] = None, level: LogLevel = LogLevel.INFO) -> None:
    """Feeds the library's log into :mod:`logging`, under the logger ``lanparty`` or the one that is given."""
    target = logger if logger is not None else logging.getLogger("lanparty")

    def forward(line_level: LogLevel, part: str, message: str) -> None:
        target.log(_LOGGING.get(line_level, logging.INFO), "%s: %s", part, message)

    set_log_handler(forward, level)


def _call_line(number: int, level: int, target: Any, message: Any) -> None:
    try:
        _handlers[number](LogLevel(level), _text(target), _text(message))
    except BaseException as error:
        if not _errors:
            _errors.append(error)


def _call_release(number: int) -> None:
    _handlers.pop(number, None)


def _text(text: Any) -> str:
    return string_at(text.ptr, text.len).decode("utf-8", "replace") if text.len else ""


# They live as long as the process: the library may call them for as long as it likes.
_line = s.LogLine(_call_line)
_release = s.Release(_call_release)


@atexit.register
def _take_away() -> None:
    # The interpreter must not be called once it is no more. Sessions and relays, whose threads log, are closed after this.
    if _handlers and os.getpid() == _pid:
        lib.lanparty_log_set_callback(LogLevel.INFO, s.LogLine(), None, s.Release(), None)
