"""The numbers of the C ABI by name.

A newer library may use numbers that this version does not know: they become members called ``UNKNOWN_...`` that compare
by their number, so nothing breaks.
"""

from __future__ import annotations

import enum
from typing import Any


class _Open(enum.IntEnum):
    """An IntEnum that takes every number."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class Status(_Open):
    """What a call of the library came to: 0 is done, positive is no error, negative is one."""

    OK = 0
    WOULD_BLOCK = 1
    END = 2
    TRUNCATED = 3

    SERVER_NAME = -1
    CANCELLED = -2
    ADDRESS = -3
    ROOM_CODE = -4
    MAC_ADDRESS = -5
    NO_RUNTIME = -6
    INTERFACE_NAME = -7
    MTU = -8
    SESSION_OVER = -9
    NULL = -50
    INVALID_ARG = -51
    NOT_UTF8 = -52
    STRUCT_SIZE = -53
    REENTRANT = -54
    CLOSED = -55
    PORT_IN_USE = -56
    FORKED = -57
    UNKNOWN_KEY = -58
    BAD_VALUE = -59
    MISSING = -60
    NOT_FOUND = -61
    FRAME_LENGTH = -62
    WRONG_PORT = -63
    LOGGER = -64

    BIND = -101
    PORT = -102
    ROUTE = -103
    NOT_PERMITTED = -104
    ADDRESS_IN_USE = -105
    INTERFACE_MISSING = -106
    INTERFACE_WIRELESS = -107
    INTERFACE_DOWN = -108
    INTERFACE_NO_CARRIER = -109
    INTERFACE_NOT_ETHERNET = -110
    ADAPTER_BUSY = -111
    DRIVER_MISSING = -112
    CERTIFICATE_FILE = -113
    IDENTITY_FILE = -114
    SYSTEM = -115
    UNSUPPORTED = -116
    ADAPTER_AMBIGUOUS = -117
    ADAPTER_DISABLED = -118
    ADAPTER_MAC = -119
    DRIVER_OLD = -120

    RESOLVE = -201
    UNREACHABLE = -202
    CONNECT = -203
    PEER_CLOSED = -204
    PROTOCOL = -205

    CERTIFICATE_NAME = -301
    CERTIFICATE_UNKNOWN = -302
    CERTIFICATE_EXPIRED = -303
    CERTIFICATE_BAD = -304
    VERSION_MISMATCH = -305
    NO_DATAGRAMS = -306

    ROOM_FULL = -401
    GATEWAY_PRESENT = -402
    DUPLICATE_MAC = -403
    BAD_MAC = -404
    MTU_TOO_SMALL = -405
    BUDGET_TOO_SMALL = -406
    RELAY_FULL = -407
    REFUSED = -499

    PANIC = -900


class Kind(_Open):
    """Whom an error concerns."""

    USAGE = 1
    ENVIRONMENT = 2
    NETWORK = 3
    TRUST = 4
    INCOMPATIBLE = 5
    PROTOCOL = 6
    REFUSED = 7
    CANCELLED = 8
    INTERNAL = 9


class Role(_Open):
    """What a member is in its room."""

    CLIENT = 1
    GATEWAY = 2


class Phase(_Open):
    """How far a session is."""

    CONNECTING = 1
    GREETING = 2
    JOINED = 3
    WAITING = 4
    ENDED = 5


class PortKind(_Open):
    """What kind of device a port is."""

    VIRTUAL = 1
    SINK = 2
    TAP = 3
    AF_PACKET = 4


class LogLevel(_Open):
    """How much a log line matters; a larger number matters less."""

    ERROR = 1
    WARN = 2
    INFO = 3
    DEBUG = 4
    TRACE = 5


class EventKind(_Open):
    """What happened. The numbers from 20 on come from relays."""

    CONNECTING = 1
    JOINED = 2
    PEER_JOINED = 3
    PEER_LEFT = 4
    PEER_PAUSED = 5
    PAUSED = 6
    DISCONNECTED = 7
    ENDED = 8
    ROOM_OPENED = 20
    ROOM_CLOSED = 21
    MEMBER_JOINED = 22
    MEMBER_LEFT = 23
    REJECTED = 24
    CONNECTION_CLOSED = 25
    MEMBER_PAUSED = 26


class Reason(_Open):
    """Why somebody left; NONE where nobody did."""

    NONE = 0
    NORMAL = 1
    TIMED_OUT = 2
    LOST = 3
    PROTOCOL = 4
    ABUSE = 5
    KICKED = 6
    REPLACED = 7
    SHUTDOWN = 8
    OTHER = 99


class Flag(enum.IntFlag):
    """The bits of every ``flags`` field."""

    HAS_MAC = 0x1
    PAUSED = 0x2
    HAS_RTT = 0x4
    AGAIN = 0x8
    GATEWAY_PRESENT = 0x10
    RELAY_REACHABLE = 0x20
    JOINED = 0x40
    IS_GATEWAY = 0x80
    ROUTE_PINNED = 0x100
    ROUTE_UNPINNED = 0x200
    BRIDGED = 0x400
    CLOSED = 0x800
    HAS_GATEWAY_RTT = 0x1000


class Stat(_Open):
    """One counter of a session, for :meth:`Session.stat`."""

    RX_FRAMES = 1
    RX_BYTES = 2
    RX_FLOOD_FRAMES = 3
    TX_FRAMES = 4
    TX_BYTES = 5
    TX_FLOOD_FRAMES = 6
    RX_DATAGRAMS = 7
    TX_DATAGRAMS = 8
    RX_REASSEMBLED = 9
    TX_FRAGMENTED = 10
    MSS_CLAMPED = 11
    RECONNECTS = 12
    DROPS = 13
