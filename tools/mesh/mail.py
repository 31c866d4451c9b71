"""An SMTP server that delivers nothing and shows everything.

    python -m mesh.mail SMTP_PORT HTTP_PORT

GET /messages gives the newest 10,000 as JSON, oldest first (?to=ADDRESS those to one recipient); DELETE /messages forgets
them. A recipient such as fail450@… is refused with 450, so that retries can be tested.
"""

from __future__ import annotations

import email
import json
import re
import sys
from collections import deque
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MESSAGES = 10_000

messages: deque[dict] = deque(maxlen=MAX_MESSAGES)


class Mailbox:
    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        if refused := re.match(r"fail([45]\d\d)@", address):
            return f"{refused[1]} told to fail"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain", "html"))
        messages.append({
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "subject": str(message["subject"]),
            "text": body.get_content() if body else None,
            "raw": envelope.content.decode("latin-1"),
        })
        print(f"{envelope.mail_from} -> {', '.join(envelope.rcpt_tos)}: {message['subject']}", flush=True)
        return "250 OK"


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("to")
        self._answer([m for m in list(messages) if not wanted or set(wanted) & set(m["rcpt_tos"])])

    def do_DELETE(self) -> None:
        messages.clear()
        self._answer([])

    def _answer(self, content: list[dict]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Who looks is of no interest."""


def main() -> None:
    smtp_port, http_port = map(int, sys.argv[1:])
    Controller(Mailbox(), hostname="127.0.0.1", port=smtp_port, enable_SMTPUTF8=True).start()
    ThreadingHTTPServer(("127.0.0.1", http_port), Api).serve_forever()


if __name__ == "__main__":
    main()
