import contextlib
import io
import tempfile
import threading
import unittest
from pathlib import Path

from alone import alone
from run import unwanted


class Environment(unittest.TestCase):
    def test_a_mesh_that_the_shell_works_with_is_not_the_one_under_test(self):
        kept = ["PATH", "PLAYMESH_HOME", "PLAYMESH_TEST_SEED"]
        addresses = ["PLAYMESH_EDGE_URL", "PLAYMESH_KAFKA", "PLAYMESH_CATALOG_ADDR"]
        self.assertEqual(unwanted([*kept, *addresses]), addresses)


class Alone(unittest.TestCase):
    def test_the_second_waits_for_the_first_and_says_so(self):
        output, order = io.StringIO(), []

        def second() -> None:
            with alone("mesh", file):
                order.append("second")

        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(Announced(output)) as announced:
            file = Path(folder) / "lock"
            with alone("mesh", file):
                waiting = threading.Thread(target=second)
                waiting.start()
                announced.written.wait()
                order.append("first")
            waiting.join()
        self.assertEqual(order, ["first", "second"])
        self.assertIn("Another tools/test in this checkout runs the group mesh", output.getvalue())


class Announced(io.TextIOBase):
    """A stream that lets a test wait for what is written to it."""

    def __init__(self, out: io.StringIO) -> None:
        self.written = threading.Event()
        self._out = out

    def write(self, text: str) -> int:
        self.written.set()
        return self._out.write(text)


if __name__ == "__main__":
    unittest.main()
