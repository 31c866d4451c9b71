"""The house rules that no formatter knows. Each looks at one file and yields (line, what is wrong); its advice says what to
do instead. A line that must break a rule carries `lint:allow(rule) reason` in a comment, on it or above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator

from files import Finding, SourceFile
from functions import functions

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 800

Hits = Iterator[tuple[int, str]]
CPP = (".cc", ".h")
TYPESCRIPT = (".ts", ".tsx")


@dataclass(frozen=True)
class Rule:
    name: str
    advice: str
    suffixes: tuple[str, ...]  # of the files that it looks at; none for all
    find: Callable[[SourceFile], Hits]


RULES: list[Rule] = []


def rule(name: str, advice: str, suffixes: tuple[str, ...] = ()):
    def register(find: Callable[[SourceFile], Hits]):
        RULES.append(Rule(name, advice, suffixes, find))
        return find

    return register


def check(wanted: Rule, files: Iterable[SourceFile]) -> list[Finding]:
    """What a rule finds in files, but for its own samples and what is allowed where it stands."""
    return [
        Finding(file.path, line, f"{problem}: {wanted.advice}")
        for file in files
        if not wanted.suffixes or file.path.endswith(wanted.suffixes)
        if not re.fullmatch(r"tools/lint\.d/\w+_test\.py", file.path)
        for line, problem in wanted.find(file)
        if not file.allows(wanted.name, line)
    ]


def _matches(file: SourceFile, pattern: str, text: str, flags: int = 0) -> Hits:
    for match in re.finditer(pattern, text, flags | re.MULTILINE):
        yield file.line_of(match.start()), " ".join(match[0].split())[:60]


@rule("output", "log with common/log; standard output belongs to tools", CPP)
def output(file: SourceFile) -> Hits:
    if file.path.startswith(("services/", "common/")) and not file.is_test and "/testing/" not in file.path:
        yield from _matches(file, r"\bstd::cout\b|\b(?:std::)?(?:printf|puts|putchar)\(|\babsl::PrintF\(", file.code)


@rule("todo", "do it now, or say in the service's README what is missing and when that matters")
def todo(file: SourceFile) -> Hits:
    yield from _matches(file, r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b", file.text)


@rule("machine-path", "find it from the repository's root, a setting or PATH, so that it runs on every machine")
def machine_path(file: SourceFile) -> Hits:
    yield from _matches(file, r"(?<![\w.~$})/*-])/(?:home|root|work|Users|mnt)/[\w.-]+", file.text)


@rule("lockfile-host", "npm install with omit-lockfile-registry-resolved=true in .npmrc, so that any mirror serves it", (".json",))
def lockfile_host(file: SourceFile) -> Hits:
    if file.name == "package-lock.json":
        yield from _matches(file, r'"resolved": "https?://[^/"]+', file.text)


@rule("function-length", f"at most {MAX_FUNCTION_LINES} lines; move leaves out and keep the flow", (*CPP, *TYPESCRIPT, ".py"))
def function_length(file: SourceFile) -> Hits:
    if file.is_test and file.path.endswith(TYPESCRIPT):
        return  # describe() and its like are one function around all tests
    try:
        for function in functions(file):
            if function.lines > MAX_FUNCTION_LINES:
                yield function.line, f"a function of {function.lines} lines"
    except SyntaxError as error:
        yield error.lineno or 0, f"no Python ({error.msg})"


@rule("file-length", f"at most {MAX_FILE_LINES} lines, better 500; split by resource", (*CPP, *TYPESCRIPT, ".py", ".sql", ".proto"))
def file_length(file: SourceFile) -> Hits:
    if len(file.lines) > MAX_FILE_LINES:
        yield 0, f"{len(file.lines)} lines"


@rule("sql-concatenation", "write the SQL as one literal and bind values by name (`:game_id`)", CPP)
def sql_concatenation(file: SourceFile) -> Hits:
    verb = r"\s*\(?\s*(?:select|insert\s+into|update|delete\s+from)\s"
    literal = rf'(?:"{verb}|R"[^(\s]*\({verb})'
    yield from _matches(file, rf"\bStr(?:Cat|Append|Format|Join|Replace\w*)\((?:[^;]*?[(,]\s*)?{literal}", file.uncommented, re.I)
    yield from _matches(file, rf'(?:"{verb}[^"\n]*"|R"[^(\s]*\({verb}[^"]*\)\w*")\s*\+', file.uncommented, re.I)


@rule("select-star", "name the columns, so that a new one changes no reader", (".cc", ".h", ".sql", ".py"))
def select_star(file: SourceFile) -> Hits:
    text = file.uncommented if file.path.endswith(CPP) else re.sub(r"--[^\n]*", "", file.text)
    yield from _matches(file, r"\bselect\s+(?:distinct\s+)?(?:\w+\.)?\*", text, re.I)


_MONEY = r"(?:price|amount|money|balance|fee|tax|payout|revenue|refund|units_minor|gross|total|discount)"


@rule("float-money", "money is whole minor units (int64); rates are fractions of integers", (*CPP, ".proto", ".sql"))
def float_money(file: SourceFile) -> Hits:
    text = file.code if not file.path.endswith(".sql") else file.text
    yield from _matches(file, rf"\b(?:float|double)\b[\s*&]+\w*{_MONEY}\w*\b(?!_(?:seconds|count))", text, re.I)
    yield from _matches(file, rf"\b\w*{_MONEY}\w*\s+(?:real|float\d?|double precision)\b", text, re.I)


_VAGUE = "(?:Manager|Helpers?|Utils?|Utilit(?:y|ies)|Impl)"


@rule("vague-name", "name it after what it does or holds", (*CPP, *TYPESCRIPT, ".py", ".proto"))
def vague_name(file: SourceFile) -> Hits:
    declared = rf"\b(?:class|struct|enum|union|interface|message|using|type)\s+(?:class\s+)?\w*{_VAGUE}\b"
    yield from _matches(file, declared, file.code if not file.path.endswith(".py") else file.text)
    if re.search(r"(?:^|[_-])(?:manager|helpers?|utils?|impl)(?:[_-]test)?\.", file.name):
        yield 0, f"the name {file.name}"


@rule("sleep-in-test", "wait for what must happen, with Eventually or a fake clock", (".cc", ".h", ".py", ".ts", ".tsx", ".sh"))
def sleep_in_test(file: SourceFile) -> Hits:
    if not file.is_test:
        return
    calls = r"\bsleep_(?:for|until)\(|\b(?:u|nano)?sleep\(|\babsl::SleepFor\(|\btime\.sleep\("
    if file.path.endswith(".test.ts"):
        calls += r"|\bsetTimeout\("
    yield from _matches(file, calls, file.text if file.path.endswith(".py") else file.code)
    if file.path.endswith(".sh"):
        yield from _matches(file, r"^\s*sleep\s+\d", file.text)


@rule("pragma-once", "begin the header with its documentation and `#pragma once`", (".h",))
def pragma_once(file: SourceFile) -> Hits:
    if not re.search(r"^#pragma once$", file.code, re.MULTILINE):
        yield 0, "no #pragma once"


@rule("migration-name", "number them from 0001 without gaps and begin with a verb: 0002_add_wishlists.sql")
def migration_name(file: SourceFile) -> Hits:
    if "/migrations/" in file.path and not re.fullmatch(r"\d{4}_[a-z]+(?:_[a-z0-9]+)+\.sql", file.name):
        yield 0, f"the name {file.name}"
