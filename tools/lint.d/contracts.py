"""Checks of the protos, and of the READMEs against them."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from files import NO_BASE, ROOT, Failed, Finding, Skipped, SourceFile, git, paths
from mesh.home import GOOGLEAPIS
from programs import run

BUF_FOLDER = Path(__file__).parent
PERMISSIONS = "services/identity/permissions.cc"

ACCESS = "[playmesh.options.v1.access]"
EVENT = "[playmesh.options.v1.event]"


@functools.cache
def _buf() -> str:
    """The program, installed as the lock file pins it."""
    if not (GOOGLEAPIS / "google/api/annotations.proto").exists():
        raise Failed("no google/api/annotations.proto in build/googleapis: run tools/setup")
    program = BUF_FOLDER / "node_modules/.bin/buf"
    if not program.exists():
        # Not `npm ci`, which wants entries in the lock file for platforms that a mirror may not carry.
        done = run(["npm", "install", "--no-save", "--loglevel=error"], cwd=BUF_FOLDER)
        if done.returncode != 0:
            raise Failed(f"npm cannot install buf: {done.stderr.strip()[-300:]}")
    return str(program)


def _buf_findings(output: str) -> list[Finding]:
    return [
        Finding(path, int(line), message)
        for path, line, message in re.findall(r"^(.+?):(\d+):\d+:(.+)$", output, re.MULTILINE)
    ]


def _buf_check(*arguments: str) -> list[Finding]:
    done = run([_buf(), *arguments])
    findings = _buf_findings(done.stdout)
    if done.returncode != 0 and not findings:
        return [Finding("protos", 0, (done.stderr or done.stdout).strip()[-600:])]
    return findings


def lint() -> list[Finding]:
    return _buf_check("lint")


def breaking(base: str) -> list[Finding]:
    """What a client that was built at `base` would stumble over."""
    if not base:
        raise Skipped(NO_BASE)
    if not git("ls-tree", base, "protos/"):
        raise Skipped("there are no earlier protos to compare with")
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", base, "protos"], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        shutil.copy(ROOT / "buf.yaml", folder)
        os.mkdir(f"{folder}/build")
        os.symlink(GOOGLEAPIS, f"{folder}/build/googleapis")
        return _buf_check("breaking", "--against", folder)


@functools.cache
def _proto_files() -> list[dict]:
    """The protos' descriptors, as JSON with the options in it."""
    done = run([_buf(), "build", "-o", "-#format=json"])
    if done.returncode != 0:
        raise Failed(f"the protos do not build: {done.stderr.strip()[-300:]}")
    return [file for file in json.loads(done.stdout)["file"] if file["name"].startswith("playmesh/")]


def check_access(files: list[dict]) -> list[Finding]:
    return [
        Finding(f"protos/{file['name']}", 0, f"{method['name']} does not say who may call it: add the option access")
        for file in files
        for service in file.get("service", [])
        for method in service.get("method", [])
        if not method.get("options", {}).get(ACCESS)
    ]


def access() -> list[Finding]:
    return check_access(_proto_files())


def check_permissions(files: list[dict], table: SourceFile) -> list[Finding]:
    """RPCs ask for permissions that some role has, and roles have those that some RPC asks for."""
    asked = {
        method["options"][ACCESS]["permission"]: (file["name"], method["name"])
        for file in files
        for service in file.get("service", [])
        for method in service.get("method", [])
        if "permission" in method.get("options", {}).get(ACCESS, {})
    }
    rows = list(re.finditer(r'\{\s*Role::\w+,\s*"([^"]+)"\s*\}', table.uncommented))
    if not rows:
        raise Failed(f"{table.path} has no rows {{Role::…, \"permission\"}} any more: mend this check")
    granted = [(row[1], table.line_of(row.start())) for row in rows]
    return [
        Finding(f"protos/{path}", 0, f"{rpc} asks for {permission}, which nobody has: give it to a role in {table.path}")
        for permission, (path, rpc) in sorted(asked.items())
        if permission not in dict(granted)
    ] + [
        Finding(table.path, line, f"no RPC asks for {permission}: take it out, or name who does: // lint:allow(permissions) reason")
        for permission, line in granted
        if permission not in asked and not table.allows("permissions", line)
    ]


def permissions() -> list[Finding]:
    # Protos without a service are for tests, whose callers have what they are given.
    files = [file for file in _proto_files() if file["package"].split(".")[1] in _services()]
    return check_permissions(files, SourceFile(PERMISSIONS, (ROOT / PERMISSIONS).read_text()))


