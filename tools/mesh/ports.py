"""Ports on loopback: found once, then kept, so that addresses survive a restart."""

from __future__ import annotations

import json
import socket
from typing import Callable

from mesh.home import Home
from mesh.steps import Problem

# Below the range from which Linux takes the ports of outgoing connections, which would occupy ours at times.
FIRST, LAST = 20_000, 32_000


class Ports:
    def __init__(self, home: Home) -> None:
        self._file = home.path / "ports.json"
        self._kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        # Checkouts start to look at different places, so that they rarely meet.
        self._next = FIRST + int(home.id, 16) % (LAST - FIRST)
        self.moved: list[str] = []

    def settle(self, names: list[str], is_ours: Callable[[str], bool]) -> dict[str, int]:
        """A port for each name. A kept one stays, unless somebody else holds it (`is_ours(name)` says that it is not us)."""
        ports: dict[str, int] = {}
        for name in names:
            port = self._kept.get(name)
            if port is None or not (is_ours(name) or _is_free(port)):
                if port is not None:
                    self.moved.append(f"{name} ({port} is taken)")
                port = self._find(set(self._kept.values()) | set(ports.values()))
            ports[name] = port
        self._file.write_text(json.dumps(ports, indent=2) + "\n")
        return ports

    def _find(self, used: set[int]) -> int:
        for _ in range(LAST - FIRST):
            port, self._next = self._next, self._next + 1 if self._next < LAST else FIRST
            if port not in used and _is_free(port):
                return port
        raise Problem(f"no free port between {FIRST} and {LAST}", "See who listens there: ss -ltnp")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
