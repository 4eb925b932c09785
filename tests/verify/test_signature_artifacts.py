"""Real signed artifacts: right evidence passes, any other evidence, artifact, instance or time does not."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.signatures import Target, authenticate

VECTORS = Path(__file__).parents[1] / "vectors"
SIGNED = VECTORS / "signed"
RFC8785 = SIGNED / "rfc8785" / "rfc8785-0.1.2-py3-none-any.whl"
CIRCLE = SIGNED / "circleci" / "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
SDIST = SIGNED / "pypi-attestations-0.0.19" / "pypi_attestations-0.0.19.tar.gz"
KINDS = {
    ".sigstore.json": EvidenceKind.BUNDLE,
    ".publish.attestation": EvidenceKind.ATTESTATION,
    ".slsa.attestation": EvidenceKind.ATTESTATION,
    ".attestation": EvidenceKind.ATTESTATION,
    ".provenance": EvidenceKind.PROVENANCE,
}
GOOD = [
    (RFC8785, ".sigstore.json", "public-good"),
    (RFC8785, ".publish.attestation", "staging"),
    (RFC8785, ".attestation", "staging"),
    (CIRCLE, ".provenance", "public-good"),
    (CIRCLE, ".publish.attestation", "public-good"),
    (SDIST, ".publish.attestation", "public-good"),
    (SDIST, ".slsa.attestation", "public-good"),
    (SDIST, ".provenance", "public-good"),
]
ARTIFACTS = [RFC8785, CIRCLE, SDIST]


def root_bytes(instance: str) -> bytes:
    """The trust root of an instance."""
    return (VECTORS / "trust-roots" / instance / "trusted_root.json").read_bytes()


def problems(artifact: Path, ending: str, evidence: bytes, root: bytes) -> list[list[str]]:
    """The problem ids of each signature in the evidence."""
    target = Target(hashlib.sha256(artifact.read_bytes()).digest(), artifact.name)
    attached = Attached("evidence", KINDS[ending], evidence)
    signed = authenticate((attached,), target, parse_trust_root(root, "root"), None, DEFAULT)
    return [[problem.id for problem in each.problems] for each in signed]


@pytest.mark.parametrize(("artifact", "ending", "instance"), GOOD)
def test_signed_artifact_evidence_is_authentic(artifact, ending, instance):
    """Every real piece of evidence verifies under the instance it was made with."""
    found = problems(artifact, ending, Path(f"{artifact}{ending}").read_bytes(), root_bytes(instance))
    assert found
    assert not any(found)


@pytest.mark.parametrize(("artifact", "ending", "instance"), GOOD)
def test_signed_artifact_other_instance_is_refused(artifact, ending, instance):
    """Evidence of one Sigstore instance is nothing under the trust root of another: the root is never guessed."""
    other = "staging" if instance == "public-good" else "public-good"
    found = problems(artifact, ending, Path(f"{artifact}{ending}").read_bytes(), root_bytes(other))
    assert all("log-unknown" in each and "certificate-not-trusted" in each for each in found)


@pytest.mark.parametrize(("artifact", "ending", "instance"), GOOD)
@pytest.mark.parametrize("other", ARTIFACTS)
def test_signed_artifact_evidence_of_another_is_refused(artifact, ending, instance, other):
    """Evidence of one artifact never vouches for another."""
    if other == artifact:
        return
    found = problems(other, ending, Path(f"{artifact}{ending}").read_bytes(), root_bytes(instance))
    expected = (
        ["artifact-mismatch", "log-entry-mismatch"]
        if ending == ".sigstore.json"
        else ["subject-digest-mismatch"]
    )
    assert found
    assert all(each == expected for each in found)


def test_signed_artifact_renamed_is_refused():
    """The same bytes under another project's name are not what was attested."""
    target = Target(
        hashlib.sha256(CIRCLE.read_bytes()).digest(), "other_project-0.0.1.dev137-py3-none-any.whl"
    )
    attached = Attached("evidence", EvidenceKind.PROVENANCE, Path(f"{CIRCLE}.provenance").read_bytes())
    (signed,) = authenticate(
        (attached,), target, parse_trust_root(root_bytes("public-good"), "root"), None, DEFAULT
    )
    assert [problem.id for problem in signed.problems] == ["subject-name-mismatch"]


def test_signed_artifact_name_is_compared_after_parsing():
    """`1.0.0` spelled `1.0` in another wheel name of the same release is the same artifact."""
    target = Target(
        hashlib.sha256(CIRCLE.read_bytes()).digest(),
        CIRCLE.name.replace("_sign_", ".Sign-").replace("-publish", "_publish").replace(".Sign", "_Sign"),
    )
    attached = Attached("evidence", EvidenceKind.PROVENANCE, Path(f"{CIRCLE}.provenance").read_bytes())
    (signed,) = authenticate(
        (attached,), target, parse_trust_root(root_bytes("public-good"), "root"), None, DEFAULT
    )
    assert signed.authentic


