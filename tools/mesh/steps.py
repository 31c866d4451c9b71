"""Tells a person what is being done and how far it is: one line for each step, details in a log file."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Callable, Mapping, Sequence, TextIO

from mesh.interrupts import held

TAIL_LINES = 20
REFRESH_S = 0.2
HEARTBEAT_S = 20  # between the lines of a long step where there is no terminal
NAME_WIDTH = 12
ADVICE_ON = {
    errno.EACCES: "If a run with sudo has made it, take it back: sudo chown -R \"$(id -un)\" .playmesh build",
    errno.ENOSPC: "Make room and try again; `du -sh .playmesh build` says what this checkout takes.",
}
ADVICE_ON |= {errno.EPERM: ADVICE_ON[errno.EACCES], errno.EDQUOT: ADVICE_ON[errno.ENOSPC]}


class Problem(Exception):
    """What went wrong and what a person can do about it; `log` is shown with its last lines."""

    def __init__(self, what: str, advice: str = "", log: Path | None = None) -> None:
        super().__init__(what)
        self.advice = advice
        self.log = log

    def show(self) -> None:
        say(f"\n{self}", file=sys.stderr)
        if self.log and self.log.exists():
            say(f"The last lines of {self.log}:", file=sys.stderr)
            with open(self.log, errors="replace") as file:
                for line in deque(file, TAIL_LINES):
                    say("  | " + line.rstrip(), file=sys.stderr)
        if self.advice:
            say(self.advice, file=sys.stderr)


def in_words(command: Callable[[], int]) -> int:
    """The exit status of a command; what a person can mend is told without a traceback."""
    try:
        return command()
    except Problem as problem:
        problem.show()
        return 1
    except OSError as error:
        if error.errno not in ADVICE_ON:
            raise
        Problem(f"{error.strerror}: {error.filename or 'what was being written'}", ADVICE_ON[error.errno]).show()
        return 1
    except KeyboardInterrupt:
        return 130


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

    def run(
        self, command: Sequence[str], log: Path, advice: str = "", env: Mapping[str, str] | None = None, stops: bool = True
    ) -> str:
        """Runs a command whose output goes to `log`; its last line is the note meanwhile, and returned. Raises Problem when
        it fails. When it is interrupted, it stops the command with all that it has started; one that `stops` not, since it
        must not end half-way or asks on the terminal, is waited for."""
        last = ""
        with open(log, "a") as file:
            print(f"$ {shlex.join(command)}", file=file, flush=True)
            process = None
            try:
                with held():
                    process = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                        text=True, errors="replace", env=env,
                        process_group=0 if stops else None,
                    )
                assert process.stdout
                for line in process.stdout:
                    file.write(line)
                    file.flush()
                    last = self._note = _plain(line) or last
                process.wait()
            except BaseException:
                if process:
                    _stop(process, process.pid if stops else 0)
                raise
        if process.returncode:
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


def _stop(process: subprocess.Popen, group: int) -> None:
    """Stops all that a command has started, if it has a group of its own, and waits for the end; an interrupt meanwhile kills
    them."""
    rest = threading.Thread(target=process.stdout.read, daemon=True)  # ends with the last of them
    rest.start()
    try:
        _signal(group, signal.SIGTERM)
        process.wait()
        _signal(group, signal.SIGTERM)  # a command may end before what it has just started
        rest.join()
    except BaseException:
        _signal(group, signal.SIGKILL)
        raise
    finally:
        process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    try:
        if group:
            os.killpg(group, number)
    except ProcessLookupError:
        pass  # all have ended


def say(text: str, end: str = "\n", file: TextIO | None = None) -> None:
    """Prints at once. That nobody reads any more (`tools/up | head`, a terminal that was closed) is no reason to stop
    half-way."""
    out = file or sys.stdout
    try:
        print(text, end=end, flush=True, file=out)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip()[:200]


def _columns() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80
