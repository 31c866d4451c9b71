"""Runs comparisons, each interleaved (A B A B …) after one round to warm up, and prints medians, spread and ratios."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import comparisons
from comparisons import Comparison
from mesh.steps import Problem


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(comparisons.ALL)}; all without one")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds of each comparison")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    if unknown := set(options.names) - set(comparisons.ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(comparisons.ALL)}")
    results = []
    print(f"{'comparison':<24}{'variant':<10}{'median/s':>12}{'spread':>9}{'CPU µs each':>13}{'ratio':>8}{'goal':>7}")
    try:
        for name in options.names or comparisons.ALL:
            with comparisons.ALL[name]() as parts:
                for comparison in parts:
                    results.append(_measure(comparison, options.rounds))
    except Problem as problem:
        problem.show()
        return 1
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def _measure(comparison: Comparison, rounds: int) -> dict:
    for variant in comparison.variants.values():
        variant()
    samples = {name: [] for name in comparison.variants}
    for _ in range(rounds):
        for name, variant in comparison.variants.items():
            samples[name].append(variant())
    rates = {name: [sample.rate for sample in of] for name, of in samples.items()}
    medians = {name: statistics.median(of) for name, of in rates.items()}
    ours, reference = list(medians)
    ratio = medians[ours] / medians[reference]
    result = {"comparison": comparison.name, "ratio": ratio, "goal": comparison.goal, "variants": {}}
    for name, of in samples.items():
        spread = (max(rates[name]) - min(rates[name])) / medians[name]
        cpu = [sample.cpu_us for sample in of if sample.cpu_us is not None]
        cpu_us = statistics.median(cpu) if cpu else None
        result["variants"][name] = {"median": medians[name], "spread": spread, "cpu_us": cpu_us, "rates": rates[name]}
        closing = f"{ratio:>8.2f}{comparison.goal:>7.2f}" if name == ours else ""
        shown_cpu = f"{cpu_us:.1f}" if cpu_us is not None else "-"
        print(f"{comparison.name:<24}{name:<10}{medians[name]:>12,.0f}{spread:>8.0%} {shown_cpu:>12}{closing}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
