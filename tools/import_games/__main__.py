"""tools/import-games: the games of the Debian archive, into a running mesh."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Iterable, Iterator

from import_games import prices
from import_games.appstream import CatalogueMissing, Package, catalogue_files, packages, read_games
from import_games.edge import Edge, Importer, Refused, Unreachable
from import_games.game import Unusable, game_of
from import_games.progress import Progress
from import_games.rating import LibraryMissing

MAX_IN_FLIGHT = 4


def import_requests(components: Iterable[dict], known: dict[str, Package], demo_prices: bool) -> Iterator[dict | str]:
    """An `ImportGameRequest` for each component, or why it was skipped."""
    for component in components:
        try:
            game = game_of(component, known.get(component.get("Package", ""), Package()))
        except (Unusable, AttributeError, KeyError, TypeError, ValueError) as error:
            # Whatever shape one entry has, the others are imported.
            yield f"{component.get('ID')}: {error if isinstance(error, Unusable) else repr(error)}"
            continue
        yield {"game": game, "prices": prices.demo(game["external_id"]) if demo_prices else prices.free()}


def import_games(importer: Importer, organisation_id: str, requests: list[dict], progress: Progress) -> Counter:
    """Sends all, a few at a time, and counts what became of them. Raises Unreachable when the mesh stops answering."""
    counts: Counter = Counter()

    def send(request: dict) -> dict:
        game = request["game"] | {"organisation_id": organisation_id}
        return importer.call("POST", "/v1/games:import", request | {"game": game})

    with ThreadPoolExecutor(MAX_IN_FLIGHT) as pool:
        sent = {pool.submit(send, request): request["game"] for request in requests}
        try:
            for future in as_completed(sent):
                game = sent[future]
                try:
                    answer = future.result()
                    counts["created" if answer.get("created") else "updated" if answer.get("changed") else "unchanged"] += 1
                except Refused as refused:
                    counts["skipped"] += 1
                    progress.note(f"skipped {game['external_id']}: {refused}")
                progress.step(game["texts"][0]["title"])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return counts


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/import-games", description="Imports the games of the Debian archive.")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N games of the catalogue")
    parser.add_argument("--demo-prices", action="store_true", help="invented prices, the same at every run; else all are free")
    parser.add_argument("--dry-run", action="store_true", help="print the requests as JSON lines and send nothing")
    parser.add_argument("--edge", metavar="URL", help="address of the edge (default: $PLAYMESH_EDGE_URL, or the running mesh)")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="a DEP-11 file instead of those that apt fetched")
    return parser.parse_args(arguments)


def edge_url(option: str | None, home: Path) -> str:
    """Of the option, the environment, or the file in which the running mesh wrote its addresses; "" when none says it."""
    found = option or os.environ.get("PLAYMESH_EDGE_URL", "")
    if not found and (home / "env").exists():
        for word in shlex.split((home / "env").read_text(), comments=True):
            name, _, value = word.partition("=")
            found = value if name == "PLAYMESH_EDGE_URL" else found
    return found


def run(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    home = Path(os.environ.get("PLAYMESH_HOME", ".playmesh"))
    components = list(read_games([options.catalogue] if options.catalogue else catalogue_files()))[: options.limit]
    known = packages(sorted({component.get("Package", "") for component in components} - {""}))
    built = list(import_requests(components, known, options.demo_prices))
    skipped = [reason for reason in built if isinstance(reason, str)]
    requests = [request for request in built if isinstance(request, dict)]
    for reason in skipped:
        print(f"skipped {reason}", file=sys.stderr)
    if options.dry_run:
        for request in requests:
            print(json.dumps(request, ensure_ascii=False))
        return 0

    url = edge_url(options.edge, home)
    if not url:
        print("No mesh found: start one with tools/up, or name its edge with --edge URL.", file=sys.stderr)
        return 2
    start = time.monotonic()
    with Edge(url) as edge:
        importer = Importer(edge, home / "importer.json")
        counts = import_games(importer, importer.sign_in(), requests, Progress(len(requests)))
    counts["skipped"] += len(skipped)
    print(f"{len(components)} games: {counts['created']} created, {counts['updated']} updated, "
          f"{counts['unchanged']} unchanged, {counts['skipped']} skipped, in {time.monotonic() - start:.1f} s")
    return 1 if components and counts["skipped"] == len(components) else 0


def main() -> int:
    try:
        return run(sys.argv[1:])
    except (CatalogueMissing, LibraryMissing) as missing:
        print(missing, file=sys.stderr)
    except Refused as refused:
        print(f"The mesh refuses the importer's account ({refused}). Its password is in importer.json of the folder "
              f"$PLAYMESH_HOME from which the first import ran.", file=sys.stderr)
    except Unreachable as unreachable:
        print(f"{unreachable}. What was imported stays; run again to go on.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. What was imported stays; run again to go on.", file=sys.stderr)
    except BrokenPipeError:
        sys.stdout = None  # the reader has seen enough, as `head` has
    return 1


if __name__ == "__main__":
    sys.exit(main())
