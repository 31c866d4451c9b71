"""The services of the tree, and the environment that each of them is started with."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from mesh import credentials
from mesh.home import ROOT, Home
from mesh.kafka import Kafka
from mesh.postgres import Postgres
from mesh.supervisor import Program

RUN = Path(__file__).with_name("run")
# A service drains for up to 30 s.
STOP_S = 35


def found() -> list[str]:
    """Every folder in services/ that has a main."""
    return sorted(main.parent.name for main in (ROOT / "services").glob("*/main.cc"))


@dataclass(frozen=True)
class Mesh:
    """What the services are told about each other and about the parts around them."""

    home: Home
    services: list[str]
    ports: dict[str, int]
    postgres: Postgres
    kafka: Kafka
    binaries: Path

    @property
    def edge_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['edge']}"

    @property
    def mail_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['mail_http']}"

    def address(self, service: str) -> str:
        return f"127.0.0.1:{self.ports[service]}"

    def binary(self, service: str) -> Path:
        return self.binaries / service

    def environment_file(self, service: str) -> Path:
        return self.home.path / "services" / f"{service}.env"


def port_names(services: list[str]) -> list[str]:
    own = ["edge", "edge_admin", "kafka", "kafka_controller", "smtp", "mail_http"]
    return own + [name for service in services for name in (service, f"{service}_metrics")]


def special_variables(mesh: Mesh) -> dict[str, dict[str, str]]:
    """What single services need beyond what all get."""
    return {
        "identity": {
            "PLAYMESH_SIGNING_KEYS_FILE": _secret(mesh.home, "identity/signing-keys.json", _signing_keys),
        },
        "notification": {
            "PLAYMESH_SMTP_URL": f"smtp://127.0.0.1:{mesh.ports['smtp']}",
            "PLAYMESH_MAIL_FROM": "Playmesh <no-reply@playmesh.example>",
        },
        "payment": {
            "PLAYMESH_PAYMENT_PROVIDER": "sandbox",
            "PLAYMESH_SANDBOX_WEBHOOK_SECRET_FILE": _secret(
                mesh.home, "payment/sandbox-webhook-secret", credentials.password
            ),
        },
    }


def program(mesh: Mesh, service: str) -> Program:
    environment = mesh.environment_file(service)
    key = mesh.home.secrets / service / "key.json"
    return Program(
        service,
        [str(RUN), str(environment), str(mesh.binary(service))],
        depends_on=(environment, mesh.binary(service), key, _public_keys(mesh.home)),
        stop_seconds=STOP_S,
    )


def write_environments(mesh: Mesh) -> None:
    """Makes what is missing of keys and passwords, and writes services/<service>.env. A person's own variables for all
    services stand in extra.env."""
    keys = [_service_key(mesh.home, service).read_text() for service in mesh.services]
    credentials.write(_public_keys(mesh.home), credentials.public_jwks(keys))
    special = special_variables(mesh)
    extra_file = mesh.home.path / "extra.env"
    extra = extra_file.read_text() if extra_file.exists() else ""
    for service in mesh.services:
        variables = _variables(mesh, service) | special.get(service, {})
        mesh.environment_file(service).write_text(shell_variables(variables) + extra)


def shell_variables(variables: dict[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def _variables(mesh: Mesh, service: str) -> dict[str, str]:
    addresses = {f"PLAYMESH_{other.upper()}_ADDR": mesh.address(other) for other in mesh.services if other != service}
    return {
        "PLAYMESH_LISTEN": mesh.address(service),
        "PLAYMESH_METRICS_LISTEN": mesh.address(f"{service}_metrics"),
        "PLAYMESH_DATABASE": mesh.postgres.conninfo_of(service),
        "PLAYMESH_KAFKA": mesh.kafka.address,
        "PLAYMESH_ISSUER": mesh.edge_url,
        "PLAYMESH_LOG_FORMAT": "json",
        "PLAYMESH_SERVICE_KEY_FILE": str(_service_key(mesh.home, service)),
        "PLAYMESH_SERVICE_KEYS_FILE": str(_public_keys(mesh.home)),
    } | addresses


def _service_key(home: Home, service: str) -> Path:
    """With which a service proves to the others who it is."""
    file = home.secrets / service / "key.json"
    credentials.keep(file, lambda: credentials.private_jwk(service))
    return file


def _public_keys(home: Home) -> Path:
    return home.secrets / "service-keys.json"


def _signing_keys() -> str:
    return '{"keys": [' + credentials.private_jwk() + "]}"


def _secret(home: Home, name: str, make) -> str:
    credentials.keep(home.secrets / name, make)
    return str(home.secrets / name)
