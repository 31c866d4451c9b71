"""tools/setup: installs what the build and the mesh need and this machine lacks. With everything there it takes no time.

Runs on Debian's own Python and its standard library alone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mesh.home import GOOGLEAPIS, KAFKA_LIBS, NODE_HOME, ROOT, VENV, Home, node_path
from mesh.interrupts import stop_on_signals
from mesh.steps import Problem, Step, in_words

BUILD = """
    g++ cmake ninja-build ccache mold protobuf-compiler libprotoc-dev libprotobuf-dev protobuf-compiler-grpc libgrpc++-dev
    libabsl-dev libsoci-dev libboost-dev libpq-dev librdkafka-dev catch2 prometheus-cpp-dev nlohmann-json3-dev pkg-config
    libcurl4-openssl-dev libssl-dev libargon2-dev libcjose-dev libjansson-dev libicu-dev
""".split()
RUN = "python3-venv postgresql-15 appstream kcat jq curl".split()
TEST = "chromium clang-format-19 clang-tidy-19 libclang-rt-19-dev shellcheck".split()
# Some machines have these from elsewhere: command -> (oldest version that will do, packages).
COMMANDS = {
    "java": (17, ["openjdk-17-jre-headless"]),
    "mvn": (1, ["maven"]),
    "npm": (1, ["nodejs", "npm"]),
}
TEST_COMMANDS = {"go": (1, ["golang-go"])}  # builds stripe-mock, for tests/stripe
# Debian 12 has Node 18; the web client's tools want this much, and get this one. Debian's npm belongs to Debian's Node: its
# libraries lie where no other Node looks, so a newer Node comes with an npm of its own.
NODE_OLDEST, NODE = 20, ["node@24.21.0", "npm@11.21.2"]
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POSTGRES_CLUSTERS = Path("/etc/postgresql-common/createcluster.d/playmesh.conf")
MESH = ROOT / "tools" / "mesh"
WEB = ROOT / "services" / "web"
NPM_ADVICE = "Is the npm registry reachable?"
APT_ADVICE = "Is there a network? Are the sources in /etc/apt those of Debian 12?"
LOCK_WAIT_S = 300  # for another apt to end
LOCK_RETRY_S = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/setup", description="Installs what this machine lacks.")
    parser.add_argument("--test", action="store_true", help="also what only tests and lint need")
    options = parser.parse_args()
    stop_on_signals()
    home = Home(ROOT / ".playmesh")
    with home.lock("setup.lock", wait=True):
        install(home.logs / "setup.log", options.test)
    return 0


def install(log: Path, test: bool) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    missing = _missing_packages(BUILD + RUN + (TEST if test else []), COMMANDS | (TEST_COMMANDS if test else {}))
    if missing:
        _install_packages(missing, log)
    asked = log.parent.parent / "games-list-asked"  # once: a machine with other package sources may never get it
    if "appstream" in missing or not _has_games_list() and not asked.exists():
        sudo = _sudo()
        with Step("games list") as step:
            _update_lists(step, sudo, log)
            asked.touch()
    # With its folder, which the programs in it begin with: a checkout that was moved needs another one.
    _once(VENV, [(MESH / "requirements.txt").read_bytes(), bytes(VENV)], "python", _install_venv, log)
    _link_googleapis()
    _once(KAFKA_LIBS, [(MESH / "pom.xml").read_bytes()], "kafka", _install_kafka, log)
    if _version("node", NODE_OLDEST) < NODE_OLDEST:
        _once(NODE_HOME, [" ".join(NODE).encode()], "node", _install_node, log)
    if _web_is_stale():
        with Step("web") as step:
            _install_web(step, log)


def _missing_packages(wanted: list[str], commands: dict[str, tuple[int, list[str]]]) -> list[str]:
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted], capture_output=True, text=True
    ).stdout
    installed = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    missing = [package for package in wanted if package not in installed]
    absent = (packages for command, (oldest, packages) in commands.items() if _version(command, oldest) < oldest)
    return missing + [package for packages in absent for package in packages]


def _version(command: str, oldest: int) -> int:
    """The major version; 0 when the command is missing, 1 when only its being there counts."""
    if not shutil.which(command):
        return 0
    if oldest == 1:
        return 1
    option = "-version" if command == "java" else "--version"
    said = subprocess.run([command, option], capture_output=True, text=True)
    digits = re.search(r"\d+", said.stdout + said.stderr)
    return int(digits[0]) if digits else 0


def _install_packages(packages: list[str], log: Path) -> None:
    if not shutil.which("apt-get"):
        raise Problem(f"missing: {' '.join(packages)}", "Playmesh runs on Debian 12, where apt-get installs them.")
    sudo = _sudo()
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT_S}"]
    with Step("packages") as step:
        if "postgresql-15" in packages:
            # Our PostgreSQL is our own; Debian's would only take port 5432 and memory.
            script = f"mkdir -p {POSTGRES_CLUSTERS.parent} && echo create_main_cluster = false > {POSTGRES_CLUSTERS}"
            step.run([*sudo, "sh", "-c", script], log, stops=False)
        _update_lists(step, sudo, log)
        step.run([*apt, "install", "-y", "--no-install-recommends", *packages], log, APT_ADVICE, stops=False)
        step.note(f"{len(packages)} installed")


def _update_lists(step: Step, sudo: list[str], log: Path, wait_s: float = LOCK_WAIT_S, retry_s: float = LOCK_RETRY_S) -> None:
    """apt-get update. It gives up at once when another apt, such as Debian's daily one, holds the lists: DPkg::Lock::Timeout
    is not for that lock."""
    log.touch()
    deadline = time.monotonic() + wait_s
    while True:
        said_before = log.stat().st_size
        try:
            step.run([*sudo, "apt-get", "update"], log, APT_ADVICE, stops=False)
            return
        except Problem:
            if b"/lists/lock" not in log.read_bytes()[said_before:]:
                raise
            if time.monotonic() > deadline:
                advice = "See who it is, `ps -C apt,apt-get,aptitude,packagekitd`, and try again when it is done."
                raise Problem("another apt holds the package lists", advice, log) from None
        step.note("waiting for another apt to end")
        time.sleep(retry_s)


def _sudo() -> list[str]:
    """What makes a command root's. Asks for the password if one is needed: during a step, nobody would see the question."""
    if os.getuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise Problem("packages are missing and there is no sudo", "Run tools/setup as root once.")
    print("Installing packages, with sudo.", flush=True)
    # Not `sudo -v`, which may want a password from somebody who may run everything without one.
    if subprocess.run(["sudo", "true"]).returncode:
        raise Problem("sudo does not let us install packages", "Run tools/setup as root once.")
    return ["sudo"]


