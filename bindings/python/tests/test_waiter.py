"""The thread that waits where asyncio cannot: as it is, and with a Windows that is played."""

import ctypes
import os
import threading
import unittest

from lanparty import _waiter
from support import WAIT


class FewAtOnce(_waiter.Posix):
    """A system that takes three handles at once, besides the waiter's own."""

    most = 3


class Handles(unittest.TestCase):
    def pipe(self):
        reading, writing = os.pipe()
        for end in (reading, writing):
            self.addCleanup(os.close, end)
        return reading, writing

    def test_everybody_is_called_once(self):
        waiter = _waiter.Waiter(_waiter.Posix())
        reading, writing = self.pipe()
        other, _ = self.pipe()
        called = [threading.Event() for _ in range(3)]
        for event in called[:2]:
            waiter.call(reading, event.set)
        waiter.call(other, called[2].set)
        os.write(writing, b"!")
        for event in called[:2]:
            self.assertTrue(event.wait(WAIT))
        self.assertFalse(called[2].is_set())
        # It is ready still, and only who asks again is told again.
        called[0].clear()
        waiter.call(reading, called[2].set)
        self.assertTrue(called[2].wait(WAIT))
        self.assertFalse(called[0].is_set())

    def test_who_is_forgotten_is_not_called(self):
        waiter = _waiter.Waiter(_waiter.Posix())
        reading, writing = self.pipe()
        calls = []
        done = threading.Event()
        token = waiter.call(reading, lambda: calls.append("forgotten"))
        waiter.call(reading, lambda: (calls.append("known"), done.set()))
        waiter.forget(token)
        waiter.forget(token)
        os.write(writing, b"!")
        self.assertTrue(done.wait(WAIT))
        self.assertEqual(calls, ["known"])

    def test_more_than_the_system_takes(self):
        waiter = _waiter.Waiter(FewAtOnce())
        pipes = [self.pipe() for _ in range(10)]
        called = [threading.Event() for _ in pipes]
        for (reading, _), event in zip(pipes, called):
            waiter.call(reading, event.set)
        for (_, writing), event in reversed(list(zip(pipes, called))):
            self.assertFalse(event.is_set())
            os.write(writing, b"!")
            self.assertTrue(event.wait(WAIT))


class Function:
    """A function of the system."""

    def __init__(self, body):
        self.body = body

    def __call__(self, *arguments):
        assert len(arguments) == len(self.argtypes), self.argtypes
        return self.body(*arguments)


class Kernel:
    """Windows, as far as it is needed: event objects that are ready or not."""

    def __init__(self):
        self.ready = {}
        self.waits = []
        self.CreateEventW = Function(self.create)
        self.SetEvent = Function(lambda event: self.turn(event, True))
        self.ResetEvent = Function(lambda event: self.turn(event, False))
        self.WaitForMultipleObjects = Function(self.wait)

    def create(self, attributes, manual, initial, name):
        assert (attributes, manual, initial, name) == (None, 1, 0, None)
        event = 0x100 + 4 * len(self.ready)
        self.ready[event] = False
        return event

    def turn(self, event, ready):
        self.ready[event] = ready
        return 1

    def wait(self, count, array, wait_all, millis):
        assert count <= 64 and isinstance(array, ctypes.Array) and not wait_all
        handles = list(array)
        assert len(set(handles)) == count, "Windows refuses the same handle twice"
        self.waits.append((handles, millis))
        if not all(handle in self.ready for handle in handles):
            return 0xFFFF_FFFF
        return next((index for index, handle in enumerate(handles) if self.ready[handle]), 0x102)


class Windows(unittest.TestCase):
    def test_events(self):
        kernel = Kernel()
        system = _waiter.Windows(kernel)
        first, second = system.event(), system.event()
        self.assertEqual(system.wait([first, second], 0.05), [])
        system.set(second)
        self.assertEqual(system.wait([first, second], None), [second])
        self.assertEqual(system.wait([first, second], None), [second])
        system.clear(second)
        self.assertEqual(system.wait([first, second], 0.05), [])
        self.assertEqual([millis for _, millis in kernel.waits], [50, 0xFFFF_FFFF, 0xFFFF_FFFF, 50])

    def test_a_handle_that_is_gone_wakes_everybody(self):
        system = _waiter.Windows(Kernel())
        first = system.event()
        self.assertEqual(system.wait([first, 0xDEAD], None), [first, 0xDEAD])

    def test_no_more_than_windows_takes(self):
        self.assertLess(_waiter.Windows.most, 64)


if __name__ == "__main__":
    unittest.main()
