"""This device: key, node id and enrolment, made once; what is damaged is told and never replaced unasked."""

from __future__ import annotations

import os
import re
import uuid
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from epochly.licensing import device as devices
from epochly.licensing.anchor import Seen
from epochly.licensing.device_key import kept_key, make_key
from epochly.licensing.state import State, StateProblem

ONE_LINE = re.compile(r"`[^`\n]+` [^\n]+; hint: [^\n]+")
ATTRIBUTES = {"cpu-model": "A", "cpu-vendor": "B", "board-name": "C", "board-vendor": "D"}
SEEN = Seen("linux", "x86_64", "9f2c4d8e1b7a4063a5d0e8c7f1b23946\n", ATTRIBUTES)
BARE = Seen("linux", "x86_64", None, {})


@pytest.fixture
def state(tmp_path):
    """A folder of this test's own."""
    return State(str(tmp_path / "epochly"))


@pytest.fixture
def rng():
    """Bytes that are never the same and always the same."""
    counts = iter(range(1, 1_000))
    return lambda size: sha256(str(next(counts)).encode()).digest()[:size]


def test_a_key_is_kept_before_it_is_used(state, rng):
    """PKCS#8 in PEM, 0600; its id is that of its public key, and it comes back the same."""
    made = make_key(state, rng)
    kept = kept_key(state)
    assert (kept.public, kept.kid, len(kept.kid)) == (made.public, made.kid, 43)
    assert state.read("device.key").startswith(b"-----BEGIN PRIVATE KEY-----")
    assert os.stat(os.path.join(state.path, "device.key")).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [0, 1, 30, 60, 100])
def test_a_truncated_key_is_one_line(state, rng, cut):
    """A key that was cut off is told, and stays where it is."""
    make_key(state, rng)
    state.write("device.key", state.read("device.key")[:cut])
    with pytest.raises(StateProblem) as caught:
        kept_key(state)
    assert ONE_LINE.fullmatch(str(caught.value))
    with pytest.raises(StateProblem):
        devices.made_device(state, SEEN, {}, rng)
    assert len(state.read("device.key")) == cut


def test_a_key_of_another_kind_is_one_line(state, rng):
    """Another curve, a passphrase, bytes that are no PEM."""
    other = generate_private_key(SECP256R1())
    ours = make_key(state, rng).private
    for data in (
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ours.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p")),
        b"\xff\x00" * 50,
    ):
        state.write("device.key", data)
        with pytest.raises(StateProblem) as caught:
            kept_key(state)
        assert ONE_LINE.fullmatch(str(caught.value))


def test_a_device_is_made_once(state, rng):
    """The second time everything is as it was, and reading makes nothing."""
    assert devices.kept_device(state, SEEN, {}, bytes(32)) is None
    assert not os.path.exists(state.path)
    made = devices.made_device(state, SEEN, {}, rng)
    again = devices.made_device(state, SEEN, {}, rng)
    kept = devices.kept_device(state, SEEN, {}, bytes(32))
    for other in (again, kept):
        assert (other.key.kid, other.node_id, other.enrolment) == (made.key.kid, made.node_id, made.enrolment)
    assert made.same
    assert made.digest == made.enrolment.digest
    assert uuid.UUID(made.node_id).version == 4


def test_a_device_without_identifier_is_this_installation(state, rng, tmp_path):
    """In a container the digest is of a random id in the state folder, and lives as long as that."""
    first = devices.made_device(state, BARE, {}, rng)
    second = devices.made_device(State(str(tmp_path / "other")), BARE, {}, rng)
    assert first.enrolment.kind == "install"
    assert first.digest != second.digest
    assert devices.made_device(state, BARE, {}, rng).digest == first.digest


def test_a_device_that_drifted_keeps_its_digest_until_it_is_another(state, rng):
    """A new identifier on the same board is the same machine; on another it is not, and then the new digest is sent."""
    made = devices.made_device(state, SEEN, {}, rng)
    same_machine_new_id = Seen("linux", "x86_64", None, ATTRIBUTES | {"cpu-model": "A "})
    moved = Seen("linux", "x86_64", "07b1c9d24e5f4a6883f0a1d2c3b4e596", ATTRIBUTES | {"cpu-model": "Z"})
    little = devices.kept_device(state, Seen("linux", "x86_64", SEEN.identifier, {}), {}, bytes(32))
    assert not little.same  # 3 of the 5 that are needed of 7
    assert not devices.kept_device(state, same_machine_new_id, {}, bytes(32)).same  # 4 of 5
    gone = devices.kept_device(state, moved, {}, bytes(32))
    assert not gone.same
    assert gone.digest == gone.now.digest != made.digest
    devices.enrol_anew(state, gone)
    assert devices.kept_device(state, moved, {}, bytes(32)).same


def test_a_named_node_has_a_node_id_of_its_name(state, rng):
    """`EPOCHLY_NODE_ID` gives digest and node id; taking it away gives the random ones back."""
    named = {"EPOCHLY_NODE_ID": "runner-7"}
    device = devices.made_device(state, SEEN, named, rng)
    assert device.enrolment.kind == "node-id"
    plain = devices.made_device(state, SEEN, {}, rng)
    assert plain.node_id != device.node_id
    assert not plain.same
    with pytest.raises(StateProblem) as caught:
        devices.made_device(state, SEEN, {"EPOCHLY_NODE_ID": "a\nb"}, rng)
    assert ONE_LINE.fullmatch(str(caught.value))


@pytest.mark.parametrize("name", ["node_id", "install_id", "fp_local.json"])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{}", b"0" * 63])
def test_a_damaged_file_is_one_line(state, rng, name, data):
    """Which file, what is wrong with it, what to do; and it is not made anew behind the user's back."""
    devices.made_device(state, SEEN, {}, rng)
    state.write(name, data)
    with pytest.raises(StateProblem) as caught:
        devices.made_device(state, SEEN, {}, rng)
    assert ONE_LINE.fullmatch(str(caught.value))
    assert name in str(caught.value)
    assert state.read(name) == data
