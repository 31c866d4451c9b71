"""Runs of tools/test in one checkout share folders, so they take turns."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from mesh.steps import say


@contextmanager
def alone(name: str, file: Path) -> Iterator[None]:
    """Waits, and says so, while another process runs such a block with the same file."""
    with open(file, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"   Another tools/test in this checkout runs the group {name}; waiting for it to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
