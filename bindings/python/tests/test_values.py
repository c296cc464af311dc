"""Exceptions, numbers and addresses, which need no party."""

import pickle
import unittest

import lanparty
from lanparty import Kind, Status, _wait, errors


class Exceptions(unittest.TestCase):
    def test_they_are_what_python_calls_them(self):
        for status, kind in (
            (Status.NOT_PERMITTED, PermissionError),
            (Status.WOULD_BLOCK, TimeoutError),
            (Status.END, EOFError),
            (Status.UNREACHABLE, ConnectionError),
            (Status.PEER_CLOSED, ConnectionError),
            (Status.UNKNOWN_KEY, ValueError),
            (Status.MISSING, ValueError),
            (Status.NOT_FOUND, LookupError),
            (Status.CLOSED, RuntimeError),
            (Status.ADDRESS_IN_USE, OSError),
            (Status.PANIC, RuntimeError),
        ):
            with self.subTest(status.name):
                error = errors.error(status, "no", Kind.USAGE)
                self.assertIsInstance(error, kind)
                self.assertIsInstance(error, lanparty.LanPartyError)
                self.assertEqual((str(error), error.status), ("no", status))

    def test_a_missing_file(self):
        error = errors.error(Status.CERTIFICATE_FILE, "no such file", Kind.ENVIRONMENT, 2)
        self.assertIsInstance(error, FileNotFoundError)
        self.assertEqual((error.errno, error.os_error, str(error)), (2, 2, "no such file"))
        self.assertNotIsInstance(errors.error(Status.CERTIFICATE_FILE, "no key in it"), FileNotFoundError)

    def test_each_status_has_a_class(self):
        for status in Status:
            self.assertTrue(issubclass(errors.class_of(status), lanparty.LanPartyError))
            if status < 0:
                self.assertIsNot(errors.class_of(status), lanparty.LanPartyError, status)

    def test_pickling(self):
        error = errors.error(Status.ROOM_FULL, "full", Kind.REFUSED)
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (type(copy), copy.status, copy.kind, str(copy)), (type(error), -401, Kind.REFUSED, "full")
        )


class Numbers(unittest.TestCase):
    def test_unknown_ones(self):
        status = Status(-4242)
        self.assertEqual((status, status.name), (-4242, "UNKNOWN_-4242"))
        self.assertEqual(lanparty.EventKind(99).name, "UNKNOWN_99")
        self.assertEqual(int(lanparty.Flag(0x8001)), 0x8001)

    def test_addresses(self):
        mac = lanparty.Mac("02:1a:2B:3c:4d:5e")
        self.assertEqual((str(mac), bytes(mac)), ("02:1a:2b:3c:4d:5e", b"\x02\x1a\x2b\x3c\x4d\x5e"))
        self.assertEqual(lanparty.Mac(bytes(mac)), mac)
        for bad in ("02:1a:2b:3c:4d", "02:1a:2b:3c:4d:5g", b"12345", ""):
            with self.assertRaises(ValueError):
                lanparty.Mac(bad)

    def test_timeouts(self):
        self.assertEqual(_wait.milliseconds(None), _wait.FOREVER)
        self.assertEqual(_wait.milliseconds(0), 0)
        self.assertEqual(_wait.milliseconds(0.0001), 1)
        self.assertEqual(_wait.milliseconds(float("inf")), _wait.FOREVER - 1)
        for bad in (-1, float("nan")):
            with self.assertRaises(ValueError):
                _wait.milliseconds(bad)


if __name__ == "__main__":
    unittest.main()
