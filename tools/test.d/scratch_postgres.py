"""A PostgreSQL for tests: empty, without any care for its data, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from mesh.steps import Problem

BINARIES = Path("/usr/lib/postgresql/15/bin")
# Only names the socket's file, since nothing listens on TCP.
PORT = 5432
READY_S = 30
# Two test binaries at a time, each with pools and with races of 64 threads.
MAX_CONNECTIONS = 200
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": MAX_CONNECTIONS,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
}


@contextmanager
def scratch_postgres(log: Path) -> Iterator[str]:
    """A server that runs until the block ends. Gives its conninfo, without a database; the user is its superuser."""
    # Not in the checkout, where PostgreSQL's own user may not get in. A socket's path is at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="playmesh-postgres-", dir="/tmp"))
    drop = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if drop:
        shutil.chown(folder, "postgres", "postgres")
    settings = [f"--{name}={value}" for name, value in (SETTINGS | {"unix_socket_directories": folder}).items()]
    initdb = ["setpriv", *drop, "--", BINARIES / "initdb", "-D", folder / "data", "-U", "postgres", "--encoding=UTF8",
              "--locale=C.UTF-8", "--auth=trust", "--no-sync"]
    server = ["setpriv", *drop, "--pdeathsig", "INT", "--", BINARIES / "postgres", "-D", folder / "data", *settings]
    with open(log, "w") as output:
        try:
            if subprocess.run(initdb, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode:
                raise Problem("initdb failed", "Is there space in /tmp?", log)
            # In a session of its own, so that Ctrl-C reaches the tests first and it last.
            process = subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            try:
                _wait_until_ready(folder, process, log)
                yield f"host={folder} port={PORT} user=postgres"
            finally:
                process.terminate() if process.poll() is not None else process.send_signal(2)  # SIGINT: fast shutdown
                process.wait()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(folder: Path, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while subprocess.run([BINARIES / "pg_isready", "-q", "-h", folder, "-p", str(PORT)]).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Problem("the PostgreSQL for tests does not start", log=log)
        time.sleep(0.05)
