"""What both writers of shared test vectors are made of: keys anybody can derive, canonical bytes, tokens, and the command itself.

It shares no code with what is judged by the vectors: tokens are made by `pyseto`, canonical bytes by `json`, digests by `hashlib`. The keys
come from seeds of their names, and sign nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyseto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = Path(__file__).resolve().parent.parent / "docs" / "spec"


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jcs(value: Any) -> bytes:
    """Canonical bytes of values whose names are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def seeded(spec: str, name: str) -> bytes:
    """32 bytes that look random and are the same each time."""
    return sha256(f"{spec} vector: {name}".encode()).digest()


class Key:
    """A key pair by the specification and its name."""

    def __init__(self, spec: str, name: str) -> None:
        self.name = name
        self.seed = sha256(f"{spec} vector key: {name}".encode()).digest()
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.raw = private.public_key().public_bytes_raw()
        self.pub, self.kid = b64u(self.raw), b64u(sha256(self.raw).digest())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._pyseto = pyseto.Key.new(version=4, purpose="public", key=pem)

    def sign(self, message: bytes, footer: bytes, implicit: bytes) -> str:
        """A token over any bytes."""
        return pyseto.encode(self._pyseto, message, footer, implicit).decode()


def written(file: Path, page: Callable[[], str], about: str, tool: str) -> int:
    """The command that writes a file, or with `--check` only says whether it is up to date; 1 when it is not."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail when the file is out of date"
    )
    only_check = parser.parse_args().check
    text = page()
    if only_check:
        if file.exists() and file.read_text("utf-8") == text:
            return 0
        print(f"`{file.name}` is out of date; hint: run `tools/{tool}`", file=sys.stderr)
        return 1
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    return 0
