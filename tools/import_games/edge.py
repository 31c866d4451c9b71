"""Calls of the public JSON API: bounded retries, and an account that signs in by itself."""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import threading
import time
import uuid
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

REQUEST_TIMEOUT_S = 20
MAX_ATTEMPTS = 7
FIRST_BACKOFF_S = 0.25
MAX_BACKOFF_S = 8.0
RETRIED_STATUSES = {429, 502, 503, 504}

EMAIL = "importer@playmesh.example"
COUNTRY = "DE"
ORGANISATION = {"display_name": "Debian Games", "kind": "ORGANISATION_KIND_PUBLISHER"}


class Refused(Exception):
    """The edge answered, and the same request will get the same answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        super().__init__(f"{status}: {_message(body)}")


class Unreachable(Exception):
    """No useful answer after MAX_ATTEMPTS attempts."""


def _message(body: bytes) -> str:
    """The sentence of an error, with the fields that break a rule (`google.rpc.BadRequest`)."""
    try:
        error = json.loads(body)
        fields = [
            f"{violation.get('field')}: {violation.get('description')}"
            for detail in error.get("details", [])
            for violation in detail.get("field_violations") or detail.get("fieldViolations") or []
        ]
        return "; ".join([str(error["message"]), *fields])
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:200].decode(errors="replace")


class Edge:
    """The edge at `url`. Threads may share it; each keeps a connection of its own. All calls that it is used for are
    idempotent, so every one of them is retried."""

    def __init__(self, url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https address: {url}")
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._path = parts.netloc, parts.path.rstrip("/")
        self._sleep = sleep
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Edge:
        return self

    def __exit__(self, *_) -> None:
        for connection in self._connections:
            connection.close()

    def call(self, method: str, path: str, body: dict | None = None, token: str = "") -> dict:
        """The answer's JSON. Raises Refused or Unreachable."""
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        for attempt in range(MAX_ATTEMPTS):
            wait_s = random.uniform(0.5, 1) * min(FIRST_BACKOFF_S * 2**attempt, MAX_BACKOFF_S)
            try:
                status, retry_after, answer = self._exchange(method, path, payload, headers)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if status < 300:
                    return json.loads(answer or b"{}")
                if status not in RETRIED_STATUSES:
                    raise Refused(status, answer)
                problem = f"{status}: {_message(answer)}"
                if retry_after.isdigit():
                    wait_s = min(max(wait_s, int(retry_after)), MAX_BACKOFF_S)
            if attempt + 1 < MAX_ATTEMPTS:
                self._sleep(wait_s)
        raise Unreachable(f"{method} {path} failed {MAX_ATTEMPTS} times, at last with {problem}")

    def _exchange(self, method: str, path: str, payload: bytes | None, headers: dict) -> tuple[int, str, bytes]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(self._host, timeout=REQUEST_TIMEOUT_S)
            self._connections.append(connection)
        try:
            connection.request(method, self._path + path, payload, headers)
            response = connection.getresponse()
            return response.status, response.headers.get("retry-after", ""), response.read()
        except Exception:
            connection.close()  # opens itself again at the next request
            raise


class Importer:
    """The importer's account and its organisation. The password is made once and kept in `state_file`, for the owner only."""

    def __init__(self, edge: Edge, state_file: Path) -> None:
        self._edge = edge
        self._state_file = state_file
        self._state: dict = {}
        self._tokens: dict = {}
        self._renewal = threading.Lock()

    def sign_in(self) -> str:
        """Registers unless that was done before, and answers with the id of the organisation. Raises Refused or Unreachable."""
        self._state = _read_or_create(self._state_file)
        self._edge.call("POST", "/v1/users:register", {
            **self._credentials(), "display_name": "Debian importer", "country_code": COUNTRY,
        })
        self._open_session()
        return self._find_organisation() or self._create_organisation()

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        """As the importer; signs in again when the access token has expired."""
        token = self._tokens["access_token"]
        try:
            return self._edge.call(method, path, body, token)
        except Refused as refused:
            if refused.status != 401:
                raise
        with self._renewal:
            if token == self._tokens["access_token"]:  # else another thread was faster
                self._open_session()
        return self._edge.call(method, path, body, self._tokens["access_token"])

    def _credentials(self) -> dict:
        return {"email": self._state["email"], "password": self._state["password"]}

    def _open_session(self) -> None:
        session = self._edge.call("POST", "/v1/sessions", {**self._credentials(), "device_name": "tools/import-games"})
        self._tokens = session["tokens"]

    def _find_organisation(self) -> str:
        page_token = ""
        while True:
            page = self.call("GET", f"/v1/organisations?page_size=100&page_token={page_token}")
            for organisation in page.get("organisations", []):
                if organisation.items() >= ORGANISATION.items():
                    return organisation["organisation_id"]
            page_token = page.get("next_page_token", "")
            if not page_token:
                return ""

    def _create_organisation(self) -> str:
        created = self.call("POST", "/v1/organisations", {**ORGANISATION, "request_id": self._state["request_id"]})
        # The next tokens say that the account is a developer and a member.
        refresh = {"refresh_token": self._tokens["refresh_token"]}
        self._tokens = self._edge.call("POST", "/v1/sessions:refresh", refresh)["tokens"]
        return created["organisation"]["organisation_id"]


def _read_or_create(state_file: Path) -> dict:
    if state_file.exists():
        return json.loads(state_file.read_text())
    state = {"email": EMAIL, "password": secrets.token_urlsafe(32), "request_id": str(uuid.uuid4())}
    state_file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(state_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(state, file)
    return state
