"""The README's first example does what it shows."""

import re
import unittest
from pathlib import Path

from support import WAIT, run_python

README = Path(__file__).resolve().parents[1] / "README.md"


class Readme(unittest.TestCase):
    def test_a_party_of_two(self):
        first, *_ = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
        code, output = run_python(first, timeout=2 * WAIT)
        self.assertEqual(code, 0, output)
        self.assertIn("Bob joined", output)
        self.assertIn("b'who plays?'", output)
        self.assertIn("name='Ann'", output)

    def test_every_exception_is_named(self):
        import lanparty

        text = README.read_text(encoding="utf-8")
        for name in lanparty.__all__:
            thing = getattr(lanparty, name)
            if isinstance(thing, type) and issubclass(thing, Exception):
                self.assertIn(f"`{name}`", text)


if __name__ == "__main__":
    unittest.main()
