"""tools/logs: the mesh's logs, readable."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mesh.home import Home
from mesh.steps import Problem, in_words

# Said by the line itself or by its prefix.
SHOWN = ("time", "level", "service", "message")
COLOURS = {"warning": "33", "error": "31"}
NAME_WIDTH = 12
NOT_OF_THE_MESH = ("setup", "up")  # shown when asked for


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/logs", description="Shows the logs of all parts or of some.")
    parser.add_argument("part", nargs="*", help="a service, or: edge, postgres, kafka, mail, supervisord, up, setup")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("-n", "--lines", type=int, help="how many of the last lines (default: 100, of all parts 10 each)")
    parser.add_argument("--raw", action="store_true", help="lines as they were written")
    options = parser.parse_args()
    try:
        show(Home.from_environment(), options)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
    return 0


def show(home: Home, options: argparse.Namespace) -> None:
    there = {file.stem: file for file in sorted(home.logs.glob("*.log"))}
    if unknown := [part for part in options.part if part not in there]:
        raise Problem(f"no log of {', '.join(unknown)}", f"There are: {', '.join(there) or 'none yet; run tools/up'}")
    files = [there[part] for part in options.part] or [file for part, file in there.items() if part not in NOT_OF_THE_MESH]
    if not files:
        raise Problem(f"no logs in {home.logs}", "tools/up starts the mesh; PLAYMESH_HOME names another one than .playmesh.")
    lines = options.lines or (100 if options.part else 10)
    follow = ["-F"] if options.follow else []
    tail = subprocess.Popen(
        ["tail", "-v", "-n", str(lines), *follow, *map(str, files)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
    )
    assert tail.stdout
    name = ""
    for line in tail.stdout:
        if line.startswith("==> ") and line.endswith(" <==\n"):
            name = Path(line[4:-5]).stem
        elif line.strip():
            print(f"{name:<{NAME_WIDTH}} {line.rstrip() if options.raw else readable(line)}", flush=options.follow)


def readable(line: str) -> str:
    """A structured line as text; any other as it is."""
    try:
        entry = json.loads(line)
        time = entry["time"][11:23]
    except (ValueError, KeyError, TypeError):
        return line.rstrip()
    level = str(entry.get("level", ""))
    rest = " ".join(f"{key}={_short(value)}" for key, value in entry.items() if key not in SHOWN and value is not None)
    text = f"{time} {level:<7} {entry.get('message', '')}  {rest}"
    if sys.stdout.isatty() and level.lower() in COLOURS:
        return f"\x1b[{COLOURS[level.lower()]}m{text}\x1b[0m"
    return text


def _short(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(in_words(main))