@pytest.mark.parametrize(
    "document",
    [
        {"attestation_bundles": []},
        {"attestation_bundles": [{"publisher": {"kind": "GitHub"}, "attestations": []}]},
    ],
)
def test_signed_artifact_empty_provenance_is_refused(document):
    """A provenance without attestations is a failure, never a pass."""
    data = json.dumps({"version": 1, **document}).encode()
    assert problems(CIRCLE, ".provenance", data, root_bytes("public-good")) == [["evidence-empty"]]


def test_signed_artifact_one_bad_attestation_is_not_hidden_by_good_ones():
    """Every attestation of a provenance is judged and reported on its own."""
    document = json.loads(Path(f"{SDIST}.provenance").read_bytes())
    attestations = document["attestation_bundles"][0]["attestations"]
    broken = json.loads(json.dumps(attestations[0]))
    broken["envelope"]["signature"] = base64.b64encode(b"x" * 70).decode()
    attestations.append(broken)
    found = problems(SDIST, ".provenance", json.dumps(document).encode(), root_bytes("public-good"))
    assert found[:-1]
    assert not any(found[:-1])
    assert found[-1] == ["signature-invalid", "log-entry-mismatch"]


def test_signed_artifact_proposed_timestamps_member_is_read():
    """The `timestamps` member proposed for PEP 740 is judged like a bundle's: a bad one alone is a refusal."""
    attestation = json.loads(Path(f"{SDIST}.publish.attestation").read_bytes())
    attestation["verification_material"]["timestamps"] = [base64.b64encode(b"junk").decode()]
    found = problems(
        SDIST, ".publish.attestation", json.dumps(attestation).encode(), root_bytes("public-good")
    )
    assert found == [["timestamp-malformed"]]


def test_signed_artifact_several_subjects_are_refused():
    """An attestation of a distribution has exactly one subject; here the signature is broken by adding one too."""
    attestation = json.loads(Path(f"{SDIST}.publish.attestation").read_bytes())
    statement = json.loads(base64.b64decode(attestation["envelope"]["statement"]))
    statement["subject"].append({"name": "x", "digest": {"sha256": "0" * 64}})
    attestation["envelope"]["statement"] = base64.b64encode(json.dumps(statement).encode()).decode()
    found = problems(
        SDIST, ".publish.attestation", json.dumps(attestation).encode(), root_bytes("public-good")
    )
    assert "subject-count" in found[0]


# The windows of the trust root: (kind, the one instance that made this signature) -> what its end must lie after.
WINDOWS = [
    ("tlogs", "log-outside-validity"),
    ("ctlogs", "ct-log-outside-validity"),
    ("certificateAuthorities", "certificate-authority-outside-validity"),
]


def _signing_moments() -> dict[str, str]:
    target = Target(hashlib.sha256(RFC8785.read_bytes()).digest(), RFC8785.name)
    attached = Attached("evidence", EvidenceKind.BUNDLE, Path(f"{RFC8785}.sigstore.json").read_bytes())
    (signed,) = authenticate(
        (attached,), target, parse_trust_root(root_bytes("public-good"), "r"), None, DEFAULT
    )
    return {"signed": signed.times[0].isoformat()}


def _with_end(kind: str, end: datetime) -> bytes:
    """The public-good root with every window of a kind ended at `end` (if it started before)."""
    root = json.loads(root_bytes("public-good"))
    for item in root[kind]:
        window = item["publicKey"]["validFor"] if "publicKey" in item else item["validFor"]
        if datetime.fromisoformat(window["start"]) < end:
            window["end"] = end.isoformat()
    return json.dumps(root).encode()


@pytest.mark.parametrize(("kind", "expected"), WINDOWS)
def test_signed_artifact_after_the_windows_end_is_refused(kind, expected):
    """A log key, certificate log key or authority that had ended a day before signing vouches for nothing."""
    signed_at = datetime.fromisoformat(_signing_moments()["signed"])
    evidence = Path(f"{RFC8785}.sigstore.json").read_bytes()
    assert problems(RFC8785, ".sigstore.json", evidence, _with_end(kind, signed_at - timedelta(days=1))) == [
        [expected]
    ]
    assert problems(RFC8785, ".sigstore.json", evidence, _with_end(kind, signed_at + timedelta(days=1))) == [
        []
    ]


def test_signed_artifact_log_window_includes_its_end():
    """The window is closed: a signature at the very second of its end counts, one second later not."""
    signed_at = datetime.fromisoformat(_signing_moments()["signed"])
    evidence = Path(f"{RFC8785}.sigstore.json").read_bytes()
    assert problems(RFC8785, ".sigstore.json", evidence, _with_end("tlogs", signed_at)) == [[]]
    before = signed_at - timedelta(seconds=1)
    assert problems(RFC8785, ".sigstore.json", evidence, _with_end("tlogs", before)) == [
        ["log-outside-validity"]
    ]


def test_signed_artifact_read_only_home_is_enough(monkeypatch, tmp_path):
    """No cache is read or written: with an empty, read-only home the same evidence verifies, and nothing appears."""
    tmp_path.chmod(0o500)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    found = problems(
        RFC8785, ".sigstore.json", Path(f"{RFC8785}.sigstore.json").read_bytes(), root_bytes("public-good")
    )
    assert found == [[]]
    assert list(tmp_path.iterdir()) == []
