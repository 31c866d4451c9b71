"""Migrations are forward only: numbered without gaps, and what once was committed is not edited."""

from __future__ import annotations

from itertools import groupby

from files import NO_BASE, ROOT, Finding, Skipped, git, paths


def migrations() -> list[str]:
    return [path for path in paths() if "/migrations/" in path and path.endswith(".sql")]


def check_numbers(files: list[str]) -> list[Finding]:
    """Each folder counts from 0001."""
    findings = []
    for _, folder in groupby(sorted(files), key=lambda path: path.rsplit("/", 1)[0]):
        for number, path in enumerate(folder, start=1):
            if not path.rsplit("/", 1)[-1].startswith(f"{number:04d}_"):
                findings.append(Finding(path, 0, f"number it {number:04d}, so that there are no gaps and no twins"))
                break
    return findings


def check_unchanged(before: dict[str, str], now: dict[str, str]) -> list[Finding]:
    """`before` and `now` are contents by path."""
    return [
        Finding(path, 0, "was released, and databases have applied it: undo the edit and add a migration")
        for path, text in sorted(before.items())
        if now.get(path) != text
    ]


def numbers() -> list[Finding]:
    return check_numbers(migrations())


def unchanged(base: str) -> list[Finding]:
    if not base:
        raise Skipped(NO_BASE)
    released = [
        path for path in git("ls-tree", "-r", "--name-only", base).splitlines()
        if "/migrations/" in path and path.endswith(".sql")
    ]
    before = {path: git("show", f"{base}:{path}") for path in released}
    return check_unchanged(before, {path: (ROOT / path).read_text() for path in migrations()})
