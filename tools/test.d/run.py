"""tools/test: builds, runs the groups of tests that were asked for, and sums up."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from groups import GROUPS, IN_MESH, Run
from mesh.home import ROOT
from mesh.steps import say
from results import Count

# Those of the mesh are about the mesh as it is released; under a sanitizer they would mostly wait.
SANITIZED = ("unit",)


def main() -> int:
    options = _parse()
    signal.signal(signal.SIGTERM, _interrupt)
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
            GROUPS[name](run, [group for group in IN_MESH if group in options.groups] or list(IN_MESH))
    except KeyboardInterrupt:
        interrupted = True
        say("\nInterrupted; what was not run is not counted.")
    total = sum(run.counts.values(), Count())
    say(f"\n{total}")
    return 130 if interrupted else int(total.failed > 0 or total.passed == 0)


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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
