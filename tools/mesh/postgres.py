"""A private PostgreSQL: reached by its socket only, with a database and a role for each service."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from mesh import credentials
from mesh.home import Home
from mesh.steps import Problem, Step
from mesh.supervisor import Program

# The port only names the socket's file, since nothing listens on TCP.
PORT = 5432
READY_S = 60

# Small, for a machine that compiles beside it. Connections: 15 services in two replicas with pools of 8, and some more.
CONFIG = """
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket}'
max_connections = 300
shared_buffers = 128MB
max_wal_size = 512MB
wal_level = minimal
max_wal_senders = 0
max_parallel_workers_per_gather = 0
jit = off
autovacuum_naptime = 15s
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 500ms
"""

# The person who runs the mesh is its superuser; a service gets into the database of its own name, with its password.
ACCESS = """
local all postgres peer map=mesh
local sameuser all scram-sha-256
"""


class Postgres:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        self.socket = home.runtime / "postgresql"
        self.conninfo = f"host={self.socket} port={PORT} user=postgres dbname=postgres"

    def prepare(self, step: Step, log: Path) -> Program:
        """Makes the cluster, if there is none yet, and writes its configuration."""
        self.socket.mkdir(mode=0o755, exist_ok=True)
        folder = self._folder()
        if self._as_postgres:
            shutil.chown(self.socket, "postgres", "postgres")
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        if not data.exists():
            self._make_cluster(folder, data, step, log)
        config = data / "playmesh.conf"
        config.write_text(CONFIG.format(port=PORT, socket=self.socket))
        (data / "pg_hba.conf").write_text(ACCESS)
        me = pwd.getpwuid(os.getuid()).pw_name
        (data / "pg_ident.conf").write_text(f"mesh {me} postgres\nmesh postgres postgres\n")
        return Program(
            "postgres",
            ["setpriv", *self._as_postgres[1:], "--pdeathsig", "INT", "--", str(_binaries() / "postgres"), "-D", str(data),
             "-c", f"config_file={config}"],
            depends_on=(config, data / "pg_hba.conf", data / "pg_ident.conf"),
            stop_signal="INT",  # ends sessions; TERM would wait for clients to leave
            directory=data,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while subprocess.run([_binaries() / "pg_isready", "-q", "-h", self.socket, "-p", str(PORT)]).returncode:
            if time.monotonic() > deadline:
                raise Problem(f"PostgreSQL is not ready after {READY_S} s", log=self._home.logs / "postgres.log")
            time.sleep(0.1)

    def create_databases(self, services: list[str]) -> None:
        """A role and a database for each service; what is there stays, but for the password."""
        sql = "".join(
            f"""
            select 'create role {service} login' where not exists (select from pg_roles where rolname = '{service}')\\gexec
            alter role {service} password '{self._password(service)}';
            select 'create database {service} owner {service}'
             where not exists (select from pg_database where datname = '{service}')\\gexec
            revoke connect, temporary on database {service} from public;
            """
            for service in services
        )
        done = subprocess.run(
            ["psql", self.conninfo, "-qX", "-v", "ON_ERROR_STOP=1"],
            input="set client_min_messages = warning;" + sql, capture_output=True, text=True,
        )
        if done.returncode:
            raise Problem(f"cannot create the databases: {done.stderr.strip()}", log=self._home.logs / "postgres.log")

    def conninfo_of(self, service: str) -> str:
        passfile = shlex.quote(str(self._passfile(service)))  # libpq's quoting is the shell's, but for quotes themselves
        return f"host={self.socket} port={PORT} dbname={service} user={service} passfile={passfile}"

    def _password(self, service: str) -> str:
        return self._passfile(service).read_text().strip().rsplit(":", 1)[1]

    def _passfile(self, service: str) -> Path:
        file = self._home.secrets / service / "pgpass"
        credentials.keep(file, lambda: f"*:*:{service}:{service}:{credentials.password()}\n")
        return file

    def _folder(self) -> Path:
        folder = self._home.path / "postgres"
        if not folder.exists() and self._as_postgres and not self._reaches(self._home.path):
            # A checkout below /root, say: PostgreSQL refuses to run as root, and nobody else gets in there.
            elsewhere = Path(f"/var/lib/playmesh/{self._home.id}")
            elsewhere.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(elsewhere)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder.resolve()

    def _reaches(self, path: Path) -> bool:
        return subprocess.run([*self._as_postgres, "test", "-x", path]).returncode == 0

    def _make_cluster(self, folder: Path, data: Path, step: Step, log: Path) -> None:
        unfinished = folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [*self._as_postgres, str(_binaries() / "initdb"), "-D", str(unfinished), "-U", "postgres",
                   "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
                   "--auth-local=peer", "--auth-host=reject"]
        step.run(command, log, "Is there space on the disk? df -h")
        unfinished.rename(data)


def delete(home: Home) -> None:
    folder = home.path / "postgres"
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)


def _binaries() -> Path:
    return Path("/usr/lib/postgresql/15/bin")
