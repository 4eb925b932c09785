"""The shared vectors of epochly-pop v1, which other code made: our reader agrees with each of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from epochly.licensing import claims, tokens
from epochly.licensing.canonical import (
    CanonicalError,
    b64u,
    canonical,
    from_b64u,
    is_small_order,
    kid_of,
    parsed_canonical,
)
from epochly.licensing.claims import read_as
from epochly.licensing.tokens import TokenError

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "docs/spec/vectors/epochly-pop-v1.json").read_text("utf-8"))
KINDS = {
    kind.TYP: kind
    for kind in (claims.Proof, claims.Rekey, claims.Lease, claims.Refusal, claims.Receipt, claims.Keyset)
}


def known(typ):
    """The keys that a reader of a type knows, as a lookup."""
    keys = [VECTORS["keys"][name]["pub"] for name in VECTORS["known"][typ]]
    if typ in tokens.OF_A_DEVICE:
        keys += [key["pub"] for key in VECTORS["small_order"]]
    return {kid_of(from_b64u(key)): from_b64u(key) for key in keys}.get


def each(*where):
    """The vectors at a place in the file, told by their name or the reason for which they are bad."""
    found = VECTORS
    for name in where:
        found = found[name]
    return pytest.mark.parametrize(
        "vector",
        found,
        ids=[vector.get("name") or vector.get("reason") or str(at) for at, vector in enumerate(found)],
    )


def test_vectors_are_those_that_the_tool_writes():
    """The file is made, not edited: the tool writes the same bytes anywhere."""
    tool = [sys.executable, str(ROOT / "tools" / "write_vectors.py"), "--check"]
    done = subprocess.run(tool, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_vectors_are_many_and_of_each_type():
    """At least forty bad tokens, good and bad ones of each type, and each part that can be wrong."""
    assert len(VECTORS["bad"]) >= 40
    for vectors in (VECTORS["good"], VECTORS["bad"]):
        assert {vector["typ"] for vector in vectors} == tokens.TYPES
    assert {vector["error"] for vector in VECTORS["bad"]} == set(VECTORS["errors"])


def test_key_ids_are_those_of_the_keys():
    """A `kid` is the digest of the raw public key, and a seed gives that key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    for key in VECTORS["keys"].values():
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key["seed_hex"]))
        assert b64u(private.public_key().public_bytes_raw()) == key["pub"]
        assert kid_of(from_b64u(key["pub"])) == key["kid"]


def test_keys_of_small_order_are_told_from_all_others():
    """Each of the 14 encodings is one, and no key of the vectors is."""
    weak = {from_b64u(key["pub"]) for key in VECTORS["small_order"]}
    assert len(weak) == 14
    assert all(map(is_small_order, weak))
    assert not any(is_small_order(from_b64u(key["pub"])) for key in VECTORS["keys"].values())


@each("good")
def test_a_good_token_is_read_and_made_to_the_byte(vector):
    """Each good token says what its vector says, and our own maker gives the same text."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    typ, signer = vector["typ"], VECTORS["keys"][vector["signed_by"]]
    value = read_as(KINDS[typ], vector["token"], known(typ))
    assert {"typ": typ, **value.claims()} == vector["claims"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(signer["seed_hex"]))
    kid = None if typ in tokens.OF_A_DEVICE else signer["kid"]
    assert tokens.mint(typ, value.claims(), private, kid) == vector["token"]


@each("bad")
def test_a_bad_token_is_refused_for_its_reason(vector):
    """Each bad token is refused, and for the part that is wrong."""
    with pytest.raises(TokenError) as caught:
        read_as(KINDS[vector["typ"]], vector["token"], known(vector["typ"]))
    assert caught.value.code == vector["error"], caught.value.what


@each("canonical", "good")
def test_a_value_has_the_canonical_bytes(vector):
    """Each value has one form, and that form is read as the value."""
    assert canonical(vector["value"]) == vector["canonical"].encode()
    assert parsed_canonical(vector["canonical"].encode()) == vector["value"]


@each("canonical", "bad")
def test_other_bytes_are_not_canonical(vector):
    """Each other text is refused, however long."""
    with pytest.raises(CanonicalError):
        parsed_canonical(bytes.fromhex(vector["hex"]) * vector.get("repeated", 1))
