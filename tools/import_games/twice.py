"""Imports the made-up catalogue into the mesh of PLAYMESH_HOME, twice. `tools/test import` runs it: its name is not that of a
test, since it needs a mesh."""

import json
import os
import subprocess
import unittest
import urllib.request
from pathlib import Path

from import_games.__main__ import edge_url

HERE = Path(__file__).parent
COMMAND = [str(HERE.parent / "import-games"), "--catalogue", str(HERE / "fixture.yml")]


def import_fixture() -> tuple[str, str]:
    """Its summary, and what it said about entries."""
    done = subprocess.run(COMMAND, check=True, capture_output=True, text=True)
    return done.stdout, done.stderr


class TwiceTest(unittest.TestCase):
    def test_a_second_import_changes_nothing(self):
        first, skipped = import_fixture()
        self.assertRegex(first, r"^4 games: \d created, \d updated, \d unchanged, 2 skipped, ")
        self.assertIn("skipped nameless.desktop", skipped)
        self.assertRegex(import_fixture()[0], r"^4 games: 0 created, 0 updated, 2 unchanged, 2 skipped, ")

    def test_what_was_imported_is_found(self):
        import_fixture()
        edge = edge_url(None, Path(os.environ["PLAYMESH_HOME"]))
        with urllib.request.urlopen(f"{edge}/v1/games:search?query=Beispiel-Ludo&display_language=de", timeout=20) as answer:
            found = json.load(answer)["games"]
        self.assertIn("Beispiel-Ludo", [game["title"] for game in found])


if __name__ == "__main__":
    unittest.main()
