"""The steps from a built tree to a healthy mesh. Each may be done again: what is there and unchanged is left alone."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

from mesh import credentials, health, services
from mesh.contracts import compile_protos, read_rpcs
from mesh.edge import Edge, render
from mesh.home import VENV, Home
from mesh.kafka import Kafka
from mesh.ports import Ports
from mesh.postgres import Postgres
from mesh.services import Mesh
from mesh.steps import Problem, Step, say
from mesh.supervisor import Program, Supervisor

READY_S = 60
MIGRATIONS_AT_ONCE = 4
INFRASTRUCTURE = ["postgres", "kafka", "mail"]


def start(home: Home, supervisor: Supervisor, binaries: Path) -> Mesh:
    """Runs `binaries`, in a home that is prepared. Raises Problem."""
    log = home.logs / "up.log"
    names = services.found()
    _require_binaries(names, binaries)
    if supervisor.stop_unreachable():
        say("   An older run had lost its sockets, and was stopped.")
    mesh = _describe(home, supervisor, names, binaries)
    with Step("configure") as step:
        services.write_environments(mesh)
        changed = supervisor.configure([
            mesh.postgres.prepare(step, log),
            mesh.kafka.prepare(step, log),
            _mail(mesh),
            _edge(mesh),
            *(services.program(mesh, name) for name in names),
        ])
        step.note(f"changed: {', '.join(sorted(changed))}" if changed else "")
    supervisor.start(INFRASTRUCTURE, changed)
    with Step("postgres"):
        mesh.postgres.wait_until_ready()
        mesh.postgres.create_databases(names)
    with Step("kafka"):
        mesh.kafka.wait_until_ready()
        mesh.kafka.create_topics(names)
    # A new binary refuses an old schema, while an old one works on with the new schema: migrate first.
    with Step("migrate") as step:
        _migrate(mesh, step)
    with Step("services") as step:
        supervisor.start([*names, "edge"], changed)
        _wait_for_services(mesh, supervisor, step)
        step.note(f"{len(names)} healthy: {', '.join(names)}")
    with Step("edge"):
        _wait_for_edge(mesh, supervisor)
    _write_env(mesh)
    return mesh


def _require_binaries(names: list[str], binaries: Path) -> None:
    if missing := [name for name in names if not (binaries / name).exists()]:
        raise Problem(f"not built: {', '.join(missing)}", "Run tools/up without --no-build.")


def _describe(home: Home, supervisor: Supervisor, names: list[str], binaries: Path) -> Mesh:
    running = {name for name, info in supervisor.states().items() if info["pid"]}
    kept = Ports(home)
    ports = kept.settle(services.port_names(names), lambda port: _owner(port) in running)
    if kept.moved:
        say(f"   On new ports, since others hold the old ones: {', '.join(kept.moved)}")
    return Mesh(
        home=home, services=names, ports=ports, binaries=binaries,
        postgres=Postgres(home), kafka=Kafka(home, ports["kafka"], ports["kafka_controller"]),
    )


def _owner(port_name: str) -> str:
    """The program that listens on a port of this name."""
    others = {"smtp": "mail", "mail_http": "mail", "edge_admin": "edge", "kafka_controller": "kafka"}
    return others.get(port_name, port_name.removesuffix("_metrics"))


def _mail(mesh: Mesh) -> Program:
    source = Path(__file__).with_name("mail.py")
    command = ["setpriv", "--pdeathsig", "TERM", "--", "env", f"PYTHONPATH={source.parents[1]}",
               str(VENV / "bin" / "python"), "-P", "-m", "mesh.mail", str(mesh.ports["smtp"]), str(mesh.ports["mail_http"])]
    return Program("mail", command, depends_on=(source,))


def _edge(mesh: Mesh) -> Program:
    folder = mesh.home.path / "edge"
    folder.mkdir(exist_ok=True)
    descriptors = folder / "playmesh.descriptors.pb"
    compile_protos(descriptors)
    config = folder / "envoy.yaml"
    config.write_text(render(Edge(
        listen=f"127.0.0.1:{mesh.ports['edge']}",
        admin=f"127.0.0.1:{mesh.ports['edge_admin']}",
        issuer=mesh.edge_url,
        descriptors=str(descriptors),
        upstreams={name: mesh.address(name) for name in mesh.services},
        cors_origins=tuple(os.environ.get("PLAYMESH_CORS_ORIGINS", "").split()),
        # Tests sign in as many people from one address.
        credentials_per_minute=int(os.environ.get("PLAYMESH_CREDENTIALS_PER_MINUTE", "60000")),
    ), read_rpcs(descriptors)))
    command = ["setpriv", "--pdeathsig", "TERM", "--", str(VENV / "bin" / "envoy"), "-c", str(config),
               "--disable-hot-restart", "--concurrency", str(min(4, os.cpu_count() or 1)), "--log-level", "warning",
               "--file-flush-interval-msec", "500"]
    return Program("edge", command, depends_on=(config, descriptors), stop_seconds=5)


def _migrate(mesh: Mesh, step: Step) -> None:
    def migrate(service: str) -> None:
        command = [str(services.RUN), str(mesh.environment_file(service)), str(mesh.binary(service)), "--migrate"]
        step.run(command, mesh.home.logs / f"{service}.log", f"Its SQL is in services/{service}/migrations.")

    with ThreadPoolExecutor(MIGRATIONS_AT_ONCE) as pool:
        list(pool.map(migrate, mesh.services))


def _wait_for_services(mesh: Mesh, supervisor: Supervisor, step: Step) -> None:
    waiting = list(mesh.services)

    def ready() -> bool:
        waiting[:] = [name for name in waiting if not health.is_serving(mesh.address(name))]
        step.note(f"{len(mesh.services) - len(waiting)} of {len(mesh.services)} healthy, waiting for {', '.join(waiting)}")
        return not waiting

    _wait(ready, supervisor, mesh.services, lambda: waiting, mesh.home)


def _wait_for_edge(mesh: Mesh, supervisor: Supervisor) -> None:
    admin = f"127.0.0.1:{mesh.ports['edge_admin']}"

    def ready() -> bool:
        return not health.unready_upstreams(admin) and ("identity" not in mesh.services or health.has_token_keys(admin))

    _wait(ready, supervisor, ["edge", "mail"], lambda: ["edge", *health.unready_upstreams(admin)], mesh.home)


def _wait(
    ready: Callable[[], bool], supervisor: Supervisor, names: list[str], missing: Callable[[], list[str]], home: Home
) -> None:
    deadline = time.monotonic() + READY_S
    while not ready():
        supervisor.check(names)
        if time.monotonic() > deadline:
            late = missing()
            raise Problem(f"not healthy after {READY_S} s: {', '.join(late)}", log=home.logs / f"{late[0]}.log")
        time.sleep(0.1)


def _write_env(mesh: Mesh) -> None:
    addresses = {f"PLAYMESH_{name.upper()}_ADDR": mesh.address(name) for name in mesh.services}
    metrics = {f"PLAYMESH_{name.upper()}_METRICS": mesh.address(f"{name}_metrics") for name in mesh.services}
    credentials.write(mesh.home.env_file, services.shell_variables({
        "PLAYMESH_EDGE_URL": mesh.edge_url,
        "PLAYMESH_EDGE_ADMIN_URL": f"http://127.0.0.1:{mesh.ports['edge_admin']}",
        "PLAYMESH_KAFKA": mesh.kafka.address,
        "PLAYMESH_POSTGRES": mesh.postgres.conninfo,
        "PLAYMESH_MAIL_URL": mesh.mail_url,
    } | addresses | metrics))
