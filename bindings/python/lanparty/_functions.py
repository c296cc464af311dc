"""Every function of the header: what it returns and what it takes.

The only place where this is written down. ``tests/test_header.py`` compares it with ``include/lanparty.h``.
"""

from __future__ import annotations

from ctypes import (
    POINTER,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, Dict, Tuple

from . import _structs as s

HANDLE = c_void_p
OUT_HANDLE = POINTER(c_void_p)
ERR = POINTER(c_void_p)
STATUS = c_int32
BYTES_IN = c_char_p  # text or bytes, always with their length behind them
SIZE = c_size_t
MEMORY = c_void_p  # bytes that are written, or an array of structs
OUT_SIZE = POINTER(c_size_t)
OUT_I64 = POINTER(c_int64)
OUT_U32 = POINTER(c_uint32)
OUT_U64 = POINTER(c_uint64)
MAC = POINTER(c_uint8 * 6)
U8 = c_uint8
U32 = c_uint32

Signature = Tuple[Any, Tuple[Any, ...]]

FUNCTIONS: Dict[str, Signature] = {
    # versions and errors
    "lanparty_abi_version": (U32, ()),
    "lanparty_version": (c_char_p, ()),
    "lanparty_live_handles": (c_uint64, ()),
    "lanparty_status_str": (c_char_p, (c_int32,)),
    "lanparty_error_status": (c_int32, (HANDLE,)),
    "lanparty_error_kind": (U32, (HANDLE,)),
    "lanparty_error_os_error": (c_int32, (HANDLE,)),
    "lanparty_error_message": (c_char_p, (HANDLE,)),
    "lanparty_error_free": (None, (HANDLE,)),
    "lanparty_test_panic": (STATUS, (HANDLE, ERR)),
    # log
    "lanparty_log_set_callback": (STATUS, (U32, s.LogLine, c_void_p, s.Release, ERR)),
    # identity
    "lanparty_identity_generate": (STATUS, (OUT_HANDLE, ERR)),
    "lanparty_identity_load_or_create": (STATUS, (BYTES_IN, SIZE, OUT_HANDLE, ERR)),
    "lanparty_identity_with_mac": (STATUS, (HANDLE, MAC, OUT_HANDLE, ERR)),
    "lanparty_identity_mac": (STATUS, (HANDLE, MAC, ERR)),
    "lanparty_identity_warning": (STATUS, (HANDLE, MEMORY, SIZE, OUT_SIZE, ERR)),
    "lanparty_identity_free": (None, (HANDLE,)),
    # ports
    "lanparty_port_new_virtual": (STATUS, (U32, U32, OUT_HANDLE, ERR)),
    "lanparty_port_new_sink": (STATUS, (POINTER(s.FrameSink), OUT_HANDLE, ERR)),
    "lanparty_port_new_tap": (STATUS, (BYTES_IN, SIZE, BYTES_IN, SIZE, U32, OUT_HANDLE, ERR)),
    "lanparty_port_new_af_packet": (STATUS, (BYTES_IN, SIZE, OUT_HANDLE, ERR)),
    "lanparty_port_send": (STATUS, (HANDLE, POINTER(s.Frame), SIZE, OUT_SIZE, ERR)),
    "lanparty_port_recv": (STATUS, (HANDLE, MEMORY, SIZE, POINTER(s.Frame), SIZE, OUT_SIZE, U32, ERR)),
    "lanparty_port_wait_handle": (STATUS, (HANDLE, OUT_I64, ERR)),
    "lanparty_port_info_get": (STATUS, (HANDLE, POINTER(s.PortInfo), ERR)),
    "lanparty_port_close": (STATUS, (HANDLE, ERR)),
    "lanparty_port_free": (None, (HANDLE,)),
    # session configuration
    "lanparty_session_config_new": (STATUS, (U32, BYTES_IN, SIZE, BYTES_IN, SIZE, OUT_HANDLE, ERR)),
    "lanparty_session_config_set": (STATUS, (HANDLE, BYTES_IN, SIZE, BYTES_IN, SIZE, ERR)),
    "lanparty_session_config_load_toml": (STATUS, (HANDLE, BYTES_IN, SIZE, ERR)),
    "lanparty_session_config_set_identity": (STATUS, (HANDLE, HANDLE, ERR)),
    "lanparty_session_config_set_port": (STATUS, (HANDLE, HANDLE, ERR)),
    "lanparty_session_config_trust_certificates": (STATUS, (HANDLE, BYTES_IN, SIZE, ERR)),
    "lanparty_session_config_dangerous_accept_any": (STATUS, (HANDLE, ERR)),
    "lanparty_session_config_free": (None, (HANDLE,)),
    # session
    "lanparty_session_start": (STATUS, (HANDLE, OUT_HANDLE, ERR)),
    "lanparty_session_wait_joined": (STATUS, (HANDLE, U32, ERR)),
    "lanparty_session_next_event": (STATUS, (HANDLE, U32, POINTER(s.Event), ERR)),
    "lanparty_session_wait_handle": (STATUS, (HANDLE, OUT_I64, ERR)),
    "lanparty_session_phase": (STATUS, (HANDLE, OUT_U32, ERR)),
    "lanparty_session_room": (STATUS, (HANDLE, POINTER(s.Room), ERR)),
    "lanparty_session_peers": (STATUS, (HANDLE, POINTER(s.Peer), SIZE, SIZE, OUT_SIZE, ERR)),
    "lanparty_session_bridge": (STATUS, (HANDLE, HANDLE, U32, ERR)),
    "lanparty_session_unbridge": (STATUS, (HANDLE, U32, ERR)),
    "lanparty_session_set_paused": (STATUS, (HANDLE, U8, ERR)),
    "lanparty_session_stats": (STATUS, (HANDLE, POINTER(s.Stats), ERR)),
    "lanparty_session_stat": (STATUS, (HANDLE, U32, OUT_U64, ERR)),
    "lanparty_session_drops": (STATUS, (HANDLE, POINTER(s.Drop), SIZE, SIZE, OUT_SIZE, ERR)),
    "lanparty_session_diagnostics": (STATUS, (HANDLE, POINTER(s.Diagnostics), ERR)),
    "lanparty_session_user_lines": (STATUS, (HANDLE, POINTER(s.UserLine), SIZE, SIZE, OUT_SIZE, ERR)),
    "lanparty_session_close": (STATUS, (HANDLE, BYTES_IN, SIZE, U32, ERR)),
    "lanparty_session_free": (None, (HANDLE,)),
    # relay configuration
    "lanparty_relay_config_new": (STATUS, (OUT_HANDLE, ERR)),
    "lanparty_relay_config_set": (STATUS, (HANDLE, BYTES_IN, SIZE, BYTES_IN, SIZE, ERR)),
    "lanparty_relay_config_load_toml": (STATUS, (HANDLE, BYTES_IN, SIZE, ERR)),
    "lanparty_relay_config_set_certificate_pem": (STATUS, (HANDLE, BYTES_IN, SIZE, BYTES_IN, SIZE, ERR)),
    "lanparty_relay_config_free": (None, (HANDLE,)),
    # relay
    "lanparty_relay_bind": (STATUS, (HANDLE, OUT_HANDLE, ERR)),
    "lanparty_relay_address": (STATUS, (HANDLE, MEMORY, SIZE, OUT_SIZE, ERR)),
    "lanparty_relay_certificate": (STATUS, (HANDLE, MEMORY, SIZE, OUT_SIZE, ERR)),
    "lanparty_relay_set_certificate_pem": (STATUS, (HANDLE, BYTES_IN, SIZE, BYTES_IN, SIZE, ERR)),
    "lanparty_relay_rooms": (STATUS, (HANDLE, POINTER(s.Room), SIZE, SIZE, OUT_SIZE, ERR)),
    "lanparty_relay_members": (
        STATUS,
        (HANDLE, BYTES_IN, SIZE, POINTER(s.Member), SIZE, SIZE, OUT_SIZE, ERR),
    ),
    "lanparty_relay_kick": (STATUS, (HANDLE, BYTES_IN, SIZE, U32, BYTES_IN, SIZE, ERR)),
    "lanparty_relay_stats_get": (STATUS, (HANDLE, POINTER(s.RelayStats), ERR)),
    "lanparty_relay_next_event": (STATUS, (HANDLE, U32, POINTER(s.Event), ERR)),
    "lanparty_relay_wait_handle": (STATUS, (HANDLE, OUT_I64, ERR)),
    "lanparty_relay_close": (STATUS, (HANDLE, BYTES_IN, SIZE, U32, ERR)),
    "lanparty_relay_free": (None, (HANDLE,)),
}
