"""tools/down: stops the mesh, services before the parts that they stand on."""

from __future__ import annotations

import argparse
import shutil
import sys

from mesh import postgres
from mesh.home import Home
from mesh.interrupts import undisturbed
from mesh.steps import Step, in_words
from mesh.supervisor import Supervisor

# What tools/setup put there, and this command's own lock.
KEPT = {"venv", "kafka-libs", "node", "games-list-asked", "lock", "setup.lock"}
LAST = ("postgres", "kafka", "mail")


def stop(home: Home) -> None:
    """Takes as long as the slowest service drains, and is not interrupted: half a mesh is of no use to anybody."""
    supervisor = Supervisor(home)
    if not supervisor.is_running():
        return
    names = list(supervisor.states())
    with undisturbed():
        with Step("services"):
            supervisor.stop(["edge"])
            supervisor.stop(name for name in names if name not in LAST)
        with Step("others"):
            supervisor.stop(LAST)
            supervisor.shut_down()
        home.env_file.unlink(missing_ok=True)  # there while the mesh is


def delete(home: Home) -> None:
    """Removes databases, topics, keys and logs."""
    postgres.delete(home)
    for entry in home.path.iterdir():
        if entry.name in KEPT:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.rmtree(home.runtime, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/down", description="Stops the mesh.")
    parser.add_argument("--delete", action="store_true", help="also remove its databases, topics, keys and logs")
    options = parser.parse_args()
    home = Home.from_environment()
    with home.lock():
        if Supervisor(home).is_running():
            stop(home)
        elif Supervisor(home).stop_unreachable():
            print("It had lost its sockets, and is stopped.")
        else:
            print(f"No mesh runs in {home.path}.")
        if options.delete:
            delete(home)
            print("Its databases, topics, keys and logs are deleted.")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(main))
