"""How far a run is: a bar on a terminal, else a line for every tenth of the work."""

from __future__ import annotations

import sys
from typing import TextIO

BAR_WIDTH = 30


class Progress:
    def __init__(self, total: int, out: TextIO = sys.stderr) -> None:
        self._total = total
        self._out = out
        self._done = 0

    def step(self, label: str) -> None:
        """One more is done."""
        self._done += 1
        if self._out.isatty():
            filled = BAR_WIDTH * self._done // self._total
            bar = "█" * filled + "░" * (BAR_WIDTH - filled)
            self._out.write(f"\r\x1b[K{bar} {self._done}/{self._total} {label[:40]}")
            if self._done == self._total:
                self._out.write("\r\x1b[K")
        elif self._done * 10 // self._total != (self._done - 1) * 10 // self._total:
            self._out.write(f"{self._done} of {self._total} games\n")
        self._out.flush()

    def note(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._out.write(("\r\x1b[K" if self._out.isatty() else "") + line + "\n")
