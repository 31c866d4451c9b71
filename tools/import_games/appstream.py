"""The AppStream catalogue of the machine's package sources, as apt fetched it (DEP-11 YAML), and apt's own records."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import yaml

try:
    from yaml import CSafeLoader as Loader  # much faster, but not in every build of PyYAML
except ImportError:
    from yaml import SafeLoader as Loader

INSTALL = "apt-get install appstream && apt-get update"
_APT_HELPER = "/usr/lib/apt/apt-helper"


class CatalogueMissing(Exception):
    """No catalogue to read."""


@dataclass(frozen=True)
class Package:
    """What apt knows about a package."""

    version: str = ""
    homepage: str = ""

    @property
    def upstream_version(self) -> str:
        """Without Debian's epoch and revision (Debian Policy 5.6.12)."""
        return self.version.split(":", 1)[-1].rsplit("-", 1)[0]


def catalogue_files() -> list[Path]:
    """Where apt put the catalogues. Raises CatalogueMissing."""
    try:
        listing = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(FILENAME)", "Identifier: DEP-11"],
            check=True, capture_output=True, text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CatalogueMissing(f"apt does not answer ({error}); --catalogue FILE names a DEP-11 file") from error
    files = [Path(line) for line in listing.splitlines() if Path(line).exists()]
    if not files:
        raise CatalogueMissing(f"apt has fetched no AppStream catalogue yet, run: {INSTALL}")
    return files


def read_games(files: list[Path]) -> Iterator[dict]:
    """The components that are games, once each: of two with the same id, the later file's. `MediaBaseUrl` is added to each."""
    games: dict[str, dict] = {}
    for file in files:
        base_url = ""
        for component in yaml.load_all(_decompressed(file), Loader):
            base_url = component.get("MediaBaseUrl", base_url)  # the header is the first document
            if component.get("Type") == "desktop-application" and "Game" in component.get("Categories", []):
                games[str(component.get("ID"))] = component | {"MediaBaseUrl": base_url}
    return iter(games.values())


def _decompressed(file: Path) -> bytes:
    if file.suffix in (".yml", ".yaml"):
        return file.read_bytes()
    # apt knows all the formats in which it may keep a list: gz, xz, lz4, zstd.
    return subprocess.run([_APT_HELPER, "cat-file", str(file)], check=True, capture_output=True).stdout


def packages(names: list[str]) -> dict[str, Package]:
    """The version that apt would install and the homepage of each package that it knows."""
    if not names:
        return {}
    try:
        records = subprocess.run(
            ["apt-cache", "show", "--no-all-versions", *names], check=False, capture_output=True, text=True
        ).stdout
    except OSError:
        return {}
    found = {}
    for record in records.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            found[fields["Package"]] = Package(fields.get("Version", ""), fields.get("Homepage", ""))
    return found
