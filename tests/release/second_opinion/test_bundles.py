"""Our bundles in `@sigstore/verify`: honest ones are believed, and whatever was changed is refused for that reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epochly_release.errors import Refused
from epochly_release.second_opinion import Opinion, refuse_doubted


def reason(opinions):
    """Why the only bundle is refused."""
    (opinion,) = opinions
    assert not opinion.ok
    return opinion.reason


def assert_refused(opinions, parts):
    """Every bundle is refused, each with its part of a reason."""
    assert len(opinions) == len(parts)
    assert all(part in opinion.reason for opinion, part in zip(opinions, parts, strict=True)), opinions
    assert not any(opinion.ok for opinion in opinions)


def test_bundles_of_every_kind_verify_elsewhere(ask, signed):
    """Signatures and attestations of both generations of log are believed by the other implementation."""
    pairs = tuple((signed.artifact, signed.bundle(kind)) for kind in signed.kinds)
    assert ask(*pairs) == tuple(Opinion(*pair) for pair in pairs)


def test_changed_artifact_is_refused(ask, signed):
    """Other bytes than were signed are refused, whatever the bundle holds."""
    Path(signed.artifact).write_bytes(b"contenT")
    opinions = ask(*((signed.artifact, signed.bundle(kind)) for kind in signed.kinds))
    assert_refused(opinions, ["signature verification failed"] * 2 + ["has no subject with sha256"] * 2)


def test_bundle_of_another_file_is_refused(ask, signed):
    """Sound bundles beside each other's files are refused."""
    other = signed.folder / "other"
    other.write_bytes(b"other")
    swapped = ((str(other), signed.bundle(kind)) for kind in signed.kinds)
    opinions = ask(*swapped, (signed.artifact, signed.bundle("other")))
    parts = ["signature verification failed"] * 2 + ["has no subject with sha256"] * 2
    assert_refused(opinions, [*parts, "signature verification failed"])


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("uri", lambda uri: uri.replace("main", "evil"), "refs/heads/main, not by"),
        ("uri", lambda uri: uri[:-1], "not by"),
        ("uri", lambda _: "https://github.com/.*", "not by"),
        ("issuer", lambda issuer: f"{issuer}/", "vouched for by"),
        ("issuer", lambda issuer: issuer[:-1], "vouched for by"),
    ],
    ids=["branch", "prefix", "pattern", "longer-issuer", "shorter-issuer"],
)
def test_other_signer_is_refused(ask, signed, part, change, said):
    """Identity and issuer are compared as whole texts: no part and no pattern will do."""
    signer = replace(signed.signer, **{part: change(getattr(signed.signer, part))})
    assert said in reason(ask((signed.artifact, signed.bundle("sign-2")), signer=signer))


def test_bundle_signed_by_another_branch_is_refused(ask, signed):
    """The same workflow on another branch is somebody else."""
    assert "refs/heads/evil" in reason(ask((signed.artifact, signed.bundle("elsewhere"))))


def test_foreign_trust_root_is_refused(ask, signed):
    """Under the root of another instance nothing of this one holds."""
    opinions = ask(*((signed.artifact, signed.bundle(kind)) for kind in signed.kinds), root="foreign.json")
    assert_refused(opinions, ["timestamp could not be verified"] * 4)


def flipped(line, column):
    """A change of the checkpoint: one bit of one byte."""

    def change(document):
        checkpoint = document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]
        lines = checkpoint["envelope"].split("\n")
        text = lines[line]
        lines[line] = text[:column] + chr(ord(text[column]) ^ 1) + text[column + 1 :]
        checkpoint["envelope"] = "\n".join(lines)

    return change


@pytest.mark.parametrize(
    ("line", "column"),
    [(0, 0), (1, 0), (2, 5), (-2, 2), (-2, -20)],
    ids=["origin", "size", "root", "signer", "signature"],
)
def test_checkpoint_with_a_flipped_bit_is_refused(ask, signed, line, column):
    """Every part of the log's checkpoint counts, the signer's name too, in each generation of log."""
    change = flipped(line, column)
    opinions = ask(*((signed.artifact, signed.changed(kind, change)) for kind in signed.kinds))
    assert_refused(opinions, ["invalid checkpoint signature"] * 4)


def test_bundle_under_the_name_of_another_log_is_refused(ask, signed):
    """A checkpoint by one trusted log does not serve an entry that names another one."""

    def change(document):
        logs = json.loads((signed.folder / "own.json").read_text())["tlogs"]
        document["verificationMaterial"]["tlogEntries"][0]["logId"] = logs[0]["logId"]

    assert "checkpoint" in reason(ask((signed.artifact, signed.changed("sign-2", change))))


def without_timestamps(document):
    """Drop every RFC 3161 timestamp."""
    document["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": []}


def test_timestamps_are_counted_by_authority(ask, signed):
    """A log's own time is no timestamp, and one authority is not two."""
    pair = (signed.artifact, signed.changed("sign-1", without_timestamps))
    assert "has timestamps of 0 authorities" in reason(ask(pair))
    assert ask(pair, timestamps=0)[0].ok
    assert "of 1 authorities" in reason(ask((signed.artifact, signed.bundle("sign-1")), timestamps=2))


