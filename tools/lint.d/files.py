"""What the checks look at: files of the work tree, the commit to compare with, and findings."""

from __future__ import annotations

import functools
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_BASE = "there is no earlier commit to compare with; git fetch --deepen=1 gets one into a shallow clone"


class Skipped(Exception):
    """A check that cannot run here; says why and what would change that."""


class Failed(Exception):
    """A check that should run here and cannot."""


@dataclass(frozen=True)
class Finding:
    path: str
    line: int  # 0: the whole file
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass
class SourceFile:
    """A text file. `path` is relative to the repository."""

    path: str
    text: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/") or re.search(r"(_test\.\w+|\.test\.tsx?)$", self.path) is not None

    @functools.cached_property
    def code(self) -> str:
        """C++ or TypeScript with comments and literals blanked; every character stays on its line."""
        return _blanked(self.text, literals=True)

    @functools.cached_property
    def uncommented(self) -> str:
        """C++ or TypeScript with comments blanked."""
        return _blanked(self.text, literals=False)

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    def allows(self, rule: str, line: int) -> bool:
        """Whether `lint:allow(rule) reason` stands on the line or the one above."""
        marks = self.lines[max(0, line - 2) : line]
        return any(re.search(rf"lint:allow\({re.escape(rule)}\) +\w", mark) for mark in marks)


_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      |(?P<raw>R"(?P<delimiter>[^()\s\\"]{0,16})\(.*?\)(?P=delimiter)")
      |(?P<string>"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
      |(?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE,
)


def _blanked(text: str, literals: bool) -> str:
    def blank(match: re.Match) -> str:
        if match["comment"] is None and not literals:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return _TOKEN.sub(blank, text)


def git(*arguments: str) -> str:
    """What git prints; "" when it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


@functools.cache
def paths() -> list[str]:
    """Tracked and new files that are not ignored."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted(path for path in set(listed) if path and (ROOT / path).is_file())


@functools.cache
def source_files() -> list[SourceFile]:
    """The text files among them."""
    found = []
    for path in paths():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192]:
            found.append(SourceFile(path, content.decode(errors="replace")))
    return found


def base_commit(wanted: str | None) -> str:
    """What a change is compared with: `wanted`, or where it left origin/main, or the commit before. Edits of origin/main itself
    are compared with it. "" where there is none, as in a shallow clone."""
    if wanted:
        return git("rev-parse", "--verify", f"{wanted}^{{commit}}").strip()
    head = git("rev-parse", "HEAD").strip()
    fork = git("merge-base", "HEAD", "origin/main").strip()
    if fork and (fork != head or git("status", "--porcelain")):
        return fork
    return git("rev-parse", "--verify", "--quiet", "HEAD~1").strip()


def changed_paths(base: str) -> list[str]:
    """Files that differ from `base`, new ones too; all files when there is no base."""
    if not base:
        return paths()
    changed = set(git("diff", "--name-only", "-z", base).split("\0"))
    changed |= set(git("ls-files", "--others", "--exclude-standard", "-z").split("\0"))
    return [path for path in paths() if path in changed]
