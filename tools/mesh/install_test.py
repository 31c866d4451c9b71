import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from mesh import install
from mesh.steps import Problem, Step

LOCKED = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1234 (apt-get)"


class UpdateLists(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"

    def update(self, says: list[str], wait_s: float = 60) -> int:
        """How often apt-get ran, when it says these one after the other and fails whenever that is not empty."""
        for number, words in enumerate(says):
            (self.folder / str(number)).write_text(words)
        apt = self.folder / "apt-get"
        apt.write_text(f'#!/bin/sh\ncd {self.folder}\nset -- [0-9]*\nmv "$1" said.$1\ncat said.$1\n[ ! -s said.$1 ]\n')
        apt.chmod(0o755)
        with mock.patch.dict(os.environ, {"PATH": f"{self.folder}:{os.environ['PATH']}"}), Step("games list") as step:
            install._update_lists(step, [], self.log, wait_s, retry_s=0)
        return len(list(self.folder.glob("said.*")))

    def test_another_apt_is_waited_for(self):
        self.assertEqual(self.update([LOCKED, LOCKED, ""]), 3)

    def test_but_not_for_ever(self):
        with self.assertRaises(Problem) as raised:
            self.update([LOCKED, LOCKED, ""], wait_s=0)
        self.assertIn("See who it is", raised.exception.advice)

    def test_any_other_failure_is_told_at_once(self):
        self.log.write_text(LOCKED)  # of an earlier run
        with self.assertRaises(Problem) as raised:
            self.update(["E: Failed to fetch", ""])
        self.assertEqual(raised.exception.advice, install.APT_ADVICE)


class Once(unittest.TestCase):
    def test_what_is_made_is_made_again_only_from_other_sources(self):
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for source in (b"a", b"a", b"b"):
                install._once(Path(folder), [source], "name", lambda *_: made.append(source), Path(folder) / "log")
        self.assertEqual(made, [b"a", b"b"])


if __name__ == "__main__":
    unittest.main()
