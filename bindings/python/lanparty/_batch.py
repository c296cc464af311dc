"""Frames between Python and the library, many at a time: the only part of the package that has to be fast."""

from __future__ import annotations

import struct
from ctypes import byref, c_char, c_char_p, c_size_t, c_void_p, addressof, sizeof
from typing import Any, List, Sequence, Tuple, Union

from . import _structs as s
from ._native import failure, lib
from .enums import Status

Bytes = Union[bytes, bytearray, memoryview]

BATCH = 64
"""Frames per call at most."""
BUFFER_BYTES = 128 * 1024
"""Room for so many full frames, and for one of any length."""

_WORD = sizeof(c_void_p)
_FRAME = sizeof(s.Frame)


class Inbox:
    """Memory for received frames, used again and again. For one thread."""

    def __init__(self) -> None:
        memory = bytearray(BUFFER_BYTES)
        self._memory = c_char.from_buffer(memory)
        self._base = addressof(self._memory)
        self._view = memoryview(memory).toreadonly()
        table = bytearray(_FRAME * BATCH)
        self._frames = (s.Frame * BATCH).from_buffer(table)
        # The same table as columns, so that one call reads a whole batch.
        self._data = memoryview(table).cast("P")[:: _FRAME // _WORD]
        self._len = memoryview(table).cast("I")[_WORD // 4 :: _FRAME // 4]
        self._count = c_size_t()
        self._count_ref = byref(self._count)
        self._err = c_void_p()
        self._err_ref = byref(self._err)

    def receive(self, port: int, cap: int, timeout_ms: int) -> int:
        """Fills the memory. Gives the status."""
        status: int = lib.lanparty_port_recv(
            port, self._base, BUFFER_BYTES, self._frames, cap, self._count_ref, timeout_ms, self._err_ref
        )
        if status < 0:
            err = c_void_p(self._err.value)
            self._err.value = None
            raise failure(status, err)
        return status

    def views(self) -> List[memoryview]:
        """What came, without copying it."""
        view, base, count = self._view, self._base, self._count.value
        return [
            view[data - base : data - base + length]
            for data, length in zip(self._data[:count].tolist(), self._len[:count].tolist())
        ]

    def first(self) -> bytes:
        """A copy of the first that came."""
        start = self._data[0] - self._base
        return bytes(self._view[start : start + self._len[0]])


def send(port: int, frames: Union[Bytes, Sequence[Bytes]]) -> Tuple[int, int]:
    """Sends one frame or several. Gives the status, and how many were taken."""
    if isinstance(frames, (bytes, bytearray, memoryview)):
        frames = [frames]
    joined = b"".join(frames)
    lengths = [len(frame) for frame in frames]
    if sum(lengths) != len(joined):  # a memoryview of larger items
        lengths = [memoryview(frame).nbytes for frame in frames]
    text = c_char_p(joined)
    at = c_void_p.from_buffer(text).value or 0
    row: List[int] = []
    for length in lengths:
        row += (at, length, 0)
        at += length
    count = len(lengths)
    table = (s.Frame * count)()
    struct.pack_into("PII" * count, table, 0, *row)
    return _send(port, table, count)


def _send(port: int, table: Any, count: int) -> Tuple[int, int]:
    sent = c_size_t()
    err = c_void_p()
    status: int = lib.lanparty_port_send(port, table, count, byref(sent), byref(err))
    if status < 0:
        raise failure(status, err)
    return status, (count if status == Status.OK else sent.value)
