"""What tokens say: each kind of claims is read back as it was written, and is refused with anything else in it."""

from __future__ import annotations

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.licensing import tokens
from epochly.licensing.canonical import b64u, kid_of
from epochly.licensing.claims import (
    Key,
    Keyset,
    Lease,
    Proof,
    Receipt,
    Refusal,
    Rekey,
    read_as,
)
from epochly.licensing.tokens import TokenError

KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
KID, PUB, RANDOM = kid_of(PUBLIC), b64u(PUBLIC), b64u(bytes(16))
ISS = "https://api.epochly.com"
SIGNED = {"iss": ISS, "aud": KID, "cn": RANDOM, "jti": RANDOM}
GOOD = {
    Proof: {
        "kid": KID,
        "htm": "POST",
        "htu": ISS + "/v1/license/validate",
        "bdg": "0" * 64,
        "nonce": b64u(bytes(41)),
        "cn": RANDOM,
        "iat": 1_800_000_000,
        "jti": RANDOM,
        "seq": 0,
        "cv": "0.1.0.dev0",
    },
    Rekey: {"kid": KID, "pub": PUB, "old": kid_of(b"old"), "nonce": b64u(bytes(41)), "iat": 1},
    Lease: SIGNED
    | {
        "lic": "lic_" + RANDOM,
        "dev": "dev_" + RANDOM,
        "plan": "professional",
        "features": ["gpu", "lens", "multi-core"],
        "seat": "node",
        "fp": "f" * 64,
        "iat": 100,
        "nbf": 100,
        "exp": 200,
        "grace_until": 300,
        "refresh_after": 150,
        "seq": 1,
        "srv_time": 100,
        "pol": 1,
    },
    Refusal: SIGNED | {"code": "LICENSE_SUSPENDED", "iat": 1, "srv_time": 2},
    Receipt: SIGNED | {"act": "release", "dev": "dev_" + RANDOM, "iat": 1},
    Keyset: {
        "v": 1,
        "issued": 1,
        "keys": [{"kid": KID, "pub": PUB, "nbf": 0, "exp": 2**53 - 1, "status": "active"}],
    },
}
KINDS = pytest.mark.parametrize("kind", GOOD)
BAD = {
    Proof: [
        ("htm", "PUT"),
        ("htm", "post"),
        ("htu", "http://api.epochly.com/v1/devices"),
        ("htu", ISS + "/v1/devices?license_key=x"),
        ("htu", ISS + "/v1/devices#x"),
        ("htu", "https://user@api.epochly.com/v1/devices"),
        ("htu", "https://API.epochly.com/v1/devices"),
        ("htu", ISS + "/" + "a" * 600),
        ("bdg", "F" * 64),
        ("nonce", b64u(bytes(97))),
        ("nonce", ""),
        ("cn", b64u(bytes(15))),
        ("seq", "0"),
        ("seq", True),
        ("cv", ""),
        ("cv", "1 2"),
        ("kid", "A" * 42 + "B"),
    ],
    Rekey: [("old", ""), ("nonce", "=")],
    Lease: [
        ("seat", "Node"),
        ("plan", "Professional"),
        ("features", ["lens", "gpu"]),
        ("features", ["gpu", "gpu"]),
        ("features", "gpu"),
        ("features", [1]),
        ("features", [f"f{each:02}" for each in range(33)]),
        ("fp", "f" * 63),
        ("lic", "dev_" + RANDOM),
        ("dev", "dev_" + RANDOM + "A"),
        ("iss", "https://api.epochly.com/"),
        ("aud", KID[:-1]),
        ("exp", "200"),
    ],
    Refusal: [("code", "license_suspended"), ("code", "A\n"), ("code", "A" * 41)],
    Receipt: [("act", "transfer"), ("dev", "lic_" + RANDOM)],
    Keyset: [
        ("v", 0),
        ("keys", {}),
        ("keys", ["x"]),
        ("keys", GOOD[Keyset]["keys"] * 2),
        ("keys", [GOOD[Keyset]["keys"][0] | {"pub": b64u(bytes(32))}]),
        ("keys", [GOOD[Keyset]["keys"][0] | {"status": "new"}]),
        ("keys", [GOOD[Keyset]["keys"][0] | {"alg": "EdDSA"}]),
        ("keys", [{}]),
        ("keys", [{}] * 33),
    ],
}


