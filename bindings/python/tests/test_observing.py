"""What a program can find out: log, diagnostics, identity."""

import logging
import os
import tempfile
import threading
import unittest
from pathlib import Path

import lanparty
from lanparty import LogLevel, Stat, Status
from support import WAIT, PartyTest, frame


class Log(PartyTest):
    def setUp(self):
        self.addCleanup(lanparty.set_log_handler, None)

    def test_log_callback(self):
        lines = []
        lanparty.set_log_handler(lambda *line: lines.append(line), LogLevel.TRACE)
        self.party()
        for _, part, message in lines:
            self.assertTrue(part and isinstance(message, str))
        self.assertIn(LogLevel.TRACE, [level for level, *_ in lines])

        fewer = []
        lanparty.set_log_handler(lambda *line: fewer.append(line), LogLevel.DEBUG)
        before = len(lines)
        self.party()
        self.assertEqual(len(lines), before, "the handler before still hears")
        self.assertTrue(fewer)
        self.assertLessEqual(max(level for level, *_ in fewer), LogLevel.DEBUG)

        lanparty.set_log_handler(None)
        before = len(fewer)
        self.party()
        self.assertEqual(len(fewer), before)
        self.assertEqual(lanparty.log._handlers, {}, "not released")

    def party(self):
        with lanparty.host("127.0.0.1:0") as relay:
            self.join(relay, name="Ann").close()

    def test_a_handler_that_fails(self):
        def fail(*_):
            raise ZeroDivisionError("on purpose")

        lanparty.set_log_handler(fail, LogLevel.DEBUG)
        self.party()
        with self.assertRaises(ZeroDivisionError):
            lanparty.set_log_handler(None)
        lanparty.set_log_handler(None)

    def test_into_logging(self):
        with self.assertLogs("lanparty", logging.DEBUG) as caught:
            lanparty.log_to_logging(level=LogLevel.DEBUG)
            self.party()
            lanparty.set_log_handler(None)
        self.assertTrue(caught.records)


class Observing(PartyTest):
    def test_diagnostics(self):
        relay = self.host()
        ann, bob = self.pair(relay)
        found = ann.diagnostics()
        self.assertTrue(found.relay_reachable and found.joined and found.bridged)
        self.assertFalse(found.gateway_present or found.paused)
        self.assertEqual(found.relay_address, relay.address)
        self.assertGreater(found.datagram_budget, 1000)
        lines = ann.user_lines()
        self.assertTrue(lines)
        for line in lines:
            self.assertIn(line.level, (LogLevel.INFO, LogLevel.WARN))
            self.assertTrue(str(line))
        self.greet(ann, bob)
        stats = ann.stats()
        self.assertEqual((stats.tx_frames, stats.rx_frames), (1, 1))
        self.assertEqual(ann.stat(Stat.TX_FRAMES), stats.tx_frames)
        self.assertEqual(ann.stat(Stat.TX_BYTES), stats.tx_bytes)
        with self.assert_status(Status.INVALID_ARG):
            ann.stat(Stat(4242))
        # A client may send from its own address only.
        self.send(ann, frame(bob.identity.mac, b"\x02\x00\x00\x00\x00\x01", b"not me"))
        self.greet(ann, bob)
        self.assertEqual(sum(ann.drops().values()), 1, ann.drops())
        self.assertEqual(ann.stats().drops, 1)

    def test_identity_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "identity.json")
            made = lanparty.Identity.load_or_create(path)
            again = lanparty.Identity.load_or_create(str(path))
            self.assertEqual(made.mac, again.mac)
            self.assertEqual(again.warning, "")
            self.assertNotEqual(made.mac, lanparty.Identity.generate().mac)
            session = self.join(self.host(), identity=path)
            self.assertEqual(session.identity.mac, made.mac)
            os.chmod(path, 0o644)
            self.assertTrue(lanparty.Identity.load_or_create(path).warning)
            path.write_text("nonsense")
            with self.assert_status(Status.IDENTITY_FILE):
                lanparty.Identity.load_or_create(path)
            with self.assertRaises(OSError):
                lanparty.Identity.load_or_create(Path(path, "identity.json"))
        changed = made.with_mac("02:00:00:00:00:2a")
        self.assertEqual(str(changed.mac), "02:00:00:00:00:2a")
        self.assertNotEqual(made.mac, changed.mac)

    def test_waits_can_be_interrupted(self):
        # The main thread waits in slices, so that a signal handler runs meanwhile.
        import signal

        port = lanparty.Port.virtual()

        def stop(*_):
            raise KeyboardInterrupt

        old = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(KeyboardInterrupt):
            port.recv(timeout=WAIT)

    def test_a_wait_leaves_others_alone(self):
        # The GIL is free while a call waits.
        port = lanparty.Port.virtual()
        thread = threading.Thread(target=lambda: self.assertRaises(EOFError, port.recv), daemon=True)
        thread.start()
        self.assertEqual(sum(range(1000)), 499500)
        port.close()
        thread.join(WAIT)
        self.assertFalse(thread.is_alive())


if __name__ == "__main__":
    unittest.main()
