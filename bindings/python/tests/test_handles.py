"""Closing, freeing, forking, ending."""

import gc
import threading
import unittest

import lanparty
from lanparty import EventKind, Status, _native
from support import ROOM, WAIT, PartyTest, run_python


class Closing(PartyTest):
    def test_close_while_waiting(self):
        relay = self.host()
        session = self.join(relay)
        seen, frames = [], []

        def take_events():
            for event in session.events():
                seen.append(event)

        def take_frames():
            for one in session.port:
                frames.append(one)

        threads = [threading.Thread(target=work, daemon=True) for work in (take_events, take_frames)]
        for thread in threads:
            thread.start()
        closer = threading.Thread(target=session.close, daemon=True)
        closer.start()
        for thread in (closer, *threads):
            thread.join(WAIT)
            self.assertFalse(thread.is_alive(), "it still waits")
        self.assertEqual(seen[-1].kind, EventKind.ENDED)
        self.assertEqual(seen[-1].status, Status.OK)
        self.assertEqual(frames, [])

    def test_double_close(self):
        relay = self.host()
        session = self.join(relay)
        port = lanparty.Port.virtual()
        for _ in range(2):
            self.assertTrue(session.close("bye"))
            port.close()
            session.port.close()
        for _ in range(2):
            self.assertTrue(relay.close())

    def test_use_after_close(self):
        relay = self.host()
        session = self.join(relay)
        session.close()
        # It still tells what it knows.
        self.assertEqual(session.phase, lanparty.Phase.ENDED)
        for ask in (
            session.room,
            session.peers,
            session.stats,
            session.drops,
            session.diagnostics,
            session.user_lines,
        ):
            ask()
        session.stat(lanparty.Stat.TX_FRAMES)
        with self.assert_status(Status.CLOSED) as closed:
            session.bridge(lanparty.Port.virtual())
        self.assertIsInstance(closed.error, lanparty.StateError)
        for use in (session.unbridge, lambda: session.set_paused(True)):
            with self.assertRaises(lanparty.StateError):
                use()
        self.until(session, EventKind.ENDED)
        with self.assertRaises(lanparty.EndError):
            session.next_event()
        with self.assertRaises(lanparty.EndError):
            session.port.recv()
        with self.assertRaises(lanparty.EndError):
            session.port.send(bytes(14))
        self.assertTrue(session.port.info().closed)

        relay.close()
        list(relay.events(timeout=WAIT))
        with self.assertRaises(lanparty.EndError):
            relay.next_event()
        for use in (
            lambda: relay.address,
            lambda: relay.certificate,
            lambda: relay.set_certificate(b"", b""),
            relay.rooms,
            lambda: relay.members(ROOM),
            lambda: relay.kick(ROOM, 1),
            relay.stats,
        ):
            with self.assert_status(Status.CLOSED):
                use()

        port = lanparty.Port.virtual()
        port.close()
        with self.assertRaises(lanparty.EndError):
            port.recv()
        with self.assertRaises(lanparty.EndError):
            port.recv_batch(timeout=0)
        with self.assertRaises(lanparty.EndError):
            port.send(bytes(14))
        port.fileno()
        self.assertTrue(port.info().closed)

    def test_a_hundred_sessions(self):
        relay = self.host(limit_handshakes_per_address="unlimited")
        gc.collect()
        before = lanparty.live_handles()

        def one(number):
            with lanparty.Session.start(self.config(relay, room=f"ROOM-{number}")) as session:
                session.wait_joined(WAIT)

        for number in range(100):
            one(number)
        failed = []

        def some(first):
            try:
                for number in range(first, first + 2):
                    one(number)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=some, args=(100 + 2 * number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        threads.clear()
        gc.collect()
        self.assertEqual(lanparty.live_handles(), before)

    def test_errors_are_freed(self):
        gc.collect()
        before = lanparty.live_handles()
        for _ in range(10):
            with self.assertRaises(lanparty.InvalidValueError):
                lanparty.SessionConfig(room="?")
        self.assertEqual(lanparty.live_handles(), before)


class Process(PartyTest):
    PARTY = """
        import lanparty, os, sys, threading
        relay = lanparty.host("127.0.0.1:0")
        session = lanparty.join(
            relay.address, "PARTY-42", certificate=relay.certificate, server_name="lanparty-relay.local"
        )
    """

    def test_exit_with_open_session(self):
        code, output = run_python(
            self.PARTY + """
        started = threading.Barrier(3)
        class Sink(lanparty.FrameSink):
            def send(self, frame):
                pass
        session.bridge(lanparty.Port.from_sink(Sink()))
        lanparty.set_log_handler(lambda *line: None, lanparty.LogLevel.TRACE)
        port = lanparty.Port.virtual()
        def take(what):
            started.wait()
            for one in what:
                pass
        for what in (session.events(), port):
            threading.Thread(target=take, args=(what,), daemon=True).start()
        started.wait()
        print("ends")
        """,
            timeout=WAIT,
        )
        self.assertEqual((code, output), (0, "ends\n"))

    def test_exit_with_everything_in_a_cycle(self):
        code, output = run_python(
            self.PARTY + """
        session.me = session
        relay.session = session
        del session, relay
        print("ends")
        """,
            timeout=WAIT,
        )
        self.assertEqual((code, output), (0, "ends\n"))

    def test_fork_is_refused(self):
        code, output = run_python(
            self.PARTY + """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what this is about
        port = session.port
        identity = session.identity
        config = lanparty.SessionConfig("127.0.0.1:1", "PARTY-42")
        port.send(bytes(6) + identity.mac + b"12")
        child = os.fork()
        if child == 0:
            calls = dict(
                peers=session.peers, room=session.room, events=session.next_event, close=session.close,
                joined=session.wait_joined, stats=session.stats, fileno=session.fileno,
                send=lambda: port.send(bytes(14)), recv=port.recv, batch=port.recv_batch, port_close=port.close,
                info=port.info, mac=lambda: identity.mac, set=lambda: config.set("mtu", 1400),
                rooms=relay.rooms, relay_close=relay.close, relay_events=relay.next_event, address=lambda: relay.address,
            )
            for name, call in calls.items():
                try:
                    call()
                    print("the child could call", name, flush=True)
                except lanparty.LanPartyError as error:
                    if error.status != lanparty.Status.FORKED:
                        print(name, repr(error), flush=True)
            # Freeing and ending do nothing to the parent.
            del session, port, identity, config, relay, calls, call
            sys.exit(7)
        status = os.waitpid(child, 0)[1]
        print("child", os.WEXITSTATUS(status))
        print(session.phase.name, len(relay.rooms()), session.close(), relay.close())
        """,
            timeout=WAIT,
        )
        self.assertEqual((code, output), (0, "child 7\nJOINED 1 True True\n"))

    def test_a_forked_child_may_begin_anew(self):
        code, output = run_python(
            """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        """
            + self.PARTY
            + """
        child = os.fork()
        if child == 0:
            with lanparty.host("127.0.0.1:0") as mine, lanparty.join(
                mine.address, "PARTY-42", certificate=mine.certificate, server_name="lanparty-relay.local"
            ) as own:
                sys.exit(own.room().members)
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        """,
            timeout=WAIT,
        )
        self.assertEqual((code, output), (0, "1\n"))


class Library(unittest.TestCase):
    def test_abi_mismatch(self):
        path = _native.lib._name
        with self.assertRaises(ImportError) as refused:
            _native.load(path, abi_version=_native.ABI_VERSION + 1)
        text = str(refused.exception)
        self.assertIn(path, text)
        self.assertIn(f"version {_native.ABI_VERSION} of the lanparty ABI", text)
        self.assertIn(f"needs version {_native.ABI_VERSION + 1}", text)
        # As a user meets it.
        code, output = run_python(
            "import ctypes; ctypes.CDLL = lambda path: type('', (), {})(); import lanparty"
        )
        self.assertEqual(code, 1)
        self.assertIn("is no lanparty library", output)

    def test_a_library_that_is_not_there(self):
        code, output = run_python(
            "import os; os.environ['LANPARTY_LIBRARY'] = '/nowhere.so'; import lanparty"
        )
        beside = "cannot be loaded" not in output
        self.assertEqual(code, 0 if beside else 1)
        if not beside:
            self.assertIn("/nowhere.so", output)

    def test_versions(self):
        self.assertEqual(lanparty.library_version(), lanparty.__version__)


if __name__ == "__main__":
    unittest.main()
