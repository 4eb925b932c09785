"""Keys and roots: rotated with overlap, rehearsed, revoked, and a root's successor; judged with the client's own reader."""

from __future__ import annotations

import os
import time

import pytest
from filled import DAY, device_of, license_of

from epochly.licensing.claims import Keyset, Lease, read_as
from epochly_service import core, keys, pins, store
from epochly_service.admin.arguments import parse
from epochly_service.answers import Voice
from epochly_service.errors import ServiceError
from epochly_service.settings import Policy


def seen_by_client(token, pem):
    """The keyset as a client that pins these roots reads it."""
    roots = {pins.root_id(root): root.public_bytes_raw() for root in pins.parse_roots(pem, "pem")}
    return read_as(Keyset, token, roots.get)


def pinned(deployment):
    """What clients are given."""
    return (deployment.data / pins.PINS).read_bytes()


def statuses(keyset):
    """Kid -> status of a keyset."""
    return {key.kid: key.status for key in keyset.keys}


def lease_by(ring, now):
    """A lease as a node signs it with these keys."""
    row = license_of(expires_at=now + 365 * DAY)
    voice = Voice("https://licences.example", ring, now, os.urandom)
    terms = core.lease_terms(row, device_of(row), now, Policy())
    return voice.lease(terms, aud="A" * 43, cn="A" * 22, fp="ab" * 32)


def test_rotation_leaves_what_older_keys_signed_good(deployment):
    """After three rotations every key is in the keyset a client accepts, and each lease still verifies by it, to its end."""
    now, leases = int(time.time()), []
    for _ in range(3):
        before = deployment.database.read(lambda conn: keys.load(conn, str(deployment.data)))
        leases.append(lease_by(before, now))
        found = deployment.ask("keys", "rotate")
        assert found["v"] == before.v + 1
    after = seen_by_client(deployment.admin("keys", "keyset")[0].strip(), pinned(deployment))
    assert sorted(statuses(after).values()) == ["active", "retired", "retired", "retired"]
    publics = {key.kid: key.public_key for key in after.keys if key.status != "revoked"}
    for lease in leases:
        assert read_as(Lease, lease, publics.get).grace_until <= min(key.exp for key in after.keys)
    assert deployment.ask("doctor")["faults"] == 0
    assert (deployment.data / "signing" / f"{found['kid']}.pem").stat().st_mode & 0o777 == 0o600


def test_rotation_can_be_rehearsed(deployment):
    """A rehearsal says what would be, and leaves keyset, keys, files and audit as they were."""
    files = sorted(os.listdir(deployment.data / "signing"))
    before = deployment.ask("keys", "list"), deployment.ask("keys", "keyset")
    found = deployment.ask("keys", "rotate", "--rehearse")
    assert found["rehearsed"] is True
    assert sorted(key["status"] for key in found["keys"]) == ["active", "retired"]
    assert (deployment.ask("keys", "list"), deployment.ask("keys", "keyset")) == before
    assert sorted(os.listdir(deployment.data / "signing")) == files
    assert deployment.admin("audit", "export")[0] == ""


def test_keyset_leaves_out_keys_whose_last_lease_is_over(deployment):
    """A year of rotations keeps the keyset short: a key goes when nothing it signed can still count."""
    from epochly_service.admin import keyring

    now = int(time.time())
    for month in range(12):
        found = keyring.rotate(deployment.desk(now=now + month * 90 * DAY))
    assert len(found.keys) <= 4
    assert deployment.database.read(store.newest_keyset)[0] == 13


def test_revoked_key_is_told_to_clients_and_the_one_in_use_is_kept(deployment):
    """A key that leaked is revoked after the next one is in use; the one in use is refused."""
    (old,) = [row["kid"] for row in deployment.ask("keys", "list")["keys"]]
    assert "rotate first" in deployment.admin("keys", "revoke", old, code=1)[1]
    deployment.admin("keys", "rotate")
    deployment.admin("keys", "revoke", old)
    keyset = seen_by_client(deployment.ask("keys", "keyset")["keyset"], pinned(deployment))
    assert statuses(keyset)[old] == "revoked"
    assert deployment.ask("doctor")["faults"] == 0


