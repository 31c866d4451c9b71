"""tools/test: builds, runs the groups of tests that were asked for, and sums up."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Iterable

from alone import alone
from groups import GROUPS, IN_MESH, MESH_HOME, Run
from mesh.home import ROOT
from mesh.interrupts import stop_on_signals
from mesh.steps import Problem, in_words, say
from results import Count

# Those of the mesh are about the mesh as it is released; under a sanitizer they would mostly wait.
SANITIZED = ("unit",)
# Of a shell that works with some mesh (`. .playmesh/env`), what tests may see. The addresses would lead them to that mesh.
KEPT_VARIABLES = ("PLAYMESH_TEST_", "PLAYMESH_HOME")


def main() -> int:
    options = _parse()
    stop_on_signals()
    for name in unwanted(os.environ):
        del os.environ[name]
    run = Run(
        preset=options.preset,
        logs=ROOT / "build" / "test-logs" / options.preset,
        builds=not options.no_build,
        home=Path(options.mesh).absolute() if options.mesh else None,
    )
    os.chdir(ROOT)  # only now: the mesh's folder was named from where the caller stands
    run.logs.mkdir(parents=True, exist_ok=True)
    interrupted = False
    try:
        for name in _chosen(options):
            # What a group writes: its logs, and the mesh of all presets.
            lock = MESH_HOME.with_suffix(".lock") if name == "mesh" else run.logs / f"{name}.lock"
            with alone(name, lock):
                _run_group(run, name, [group for group in IN_MESH if group in options.groups] or list(IN_MESH))
    except KeyboardInterrupt:
        interrupted = True
        say("\nInterrupted; what was not run is not counted.")
    total = sum(run.counts.values(), Count())
    say(f"\n{total}")
    return 130 if interrupted else int(total.failed > 0 or total.passed == 0)


def unwanted(variables: Iterable[str]) -> list[str]:
    return [name for name in variables if name.startswith("PLAYMESH_") and not name.startswith(KEPT_VARIABLES)]


def _run_group(run: Run, name: str, parts: list[str]) -> None:
    try:
        GROUPS[name](run, parts)
    except Problem as problem:
        problem.show()
        run.counts[name] = Count(failed=1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/test", description="Builds and runs all tests, or those of some groups.",
        epilog=f"Groups: {', '.join(GROUPS)}. Parts of mesh, each also by itself: {', '.join(IN_MESH)}. "
               "With a sanitizer's preset, unit unless others are named.",
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="which groups; all without")
    parser.add_argument("--preset", default="release", help="which build (CMakePresets.json): release, asan, tsan")
    parser.add_argument("--no-build", action="store_true", help="take the binaries that are there")
    parser.add_argument("--mesh", metavar="HOME", help="use the running mesh of this folder, such as .playmesh")
    options = parser.parse_args()
    if unknown := [name for name in options.groups if name not in GROUPS and name not in IN_MESH]:
        parser.error(f"no group {', '.join(unknown)}")
    return options


def _chosen(options: argparse.Namespace) -> list[str]:
    asked = set(options.groups) or set(GROUPS if options.preset == "release" else SANITIZED)
    return [name for name in GROUPS if name in asked or name == "mesh" and asked & set(IN_MESH)]


if __name__ == "__main__":
    sys.exit(in_words(main))
