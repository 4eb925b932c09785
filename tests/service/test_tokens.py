"""What the service writes by the vectors beside the specification, and the canonical forms it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from epochly_service import license_keys, tokens
from epochly_service.encoding import b64u, new_id, unb64u

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json").read_text("utf-8")
)
READS = (tokens.PROOF, tokens.REKEY)
KEYS = VECTORS["keys"]
TEXTS = st.text(max_size=8) | st.text('\x00\x1f "\\/\x7f\u2028\ue000\U0001f600ab\b\f\n\r\t', max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(0, tokens.INT_MAX) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


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


@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_canonical_is_what_rfc_8785_says(value):
    """Whatever names and texts are in it, an object has the bytes of the reference, and is read again from them."""
    data = rfc8785.dumps(value)
    assert tokens.canonical(value) == data
    assert tokens.parse(data) == value


@pytest.mark.parametrize("inner", [1.0, None, -1, 2**53, "\ud800", b"", {"\ud800": 1}])
def test_canonical_refuses_what_section_1_does_not_know(inner):
    """Floats, null, negative and huge ints, and text that is not Unicode have no bytes, however deep they lie."""
    for value in ({"a": inner}, {"a": [{"b": [inner]}]}):
        with pytest.raises(tokens.TokenError):
            tokens.canonical(value)


@pytest.mark.parametrize("levels", [16, 400, 5_000])
def test_parse_refuses_what_is_nested_deep(levels):
    """Brackets in brackets, as many as fit into a body, are refused as any other text is."""
    with pytest.raises(tokens.TokenError):
        tokens.parse(b'{"a":' + b"[" * levels + b"]" * levels + b"}")


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
