"""The sigstore-conformance cases, each with the exact findings: a refusal for the wrong reason is a failure."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from epochly_verify.authenticity.keys import load_pem_key
from epochly_verify.conformance import main as verify_bundle
from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.signatures import Target, authenticate

VECTORS = Path(__file__).parents[1] / "vectors"
CASES = VECTORS / "sigstore-conformance"
IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"

REFUSED = {
    "bundle-empty-certificate-chain_fail": ["certificate-missing"],
    "bundle-invalid-base64-signature_fail": ["bundle-malformed"],
    "bundle-malformed-json_fail": ["bundle-malformed"],
    "bundle-negative-log-index_fail": ["log-index-negative"],
    "bundle-unknown-version_fail": ["bundle-version-unknown"],
    "bundle-with-root-cert_fail": ["root-certificate-in-bundle", "checkpoint-missing"],
    "checkpoint-wrong-roothash_fail": ["checkpoint-mismatch"],
    "dsse-invalid-sig_fail": ["signature-invalid", "log-entry-mismatch"],
    "dsse-mismatch-envelope_fail": ["log-entry-mismatch"],
    "dsse-mismatch-sig_fail": ["log-entry-mismatch"],
    "inclusion-proof-corrupted-hash_fail": ["inclusion-proof-invalid"],
    "incorrect-public-key_fail": [
        "signed-entry-timestamp-invalid",
        "inclusion-proof-invalid",
        "log-entry-mismatch",
    ],
    "intoto-expired-certificate_fail": ["certificate-not-valid-when-signed"],
    "intoto-missing-inclusion-proof_fail": ["inclusion-proof-missing", "checkpoint-missing"],
    "intoto-set-outside-signing-cert-validity_fail": ["certificate-not-valid-when-signed"],
    "intoto-tsa-timestamp-outside-cert-validity_fail": ["certificate-not-valid-when-signed"],
    "invalid-checkpoint-signature_fail": ["checkpoint-signature-invalid"],
    "invalid-inclusion-proof_fail": ["inclusion-proof-invalid", "checkpoint-missing"],
    "managed-key-no-key_fail": ["managed-key-not-given"],
    "rekor2-checkpoint-missing-log-signature_fail": ["checkpoint-malformed"],
    "rekor2-checkpoint-missing-origin_fail": ["checkpoint-malformed"],
    "rekor2-checkpoint-missing-root-hash_fail": ["checkpoint-malformed"],
    "rekor2-checkpoint-missing-size_fail": ["checkpoint-malformed"],
    "rekor2-checkpoint-no-matching-signature_fail": ["checkpoint-signature-invalid"],
    "rekor2-dsse-invalid-sig_fail": ["signature-invalid", "log-entry-mismatch"],
    "rekor2-dsse-mismatch-sig_fail": ["log-entry-mismatch"],
    "rekor2-no-inclusion-proof_fail": ["inclusion-proof-missing", "checkpoint-missing"],
    "rekor2-no-timestamp_fail": ["no-trusted-time"],
    "rekor2-timestamp-outside-tsa-cert-validity_fail": ["timestamp-certificate-expired"],
    "rekor2-timestamp-payload-mismatch_fail": ["timestamp-mismatch"],
    # FreeTSA's embedded certificates are not in DER order, so the response is refused before its maker is asked for
    "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": ["timestamp-malformed"],
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": ["timestamp-not-trusted"],
    "rekor2-timestamp-with-incorrect-time_fail": ["certificate-not-valid-when-signed"],
    "set-invalid-signature_fail": ["signed-entry-timestamp-invalid"],
    "signature-mismatch_fail": ["signature-invalid", "log-entry-mismatch"],
    "wrong-hashedrekord-artifact_fail": ["log-entry-mismatch"],
    "wrong-hashedrekord-cert-and-sig_fail": ["log-entry-mismatch"],
}
UNREADABLE_ROOT = {"trust-root-tlog-missing-validity-start_fail": "tlogs[1].publicKey.validFor.start"}
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


def judged(name: str) -> list[str]:
    """The ids of the problems of one case, in order."""
    case = CASES / name
    artifact = case / "artifact" if (case / "artifact").exists() else CASES / "a.txt"
    root = case / "trusted_root.json"
    if not root.exists():
        root = VECTORS / "trust-roots" / "public-good" / "trusted_root.json"
    key = load_pem_key((case / "key.pub").read_bytes()) if (case / "key.pub").exists() else None
    (signed,) = authenticate(
        (Attached("bundle", EvidenceKind.BUNDLE, (case / "bundle.sigstore.json").read_bytes()),),
        Target(hashlib.sha256(artifact.read_bytes()).digest()),
        parse_trust_root(root.read_bytes(), "root"),
        key,
        DEFAULT,
    )
    return [problem.id for problem in signed.problems]


def test_conformance_cases_are_all_expected_somewhere():
    """No case is forgotten: each is a pass by its name, or stands in a table of refusals."""
    failing = {name for name in NAMES if name.endswith("_fail")}
    assert len(NAMES) == 50
    assert failing == set(REFUSED) | set(UNREADABLE_ROOT)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("_fail")])
def test_conformance_good_case_is_authentic(name):
    """A good bundle has no problem: ours and the library's judgement both accept it."""
    assert judged(name) == []


