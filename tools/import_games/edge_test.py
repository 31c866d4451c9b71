"""The importer against a made-up mesh, which is an HTTP server in this process."""

import contextlib
import io
import json
import os
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from import_games.__main__ import edge_url, run
from import_games.edge import MAX_ATTEMPTS, Edge, Importer, Refused, Unreachable

FIXTURE = Path(__file__).parent / "fixture.yml"


class FakeMesh(ThreadingHTTPServer):
    """Knows what the importer needs; `faults` are statuses with which it answers next, whatever was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeMeshHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.faults: list[int] = []
        self.passwords: dict[str, str] = {}
        self.organisations: list[dict] = []
        self.games: dict[str, dict] = {}
        self.valid_tokens: set[str] = set()
        self.issued = 0
        self.calls = 0

    def tokens(self) -> dict:
        self.issued += 1
        token = f"token-{self.issued}"
        self.valid_tokens.add(token)
        return {"access_token": token, "refresh_token": f"refresh-{self.issued}"}

    def answer(self, method: str, path: str, body: dict, token: str) -> tuple[int, dict]:
        self.calls += 1
        if self.faults:
            return self.faults.pop(0), {"code": 14, "message": "made-up fault"}
        if path == "/v1/users:register":
            known = self.passwords.setdefault(body["email"], body["password"])
            return (200, {"user": {}}) if known == body["password"] else (409, {"message": "EMAIL_TAKEN"})
        if path in ("/v1/sessions", "/v1/sessions:refresh"):
            return 200, {"tokens": self.tokens()}
        if token not in self.valid_tokens:
            return 401, {"code": 16, "message": "no valid token"}
        if path.startswith("/v1/organisations"):
            if method == "GET":
                return 200, {"organisations": self.organisations}
            self.organisations.append({"organisation_id": "org-1", **body})
            return 200, {"organisation": self.organisations[-1]}
        return self.import_game(body)

    def import_game(self, body: dict) -> tuple[int, dict]:
        external_id = body["game"]["external_id"]
        if external_id == "bare.desktop":
            violation = {"field": "game.tags", "description": "too few"}
            return 400, {"code": 3, "message": "invalid", "details": [{"field_violations": [violation]}]}
        before = self.games.get(external_id)
        self.games[external_id] = body
        return 200, {"game_id": external_id, "created": before is None, "changed": before != body}


class FakeMeshHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        with self.server.lock:
            status, answer = self.server.answer(self.command, self.path, body, token)
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST

    def log_message(self, *_) -> None:
        pass


class ImporterTest(unittest.TestCase):
    def setUp(self) -> None:
        self.mesh = FakeMesh()
        threading.Thread(target=self.mesh.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.mesh.server_close)
        self.addCleanup(self.mesh.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name) / "state"
        self.waits: list[float] = []
        for patch in (
            mock.patch.dict(os.environ, {"PLAYMESH_HOME": str(self.home), "PLAYMESH_EDGE_URL": self.mesh.url}),
            mock.patch("import_games.rating._appstream_age", lambda content, degree: 3),
            mock.patch("import_games.__main__.packages", lambda names: {}),
        ):
            self.enterContext(patch)

    def edge(self) -> Edge:
        return self.enterContext(Edge(self.mesh.url, sleep=self.waits.append))

    def run_importer(self, *options: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            with mock.patch("import_games.__main__.Edge", lambda url: Edge(url, sleep=self.waits.append)):
                with mock.patch("import_games.progress.Progress.__init__.__defaults__", (err,)):
                    status = run(["--catalogue", str(FIXTURE), *options])
        return status, out.getvalue(), err.getvalue()

    def test_imports_creates_nothing_twice_and_names_what_it_skipped(self):
        status, out, err = self.run_importer()
        self.assertEqual((status, out.split(", in")[0]), (0, "4 games: 1 created, 0 updated, 0 unchanged, 3 skipped"))
        self.assertIn("skipped bare.desktop: 400: invalid; game.tags: too few", err)
        self.assertEqual(self.mesh.games["org.example.Parchis.desktop"]["game"]["organisation_id"], "org-1")
        _, out, _ = self.run_importer()
        self.assertIn("0 created, 0 updated, 1 unchanged, 3 skipped", out)
        _, out, _ = self.run_importer("--demo-prices")
        self.assertIn("0 created, 1 updated, 0 unchanged, 3 skipped", out)
        self.assertEqual(len(self.mesh.organisations), 1)

    def test_dry_run_sends_nothing(self):
        _, out, _ = self.run_importer("--dry-run", "--limit", "1")
        self.assertEqual(json.loads(out)["game"]["external_id"], "org.example.Parchis.desktop")
        self.assertEqual((self.mesh.calls, self.home.exists()), (0, False))

    def test_the_password_is_for_its_owner_only(self):
        Importer(self.edge(), self.home / "importer.json").sign_in()
        self.assertEqual((self.home / "importer.json").stat().st_mode & 0o777, 0o600)

    def test_an_expired_token_is_renewed(self):
        importer = Importer(self.edge(), self.home / "importer.json")
        importer.sign_in()
        self.mesh.valid_tokens.clear()
        self.assertEqual(len(importer.call("GET", "/v1/organisations")["organisations"]), 1)

    def test_a_busy_mesh_is_asked_again_after_ever_longer_waits(self):
        self.mesh.faults = [429, 503, 503]
        self.edge().call("POST", "/v1/sessions", {})
        self.assertEqual(len(self.waits), 3)
        self.assertLess(self.waits[0], self.waits[2])

    def test_a_mesh_that_stays_away_ends_the_run(self):
        self.mesh.faults = [503] * MAX_ATTEMPTS
        with self.assertRaises(Unreachable):
            self.edge().call("POST", "/v1/sessions", {})
        with self.assertRaises(Unreachable):
            Edge("http://127.0.0.1:1", sleep=self.waits.append).call("GET", "/v1/organisations")

    def test_a_refusal_is_not_repeated(self):
        with self.assertRaises(Refused):
            self.edge().call("GET", "/v1/organisations")
        self.assertEqual((self.mesh.calls, self.waits), (1, []))

    def test_the_address_of_the_running_mesh_is_found(self):
        self.home.mkdir()
        (self.home / "env").write_text("OTHER=1\nexport PLAYMESH_EDGE_URL='http://127.0.0.1:5'\n")
        self.assertEqual(edge_url(None, self.home), self.mesh.url)
        with mock.patch.dict(os.environ, {"PLAYMESH_EDGE_URL": ""}):
            self.assertEqual(edge_url(None, self.home), "http://127.0.0.1:5")


if __name__ == "__main__":
    unittest.main()
