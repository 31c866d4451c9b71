"""Tells a person what is being done and how far it is: one line for each step, details in a log file."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Mapping, Sequence

TAIL_LINES = 20
REFRESH_S = 0.2
HEARTBEAT_S = 20  # between the lines of a long step where there is no terminal
NAME_WIDTH = 12


class Problem(Exception):
    """What went wrong and what a person can do about it; `log` is shown with its last lines."""

    def __init__(self, what: str, advice: str = "", log: Path | None = None) -> None:
        super().__init__(what)
        self.advice = advice
        self.log = log

    def show(self) -> None:
        print(f"\n{self}", file=sys.stderr)
        if self.log and self.log.exists():
            print(f"The last lines of {self.log}:", file=sys.stderr)
            with open(self.log, errors="replace") as file:
                for line in deque(file, TAIL_LINES):
                    print("  | " + line.rstrip(), file=sys.stderr)
        if self.advice:
            print(self.advice, file=sys.stderr)


class Step:
    """with Step("postgresql") as step: step.note("creating databases"); the last note stays beside the result."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._note = ""
        self._ended = threading.Event()

    def __enter__(self) -> Step:
        self._start = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._ticker.join()
        self._print("✗" if error else "✓", end="\n")

    def note(self, text: str) -> None:
        self._note = text

    def run(self, command: Sequence[str], log: Path, advice: str = "", env: Mapping[str, str] | None = None) -> str:
        """Runs a command whose output goes to `log`; its last line is the note meanwhile, and returned. Raises Problem when
        it fails."""
        last = ""
        with open(log, "a") as file:
            print(f"$ {shlex.join(command)}", file=file, flush=True)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", env=env,
            )
            assert process.stdout
            for line in process.stdout:
                file.write(line)
                file.flush()
                last = self._note = _plain(line) or last
        if process.wait():
            raise Problem(f"{self._name} failed with status {process.returncode}: {shlex.join(command)}", advice, log)
        self._note = ""
        return last

    def _tick(self) -> None:
        terminal = sys.stdout.isatty()
        while not self._ended.wait(REFRESH_S if terminal else HEARTBEAT_S):
            self._print("…", end="" if terminal else "\n")

    def _print(self, mark: str, end: str) -> None:
        line = f" {mark} {self._name:<{NAME_WIDTH}} {time.monotonic() - self._start:6.1f} s  {self._note}"
        if sys.stdout.isatty():
            line = "\r\x1b[K" + line[: _columns() - 1]
        say(line, end)


def say(text: str, end: str = "\n") -> None:
    """Prints at once. That nobody reads any more (`tools/up | head`) is no reason to stop half-way."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip()[:200]


def _columns() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80