@pytest.mark.parametrize("kid", ["-" + "a" * 42, "--" + "Z" * 41, "-" * 43, "_-" + "9" * 41])
@pytest.mark.parametrize(
    "shape", [["{}"], ["{}", "--root", "file"], ["--json", "{}"], ["--root", "file", "--", "{}"]]
)
def test_key_whose_name_begins_with_a_dash_can_be_named(kid, shape):
    """One name in 64 looks like an option, and is none."""
    command, options = parse(["keys", "revoke", *(part.format(kid) for part in shape)])
    assert command == ("keys", "revoke")
    assert options.kid == kid
    assert options.root == ("file" if "file" in shape else None)
    assert options.json is ("--json" in shape)


def test_long_option_that_is_none_is_refused():
    """An option is not taken for a key where none is asked for."""
    with pytest.raises(ServiceError, match="unrecognized arguments"):
        parse(["keys", "list", "--" + "o" * 41])


def test_root_is_followed_by_one_that_clients_know_already(deployment):
    """Clients that were given both roots take keysets by either; after `promote` those who have the new one alone do too."""
    old_pem = pinned(deployment)
    deployment.admin("root", "new")
    both_pem = pinned(deployment)
    assert len(pins.parse_roots(both_pem, "pem")) == 2
    assert "there is a next root already" in deployment.admin("root", "new", code=1)[1]
    v = seen_by_client(deployment.ask("keys", "keyset")["keyset"], both_pem).v
    deployment.admin("root", "promote")
    new_pem = pinned(deployment)
    token = deployment.ask("keys", "keyset")["keyset"]
    assert seen_by_client(token, both_pem).v == seen_by_client(token, new_pem).v == v + 1
    with pytest.raises(ValueError, match="key"):
        seen_by_client(token, old_pem)
    deployment.admin("keys", "rotate")
    assert "there is no next root" in deployment.admin("root", "promote", code=1)[1]
    assert deployment.ask("doctor")["faults"] == 0


def test_root_may_live_elsewhere(deployment, tmp_path):
    """A root in a file of its own rotates keys by `--root`; one that no client pins is refused, and so is none at all."""
    elsewhere = tmp_path / "stick.pem"
    os.rename(deployment.data / "root-key" / "root.pem", elsewhere)
    assert "name its file with `--root`" in deployment.admin("keys", "rotate", code=1)[1]
    deployment.admin("keys", "rotate", "--root", str(elsewhere))
    deployment.admin("root", "new", "--out", str(tmp_path / "next.pem"))
    assert "is not the next root" in deployment.admin("root", "promote", "--root", str(elsewhere), code=1)[1]
    deployment.admin("root", "promote", "--root", str(tmp_path / "next.pem"))
    assert (
        "no client pins this root" in deployment.admin("keys", "rotate", "--root", str(elsewhere), code=1)[1]
    )
    notes = [note for check in deployment.ask("doctor")["checks"] for note in check["notes"]]
    assert not any("root key lies here" in note for note in notes)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("spoil", ["mode", "text", "link", "other"])
def test_root_file_that_will_not_do_is_one_line(deployment, tmp_path, spoil):
    """A key file open to others, of other text, behind a link or of another kind of key is refused and changes nothing."""
    path = deployment.data / "root-key" / "root.pem"
    if spoil == "mode":
        path.chmod(0o644)
    elif spoil == "text":
        path.write_text("hello")
    elif spoil == "link":
        os.rename(path, tmp_path / "root.pem")
        os.symlink(tmp_path / "root.pem", path)
    else:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        other = generate_private_key(SECP256R1())
        path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    err = deployment.admin("keys", "rotate", code=2)[1]
    assert err.count("\n") == 1
    assert "hint: " in err
    assert deployment.ask("keys", "keyset")["claims"]["v"] == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_verify_keyset_believes_nothing_but_a_pinned_root(deployment):
    """A keyset of another root, a changed one and text that is none are refused."""
    token = deployment.ask("keys", "keyset")["keyset"]
    roots = pins.read_roots(str(deployment.data))
    other = [keys.private_key(b"x" * 32).public_key()]
    flipped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    for bad, by in (
        (token, other),
        (flipped, roots),
        ("", roots),
        ("v4.public.", roots),
        (token + ".x", roots),
        ("\0", roots),
    ):
        with pytest.raises(ServiceError):
            pins.verify_keyset(bad, by)
    assert pins.verify_keyset(token, roots)["v"] == 1
