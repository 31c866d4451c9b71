"""tools/up: builds and starts the whole mesh, and stays with it until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

from mesh import services
from mesh.home import ROOT, Home, node_path
from mesh.interrupts import stop_on_signals
from mesh.services import Mesh
from mesh.start import start
from mesh.steps import Problem, Step, in_words, say
from mesh.stop import stop
from mesh.supervisor import Supervisor


def main() -> int:
    options = _parse()
    home = Home.from_environment()
    supervisor = Supervisor(home)
    stop_on_signals()
    with home.lock():
        was_running = supervisor.is_running()
        stays = not (options.detach or was_running)
        if was_running:
            say(f"The mesh in {home.path} is running; applying what has changed.")
        try:
            mesh = _build_and_start(home, supervisor, options)
            filled = _fill(mesh, options, was_running)
            _show_addresses(mesh, stays)
        except BaseException:
            if not was_running and supervisor.is_running():
                say("\nStopping")
                stop(home)
            raise
    return _watch(home, supervisor) if stays else int(not filled)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/up", description="Builds and starts the whole mesh on this machine.")
    parser.add_argument("--detach", action="store_true", help="return once everything is healthy; tools/down stops it")
    parser.add_argument("--no-build", action="store_true", help="take the binaries that are there")
    parser.add_argument("--no-import", action="store_true", help="leave the catalogue as it is")
    parser.add_argument("--demo-prices", action="store_true", help="import the games with made-up prices, to try buying")
    parser.add_argument("--no-story", action="store_true", help="do not walk a purchase at the end")
    parser.add_argument("--preset", default="release", help="which build to run (CMakePresets.json)")
    return parser.parse_args()


def _build_and_start(home: Home, supervisor: Supervisor, options: argparse.Namespace) -> Mesh:
    home.prepare()
    (home.logs / "up.log").write_text("")
    if not options.no_build:
        _build(options.preset, services.found(), home.logs / "up.log")
    return start(home, supervisor, ROOT / "build" / options.preset / "bin")


def _build(preset: str, names: list[str], log: Path) -> None:
    advice = f"Try it by itself: cmake --preset {preset} && cmake --build --preset {preset}"
    with Step("build") as step:
        step.run(["cmake", "-S", str(ROOT), "--preset", preset], log, advice)
        # Tests and benchmarks are built by those who run them.
        build = ["cmake", "--build", str(ROOT / "build" / preset), "--target", *names]
        step.run(build, log, advice)


def _fill(mesh: Mesh, options: argparse.Namespace, was_running: bool) -> bool:
    """Imports the games, once, and walks the story. Returns whether both went well; the mesh is up in any case."""
    environment = node_path() | _read_env(mesh.home.env_file) | {"PLAYMESH_HOME": str(mesh.home.path)}
    imports = not options.no_import and (options.demo_prices or not _imported(mesh.home).exists())
    well = _import_games(mesh.home, environment, options.demo_prices) if imports else True
    story = ROOT / "tools" / "story"
    if story.exists() and not options.no_story and not was_running:
        say("\nA story through the edge:\n")
        command = [str(story), *([] if _imported(mesh.home).exists() else ["--no-import"])]
        well = subprocess.run(command, env=environment).returncode == 0 and well
    return well


def _import_games(home: Home, environment: dict[str, str], demo_prices: bool) -> bool:
    importer = ROOT / "tools" / "import-games"
    if not importer.exists():
        return True
    try:
        with Step("games") as step:
            command = [str(importer), *(["--demo-prices"] if demo_prices else [])]
            step.note(step.run(command, home.logs / "up.log", "The mesh runs without them.", environment))
    except Problem as problem:
        problem.show()
        return False
    _imported(home).touch()
    return True


def _imported(home: Home) -> Path:
    """There once the games are."""
    return home.path / "imported"


def _read_env(file: Path) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(file.read_text()))


def _show_addresses(mesh: Mesh, attached: bool) -> None:
    env = mesh.home.env_file
    shown = env.relative_to(Path.cwd()) if env.is_relative_to(Path.cwd()) else env
    say(f"""
Playmesh is up.

  edge        {mesh.edge_url}    gRPC-Web, gRPC and JSON; try: curl {mesh.edge_url}/v1/games:search
  mail        {mesh.mail_url}/messages
  postgres    psql '{mesh.postgres.conninfo}'
  kafka       {mesh.kafka.address}    kcat -b {mesh.kafka.address} -L
  variables   . {shown}    all addresses, also of single services
  logs        tools/logs -f [service]
  stop        {'Ctrl-C' if attached else 'tools/down'}
""")


def _watch(home: Home, supervisor: Supervisor) -> int:
    """Tells of what ends and comes back, until Ctrl-C stops the mesh or tools/down does."""
    try:
        before = supervisor.states()
        while now := supervisor.states():
            for name, info in now.items():
                if info["pid"] and name in before and info["pid"] != before[name]["pid"]:
                    say(f"{time.strftime('%H:%M:%S')} {name} was started again")
            before |= {name: info for name, info in now.items() if info["pid"]}
            time.sleep(1)
    except KeyboardInterrupt:
        say("\nStopping")
        with home.lock(wait=True):
            stop(home)
        return 130
    say("The mesh was stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(main))
