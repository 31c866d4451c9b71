"""The supervisor: keeps the mesh's processes alive and lets us start and stop them one by one."""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import signal
import subprocess
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from supervisor.xmlrpc import SupervisorTransport

from mesh.home import VENV, Home
from mesh.steps import Problem

OPEN_FILES = 65_536
CRASHES_TO_GIVE_UP = 3
RUNNING = ("RUNNING", "STARTING", "BACKOFF")


@dataclass(frozen=True)
class Program:
    name: str
    command: list[str]
    depends_on: tuple[Path, ...] = ()  # files whose new content calls for a restart
    stop_signal: str = "TERM"
    stop_seconds: int = 30
    directory: Path | None = None

    def section(self, home: Home) -> str:
        log = home.logs / f"{self.name}.log"
        return f"""
[program:{self.name}]
command={_quote(self.command)}
directory={_escape(str(self.directory or home.path))}
environment=PLAYMESH_REVISION="{self._revision()}"
autostart=false
autorestart=true
startretries=1000
stopsignal={self.stop_signal}
stopwaitsecs={self.stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={_escape(str(log))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""

    def _revision(self) -> str:
        # Part of the section, so that the supervisor itself notices which programs have changed.
        digest = hashlib.sha256()
        for file in self.depends_on:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _quote(command: list[str]) -> str:
    return _escape(shlex.join(command))


def _escape(text: str) -> str:
    return text.replace("%", "%%")


class Supervisor:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._socket = home.runtime / "supervisor.sock"
        self._config = home.path / "supervisord.conf"
        self._log = home.logs / "supervisord.log"
        self._started_at = 0  # position in the log

    @property
    def _rpc(self):
        # Made anew for each call: a transport that has failed once fails for ever.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor

    def is_running(self) -> bool:
        try:
            return self._rpc.getState()["statename"] == "RUNNING"
        except (OSError, xmlrpc.client.Error):
            return False

    def states(self) -> dict[str, dict]:
        """What the supervisor knows of each program; empty when it does not run."""
        try:
            return {info["name"]: info for info in self._rpc.getAllProcessInfo()}
        except (OSError, xmlrpc.client.Error):
            return {}

    def configure(self, programs: Iterable[Program]) -> set[str]:
        """Starts the supervisor if need be, and returns the programs that it runs in another version than this one.
        Nothing is restarted yet; programs that are no more are stopped."""
        self._config.write_text(self._head() + "".join(program.section(self._home) for program in programs))
        if not self.is_running():
            self._launch()
        added, changed, removed = self._rpc.reloadConfig()[0]
        for name in added:
            self._rpc.addProcessGroup(name)
        for name in removed:
            self.stop([name])
            self._rpc.removeProcessGroup(name)
        return set(changed)

    def start(self, names: Iterable[str], changed: set[str]) -> None:
        """Starts what does not run and restarts what has changed, all at once; does not wait for them to be ready."""
        names = list(names)
        self._started_at = self._log.stat().st_size
        stale = [name for name in names if name in changed]
        self.stop(stale)
        for name in stale:
            self._rpc.removeProcessGroup(name)
            self._rpc.addProcessGroup(name)
        states = self.states()
        for name in names:
            if states[name]["statename"] not in RUNNING:
                self._rpc.startProcess(name, False)

    def stop(self, names: Iterable[str]) -> None:
        """Stops all at once and returns when they are gone."""
        states = self.states()
        stopping = [name for name in names if states.get(name, {}).get("statename") in RUNNING]
        for name in stopping:
            try:
                self._rpc.stopProcess(name, False)
            except xmlrpc.client.Fault:
                pass  # it has just ended by itself
        while any(self.states().get(name, {}).get("pid") for name in stopping):
            time.sleep(0.05)

    def check(self, names: Iterable[str]) -> None:
        """Raises Problem for a program that has crashed again and again since start()."""
        with open(self._log, errors="replace") as log:
            log.seek(self._started_at)
            events = log.read()
        for name in names:
            if events.count(f" exited: {name} (") >= CRASHES_TO_GIVE_UP:
                raise Problem(f"{name} starts and ends again", log=self._home.logs / f"{name}.log")

    def stop_unreachable(self) -> bool:
        """Stops a supervisor of this mesh that lives on without its socket, as after somebody has emptied /tmp. Returns
        whether there was one."""
        strays = [] if self.is_running() else self._processes()
        for pid in strays:
            os.kill(pid, signal.SIGTERM)
        while any(_is_alive(pid) for pid in strays):
            time.sleep(0.05)
        return bool(strays)

    def _processes(self) -> list[int]:
        """Supervisors that were started with this very configuration file, by this user."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (process / "cmdline").read_text().split("\0")
                ours = process.stat().st_uid == os.getuid()
            except OSError:
                continue  # it has ended
            if ours and str(VENV / "bin" / "supervisord") in arguments and str(self._config) in arguments:
                found.append(int(process.name))
        return found

    def shut_down(self) -> None:
        pid = self._rpc.getPID()
        self._rpc.shutdown()
        while _is_alive(pid):
            time.sleep(0.05)

    def _launch(self) -> None:
        self._socket.unlink(missing_ok=True)
        # Variables of a mesh that this shell works with have no business in the processes of this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PLAYMESH_")}
        subprocess.run(
            [str(VENV / "bin" / "supervisord"), "-c", str(self._config)],
            check=True, capture_output=True, start_new_session=True, env=environment,
        )
        for _ in range(100):
            if self.is_running():
                return
            time.sleep(0.05)
        raise Problem("the supervisor does not start", log=self._log)

    def _head(self) -> str:
        hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        open_files = OPEN_FILES if hard_limit == resource.RLIM_INFINITY else min(OPEN_FILES, hard_limit)
        user = "user=root\n" if os.getuid() == 0 else ""
        return f"""; Written by tools/up.
[unix_http_server]
file={self._socket}
chmod=0700

[supervisord]
logfile={_escape(str(self._log))}
pidfile={self._home.runtime}/supervisord.pid
childlogdir={_escape(str(self._home.logs))}
directory={_escape(str(self._home.path))}
minfds={open_files}
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{self._socket}
"""
