"""The groups of tests: what each runs, and where its results stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Sequence

import results
from mesh import services
from mesh.home import ROOT, VENV, node_path
from mesh.interrupts import undisturbed
from mesh.steps import Problem, Step, say
from results import Count, judged
from scratch_postgres import scratch_postgres

MESH_HOME = ROOT / "build" / "test-mesh"
TESTS = ROOT / "tests"
WEB = ROOT / "services" / "web"
BINARY_LIMIT_S = 900  # for one test binary, also under a sanitizer
STEP_LIMIT_S = 1800
SHOWN_LINES = 60
NOISE = re.compile(r"\s+(at |generatedMessage:|code: 'ERR_|actual:|expected:|operator:)|\s*$")

Reader = Callable[[str], Count]


@dataclass
class Run:
    """What was asked for, and what came of it so far."""

    preset: str
    logs: Path
    builds: bool
    home: Path | None  # of a mesh that runs already
    counts: dict[str, Count] = field(default_factory=dict)
    prepared: set[str] = field(default_factory=set)

    @property
    def build(self) -> Path:
        return ROOT / "build" / self.preset

    def step(self, name: str, command: Sequence[object], read: Reader, env: dict[str, str] | None = None) -> bool:
        """Runs a test program to its end, tells what it came to, and whether that is well."""
        log = self.logs / f"{name}.log"
        log.write_text("")
        limited = ["timeout", "--kill-after=30", str(STEP_LIMIT_S), *map(str, command)]
        succeeded = True
        try:
            with Step(name) as step:
                try:
                    step.run(limited, log, env=node_path() | (env or {}))
                except Problem:
                    succeeded = False
                count = judged(read(log.read_text(errors="replace")), succeeded)
                self.counts[name] = count
                step.note(str(count))
                if count.failed:
                    raise Problem(name)
        except Problem:
            _show(log)
            return False
        return True

    def prepare(self, name: str, *commands: Sequence[object], env: dict[str, str] | None = None) -> bool:
        """Runs what tests need, once. What fails is shown and counts as one failure."""
        if name in self.prepared:
            return True
        log = self.logs / f"{name}.log"
        log.write_text("")
        try:
            with Step(name) as step:
                for command in commands:
                    step.run([*map(str, command)], log, env=node_path() | (env or {}))
        except Problem:
            self.counts[name] = Count(failed=1)
            _show(log)
            return False
        self.prepared.add(name)
        return True


def unit(run: Run, _: list[str]) -> None:
    """All C++ tests, against a PostgreSQL of their own."""
    if run.builds and not _build_tests(run):
        return
    tested = run.build / "Testing" / "Temporary" / "LastTest.log"
    tested.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", run.build, "-j2", "--output-on-failure", "--timeout", BINARY_LIMIT_S]
    with scratch_postgres(run.logs / "postgres.log") as conninfo:
        env = {"PLAYMESH_TEST_POSTGRES": conninfo} | _sanitizers()
        run.step("unit", command, lambda _: results.of_ctest(_read(tested)), env)


def python(run: Run, _: list[str]) -> None:
    """The tools' own tests; tools/lint runs those of its checks."""
    discover = [VENV / "bin" / "python", "-m", "unittest", "discover", "-p", "*_test.py", "-s"]
    for name, folder in {"importer": "tools/import_games", "local-run": "tools/mesh", "results": "tools/test.d"}.items():
        run.step(name, [*discover, folder, "-t", "tools" if "." not in folder else folder], results.of_unittest)


def client(run: Run, _: list[str]) -> None:
    """The TypeScript client against a fake mesh, and what the tests against a real one are made of."""
    if not _build_client(run):
        return
    run.step("client", ["npm", "test", "--prefix", WEB], results.of_node)
    if run.prepare("types", ["npm", "run", "check", "--prefix", TESTS]):
        run.step("audit", _node_test("lib"), results.of_node)


def stripe(run: Run, _: list[str]) -> None:
    """Our requests and signatures, held against Stripe's own programs."""
    if run.builds and not _build(run, "payment", ["payment_test"]):
        return
    with scratch_postgres(run.logs / "postgres.log") as conninfo:
        env = {"PLAYMESH_TEST_POSTGRES": conninfo}
        run.step("stripe", [TESTS / "stripe" / "run", run.build / "bin" / "payment_test"], results.of_catch, env)


