"""The specification's vectors, as far as they are the client's: what it accepts, how long, of which machine, which key."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from epochly.licensing import fingerprint, licence_key
from epochly.licensing.acceptance import NotAccepted, Who, accepted_keyset, accepted_lease
from epochly.licensing.canonical import from_b64u
from epochly.licensing.entitlement import Entitled, entitled

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json").read_text("utf-8")
)
DEVICE = VECTORS["device"]
ROOTS = {
    key["kid"]: from_b64u(key["pub"])
    for name, key in VECTORS["keys"].items()
    if name in ("root", "next-root")
}
WHO = Who(DEVICE["iss"], ROOTS, DEVICE["kid"], DEVICE["digest"])


def named(vectors):
    """Vectors as parameters, by their names."""
    return [pytest.param(each, id=each["name"]) for each in vectors]


@pytest.mark.parametrize("vector", named(VECTORS["keysets"]))
def test_a_keyset_is_taken_as_the_specification_says(vector):
    """By one of two roots, and never back to an older one or to another of the same version."""
    if vector["taken"]:
        accepted_keyset(WHO, vector["token"], DEVICE["keyset"])
    else:
        with pytest.raises(NotAccepted):
            accepted_keyset(WHO, vector["token"], DEVICE["keyset"])


@pytest.mark.parametrize("vector", named(VECTORS["leases"]))
def test_a_lease_is_taken_as_the_specification_says(vector):
    """For this device, machine, service and request, by a key in use at the time, and newer than the one held."""
    keyset = accepted_keyset(WHO, DEVICE["keyset"], "")
    fewest = DEVICE["seq"] + (not vector["repeated"])
    if vector["taken"]:
        assert accepted_lease(WHO, keyset, vector["token"], DEVICE["cn"], fewest).aud == DEVICE["kid"]
    else:
        with pytest.raises(NotAccepted):
            accepted_lease(WHO, keyset, vector["token"], DEVICE["cn"], fewest)


@pytest.mark.parametrize("vector", named(VECTORS["lease_times"]))
def test_a_lease_counts_for_as_long_as_the_specification_says(vector):
    """From its beginning to the end of its grace, by a clock that was not set back."""
    keyset = accepted_keyset(WHO, DEVICE["keyset"], "")
    token = next(each["token"] for each in VECTORS["leases"] if each["taken"])
    lease = accepted_lease(WHO, keyset, token, None)
    answer = entitled(lease, lease.features[0], vector["now"], vector["latest"])
    seen = ("grace" if answer.in_grace else "good") if isinstance(answer, Entitled) else "expired"
    assert seen == vector["is"]


@pytest.mark.parametrize("vector", named(VECTORS["fingerprints"]))
def test_a_fingerprint_is_what_the_specification_says(vector):
    """From identifier to digest, for every system; a name and an installation's id are anchors as they are."""
    system = {"windows": "win32"}.get(vector["os"], vector["os"])
    names = fingerprint.platform_names(system, vector["machine"])
    assert names == (vector["os"], vector["arch"])
    assert fingerprint.canonical_text(vector["identifier"]) == vector["anchor"]
    digest = fingerprint.digest_of(vector["anchor"], *names)
    assert digest == vector["digest"]
    assert sha256(digest.encode()).hexdigest() == vector["fp_of_lease"]


def test_a_licence_key_is_read_as_the_specification_says():
    """However it is typed; a wrong digit is seen here already."""
    for vector in VECTORS["license_keys"]["made"]:
        assert licence_key.normal(vector["shown"]) == vector["normal"]
        assert licence_key.shown(vector["normal"]) == vector["shown"]
    for vector in VECTORS["license_keys"]["typed"]:
        assert licence_key.normal(vector["typed"]) == vector["normal"], vector["name"]
    for vector in VECTORS["license_keys"]["bad"]:
        assert licence_key.normal(vector["typed"]) is None, vector["reason"]