@pytest.mark.parametrize(("name", "expected"), sorted(REFUSED.items()))
def test_conformance_bad_case_is_refused_for_its_reason(name, expected):
    """A bad bundle is refused with exactly the findings that name its defect."""
    assert judged(name) == expected


@pytest.mark.parametrize(("name", "where"), sorted(UNREADABLE_ROOT.items()))
def test_conformance_bad_trust_root_is_refused(name, where):
    """A malformed trust root is no evidence against the artifact but an input that cannot be used."""
    with pytest.raises(InputError, match="is missing") as caught:
        judged(name)
    assert caught.value.where.endswith(where)


@pytest.mark.parametrize("name", NAMES)
def test_conformance_protocol_exit_code_says_the_verdict(name, capsys):
    """The hidden command follows the suite's client protocol: 0 for a pass, not 0 for a refusal."""
    case = CASES / name
    arguments = ["--bundle", str(case / "bundle.sigstore.json")]
    if (case / "key.pub").exists():
        arguments += ["--key", str(case / "key.pub")]
    else:
        arguments += ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
        for option, file in (("--certificate-identity", "identity"), ("--certificate-oidc-issuer", "issuer")):
            if (case / file).exists():
                arguments[arguments.index(option) + 1] = (case / file).read_text().strip()
    if (case / "trusted_root.json").exists():
        arguments += ["--trusted-root", str(case / "trusted_root.json")]
    artifact = case / "artifact" if (case / "artifact").exists() else CASES / "a.txt"
    try:
        code = verify_bundle([*arguments, str(artifact)])
    except InputError:
        code = 2
    assert (code == 0) == (not name.endswith("_fail")), capsys.readouterr().err


def test_conformance_protocol_takes_a_digest():
    """`sha256:HEX` stands in for the file where no such file exists."""
    digest = hashlib.sha256((CASES / "a.txt").read_bytes()).hexdigest()
    arguments = ["--bundle", str(CASES / "happy-path-v0.3" / "bundle.sigstore.json")]
    arguments += ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    assert verify_bundle([*arguments, f"sha256:{digest}"]) == 0
    assert verify_bundle([*arguments, f"sha256:{'0' * 64}"]) == 1


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [(IDENTITY.replace("/main", "/other"), ISSUER), (IDENTITY, "https://accounts.google.com"), ("*", ISSUER)],
)
def test_conformance_protocol_refuses_another_identity(identity, issuer, capsys):
    """Subject and issuer are compared exactly; no pattern is one."""
    arguments = ["--bundle", str(CASES / "happy-path-v0.3" / "bundle.sigstore.json")]
    arguments += ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer]
    assert verify_bundle([*arguments, str(CASES / "a.txt")]) == 1
    assert "identity-mismatch" in capsys.readouterr().err


def test_conformance_protocol_refuses_key_with_identity(capsys):
    """A key and a certificate identity together are a usage error, never a choice we make."""
    case = CASES / "managed-key-happy-path"
    arguments = ["--bundle", str(case / "bundle.sigstore.json"), "--key", str(case / "key.pub")]
    with pytest.raises(SystemExit) as caught:
        verify_bundle([*arguments, "--certificate-identity", IDENTITY, str(CASES / "a.txt")])
    assert caught.value.code == 2
    assert "exclude" in capsys.readouterr().err


def _rekor2(end: str) -> list[str]:
    """The Rekor v2 happy path under a root whose timestamp authority ends at `end`."""
    case = CASES / "rekor2-happy-path"
    root = json.loads((case / "trusted_root.json").read_bytes())
    for authority in root["timestampAuthorities"]:
        authority["validFor"]["end"] = end
    (signed,) = authenticate(
        (Attached("bundle", EvidenceKind.BUNDLE, (case / "bundle.sigstore.json").read_bytes()),),
        Target(hashlib.sha256((CASES / "a.txt").read_bytes()).digest()),
        parse_trust_root(json.dumps(root).encode(), "root"),
        None,
        DEFAULT,
    )
    return [problem.id for problem in signed.problems]


def test_timestamp_authority_counts_up_to_and_with_its_end():
    """Its window is closed: the very second of its end counts, the second before does not."""
    assert _rekor2("2025-06-12T12:02:20Z") == []
    assert _rekor2("2025-06-12T12:02:19Z") == ["timestamp-authority-outside-validity"]


def test_timestamp_that_is_not_trusted_is_said_beside_a_trusted_time():
    """A timestamp that vouches for nothing is named; the signature rests on the log's own time."""
    bundle = json.loads((CASES / "happy-path-v0.3" / "bundle.sigstore.json").read_bytes())
    other = json.loads((CASES / "rekor2-happy-path" / "bundle.sigstore.json").read_bytes())
    bundle["verificationMaterial"]["timestampVerificationData"] = other["verificationMaterial"][
        "timestampVerificationData"
    ]
    (signed,) = authenticate(
        (Attached("bundle", EvidenceKind.BUNDLE, json.dumps(bundle).encode()),),
        Target(hashlib.sha256((CASES / "a.txt").read_bytes()).digest()),
        parse_trust_root(
            (VECTORS / "trust-roots" / "public-good" / "trusted_root.json").read_bytes(), "root"
        ),
        None,
        DEFAULT,
    )
    assert signed.authentic
    assert [note.id for note in signed.notes] == ["timestamp-not-counted"]
    assert len(signed.times) == 1
