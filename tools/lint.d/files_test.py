"""The commit that a change is compared with, in made-up repositories."""

import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import files


class BaseCommitTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.origin = Path(folder.name) / "origin"
        self.clone = Path(folder.name) / "clone"
        self.git("init", "--quiet", "--initial-branch=main", self.origin, at=Path(folder.name))
        self.first = self.commit("first", at=self.origin)
        self.second = self.commit("second", at=self.origin)

    def git(self, *arguments, at: Path) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", "-C", at, *author, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, name: str, at: Path) -> str:
        (at / name).write_text(name)
        self.git("add", ".", at=at)
        self.git("commit", "--quiet", "-m", name, at=at)
        return self.git("rev-parse", "HEAD", at=at)

    def base(self, wanted: str | None = None, *options: str) -> str:
        if not self.clone.exists():
            self.git("clone", "--quiet", *options, f"file://{self.origin}", self.clone, at=self.origin)
        with mock.patch.object(files, "ROOT", self.clone):
            return files.base_commit(wanted)

    def test_a_fresh_clone_is_compared_with_the_commit_before(self):
        self.assertEqual(self.base(), self.first)

    def test_edits_of_what_was_pushed_are_compared_with_it(self):
        self.base()
        (self.clone / "new").write_text("new")
        self.assertEqual(self.base(), self.second)

    def test_commits_are_compared_with_where_they_left_the_origin(self):
        self.base()
        self.commit("third", at=self.clone)
        self.commit("fourth", at=self.clone)
        self.assertEqual(self.base(), self.second)

    def test_without_an_origin_it_is_the_commit_before(self):
        self.base()
        self.git("remote", "remove", "origin", at=self.clone)
        self.assertEqual(self.base(), self.first)

    def test_a_clone_of_one_commit_has_none(self):
        self.assertEqual(self.base(None, "--depth=1"), "")

    def test_the_commit_that_is_named_wins(self):
        self.assertEqual(self.base("HEAD"), self.second)
        self.assertEqual(self.base("no-such-commit"), "")


if __name__ == "__main__":
    unittest.main()
