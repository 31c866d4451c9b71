"""Checks that other programs make: formatters, compilers and linters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterable

from files import ROOT, Finding, Skipped, changed_paths, paths, source_files
from mesh.home import node_path

CLANG_FORMAT = "clang-format-19"
CLANG_TIDY = "clang-tidy-19"
COMPILE_COMMANDS = ROOT / "build/release/compile_commands.json"
TIDY_BUDGET_S = 1200  # enough for all files on two cores; a limit, so that a lint ends
FILES_PER_PROCESS = 8

# Catch2's REQUIRE(a == b) parses as a comparison of comparisons; and how fast a test fills its vectors matters to nobody.
_TIDY_CHECKS_OF_TESTS = (
    "-bugprone-chained-comparison,-bugprone-unchecked-optional-access,-performance-inefficient-vector-operation"
)


def run(command: list[str], cwd: Path = ROOT, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Raises Skipped when the program is not installed."""
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=node_path() | (variables or {}))
    except FileNotFoundError as error:
        raise Skipped(f"{command[0]} is not installed; tools/setup installs it") from error


def _in_parallel(function, items: Iterable) -> list:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def _cpp_files() -> list[str]:
    return [path for path in paths() if path.endswith((".cc", ".h"))]


def _chunks(items: list[str]) -> list[list[str]]:
    return [items[at : at + FILES_PER_PROCESS] for at in range(0, len(items), FILES_PER_PROCESS)]


def clang_format() -> list[Finding]:
    done = _in_parallel(
        lambda chunk: run([CLANG_FORMAT, "--dry-run", "-Werror", "--ferror-limit=1", *chunk]), _chunks(_cpp_files())
    )
    places = re.findall(r"^(.+?):(\d+):\d+: error: ", "".join(process.stderr for process in done), re.MULTILINE)
    return [Finding(path, int(line), "not formatted; run tools/lint --fix") for path, line in dict(reversed(places)).items()]


def format_in_place() -> None:
    _in_parallel(lambda chunk: run([CLANG_FORMAT, "-i", *chunk]), _chunks(_cpp_files()))


def clang_tidy(base: str, everything: bool) -> list[Finding]:
    """Of the files that differ from `base`, or of all. One that it cannot read is a finding too."""
    if not COMPILE_COMMANDS.exists():
        raise Skipped("no build/release/compile_commands.json; run cmake --preset release")
    compiled = {
        os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT): entry
        for entry in json.loads(COMPILE_COMMANDS.read_text())
    }
    wanted = paths() if everything else changed_paths(base)
    # A header is read with the source beside it.
    sources = sorted({re.sub(r"\.h$", ".cc", path) for path in wanted if path.endswith((".cc", ".h"))} & set(compiled))
    deadline = time.monotonic() + TIDY_BUDGET_S

    def look_at(source: str) -> list[Finding]:
        if not everything and time.monotonic() > deadline:
            return [Finding(source, 0, f"not read within {TIDY_BUDGET_S} s; tools/lint --all tidy takes its time")]
        of_tests = [f"--checks={_TIDY_CHECKS_OF_TESTS}"] if source.endswith("_test.cc") else []
        return tidy_findings(source, run([CLANG_TIDY, "--quiet", "-p", str(COMPILE_COMMANDS.parent), *of_tests, source]))

    # Several sources find the same in a header.
    findings = {finding for of_source in _in_parallel(look_at, sources) for finding in of_source}
    if any(re.search(r"'[^']+\.(?:pb|playmesh)\.h' file not found", finding.message) for finding in findings):
        raise Skipped("generated headers are missing; run cmake --build --preset release")
    return sorted(findings, key=lambda finding: (finding.path, finding.line))


def tidy_findings(source: str, done: subprocess.CompletedProcess) -> list[Finding]:
    places = re.findall(r"^(.+?):(\d+):\d+: (?:error|warning): (.+)$", done.stdout, re.MULTILINE)
    if done.returncode and not places:
        return [Finding(source, 0, f"clang-tidy ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")]
    return [
        Finding(os.path.relpath(path, ROOT), int(line), message.replace(",-warnings-as-errors", ""))
        for path, line, message in places
    ]


def shellcheck() -> list[Finding]:
    scripts = [file.path for file in source_files() if re.match(r"#!.*\b(?:ba|da)?sh\b", file.text)]
    if not scripts:
        return []
    # Files that are sourced may exist only while a mesh runs (SC1090, SC1091).
    done = run(["shellcheck", "--exclude=SC1090,SC1091", "--format=gcc", *scripts])
    return [
        Finding(path, int(line), message)
        for path, line, message in re.findall(r"^(.+?):(\d+):\d+: \w+: (.+)$", done.stdout, re.MULTILINE)
    ]


def typescript() -> list[Finding]:
    """The web folder's own script: `lint` when it has one, else `check` (tsc)."""
    folder = ROOT / "services/web"
    manifest = folder / "package.json"
    scripts = json.loads(manifest.read_text()).get("scripts", {}) if manifest.exists() else {}
    script = next((name for name in ("lint", "check") if name in scripts), None)
    if script is None:
        raise Skipped("services/web has no script lint or check")
    if not (folder / "node_modules").exists():
        raise Skipped("services/web/node_modules is missing; run npm ci there")
    done = run(["npm", "run", "--silent", script], cwd=folder)
    if done.returncode == 0:
        return []
    places = re.findall(r"^(\S+?)\((\d+),\d+\): error (.+)$", done.stdout, re.MULTILINE)
    if places:
        return [Finding(f"services/web/…/{path}", int(line), message) for path, line, message in places]
    return [Finding("services/web", 0, f"npm run {script} failed: {(done.stdout + done.stderr).strip()[-600:]}")]


def own_tests() -> list[Finding]:
    """The tests of the checks."""
    folder = Path(__file__).parent
    tests = ["-m", "unittest", "discover", "-s", str(folder), "-p", "*_test.py"]
    done = run([sys.executable, *tests], variables={"PYTHONPATH": str(ROOT / "tools")})
    return [] if done.returncode == 0 else [Finding("tools/lint.d", 0, done.stderr.strip()[-2000:])]
