"""What is compared with what. The first variant of a comparison is ours, the second what it is held against."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator

from mesh.home import ROOT, Home
from mesh.kafka import Kafka
from mesh.ports import Ports
from mesh.postgres import Postgres
from mesh.steps import Problem, Step
from mesh.stop import stop
from mesh.supervisor import Supervisor

BINARIES = ROOT / "build" / "release" / "bin"
ROUND_S = 2
EVENTS = 100_000
TOPIC = "playmesh.bench.v1"


@dataclass(frozen=True)
class Sample:
    rate: float  # for each second
    cpu_us: float | None = None  # of the process under test, for each call


@dataclass(frozen=True)
class Comparison:
    name: str
    goal: float
    variants: dict[str, Callable[[], Sample]]


@contextmanager
def rpc() -> Iterator[list[Comparison]]:
    """A no-op call through the adapter, against an echo of the same process model without it."""
    servers = {}
    for variant in ("adapter", "bare"):
        command = [BINARIES / "rpc_bench", "serve", variant]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        servers[variant] = (server, int(server.stdout.readline()))
    try:
        yield [
            Comparison(f"rpc, {in_flight} in flight", 0.8, {
                variant: lambda server=server, port=port, in_flight=in_flight: _load(server.pid, port, in_flight)
                for variant, (server, port) in servers.items()
            })
            for in_flight in (1, 16, 256)
        ]
    finally:
        for server, _ in servers.values():
            server.stdin.close()
            server.wait()


def _load(pid: int, port: int, in_flight: int) -> Sample:
    before = _cpu_seconds(pid)
    answer = _run([BINARIES / "rpc_bench", "load", str(port), str(in_flight), str(ROUND_S)])
    if answer["failed"]:
        raise Problem(f"{answer['failed']} calls failed")
    return Sample(answer["calls"] / answer["seconds"], (_cpu_seconds(pid) - before) / answer["calls"] * 1e6)


@contextmanager
def outbox() -> Iterator[list[Comparison]]:
    """Draining the outbox to Kafka, against the same statements with nowhere to send to."""
    home = Home(ROOT / "build" / "bench")
    home.prepare()
    supervisor = Supervisor(home)
    postgres = Postgres(home)
    ports = Ports(home).settle(["kafka", "kafka_controller"], lambda name: False)
    kafka = Kafka(home, ports["kafka"], ports["kafka_controller"])
    try:
        with Step("parts") as step:
            log = home.logs / "bench.log"
            changed = supervisor.configure([postgres.prepare(step, log), kafka.prepare(step, log)])
            supervisor.start(["postgres", "kafka"], changed)
            postgres.wait_until_ready()
            kafka.wait_until_ready()
            kafka.create_topics(["bench"])
        yield [
            Comparison("outbox drain", 0.5, {
                where: lambda where=where: _drain(postgres, kafka, where) for where in ("kafka", "nowhere")
            })
        ]
    finally:
        stop(home)


def _drain(postgres: Postgres, kafka: Kafka, where: str) -> Sample:
    """One drain of a fresh database, so that no round finds what another has left."""
    for sql in ("drop database if exists bench", "create database bench"):
        subprocess.run(["psql", postgres.conninfo, "-qXc", sql], check=True, stderr=subprocess.DEVNULL)
    conninfo = postgres.conninfo.replace("dbname=postgres", "dbname=bench")
    answer = _run([BINARIES / "outbox_bench", conninfo, kafka.address, TOPIC, where, str(EVENTS)])
    return Sample(answer["events"] / answer["seconds"])


def _run(command: list) -> dict:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        raise Problem(f"{command[0].name} failed: {done.stderr.strip()}{done.stdout.strip()}")
    return json.loads(done.stdout)


def _cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


ALL = {"rpc": rpc, "outbox": outbox}
