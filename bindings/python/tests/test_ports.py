"""Ports: devices in Python, bridging, pausing, waiting."""

import gc
import select
import threading
import unittest

import lanparty
from lanparty import EventKind, PortKind, Status, _native
from lanparty._native import lib
from support import WAIT, PartyTest, frame, run_python


class Recorder(lanparty.FrameSink):
    """A sink that keeps what it is given."""

    def __init__(self):
        self.frames = []
        self.calls = []
        self.arrived = threading.Semaphore(0)
        self.released = threading.Semaphore(0)

    def send(self, one):
        self.calls.append("send")
        self.frames.append(one)
        self.arrived.release()

    def set_mtu(self, mtu):
        self.calls.append(("mtu", mtu))

    def set_link(self, up):
        self.calls.append(("link", up))

    def release(self):
        self.calls.append("release")
        self.released.release()


class Faulty(Recorder):
    """A sink that fails."""

    def send(self, one):
        super().send(one)
        raise ZeroDivisionError("on purpose")


class Callbacks(PartyTest):
    def party(self, sink):
        """Ann with a sink, Bob with a virtual port."""
        relay = self.host()
        ann = self.join(relay, name="Ann", port=lanparty.Port.from_sink(sink))
        bob = self.join(relay, name="Bob")
        self.meet(ann, bob)
        return ann, bob

    def test_a_sink_sends_and_receives(self):
        sink = Recorder()
        ann, bob = self.party(sink)
        there = frame(ann.identity.mac, bob.identity.mac, b"for the sink")
        self.send(bob, there)
        self.assertTrue(sink.arrived.acquire(timeout=WAIT))
        self.assertEqual(sink.frames, [there])
        back = frame(bob.identity.mac, ann.identity.mac, b"from beside the sink")
        self.send(ann, back)
        self.assertEqual(self.recv(bob), back)
        self.assertIn(("link", True), sink.calls)
        self.assertEqual(ann.port.info().kind, PortKind.SINK)
        with self.assert_status(Status.WRONG_PORT):
            ann.port.recv()

    def test_panicking_callback(self):
        sink = Faulty()
        ann, bob = self.party(sink)
        for _ in range(2):
            self.send(bob, frame(ann.identity.mac, bob.identity.mac, b"too much"))
            self.assertTrue(sink.arrived.acquire(timeout=WAIT))
        # A ping through the room, so that the drops have been counted.
        back = frame(bob.identity.mac, ann.identity.mac, b"I live")
        with self.assertRaises(ZeroDivisionError):
            ann.port.info()
        while True:
            try:
                self.assertEqual(ann.port.send(back), 1)
                break
            except ZeroDivisionError:
                pass
        self.assertEqual(self.recv(bob), back)
        self.wait_for(lambda: ann.drops().get("port_error") == 2, ann)
        self.assertEqual(ann.phase, lanparty.Phase.JOINED)

    def test_a_failing_sink_prints_nothing(self):
        code, output = run_python(
            """
        import lanparty, threading
        called = threading.Semaphore(0)
        class Faulty(lanparty.FrameSink):
            def send(self, frame):
                called.release()
                raise ValueError("on purpose")
        at = dict(server_name="lanparty-relay.local")
        with lanparty.host("127.0.0.1:0") as relay:
            at["certificate"] = relay.certificate
            port = lanparty.Port.from_sink(Faulty())
            with lanparty.join(relay.address, "PARTY-42", port=port, **at), \
                 lanparty.join(relay.address, "PARTY-42", **at) as bob:
                bob.port.send(lanparty.BROADCAST + bob.identity.mac + b"12")
                called.acquire()
        try:
            port.info()
            print("nothing was raised")
        except ValueError as error:
            print("raised", error)
        """,
            timeout=2 * WAIT,
        )
        self.assertEqual((code, output), (0, "raised on purpose\n"))

    def wait_for(self, condition, session):
        """For a counter, of which no event tells."""
        for _ in range(1000):
            if condition():
                return
            with self.assertRaises(lanparty.WaitTimeoutError):
                session.next_event(timeout=0.01)
        self.fail(f"it never came: {session.drops()}")

    def test_a_full_sink(self):
        class Full(Recorder):
            def send(self, one):
                super().send(one)
                return False

        sink = Full()
        ann, bob = self.party(sink)
        self.send(bob, frame(ann.identity.mac, bob.identity.mac, b"no place"))
        self.wait_for(lambda: ann.drops().get("port_full") == 1, ann)
        ann.port.info()

    def test_a_panic_poisons_one_session(self):
        with self.assert_status(Status.PANIC) as bug:
            _native.call(lib.lanparty_test_panic, None)
        self.assertIsInstance(bug.error, lanparty.InternalError)
        ann, bob = self.pair(self.host())
        with self.assert_status(Status.PANIC):
            _native.call(lib.lanparty_test_panic, ann._handle.pointer)
        for use in (ann.peers, ann.stats, lambda: ann.next_event(0), ann.room):
            with self.assert_status(Status.PANIC):
                use()
        self.assertEqual(bob.phase, lanparty.Phase.JOINED)
        bob.peers()
        with self.assert_status(Status.PANIC):
            ann.close()
        self.doCleanups_without(ann)

    def doCleanups_without(self, poisoned):
        """A poisoned session cannot be closed, only freed."""
        self._cleanups = [
            entry for entry in self._cleanups if getattr(entry[0], "__self__", None) is not poisoned
        ]

    def test_reentrant_callback(self):
        class Reentrant(Recorder):
            def send(self, one):
                super().send(one)
                self.told = {}
                for name, call in self.tries.items():
                    try:
                        self.told[name] = call()
                    except lanparty.LanPartyError as error:
                        self.told[name] = error.status
                self.done.release()

        sink = Reentrant()
        sink.done = threading.Semaphore(0)
        ann, bob = self.party(sink)
        other = lanparty.Port.virtual()
        sink.tries = {
            "event": lambda: ann.next_event(1),
            "joined": lambda: ann.wait_joined(1),
            "recv": lambda: other.recv(1),
            "bridge": lambda: ann.bridge(other),
            "unbridge": ann.unbridge,
            "close": ann.close,
            "close at once": lambda: ann.close(timeout=0),
            "phase": lambda: ann.phase,
            "peers": lambda: len(ann.peers()),
            "at once": lambda: other.recv_batch(timeout=0),
        }
        self.send(bob, frame(ann.identity.mac, bob.identity.mac, b"go"))
        self.assertTrue(sink.done.acquire(timeout=WAIT))
        refused = dict.fromkeys(
            ["event", "joined", "recv", "bridge", "unbridge", "close", "close at once"], Status.REENTRANT
        )
        self.assertEqual(sink.told, {**refused, "phase": lanparty.Phase.JOINED, "peers": 1, "at once": []})
        self.assertEqual(ann.phase, lanparty.Phase.JOINED)
        # A port ends at once, and may do so from inside; its session ends with it.
        sink.tries = {"port": ann.port.close}
        self.send(bob, frame(ann.identity.mac, bob.identity.mac, b"stop"))
        self.assertTrue(sink.done.acquire(timeout=WAIT))
        self.assertEqual(sink.told, {"port": None})
        self.until(ann, EventKind.ENDED)

    def test_release_exactly_once(self):
        relay = self.host()

        def session_first(sink):
            port = lanparty.Port.from_sink(sink)
            session = self.join_freely(relay, port)
            session.close()
            del session
            del port

        def port_first(sink):
            session = self.join_freely(relay, lanparty.Port.from_sink(sink))
            session.close()
            del session

        def closed_port(sink):
            port = lanparty.Port.from_sink(sink)
            session = self.join_freely(relay, port)
            port.close()
            list(session.events(timeout=WAIT))
            session.close()
            del session, port

        def replaced(sink):
            session = self.join_freely(relay, lanparty.Port.from_sink(sink))
            session.bridge(lanparty.Port.virtual())
            session.close()
            del session

        def never_used(sink):
            lanparty.Port.from_sink(sink)

        for order in (session_first, port_first, closed_port, replaced, never_used):
            with self.subTest(order.__name__):
                sink = Recorder()
                order(sink)
                gc.collect()
                self.assertTrue(sink.released.acquire(timeout=WAIT), sink.calls)
                self.assertEqual(sink.calls.count("release"), 1)
                self.assertEqual(sink.calls[-1], "release")
        with self.subTest("no port was made"):
            sink = Recorder()
            sink.mtu = 1
            with self.assertRaises(ValueError):
                lanparty.Port.from_sink(sink)
            self.assertEqual(sink.calls, ["release"])
        self.assertEqual(lanparty.sink._states, {})

    def join_freely(self, relay, port):
        """Joined, and not kept until the test's end."""
        config = self.config(relay)
        config.port = port
        session = lanparty.Session.start(config)
        session.wait_joined(WAIT)
        return session


