"""What the library tells, as plain values. Times are in seconds, sizes in bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _structs as s
from .enums import EventKind, Flag, LogLevel, Phase, PortKind, Reason, Role, Status
from .errors import InvalidValueError


class Mac(bytes):
    """An Ethernet address: six bytes that print as ``02:1a:2b:3c:4d:5e``, and can be made from either."""

    __slots__ = ()

    def __new__(cls, value: Union[str, bytes]) -> "Mac":
        if isinstance(value, str):
            if not re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", value):
                raise InvalidValueError(
                    Status.MAC_ADDRESS, f"{value!r} is no MAC address: as in 02:1a:2b:3c:4d:5e"
                )
            value = bytes.fromhex(re.sub("[:-]", "", value))
        if len(value) != 6:
            raise InvalidValueError(Status.MAC_ADDRESS, f"a MAC address has 6 bytes, not {len(value)}")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        return ":".join(f"{byte:02x}" for byte in self)

    def __repr__(self) -> str:
        return f"Mac('{self}')"


BROADCAST = Mac(b"\xff" * 6)
"""Everybody in the room."""


@dataclass(frozen=True)
class Event:
    """Something happened at a session or a relay. Which fields count depends on `kind`; the rest is zero or empty."""

    kind: EventKind
    room: int
    peer: int
    """The number of the member that it is about."""
    role: Optional[Role]
    reason: Reason
    """Why somebody left."""
    status: Status
    """Why something ended."""
    flags: Flag
    mtu: int
    attempt: int
    retry_in: float
    """When the next attempt comes."""
    missed: int
    """How many events before this one were lost because nobody took them."""
    mac: Optional[Mac]
    name: str
    code: str
    """The room's code."""
    text: str
    """The leaver's own words, or what is known of a cause."""
    line: str
    """A sentence for the user, or nothing."""

    @property
    def again(self) -> bool:
        """Whether the member had been in before and came back."""
        return bool(self.flags & Flag.AGAIN)

    @property
    def gateway_present(self) -> bool:
        """Whether the room has a gateway."""
        return bool(self.flags & Flag.GATEWAY_PRESENT)

    @property
    def paused(self) -> bool:
        """Whether the data plane is stopped."""
        return bool(self.flags & Flag.PAUSED)

    def __str__(self) -> str:
        return self.line or self.kind.name


@dataclass(frozen=True)
class Peer:
    """Another member of the room, as a session sees it."""

    peer: int
    role: Role
    paused: bool
    rtt: Optional[float]
    """The round-trip time, if it is known."""
    mac: Optional[Mac]
    name: str


@dataclass(frozen=True)
class Room:
    """A room."""

    room: int
    """Its number on the relay; 0 while not joined."""
    mtu: int
    self_peer: int
    """The session's own number; 0 at a relay or while not joined."""
    gateway_peer: int
    """The gateway's number; 0 if there is none."""
    members: int
    code: str


@dataclass(frozen=True)
class Member:
    """A member of a room, as the relay sees it."""

    peer: int
    role: Role
    paused: bool
    malformed: int
    joined: float
    """How long ago it joined."""
    last_seen: float
    """How long ago its last frame came."""
    sent_datagrams: int
    sent_bytes: int
    received_datagrams: int
    received_bytes: int
    drops: int
    mac: Optional[Mac]
    name: str
    budget: int


@dataclass(frozen=True)
class Stats:
    """Counters of a session. `rx` is what was written to the port, `tx` what was read from it."""

    rx_frames: int
    rx_bytes: int
    rx_flood_frames: int
    tx_frames: int
    tx_bytes: int
    tx_flood_frames: int
    rx_datagrams: int
    tx_datagrams: int
    rx_reassembled: int
    tx_fragmented: int
    mss_clamped: int
    reconnects: int
    drops: int


@dataclass(frozen=True)
class RelayStats:
    """Counters of a relay."""

    connections: int
    sent_datagrams: int
    sent_bytes: int
    drops: int
    retries: int
    throttled: int
    failed_handshakes: int
    panics: int