def claims_of(kind, **changed):
    """Good claims of a kind, some of them changed."""
    return {"typ": kind.TYP} | GOOD[kind] | changed


@KINDS
def test_claims_are_read_back_as_they_were_written(kind):
    """A kind of claims goes into a token and comes out equal, and says to the last name what was signed."""
    value = kind.from_claims(claims_of(kind))
    assert value.claims() == GOOD[kind]
    kid = None if kind.TYP in tokens.OF_A_DEVICE else KID
    assert read_as(kind, tokens.mint(kind.TYP, value.claims(), KEY, kid), {KID: PUBLIC}.get) == value


@KINDS
def test_a_missing_or_added_claim_is_refused(kind):
    """Every claim has to be there and no other may, so that nothing is said that nobody reads."""
    for name in claims_of(kind):
        with pytest.raises(TokenError) as caught:
            kind.from_claims({key: value for key, value in claims_of(kind).items() if key != name})
        assert (caught.value.code, f"`{name}`" in caught.value.what) == ("malformed", True)
    with pytest.raises(TokenError) as caught:
        kind.from_claims(claims_of(kind, alg="none"))
    assert (caught.value.code, caught.value.what) == ("malformed", "it has a claim that its type has not")


@pytest.mark.parametrize(
    ("kind", "name", "value"), [(kind, name, value) for kind, pairs in BAD.items() for name, value in pairs]
)
def test_a_claim_of_another_form_is_refused(kind, name, value):
    """Each claim has one form, and a value of another one is told by the claim's name."""
    with pytest.raises(TokenError) as caught:
        kind.from_claims(claims_of(kind, **{name: value}))
    assert caught.value.code == "malformed"
    assert caught.value.what.isprintable()


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.sampled_from(list(GOOD)), st.data())
def test_any_claim_value_is_of_its_form_or_refused(kind, data):
    """Whatever JSON stands in place of a claim, the answer is a value or a `TokenError`."""
    leaf = st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=50)
    any_json = st.recursive(
        leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
    )
    name = data.draw(st.sampled_from(list(GOOD[kind])))
    with contextlib.suppress(TokenError):
        value = kind.from_claims(claims_of(kind, **{name: data.draw(any_json)}))
        assert kind.from_claims({"typ": kind.TYP, **value.claims()}) == value


def test_a_new_key_names_itself_by_its_own_id():
    """Where a key introduces itself, in a proof, a rekey or a keyset, its `kid` has to be its own."""
    assert Proof.from_claims(claims_of(Proof, pub=PUB)).claims() == GOOD[Proof] | {"pub": PUB}
    another = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1").public_key().public_bytes_raw()
    for kind in (Proof, Rekey):
        with pytest.raises(TokenError) as caught:
            kind.from_claims(claims_of(kind, pub=b64u(another)))
        assert (caught.value.code, caught.value.what) == ("key", "its `kid` is not that of its `pub`")
    assert Keyset.from_claims(claims_of(Keyset)).keys == (Key(KID, PUB, 0, 2**53 - 1, "active"),)
    assert Keyset.from_claims(claims_of(Keyset)).keys[0].public_key == PUBLIC


def test_a_base_url_with_a_port_or_a_path_is_one():
    """A service may stand behind a port, a path or an address of IPv6."""
    for iss in (
        "https://[2001:db8::1]:8443",
        "https://localhost:8443/epochly",
        "https://xn--bcher-kva.example",
    ):
        assert Lease.from_claims(claims_of(Lease, iss=iss)).iss == iss