def entries(count):
    """A change that leaves that many copies of the log entry."""

    def change(document):
        document["verificationMaterial"]["tlogEntries"] *= count

    return change


def put(*path, value):
    """A change that sets a member deep in the document."""

    def change(document):
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("sign-1", without_timestamps, "has timestamps of 0"),
        ("sign-2", without_timestamps, "expected 1 timestamps"),
        ("sign-2", entries(0), "not exactly one log entry"),
        ("sign-2", entries(2), "not exactly one log entry"),
        ("sign-2", put("mediaType", value="application/vnd.dev.sigstore.bundle+json;version=0.1"), "v0.3"),
        ("sign-2", put("dsseEnvelope", value={}), "not exactly one of"),
        ("sign-2", put("messageSignature", value=None), "@sigstore/verify: invalid bundle (content)"),
        ("sign-2", put("verificationMaterial", value=7), "@sigstore/verify"),
        ("sign-2", put("verificationMaterial", "certificate", "rawBytes", value="AAAA"), "@sigstore/verify"),
        (
            "sign-2",
            put("messageSignature", "messageDigest", "algorithm", value="SHA2_512"),
            "verification failed",
        ),
        (
            "sign-2",
            put("messageSignature", "messageDigest", "algorithm", value="HASH_ALGORITHM_UNSPECIFIED"),
            "another digest than sha256",
        ),
        ("attest-1", put("dsseEnvelope", "payload", value="e30="), "payload hash mismatch"),
        ("attest-2", put("dsseEnvelope", "payload", value="e30="), "digest mismatch"),
        ("attest-1", put("dsseEnvelope", "payloadType", value="text/plain"), "signature verification failed"),
        ("attest-2", put("dsseEnvelope", "payloadType", value="text/plain"), "digest mismatch"),
    ],
)
def test_changed_bundle_is_refused(ask, signed, kind, change, said):
    """What is missing, doubled, of another format or not what was logged is refused for that reason."""
    assert said in reason(ask((signed.artifact, signed.changed(kind, change))))


def test_checkpoint_name_is_no_pattern(ask, signed):
    """A signer's name that would keep a pattern matcher busy is refused before it is matched."""

    def change(document):
        checkpoint = document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]
        checkpoint["envelope"] = checkpoint["envelope"].replace("\u2014 localhost", "\u2014 (([a-z]+)+)+$")

    assert "odd name" in reason(ask((signed.artifact, signed.changed("sign-2", change))))


def test_any_bytes_for_a_bundle_are_refused(ask, signed):
    """What is no bundle is refused like a bad one; it is never a fault of the program."""
    pairs = []
    for content in (b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"null", b"7", b'{"mediaType": 1}'):
        path = signed.folder / f"bytes-{len(pairs)}"
        path.write_bytes(content)
        pairs.append((signed.artifact, str(path)))
    assert_refused(ask(*pairs), ["is not JSON"] * 4 + ["is not a Sigstore bundle v0.3"] * 4)


def test_one_refusal_among_many_is_told(ask, signed):
    """Each bundle gets its own verdict, in order, and any refusal stops a release by name."""
    pairs = [(signed.artifact, signed.bundle(kind)) for kind in ("sign-1", "elsewhere", "sign-2")]
    opinions = ask(*pairs)
    assert [opinion.ok for opinion in opinions] == [True, False, True]
    with pytest.raises(Refused, match="another implementation refuses it: is signed by") as caught:
        refuse_doubted(opinions)
    assert (caught.value.where, len(caught.value.details)) == (signed.bundle("elsewhere"), 1)
    refuse_doubted(opinions[:1])


def test_attestation_alone_is_about_the_files_beside_it(verify, signed):
    """Without a named artifact every subject lies beside the bundle with its digest, or the bundle is refused."""
    root, bundle = signed.folder / "own.json", signed.bundle("attest-2")
    believed = verify(bundle, trusted_root=root)
    (line,) = map(json.loads, believed.stdout.splitlines())
    signer = {"uri": signed.signer.uri, "issuer": signed.signer.issuer}
    wanted = {"bundle": bundle, "artifact": None, "ok": True, "reason": None, "signer": signer}
    assert (believed.returncode, believed.stderr, line) == (0, "", wanted)
    Path(signed.artifact).write_bytes(b"contenT")
    assert "the file beside it has sha256" in verify(bundle, trusted_root=root).stdout
    Path(signed.artifact).unlink()
    assert "no such file is beside it" in verify(bundle, trusted_root=root).stdout
    nameless = verify(signed.bundle("sign-2"), trusted_root=root)
    assert (nameless.returncode, "not named" in nameless.stdout) == (1, True)


def test_subject_outside_the_folder_is_never_read(verify, signed):
    """A signed statement about `../file` is refused for the name, though that file is there."""
    (signed.folder.parent / "file").write_bytes(b"")
    done = verify(signed.bundle("outside"), trusted_root=signed.folder / "own.json")
    assert (done.returncode, "a subject that is no file name" in done.stdout) == (1, True), done.stdout
