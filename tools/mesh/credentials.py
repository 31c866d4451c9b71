"""Passwords, keys and secrets of one mesh: made once, kept under secrets/, readable by their owner only."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Callable

from cryptography.hazmat.primitives.asymmetric import ec


def keep(file: Path, make: Callable[[], str]) -> str:
    """The content of `file`, which `make` supplies the first time."""
    if not file.exists():
        write(file, make())
    return file.read_text()


def write(file: Path, content: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(content)
    unfinished.replace(file)


def password() -> str:
    return secrets.token_urlsafe(32)


def private_jwk(key_id: str = "") -> str:
    """A new ES256 key (RFC 7518); without `key_id` its thumbprint (RFC 7638) names it."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = {
        "crv": "P-256",
        "kty": "EC",
        "x": _encode(numbers.public_numbers.x),
        "y": _encode(numbers.public_numbers.y),
    }
    thumbprint = hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest()
    key_id = key_id or base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return json.dumps(public | {"alg": "ES256", "use": "sig", "kid": key_id, "d": _encode(numbers.private_value)})


def public_jwks(private_keys: list[str]) -> str:
    keys = [{name: value for name, value in json.loads(key).items() if name != "d"} for key in private_keys]
    return json.dumps({"keys": keys}, indent=2)


def _encode(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
