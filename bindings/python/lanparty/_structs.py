"""The structs of the header, field by field."""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    Structure,
    c_char,
    c_int32,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
    sizeof,
)
from typing import Type, TypeVar

_S = TypeVar("_S", bound=Structure)


class Str(Structure):
    _fields_ = [("ptr", c_void_p), ("len", c_size_t)]


class Frame(Structure):
    _fields_ = [("data", c_void_p), ("len", c_uint32), ("reserved", c_uint32)]


class Event(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_uint32),
        ("room", c_uint32),
        ("peer", c_uint32),
        ("role", c_uint32),
        ("reason", c_uint32),
        ("status", c_int32),
        ("flags", c_uint32),
        ("mtu", c_uint32),
        ("attempt", c_uint32),
        ("retry_in_ms", c_uint32),
        ("missed", c_uint32),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint8 * 2),
        ("name", c_char * 132),
        ("code", c_char * 68),
        ("text", c_char * 1024),
        ("line", c_char * 1024),
    ]


class Peer(Structure):
    _fields_ = [
        ("peer", c_uint32),
        ("role", c_uint32),
        ("flags", c_uint32),
        ("rtt_us", c_uint32),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint8 * 2),
        ("name", c_char * 132),
    ]


class Room(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("room", c_uint32),
        ("mtu", c_uint32),
        ("self_peer", c_uint32),
        ("gateway_peer", c_uint32),
        ("members", c_uint32),
        ("code", c_char * 68),
    ]


class Member(Structure):
    _fields_ = [
        ("peer", c_uint32),
        ("role", c_uint32),
        ("flags", c_uint32),
        ("malformed", c_uint32),
        ("joined_ms", c_uint64),
        ("last_seen_ms", c_uint64),
        ("sent_datagrams", c_uint64),
        ("sent_bytes", c_uint64),
        ("received_datagrams", c_uint64),
        ("received_bytes", c_uint64),
        ("drops", c_uint64),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint8 * 2),
        ("name", c_char * 132),
        ("budget", c_uint32),
    ]


class Stats(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("rx_frames", c_uint64),
        ("rx_bytes", c_uint64),
        ("rx_flood_frames", c_uint64),
        ("tx_frames", c_uint64),
        ("tx_bytes", c_uint64),
        ("tx_flood_frames", c_uint64),
        ("rx_datagrams", c_uint64),
        ("tx_datagrams", c_uint64),
        ("rx_reassembled", c_uint64),
        ("tx_fragmented", c_uint64),
        ("mss_clamped", c_uint64),
        ("reconnects", c_uint64),
        ("drops", c_uint64),
    ]


class RelayStats(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("connections", c_uint64),
        ("sent_datagrams", c_uint64),
        ("sent_bytes", c_uint64),
        ("drops", c_uint64),
        ("retries", c_uint64),
        ("throttled", c_uint64),
        ("failed_handshakes", c_uint64),
        ("panics", c_uint64),
    ]


class Drop(Structure):
    _fields_ = [("count", c_uint64), ("reason", c_char * 32)]


class Diagnostics(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("datagram_budget", c_uint32),
        ("relay_rtt_us", c_uint32),
        ("gateway_rtt_us", c_uint32),
        ("phase", c_uint32),
        ("relay_address", c_char * 64),
        ("port", c_char * 64),
        ("port_address", c_char * 64),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint8 * 2),
    ]


class UserLine(Structure):
    _fields_ = [("level", c_uint32), ("text", c_char * 508)]


class PortInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_uint32),
        ("flags", c_uint32),
        ("mtu", c_uint32),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint8 * 2),
        ("name", c_char * 64),
    ]


# A callback that another thread of the library calls. ctypes takes the GIL for it.
SinkSend = CFUNCTYPE(c_int32, c_void_p, c_void_p, c_size_t)
SinkSetMtu = CFUNCTYPE(None, c_void_p, c_uint32)
SinkSetLink = CFUNCTYPE(None, c_void_p, c_uint8)
Release = CFUNCTYPE(None, c_void_p)
LogLine = CFUNCTYPE(None, c_void_p, c_uint32, Str, Str)


class FrameSink(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mtu", c_uint32),
        ("user_data", c_void_p),
        ("send", SinkSend),
        ("set_mtu", SinkSetMtu),
        ("set_link", SinkSetLink),
        ("release", Release),
    ]


def sized(struct: Type[_S]) -> _S:
    """A new struct that says how large it is."""
    return struct(struct_size=sizeof(struct))


# What each struct is called in the header, for the test that compares the two.
BY_NAME = {
    "lanparty_str": Str,
    "lanparty_frame": Frame,
    "lanparty_event": Event,
    "lanparty_peer": Peer,
    "lanparty_room": Room,
    "lanparty_member": Member,
    "lanparty_stats": Stats,
    "lanparty_relay_stats": RelayStats,
    "lanparty_drop": Drop,
    "lanparty_diagnostics": Diagnostics,
    "lanparty_user_line": UserLine,
    "lanparty_port_info": PortInfo,
    "lanparty_frame_sink": FrameSink,
}
