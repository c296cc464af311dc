"""The example: a host and a guest find each other."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import PACKAGE

LAUNCHER = Path(__file__).resolve().parents[3] / "examples" / "embed" / "python" / "launcher.py"
SECONDS = 20.0


class Launcher(unittest.TestCase):
    def start(self, *arguments):
        path = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), *arguments, "--seconds", str(SECONDS)],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, process, pattern):
        """The first line of this form, and all up to it."""
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            found = re.fullmatch(pattern, lines[-1])
            if found:
                return found, lines
        self.fail(f"no line like {pattern!r} among {lines}")

    def test_host_and_join(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate = str(Path(folder, "relay.der"))
            host = self.start("host", "--room", "DEN", "--cert-out", certificate)
            address = self.until(host, r"hosting DEN on (\S+)")[0].group(1)
            self.until(host, r"joined DEN as member 1 \(MTU \d+\)")
            guest = self.start(
                "join", address, "DEN", "--cert", certificate, "--name", "Bob", "--answers", "1"
            )
            output, _ = guest.communicate(timeout=SECONDS)
            self.assertEqual(guest.returncode, 0, output)
            lines = output.splitlines()
            for pattern in (
                r"joined DEN as member 2 \(MTU \d+\)",
                r"player Ann \(client\) (\d+\.\d ms|-)",
                r"answer from Ann",
                r"status: .+",
            ):
                self.assertTrue(any(re.fullmatch(pattern, line) for line in lines), (pattern, lines))
            self.assertEqual(lines[-1], "left")
            self.until(host, r"player Bob \(client\) (\d+\.\d ms|-)")
            self.until(host, r"status: .*Bob.*left.*")
            host.send_signal(signal.SIGINT)
            self.until(host, "left")
            self.assertEqual(host.wait(SECONDS), 0)

    def test_a_mistake_is_one_line(self):
        process = self.start("join", "127.0.0.1:1", "no room")
        output, _ = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, output.count("\n")), (1, 1), output)
        self.assertIn("launcher: ", output)


if __name__ == "__main__":
    unittest.main()
