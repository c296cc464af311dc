"""What the tests share. Everything happens on the loopback, and every wait has an end."""

import os
import struct
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import lanparty

PACKAGE = Path(lanparty.__file__).resolve().parents[1]
SERVER_NAME = "lanparty-relay.local"
ROOM = "PARTY-42"
ETHERTYPE = 0x88B5  # for local experiments
WAIT = 10.0
"""How long anything may take, in seconds, before the test has failed."""


def frame(target, source, payload):
    """An Ethernet frame, not padded."""
    return bytes(target) + bytes(source) + struct.pack("!H", ETHERTYPE) + payload


class PartyTest(unittest.TestCase):
    """A test with relays and members, which are all closed at its end."""

    def host(self, listen="127.0.0.1:0", **settings):
        relay = lanparty.host(listen, **settings)
        self.addCleanup(relay.close)
        return relay

    def config(self, relay, room=ROOM, role=lanparty.Role.CLIENT, **settings):
        config = lanparty.SessionConfig(relay.address, room, role)
        config.trust(relay.certificate)
        config.set("server-name", SERVER_NAME)
        config.update(**settings)
        return config

    def join(self, relay, room=ROOM, **arguments):
        arguments.setdefault("certificate", relay.certificate)
        arguments.setdefault("server_name", SERVER_NAME)
        arguments.setdefault("timeout", WAIT)
        session = lanparty.join(relay.address, room, **arguments)
        self.addCleanup(session.close)
        return session

    def pair(self, relay, **arguments):
        """Ann and Bob in one room, who have seen each other."""
        ann = self.join(relay, name="Ann", **arguments)
        bob = self.join(relay, name="Bob", **arguments)
        self.meet(ann, bob)
        return ann, bob

    def meet(self, *sessions):
        for session in sessions:
            for _ in sessions[1:]:
                self.until(session, lanparty.EventKind.PEER_JOINED)

    def until(self, source, kind, **fields):
        """The next event of a kind; those before it are passed over."""
        seen = []
        for event in source.events(timeout=WAIT):
            seen.append(event.kind.name)
            if event.kind == kind and all(getattr(event, name) == value for name, value in fields.items()):
                return event
        self.fail(f"no {kind.name} among {seen}")

    def send(self, session, frames):
        if isinstance(frames, bytes):
            frames = [frames]
        self.assertEqual(session.port.send(frames), len(frames))

    def recv(self, session):
        return session.port.recv(timeout=WAIT)

    def recv_many(self, session, count):
        frames = []
        while len(frames) < count:
            batch = session.port.recv_batch(timeout=WAIT)
            self.assertTrue(batch, f"{len(frames)} of {count} frames came")
            frames.extend(bytes(one) for one in batch)
        return frames

    def greet(self, ann, bob, text=b"hello"):
        """A frame each way."""
        there = frame(bob.identity.mac, ann.identity.mac, text)
        self.send(ann, there)
        self.assertEqual(self.recv(bob), there)
        back = frame(ann.identity.mac, bob.identity.mac, text + b" yourself")
        self.send(bob, back)
        self.assertEqual(self.recv(ann), back)

    def assert_status(self, status):
        return _Raises(self, status)


class _Raises:
    """An assertRaises for one status."""

    def __init__(self, test, status):
        self.test = test
        self.status = status

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        if error is None:
            self.test.fail(f"nothing was raised instead of {self.status.name}")
        if not isinstance(error, lanparty.LanPartyError):
            return False
        self.error = error
        self.test.assertEqual(error.status, self.status, error)
        self.test.assertTrue(error.message, "it says nothing")
        return True


def run_python(source, timeout=30):
    """A program of its own: its exit code and what it printed."""
    path = os.pathsep.join([str(PACKAGE), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout
