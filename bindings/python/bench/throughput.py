#!/usr/bin/env python3
"""How many frames a second Python receives through a virtual port, end to end: a relay and two sessions on the loopback.

The sender and the relay are in a process of their own: in a thread beside the receiver the sender would fight with it for
the GIL, and the figure would be neither's. Otherwise it is as the measurements in Rust and C are: one worker thread for the
relay and for each session, queues of 1024 frames, unicast frames in batches of 32, sent as fast as the port takes them.
What was sent and did not get through is not counted as received.

Prints one line of JSON per frame size.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from multiprocessing.connection import Connection

import lanparty

ROOM = "BENCH"
SERVER_NAME = "lanparty-relay.local"
SIZES = (64, 1400)
BATCH = 32
CAPACITY = 1024
UNLIMITED = {
    "limit_client_bytes": "unlimited",
    "limit_client_flood": "unlimited",
    "limit_client_unknown_unicast": "unlimited",
}


def join(address: str, certificate: bytes) -> lanparty.Session:
    port = lanparty.Port.virtual(capacity=CAPACITY)
    return lanparty.join(
        address, ROOM, certificate=certificate, server_name=SERVER_NAME, port=port, workers=1
    )


def sender(pipe: Connection) -> None:
    """The other process: hosts the relay, and sends frames of the sizes that it is told, for as long as it is told."""
    with (
        lanparty.host("127.0.0.1:0", workers=1, **UNLIMITED) as relay,
        join(relay.address, relay.certificate) as session,
    ):
        pipe.send((relay.address, relay.certificate))
        addresses = pipe.recv() + session.identity.mac
        while True:
            size, seconds = pipe.recv()
            if size == 0:
                return
            frame = addresses + b"\x88\xb5" + bytes(size - 14)
            pipe.send(flood(session.port, [frame] * BATCH, seconds))


def flood(port: lanparty.Port, frames: list[bytes], seconds: float) -> float:
    """Sends for so long. Gives frames per second."""
    sent = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        taken = port.send(frames)
        sent += taken
        if taken < len(frames):
            # The queue is full: room comes when the session has sent some of it.
            time.sleep(50e-6)
    return sent / (time.perf_counter() - begin)


def receive(port: lanparty.Port, size: int, seconds: float) -> float:
    """Receives for so long. Gives frames per second."""
    count = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for frame in port.recv_batch(timeout=0.1, limit=BATCH):
            # Every frame is looked at, as a program would.
            count += len(frame) == size and frame[12] == 0x88
    return count / (time.perf_counter() - begin)


def measure(session: lanparty.Session, pipe: Connection, size: int, seconds: float) -> dict[str, object]:
    """One frame size. A tenth of the time to get going does not count."""
    pipe.send((size, seconds * 1.2))
    receive(session.port, size, seconds / 10)
    received = receive(session.port, size, seconds)
    sent = pipe.recv()
    while session.port.recv_batch(timeout=0.2):
        pass
    return {
        "language": "python",
        "bytes": size,
        "frames_per_second": round(received),
        "sent_per_second": round(sent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the frames per second that Python receives.")
    parser.add_argument("--seconds", type=float, default=5.0, help="per frame size (default: 5)")
    seconds = parser.parse_args().seconds
    # A new interpreter, not a fork of one that may have threads.
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    other = context.Process(target=sender, args=(theirs,), daemon=True)
    other.start()
    with join(*pipe.recv()) as session:
        pipe.send(bytes(session.identity.mac))
        for size in SIZES:
            print(json.dumps(measure(session, pipe, size, seconds)), flush=True)
        pipe.send((0, 0.0))
    other.join(10)


if __name__ == "__main__":
    main()