def rpcs_and_events(files: list[dict]) -> dict[str, tuple[set[str], set[str]]]:
    """Of each service, by its noun."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for file in files:
        rpcs, events = found.setdefault(file["package"].split(".")[1], (set(), set()))
        rpcs |= {method["name"] for service in file.get("service", []) for method in service.get("method", [])}
        events |= {message["name"] for message in file.get("messageType", []) if message.get("options", {}).get(EVENT)}
    return found


def table_rows(markdown: str) -> list[tuple[list[str], list[str]]]:
    """(header cells, cells) of every row of every table."""
    rows, header = [], None
    lines = markdown.splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.lstrip().startswith("|"):
            header = None
        elif header is None and re.fullmatch(r"\|?[\s:|-]+\|?", following):
            header = cells
        elif header is not None and not re.fullmatch(r"[\s:|-]+", line):
            rows.append((header, cells))
    return rows


def _names(cell: str) -> list[str]:
    """CamelCase names in a cell: `GetGame`, ListGames."""
    return re.findall(r"(?<![\w/(])[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*\b(?!\.)", cell)


def check_service_readme(path: str, text: str, service: str, contracts: dict[str, tuple[set[str], set[str]]]) -> list[Finding]:
    """Tables of RPCs and events name exactly those of the proto; events of others are those that it consumes."""
    rpcs, events = contracts[service]
    all_events = set().union(*(of_service[1] for of_service in contracts.values()))
    named_rpcs, named_events = set(), set()
    for header, cells in table_rows(text):
        if re.search(r"\b(rpc|call)s?\b", header[0], re.IGNORECASE):
            named_rpcs |= set(_names(cells[0]))
        elif re.search(r"\b(event|publishe|consume)s?\b", header[0], re.IGNORECASE):
            named_events |= set(_names(cells[0]))
    missing = sorted((rpcs - named_rpcs) | (events - named_events))
    unknown = sorted((named_rpcs - rpcs) | (named_events - all_events))
    return [Finding(path, 0, f"add {name} to its table (header RPC or Event)") for name in missing] + [
        Finding(path, 0, f"{name} is in a table, but not in the proto") for name in unknown
    ]


def check_services_table(text: str, contracts: dict[str, tuple[set[str], set[str]]]) -> list[Finding]:
    """Of each service a row with its events, all unless the cell ends with …, and with the services whose events it consumes."""
    named, findings = set(), []
    for header, cells in table_rows(text):
        columns = dict(zip([re.sub(r"\W", "", name).lower() for name in header], cells))
        service = re.search(r"\w+", columns.get("service", ""))
        if not service:
            continue
        named.add(service[0])
        if service[0] in contracts and "publishes" in columns:
            findings += _check_publishes(service[0], columns["publishes"], contracts[service[0]][1])
        findings += [
            Finding("README.md", 0, f"{service[0]} consumes events of {word}, says the table of services, but there is no such service")
            for word in re.findall(r"\w+", columns.get("consumes", ""))
            if word not in contracts
        ]
    services = set(contracts)
    return findings + [Finding("README.md", 0, f"add {name} to the table of services") for name in sorted(services - named)] + [
        Finding("README.md", 0, f"the table of services names {name}, but there is no services/{name}")
        for name in sorted(named - services)
    ]


def _check_publishes(service: str, cell: str, events: set[str]) -> list[Finding]:
    published = set(_names(cell))
    missing = set() if "…" in cell else events - published
    return [
        Finding("README.md", 0, f"the table of services says that {service} publishes {name}, but its proto has no such event")
        for name in sorted(published - events)
    ] + [
        Finding("README.md", 0, f"add {name} to what {service} publishes, or end that cell with …") for name in sorted(missing)
    ]


def _services() -> set[str]:
    return {path.split("/")[1] for path in paths() if re.fullmatch(r"services/\w+/main\.cc", path)}


def readmes() -> list[Finding]:
    contracts = rpcs_and_events(_proto_files())
    findings = []
    for service in sorted(_services() & set(contracts)):
        path = f"services/{service}/README.md"
        if (ROOT / path).exists():
            findings += check_service_readme(path, (ROOT / path).read_text(), service, contracts)
        else:
            findings.append(Finding(path, 0, "write it: what the service owns, its RPCs and events in tables, its invariants"))
    return findings


def services_table() -> list[Finding]:
    if not (ROOT / "README.md").exists():
        return [Finding("README.md", 0, "write it, with a table of services")]
    of_protos = rpcs_and_events(_proto_files())
    contracts = {service: of_protos.get(service, (set(), set())) for service in _services()}
    return check_services_table((ROOT / "README.md").read_text(), contracts)