def mesh(run: Run, parts: list[str]) -> None:
    """Tests that need everything: a mesh of their own with PostgreSQL, Kafka and Envoy, which is gone afterwards."""
    if not _build_client(run):
        return
    home = run.home or MESH_HOME
    env = {"PLAYMESH_HOME": str(home), "PLAYMESH_BINARIES": str(run.build / "bin")}
    if run.home:
        return _in_mesh(run, parts, env)
    if run.builds and not _build(run, "services", services.found()):
        return
    down = [ROOT / "tools" / "down", "--delete"]
    up = [ROOT / "tools" / "up", "--detach", "--no-build", "--no-import", "--no-story", "--preset", run.preset]
    subprocess.run(down, env=os.environ | env, capture_output=True)  # what a run that was killed has left
    try:
        if run.prepare("mesh", up, env=env | _sanitizers()):
            _in_mesh(run, parts, env)
    finally:
        with undisturbed():
            kept = run.logs / "mesh"
            shutil.rmtree(kept, ignore_errors=True)
            if (home / "logs").exists():
                shutil.copytree(home / "logs", kept)
            run.prepare("mesh-down", down, env=env)


def _in_mesh(run: Run, parts: list[str], env: dict[str, str]) -> None:
    for part in parts:
        command, read = IN_MESH[part]
        run.step(part, command, read, env)


def _node_test(folder: str) -> list[object]:
    # One file at a time: they share the mesh, and faults are not for company.
    options = ["--import", "tsx", "--test", "--test-reporter=spec", "--test-concurrency=1"]
    return ["env", "--chdir", TESTS, "node", *options, *(f.relative_to(TESTS) for f in sorted((TESTS / folder).glob("*.test.ts")))]


# In this order: faults last, since a mesh that does not recover would fail all others.
IN_MESH: dict[str, tuple[list[object], Reader]] = {
    "story": ([ROOT / "tools" / "story", "--no-import"], results.of_steps),
    "import": ([VENV / "bin" / "python", "-m", "unittest", "import_games.twice"], results.of_unittest),
    "edge": (_node_test("edge"), results.of_node),
    "sweep": (_node_test("sweep"), results.of_node),
    "races": (_node_test("races"), results.of_node),
    "browser": (["npm", "run", "test:browser", "--prefix", WEB], results.of_node),
    "faults": (_node_test("faults"), results.of_node),
}

GROUPS: dict[str, Callable[[Run, list[str]], None]] = {
    "unit": unit,
    "python": python,
    "client": client,
    "stripe": stripe,
    "mesh": mesh,
}


def _build_tests(run: Run) -> bool:
    if not _build(run, "configure", []):
        return False
    listed = subprocess.run(["ctest", "--test-dir", run.build, "-N"], capture_output=True, text=True).stdout
    return _build(run, "build", re.findall(r"^  Test +#\d+: (\S+)", listed, re.MULTILINE))


def _build(run: Run, name: str, targets: list[str]) -> bool:
    configure = ["cmake", "-S", ROOT, "--preset", run.preset]
    build = [["cmake", "--build", run.build, "--target", *targets]] if targets else []
    return run.prepare(name, configure, *build)


def _build_client(run: Run) -> bool:
    # tools/story builds it when it is stale, and installs what it needs.
    return run.prepare("web", [ROOT / "tools" / "story", "--help"])


def _sanitizers() -> dict[str, str]:
    """Options for programs that were built with one; others take no notice."""
    suppressions = TESTS / "sanitizers" / "tsan.supp"
    return {
        "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": f"suppressions={suppressions}:second_deadlock_stack=1:history_size=4",
    }


def _read(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def _show(log: Path) -> None:
    """What a person wants to see of a failure: node's list of failed tests, or else the end."""
    lines = [line for line in _read(log).splitlines() if not NOISE.match(line)]
    start = next((at for at, line in enumerate(lines) if line.startswith("✖ failing tests")), max(0, len(lines) - SHOWN_LINES))
    for line in lines[start : start + SHOWN_LINES]:
        say(f"     | {line[:300]}")
    say(f"     All of it: {os.path.relpath(log)}")