def _has_games_list() -> bool:
    targets = ["apt-get", "indextargets", "--format", "$(FILENAME)", "Identifier: DEP-11"]
    files = subprocess.run(targets, capture_output=True, text=True).stdout.split()
    return any(Path(file).exists() for file in files)


def _once(target: Path, sources: list[bytes], name: str, make, log: Path) -> None:
    """Makes `target` unless it was made from these very sources."""
    digest = hashlib.sha256(b"".join(sources)).hexdigest()
    stamp = target / ".made-from"
    if stamp.exists() and stamp.read_text() == digest:
        return
    with Step(name) as step:
        make(step, log)
        stamp.write_text(digest)


def _install_venv(step: Step, log: Path) -> None:
    step.run([sys.executable, "-m", "venv", "--clear", str(VENV)], log)
    pip = [str(VENV / "bin" / "pip"), "install", "--disable-pip-version-check", "--no-deps"]
    step.run([*pip, "-r", str(MESH / "requirements.txt")], log, "Is PyPI reachable?")


def _link_googleapis() -> None:
    site_packages = next((VENV / "lib").glob("python3*/site-packages"))
    if GOOGLEAPIS.exists() and GOOGLEAPIS.samefile(site_packages):
        return
    if GOOGLEAPIS.is_symlink():
        GOOGLEAPIS.unlink()
    elif GOOGLEAPIS.exists():
        shutil.rmtree(GOOGLEAPIS)  # a copy, as older releases made
    GOOGLEAPIS.parent.mkdir(exist_ok=True)
    GOOGLEAPIS.symlink_to(site_packages)


def _install_kafka(step: Step, log: Path) -> None:
    unfinished = KAFKA_LIBS.with_name("kafka-libs.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    step.run(["mvn", "-B", "-f", str(MESH / "pom.xml"), COPY_DEPENDENCIES, f"-DoutputDirectory={unfinished}",
              "-DincludeScope=runtime"], log, "Is Maven Central reachable?")
    shutil.rmtree(KAFKA_LIBS, ignore_errors=True)
    unfinished.rename(KAFKA_LIBS)


def _install_node(step: Step, log: Path) -> None:
    step.run(["npm", "install", "--prefix", str(NODE_HOME), "--no-audit", "--no-fund", *NODE], log, NPM_ADVICE)


def _web_is_stale() -> bool:
    if not (WEB / "package-lock.json").exists():
        return False
    installed = WEB / "node_modules" / ".package-lock.json"
    return not installed.exists() or (WEB / "package-lock.json").stat().st_mtime > installed.stat().st_mtime


def _install_web(step: Step, log: Path) -> None:
    # tools/story does the same when it finds nothing, under the same lock.
    step.run(["flock", str(WEB / ".build.lock"), "npm", "ci", "--prefix", str(WEB), "--no-audit", "--no-fund"],
             log, NPM_ADVICE, node_path())
    (WEB / "node_modules" / ".package-lock.json").touch()


if __name__ == "__main__":
    sys.exit(in_words(main))