@dataclass(frozen=True)
class Diagnostics:
    """What to look at when something does not work."""

    flags: Flag
    datagram_budget: int
    """0 without a connection."""
    relay_rtt: Optional[float]
    gateway_rtt: Optional[float]
    relay_address: str
    port: str
    port_address: str
    phase: Phase
    mac: Optional[Mac]
    """The session's own address: a client's frames must have it as their source."""

    @property
    def relay_reachable(self) -> bool:
        """Whether the relay answers."""
        return bool(self.flags & Flag.RELAY_REACHABLE)

    @property
    def joined(self) -> bool:
        """Whether the session is in its room."""
        return bool(self.flags & Flag.JOINED)

    @property
    def gateway_present(self) -> bool:
        """Whether the room has a gateway."""
        return bool(self.flags & Flag.GATEWAY_PRESENT)

    @property
    def paused(self) -> bool:
        """Whether the session's data plane is stopped."""
        return bool(self.flags & Flag.PAUSED)

    @property
    def bridged(self) -> bool:
        """Whether the session has a port."""
        return bool(self.flags & Flag.BRIDGED)


@dataclass(frozen=True)
class UserLine:
    """A sentence for the user, as the programs print it."""

    level: LogLevel
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class PortInfo:
    """What a port is."""

    kind: PortKind
    mtu: int
    mac: Optional[Mac]
    name: str
    bridged: bool
    """Whether a session uses it."""
    closed: bool


def text(field: bytes) -> str:
    """A text field of a struct."""
    return field.decode("utf-8", "replace")


def _mac(struct: Any) -> Optional[Mac]:
    return Mac(bytes(struct.mac)) if struct.flags & Flag.HAS_MAC else None


def event_of(e: s.Event) -> Event:
    """An event out of its struct."""
    return Event(
        kind=EventKind(e.kind),
        room=e.room,
        peer=e.peer,
        role=Role(e.role) if e.role else None,
        reason=Reason(e.reason),
        status=Status(e.status),
        flags=Flag(e.flags),
        mtu=e.mtu,
        attempt=e.attempt,
        retry_in=e.retry_in_ms / 1000,
        missed=e.missed,
        mac=_mac(e),
        name=text(e.name),
        code=text(e.code),
        text=text(e.text),
        line=text(e.line),
    )


def peer_of(p: s.Peer) -> Peer:
    """A peer out of its struct."""
    rtt = p.rtt_us / 1e6 if p.flags & Flag.HAS_RTT else None
    return Peer(p.peer, Role(p.role), bool(p.flags & Flag.PAUSED), rtt, _mac(p), text(p.name))


def room_of(r: s.Room) -> Room:
    """A room out of its struct."""
    return Room(r.room, r.mtu, r.self_peer, r.gateway_peer, r.members, text(r.code))


def member_of(m: s.Member) -> Member:
    """A member out of its struct."""
    return Member(
        peer=m.peer,
        role=Role(m.role),
        paused=bool(m.flags & Flag.PAUSED),
        malformed=m.malformed,
        joined=m.joined_ms / 1000,
        last_seen=m.last_seen_ms / 1000,
        sent_datagrams=m.sent_datagrams,
        sent_bytes=m.sent_bytes,
        received_datagrams=m.received_datagrams,
        received_bytes=m.received_bytes,
        drops=m.drops,
        mac=_mac(m),
        name=text(m.name),
        budget=m.budget,
    )


def diagnostics_of(d: s.Diagnostics) -> Diagnostics:
    """Diagnostics out of their struct."""
    return Diagnostics(
        flags=Flag(d.flags),
        datagram_budget=d.datagram_budget,
        relay_rtt=d.relay_rtt_us / 1e6 if d.flags & Flag.HAS_RTT else None,
        gateway_rtt=d.gateway_rtt_us / 1e6 if d.flags & Flag.HAS_GATEWAY_RTT else None,
        relay_address=text(d.relay_address),
        port=text(d.port),
        port_address=text(d.port_address),
        phase=Phase(d.phase),
        mac=_mac(d),
    )


def port_info_of(p: s.PortInfo) -> PortInfo:
    """A port's description out of its struct."""
    return PortInfo(
        kind=PortKind(p.kind),
        mtu=p.mtu,
        mac=_mac(p),
        name=text(p.name),
        bridged=bool(p.flags & Flag.BRIDGED),
        closed=bool(p.flags & Flag.CLOSED),
    )
