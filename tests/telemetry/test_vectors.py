"""The specification's vectors: the client reads, makes and refuses what the service does, though they share no code."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from epochly.licensing.acceptance import NotAccepted
from epochly.licensing.canonical import from_b64u
from epochly.telemetry import receipts
from epochly.telemetry.batch import BatchError, digest_of, endpoint_of, install_id, parsed
from epochly.telemetry.kinds import bucket, share
from epochly.telemetry.lens import host_hash
from epochly.telemetry.receipts import Root, Service, accepted_receipt, accepted_root, is_leaf

VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs/spec/vectors/epochly-telemetry-v1.json").read_text("utf-8")
)
TOKENS, ROOT = VECTORS["tokens"], VECTORS["keys"]["root"]
SERVICE = Service(TOKENS["iss"], {ROOT["kid"]: from_b64u(ROOT["pub"])})


def body_of(vector):
    """A body, which is hex where it is no text."""
    return bytes.fromhex(vector["body_hex"]) if "body_hex" in vector else vector["body"].encode()


def judged(typ, token):
    """What the client makes of a token; raises `NotAccepted`."""
    if typ == receipts.RECEIPT:
        return accepted_receipt(SERVICE, TOKENS["keyset"], "", token, TOKENS["body"].encode())
    return accepted_root(SERVICE, TOKENS["keyset"], "", token, TOKENS["day"])


def test_good_batches_are_read():
    """Each good body is a batch of its endpoint, with its digest and its number of events."""
    for vector in VECTORS["batches"]["good"]:
        batch = parsed(body_of(vector))
        assert endpoint_of(batch) == vector["endpoint"]
        assert digest_of(body_of(vector)) == vector["sha256"]
        assert len(batch["events"]) == vector["events"]


@pytest.mark.parametrize("vector", VECTORS["batches"]["bad"], ids=lambda vector: vector["reason"])
def test_bad_batches_are_never_sent(vector):
    """What the service would refuse is none of ours, or would go to another place."""
    try:
        batch = parsed(body_of(vector))
    except BatchError:
        return
    assert endpoint_of(batch) != vector["endpoint"] or vector["reason"] == "a day far away"


def test_numbers_become_what_the_vectors_have():
    """Buckets and shares."""
    assert [bucket(each["count"]) for each in VECTORS["buckets"]] == [
        each["bucket"] for each in VECTORS["buckets"]
    ]
    assert [share(each["part"] / each["whole"]) for each in VECTORS["shares"]] == [
        each["share"] for each in VECTORS["shares"]
    ]


def test_ids_and_hosts_are_those_of_the_vectors():
    """An installation's id of a month, and a host's name under a salt."""
    for vector in VECTORS["installs"]:
        day = (date.fromisoformat(vector["month"] + "-09") - date(1970, 1, 1)).days
        assert install_id(bytes.fromhex(vector["seed_hex"]), day) == vector["install"]
    for vector in VECTORS["lens_hosts"]:
        assert host_hash(from_b64u(vector["salt"]), vector["name"]) == vector["host"]


def test_good_tokens_are_believed():
    """A receipt and a root."""
    assert datetime.fromtimestamp(TOKENS["day"] * 86_400, UTC).date().isoformat() == TOKENS["day_as_date"]
    for vector in TOKENS["good"]:
        assert judged(vector["typ"], vector["token"])


@pytest.mark.parametrize("vector", TOKENS["bad"], ids=lambda vector: vector["reason"] + vector["typ"][18:])
def test_bad_tokens_are_not_believed(vector):
    """Each bad one is refused."""
    with pytest.raises(NotAccepted):
        judged(vector["typ"], vector["token"])


def test_paths_lead_to_the_root_or_do_not():
    """Each good proof holds, each bad one does not."""
    for good, proofs in ((True, VECTORS["proofs"]["good"]), (False, VECTORS["proofs"]["bad"])):
        for vector in proofs:
            root = Root(0, vector["size"], vector["root"])
            found = is_leaf(root, bytes.fromhex(vector["leaf"]), vector["index"], vector["path"])
            assert found is good, vector.get("reason")
