"""Where a mesh keeps its state, and where the checkout keeps what all its meshes share."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from mesh.steps import Problem

ROOT = Path(__file__).resolve().parents[2]

# What tools/setup installs; a private mesh (PLAYMESH_HOME) uses the same.
VENV = ROOT / ".playmesh" / "venv"
KAFKA_LIBS = ROOT / ".playmesh" / "kafka-libs"
NODE_HOME = ROOT / ".playmesh" / "node"  # with its npm, only where the machine's own Node is too old
# The protos of google.api and google.rpc, for the C++ build, buf and the client: a link into VENV.
GOOGLEAPIS = ROOT / "build" / "googleapis"


def node_path() -> dict[str, str]:
    """The environment with a Node that is new enough, and its own npm, in front."""
    return os.environ | {"PATH": f"{NODE_HOME}/node_modules/.bin:{os.environ['PATH']}"}


@dataclass(frozen=True)
class Home:
    """One mesh: .playmesh in the checkout, or the folder that PLAYMESH_HOME names."""

    path: Path

    @staticmethod
    def from_environment() -> Home:
        return Home(Path(os.environ.get("PLAYMESH_HOME") or ROOT / ".playmesh").absolute())

    @property
    def id(self) -> str:
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:10]

    @property
    def runtime(self) -> Path:
        """For sockets, whose paths may not be longer than 107 bytes."""
        return Path(f"/tmp/playmesh-{self.id}")

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    def prepare(self) -> None:
        """Makes the folders. Raises Problem when somebody else owns the runtime folder."""
        for folder in (self.path, self.logs, self.path / "services"):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        self.runtime.mkdir(mode=0o711, exist_ok=True)
        if self.runtime.is_symlink() or self.runtime.stat().st_uid != os.getuid():
            raise Problem(f"{self.runtime} belongs to somebody else", "Remove it, or set PLAYMESH_HOME to another folder.")
        venv = self.path / "venv"
        if venv != VENV and not venv.exists():
            venv.symlink_to(VENV)

    @contextmanager
    def lock(self, name: str = "lock", wait: bool = False) -> Iterator[None]:
        """One command at a time changes a mesh. Raises Problem when another is at it, unless told to wait."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / name, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise Problem(
                    f"another tools/up or tools/down is at work on {self.path}", "Wait for it, or stop it with Ctrl-C."
                ) from None
            yield
