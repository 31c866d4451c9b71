"""How many test cases passed and failed, read from what test programs print. What cannot be found is not counted as passed."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def judged(count: Count, succeeded: bool) -> Count:
    """What a program's output and its exit status say together: a program that fails without a failed case, or that ran none,
    counts as one failure."""
    if not succeeded and count.failed == 0 or count == Count():
        return count + Count(failed=1)
    return count


def of_ctest(log: str) -> Count:
    """From ctest's LastTest.log: the cases of each Catch2 binary."""
    binaries = re.split(r"^\d+/\d+ Testing: ", log, flags=re.MULTILINE)[1:]
    counts = (judged(of_catch(output), "\nTest Passed.\n" in output) for output in binaries)
    return sum(counts, Count())


def of_catch(output: str) -> Count:
    """From the summary of Catch2."""
    if passed := re.search(r"^All tests passed \(.*?(\d+) test cases?\)", output, re.MULTILINE):
        return Count(passed=int(passed[1]))
    if summary := re.search(r"^test cases:.*", output, re.MULTILINE):
        return Count(_number(r"(\d+) passed", summary[0]), _number(r"(\d+) failed", summary[0]))
    return Count()


def of_node(output: str) -> Count:
    """From `node --test`, in the words of its tap and spec reporters; summed when it ran several times."""
    totals = dict.fromkeys(("pass", "fail", "cancelled"), 0)
    for name, number in re.findall(r"^(?:#|ℹ) (pass|fail|cancelled) (\d+)$", output, re.MULTILINE):
        totals[name] += int(number)
    return Count(totals["pass"], totals["fail"] + totals["cancelled"])


def of_unittest(output: str) -> Count:
    """From Python's unittest."""
    ran = sum(int(number) for number in re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE))
    failed = sum(int(number) for number in re.findall(r"\b(?:failures|errors|unexpected successes)=(\d+)", output))
    skipped = sum(int(number) for number in re.findall(r"\bskipped=(\d+)", output))
    return Count(ran - failed - skipped, failed)


def of_steps(output: str) -> Count:
    """From tools/story: one line for each step."""
    marks = re.findall(r"^ ([✓✗]) ", output, re.MULTILINE)
    return Count(marks.count("✓"), marks.count("✗"))


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0
