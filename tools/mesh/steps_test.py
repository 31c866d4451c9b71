import contextlib
import errno
import io
import os
import pty
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from mesh.steps import Problem, in_words

TOOLS = Path(__file__).parents[1]
# A step whose command has a child; both hold a pipe open.
STEP = """
import sys
from pathlib import Path
from mesh.interrupts import stop_on_signals
from mesh.steps import Step, in_words

def main():
    with Step("name") as step:
        step.run(["sh", "-c", "exec 9>$0; echo started >&9; sleep 1000; true", sys.argv[1]], Path(sys.argv[2]))
    return 0

stop_on_signals()
sys.exit(in_words(main))
"""


class InWords(unittest.TestCase):
    def status_and_words(self, error: BaseException) -> tuple[int, str]:
        def command() -> int:
            raise error

        with contextlib.redirect_stderr(io.StringIO()) as words:
            return in_words(command), words.getvalue()

    def test_what_a_person_can_mend(self):
        self.assertEqual(self.status_and_words(Problem("it failed", "Mend it.")), (1, "\nit failed\nMend it.\n"))
        status, words = self.status_and_words(PermissionError(errno.EACCES, "Permission denied", "/a/lock"))
        self.assertEqual((status, words.splitlines()[1]), (1, "Permission denied: /a/lock"))
        self.assertIn("sudo chown", words)
        self.assertIn("Make room", self.status_and_words(OSError(errno.ENOSPC, "No space left on device"))[1])

    def test_an_interrupt(self):
        self.assertEqual(self.status_and_words(KeyboardInterrupt()), (130, ""))

    def test_a_mistake_of_ours_keeps_its_traceback(self):
        with self.assertRaises(FileNotFoundError):
            self.status_and_words(FileNotFoundError(errno.ENOENT, "No such file", "x"))


class Interrupts(unittest.TestCase):
    """A command that is stopped leaves no process: the pipe that all of them hold open comes to its end."""

    def status_after(self, number: signal.Signals, **options) -> int:
        with tempfile.TemporaryDirectory() as folder:
            pipe, log = Path(folder) / "pipe", Path(folder) / "log"
            os.mkfifo(pipe)
            process = subprocess.Popen(
                [sys.executable, "-c", STEP, str(pipe), str(log)],
                env=os.environ | {"PYTHONPATH": str(TOOLS)}, **{"stdout": subprocess.DEVNULL} | options,
            )
            with open(pipe) as held:
                self.assertEqual(held.readline(), "started\n")
                process.send_signal(number)
                self.assertEqual(held.read(), "")
            return process.wait()

    def test_signals_stop_a_step_with_all_that_it_has_started(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                self.assertEqual(self.status_after(number), 130)

    def test_it_ends_in_order_though_its_terminal_is_gone(self):
        ours, theirs = pty.openpty()
        os.close(ours)
        self.assertEqual(self.status_after(signal.SIGHUP, stdout=theirs, stderr=theirs), 130)
        os.close(theirs)


if __name__ == "__main__":
    unittest.main()
