"""What the service writes by the vectors beside the specification, and the canonical forms it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from epochly_service import license_keys, tokens
from epochly_service.encoding import b64u, new_id, unb64u

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json").read_text("utf-8")
)
READS = (tokens.PROOF, tokens.REKEY)
KEYS = VECTORS["keys"]


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_sign_makes_the_vectors_byte_for_byte(vector):
    """A token is what the specification's own maker makes of the same key and claims."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEYS[vector["signed_by"]]["seed_hex"]))
    footer = None if vector["typ"] in READS else KEYS[vector["signed_by"]]["kid"]
    claims = {name: value for name, value in vector["claims"].items() if name != "typ"}
    assert tokens.sign(key, vector["typ"], claims, kid=footer) == vector["token"]


@pytest.mark.parametrize("vector", VECTORS["canonical"]["good"], ids=lambda vector: vector["canonical"][:30])
def test_parse_takes_canonical_objects(vector):
    """An object whose bytes are JCS is read, and written again as the same bytes."""
    text = b'{"a":' + vector["canonical"].encode() + b"}"
    assert tokens.parse(text) == {"a": vector["value"]}
    assert tokens.canonical({"a": vector["value"]}) == text


@pytest.mark.parametrize("vector", VECTORS["canonical"]["bad"], ids=lambda vector: vector["reason"])
def test_parse_refuses_what_is_not_canonical(vector):
    """Anything else is refused, as it stands and inside of an object."""
    data = bytes.fromhex(vector["hex"]) * vector.get("repeated", 1)
    for text in (data, b'{"a":' + data + b"}"):
        with pytest.raises(tokens.TokenError):
            tokens.parse(text)


@pytest.mark.parametrize("text", ["", "=", "A", "AB=", "A+==", "é", "AB\n", " AA", "AR"])
def test_unb64u_refuses_what_is_not_canonical(text):
    """One text for a value: padding, other alphabets, stray bits and spaces are refused; nothing is the empty value."""
    if not text:
        assert unb64u(text) == b""
        return
    with pytest.raises(ValueError, match="base64url"):
        unb64u(text)


def test_ids_need_their_16_bytes():
    """A caller who has too little randomness is told, not served."""
    assert new_id("dev", bytes(16)) == "dev_" + b64u(bytes(16))
    with pytest.raises(ValueError, match="16 bytes"):
        new_id("dev", bytes(15))
    with pytest.raises(ValueError, match="15 bytes"):
        license_keys.make(bytes(16))
