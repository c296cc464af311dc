"""LAN parties over the Internet, from Python.

    with lanparty.join("relay.example", "PARTY-42", name="Ann") as session:
        session.port.send(frame)
        answer = session.port.recv(timeout=1)

The same for asyncio is in :mod:`lanparty.aio`. Every failure is a :class:`LanPartyError`.
"""

from . import aio
from ._batch import Bytes
from ._native import live_handles, version as library_version
from ._source import Events
from .config import SessionConfig
from .enums import EventKind, Flag, Kind, LogLevel, Phase, PortKind, Reason, Role, Stat, Status
from .errors import (
    EndError,
    EnvironmentalError,
    InternalError,
    InvalidValueError,
    LanPartyError,
    MissingError,
    NetworkError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    StateError,
    TrustError,
    WaitTimeoutError,
)
from .identity import Identity
from .log import LogHandler, log_to_logging, set_log_handler
from .models import (
    BROADCAST,
    Diagnostics,
    Event,
    Mac,
    Member,
    Peer,
    PortInfo,
    RelayStats,
    Room,
    Stats,
    UserLine,
)
from .port import Port
from .relay import Relay, RelayConfig, host
from .session import Session, join
from .sink import FrameSink

__version__ = "0.1.0"

__all__ = [
    "BROADCAST",
    "Bytes",
    "Diagnostics",
    "EndError",
    "EnvironmentalError",
    "Event",
    "EventKind",
    "Events",
    "Flag",
    "FrameSink",
    "Identity",
    "InternalError",
    "InvalidValueError",
    "Kind",
    "LanPartyError",
    "LogHandler",
    "LogLevel",
    "Mac",
    "Member",
    "MissingError",
    "NetworkError",
    "NotFoundError",
    "NotPermittedError",
    "Peer",
    "Phase",
    "Port",
    "PortInfo",
    "PortKind",
    "Reason",
    "RefusedError",
    "Relay",
    "RelayConfig",
    "RelayStats",
    "Role",
    "Room",
    "Session",
    "SessionConfig",
    "Stat",
    "StateError",
    "Stats",
    "Status",
    "TrustError",
    "UserLine",
    "WaitTimeoutError",
    "aio",
    "host",
    "join",
    "library_version",
    "live_handles",
    "log_to_logging",
    "set_log_handler",
]
