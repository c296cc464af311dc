"""Exceptions.

Every failure of the library is a :class:`LanPartyError`. Where Python has a name for what happened, the exception is that
as well: a wait that ran out is also a :class:`TimeoutError`, a missing right also a :class:`PermissionError`, and so on.
"""

from __future__ import annotations

import errno
import sys
from typing import Any, Optional, Tuple, Type

from .enums import Kind, Status


class LanPartyError(Exception):
    """Something that the library could not do."""

    status: Status
    """What it was, exactly: a stable number."""
    kind: Kind
    """Whom it concerns."""
    message: str
    """What happened and what to do about it, for people."""
    os_error: int
    """The system's error number behind it, or 0."""

    def __init__(self, status: int, message: str, kind: int = Kind.USAGE, os_error: int = 0) -> None:
        super().__init__(message)
        self.status = Status(status)
        self.kind = Kind(kind)
        self.message = message
        self.os_error = os_error
        if isinstance(self, OSError):
            if sys.platform == "win32":
                OSError.__init__(self, None, message, None, os_error or None)
            else:
                OSError.__init__(self, os_error or None, message)

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status.name}, {self.message!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (int(self.status), self.message, int(self.kind), self.os_error)


class InvalidValueError(LanPartyError, ValueError):
    """An argument or a setting is not what it must be."""


class NotFoundError(LanPartyError, LookupError):
    """There is no such room or member."""


class StateError(LanPartyError, RuntimeError):
    """The call does not suit the moment or the thread: the handle is closed, the port is in use and the like."""


class EndError(LanPartyError, EOFError):
    """There will never be more."""


class WaitTimeoutError(LanPartyError, TimeoutError):
    """The timeout ran out. What was waited for may still come."""


class EnvironmentalError(LanPartyError, OSError):
    """Something on this computer is in the way."""


class NotPermittedError(EnvironmentalError, PermissionError):
    """This process may not do that."""


class MissingError(EnvironmentalError, FileNotFoundError):
    """A file is not there."""


class NetworkError(LanPartyError, ConnectionError):
    """The relay could not be reached, or the connection did not last."""


class TrustError(LanPartyError):
    """The relay's certificate is not trusted, or the two sides do not fit together."""


class RefusedError(LanPartyError):
    """The relay or the room said no."""


class InternalError(LanPartyError, RuntimeError):
    """A bug inside the library. The handle is of no use any more."""


_VALUES = frozenset(
    (
        Status.SERVER_NAME,
        Status.ADDRESS,
        Status.ROOM_CODE,
        Status.MAC_ADDRESS,
        Status.INTERFACE_NAME,
        Status.MTU,
        Status.NULL,
        Status.INVALID_ARG,
        Status.NOT_UTF8,
        Status.STRUCT_SIZE,
        Status.UNKNOWN_KEY,
        Status.BAD_VALUE,
        Status.MISSING,
        Status.FRAME_LENGTH,
    )
)


_NOT_THERE = frozenset((errno.ENOENT, 3) if sys.platform == "win32" else (errno.ENOENT,))
"""A file, and on Windows a folder, has another number there."""


def class_of(status: int, os_error: int = 0) -> Type[LanPartyError]:
    """The exception for a status."""
    if status == Status.WOULD_BLOCK:
        return WaitTimeoutError
    if status == Status.END:
        return EndError
    if status in _VALUES:
        return InvalidValueError
    if status == Status.NOT_FOUND:
        return NotFoundError
    if status == Status.NOT_PERMITTED:
        return NotPermittedError
    if -200 < status <= -100:
        return MissingError if os_error in _NOT_THERE else EnvironmentalError
    if -300 < status <= -200:
        return NetworkError
    if -400 < status <= -300:
        return TrustError
    if -500 < status <= -400:
        return RefusedError
    if status == Status.PANIC:
        return InternalError
    return StateError if -100 < status < 0 else LanPartyError


def error(status: int, message: str, kind: int = Kind.USAGE, os_error: int = 0) -> LanPartyError:
    """An exception of the right class."""
    return class_of(status, os_error)(status, message, kind, os_error)


def timed_out(what: str, timeout: Optional[float]) -> WaitTimeoutError:
    """A wait for `what` that ran out."""
    after = f" within {timeout:g} s" if timeout else ""
    return WaitTimeoutError(Status.WOULD_BLOCK, f"{what}{after}", Kind.CANCELLED)
