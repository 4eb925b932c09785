"""The shared vectors of epochly-pop v1, which other code made: how the service reads what devices sign agrees with each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epochly_service import tokens
from epochly_service.encoding import is_small_order, kid, unb64u

FILE = Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
OF_DEVICES = {tokens.PROOF, tokens.REKEY}


def of_devices(place):
    """The vectors of a kind whose tokens the service reads."""
    found = [vector for vector in VECTORS[place] if vector["typ"] in OF_DEVICES]
    names = [f"{vector['typ'][8:13]}-{vector.get('name') or vector.get('reason')}" for vector in found]
    return pytest.mark.parametrize("vector", found, ids=names)


def known():
    """The keys of devices: kid -> raw public key."""
    keys = [VECTORS["keys"][name] for name in VECTORS["known"][tokens.PROOF]]
    return {key["kid"]: unb64u(key["pub"]) for key in keys}


def judged(vector):
    """What is wrong with a token, in the order of section 4, and its claims where nothing is."""
    try:
        read = tokens.read(vector["token"], vector["typ"])
    except tokens.TokenError:
        return "malformed"
    pub = known().get(read.claims["kid"])
    if pub is None or kid(unb64u(read.claims.get("pub", "")) or pub) != read.claims["kid"]:
        return "key"
    return read.claims if read.holds(pub) else "signature"


@of_devices("good")
def test_a_good_token_is_read(vector):
    """Each good token of a device says what its vector says."""
    assert judged(vector) == vector["claims"]


@of_devices("bad")
def test_a_bad_token_is_refused_for_its_reason(vector):
    """Each bad token of a device is refused, and for the part that is wrong."""
    assert judged(vector) == vector["error"]


def test_keys_of_small_order_are_told_from_all_others():
    """Each of the 14 encodings is one; the keys of the vectors, and whatever has a `y` nearby, are none."""
    weak = {unb64u(key["pub"]) for key in VECTORS["small_order"]}
    near = {
        ((int.from_bytes(key, "little") + step) % 2**256).to_bytes(32, "little")
        for key in weak
        for step in (-3, -2, -1, 1, 2, 3)
    }
    assert len(weak) == 14
    assert all(map(is_small_order, weak))
    assert not any(is_small_order(unb64u(key["pub"])) for key in VECTORS["keys"].values())
    assert not any(map(is_small_order, near - weak))