class Bridging(PartyTest):
    def test_bridge_again(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        port = ann.port
        with self.assert_status(Status.PORT_IN_USE):
            bob.bridge(port)
        ann.unbridge()
        self.assertFalse(port.info().bridged)
        with self.assert_status(Status.NOT_FOUND):
            ann.port
        ann.bridge(port)
        self.assertTrue(port.info().bridged)
        self.greet(ann, bob)
        # To another session, in place of that one's own.
        ann.unbridge()
        own = bob.port
        bob.bridge(port)
        self.assertFalse(own.info().bridged)
        ann.bridge(own)
        self.assertIs(ann.port, own)
        self.greet(ann, bob, b"exchanged")

    def test_start_without_port(self):
        relay = self.host()
        session = lanparty.Session.start(self.config(relay))
        self.addCleanup(session.close)
        session.wait_joined(WAIT)
        for missing in ("port", "identity"):
            with self.assertRaises(lanparty.NotFoundError):
                getattr(session, missing)
        session.bridge(lanparty.Port.virtual())
        self.assertEqual(session.port.info().kind, PortKind.VIRTUAL)

    def test_pause(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        ann.set_paused(True)
        self.assertTrue(self.until(ann, EventKind.PAUSED).paused)
        told = self.until(bob, EventKind.PEER_PAUSED)
        self.assertEqual((told.peer, told.paused), (ann.room().self_peer, True))
        self.assertTrue(bob.peers()[0].paused)
        before = ann.drops().get("paused", 0)
        self.send(ann, frame(bob.identity.mac, ann.identity.mac, b"into the void"))
        for _ in range(1000):
            if ann.drops().get("paused", 0) > before:
                break
            self.assertEqual(ann.port.recv_batch(timeout=0.01), [])
        else:
            self.fail(f"it was not counted: {ann.drops()}")
        ann.set_paused(False)
        self.assertFalse(self.until(ann, EventKind.PAUSED).paused)
        self.assertFalse(self.until(bob, EventKind.PEER_PAUSED).paused)
        self.greet(ann, bob)

    def test_wait_handles(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        sources = {
            "port": (bob.port, lambda: bob.port.recv_batch(timeout=0)),
            "session": (bob, lambda: self.drain(bob)),
            "relay": (relay, lambda: self.drain(relay)),
        }
        for source, drain in sources.values():
            source.fileno()
            drain()
        for name, (source, _) in sources.items():
            self.assertFalse(self.is_readable(source, 0), name)
        self.send(ann, frame(bob.identity.mac, ann.identity.mac, b"wake up"))
        self.assertTrue(self.is_readable(bob.port, WAIT))
        ann.set_paused(True)
        for name, (source, drain) in sources.items():
            self.assertTrue(self.is_readable(source, WAIT), name)
            self.assertTrue(drain(), name)
            self.assertFalse(self.is_readable(source, 0), name)
        # select takes the objects themselves.
        ann.set_paused(False)
        self.assertEqual(select.select([bob], [], [], WAIT)[0], [bob])
        bob.close()
        for source in (bob, bob.port):
            self.assertTrue(self.is_readable(source, WAIT))

    def drain(self, source):
        taken = []
        try:
            while True:
                taken.append(source.next_event(timeout=0))
        except TimeoutError:
            return taken

    def is_readable(self, source, timeout):
        poll = select.poll()
        poll.register(source.fileno(), select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def test_adapters_are_described_only(self):
        tap = lanparty.Port.tap("lan0", "10.0.0.5/24", mtu=1400)
        self.assertEqual((tap.info().kind, tap.info().name, tap.info().mtu), (PortKind.TAP, "lan0", 1400))
        self.assertEqual(lanparty.Port.af_packet("eth0").info().kind, PortKind.AF_PACKET)
        with self.assert_status(Status.WRONG_PORT):
            tap.send(bytes(14))
        with self.assert_status(Status.INTERFACE_NAME):
            lanparty.Port.tap("a name that is far too long")


if __name__ == "__main__":
    unittest.main()
