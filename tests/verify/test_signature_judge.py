"""Evidence that is right but for one thing: each defect is refused by the finding that names it.

Made with a Sigstore instance in memory (`sigstore_instance.py`), so every signature is real.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore_instance import NOW, Instance, b64, new_key, pem, statement

from epochly_verify import signatures
from epochly_verify.authenticity.keys import load_pem_key
from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.signatures import Target, authenticate

CONTENT = b"the wheel's bytes"
NAME = "demo_pkg-1.0-py3-none-any.whl"
ABOUT = statement((NAME, CONTENT))


@pytest.fixture(scope="module")
def instance():
    """One instance for all: making keys takes time."""
    return Instance()


def judged(instance, bundle, *, kind=EvidenceKind.BUNDLE, key=None, root=None, limits=DEFAULT, name=NAME):
    """The one `Signed` of a bundle or attestation."""
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    root = parse_trust_root(json.dumps(root or instance.trust_root()).encode(), "root")
    target = Target(hashlib.sha256(CONTENT).digest(), name)
    (signed,) = authenticate((Attached("evidence", kind, data),), target, root, key, limits)
    return signed


def ids(signed):
    """The ids of its problems."""
    return [problem.id for problem in signed.problems]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"payload": ABOUT},
        {"payload": ABOUT, "logged": "intoto/0.0.2"},
        {"payload": ABOUT, "logged": "hashedrekord/0.0.1"},
        {"payload": statement((NAME, CONTENT), kind="https://in-toto.io/Statement/v0.1")},
    ],
)
def test_judge_right_evidence_is_authentic(instance, options):
    """Every supported combination of content and log entry passes both judges."""
    signed = judged(instance, instance.bundle(CONTENT, **options))
    assert ids(signed) == []
    assert signed.claims.issuer == "https://token.actions.githubusercontent.com"
    assert signed.times == (NOW + timedelta(minutes=1),)


@pytest.mark.parametrize("options", [{}, {"payload": ABOUT}, {"payload": ABOUT, "logged": "intoto/0.0.2"}])
@pytest.mark.parametrize("at", [NOW, None])
def test_judge_managed_key_is_authentic(instance, options, at):
    """A bundle of a managed key passes with that key, also without a time: keys do not expire."""
    bundle = instance.bundle(CONTENT, managed=True, at=at, **options)
    signed = judged(instance, bundle, key=load_pem_key(pem(instance.signer)))
    assert ids(signed) == []
    assert signed.claims is None
    assert signed.key_id
    assert ids(judged(instance, bundle, key=load_pem_key(pem(new_key())))) == [
        "signature-invalid",
        "log-entry-mismatch",
    ]
    assert ids(judged(instance, bundle)) == ["managed-key-not-given"]


def test_judge_key_without_time_needs_a_log_that_still_counts(instance):
    """Nothing says when it was logged, so a log whose window has an end cannot vouch for it."""
    bundle = instance.bundle(CONTENT, managed=True, at=None)
    root = instance.trust_root()
    root["tlogs"][0]["publicKey"]["validFor"]["end"] = (NOW + timedelta(days=999)).isoformat()
    assert ids(judged(instance, bundle, key=load_pem_key(pem(instance.signer)), root=root)) == [
        "no-trusted-time"
    ]


def test_judge_certificate_when_a_key_was_asked_for_is_refused(instance):
    """With `--key`, a certificate is not what was asked for."""
    assert ids(judged(instance, instance.bundle(CONTENT), key=load_pem_key(pem(new_key())))) == [
        "certificate-instead-of-key"
    ]


def test_judge_ed25519_key_over_a_digest_is_refused(instance):
    """Ed25519 signs the message itself, which is not at hand: said plainly, not passed."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    found = ids(judged(instance, instance.bundle(CONTENT, managed=True), key=key))
    assert found == ["key-unsupported", "log-entry-mismatch"]


LEAVES = [
    ({"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}, ["certificate-usage"]),
    ({"usages": ()}, ["certificate-usage"]),
    ({"scts": 0}, ["certificate-timestamp-missing"]),
    ({"scts": 2}, ["certificate-timestamp-missing"]),
    ({"sct_over": b"x"}, ["certificate-timestamp-invalid"]),
    ({"sct_key": new_key()}, ["ct-log-unknown"]),
    ({"certificate": b"not DER"}, ["certificate-malformed"]),
    ({"issued": NOW + timedelta(hours=1)}, ["certificate-not-valid-when-signed"]),
    ({"at": None}, ["no-trusted-time"]),
]


@pytest.mark.parametrize(("options", "expected"), LEAVES)
def test_judge_wrong_certificate_is_refused_for_its_reason(instance, options, expected):
    """One defect of the certificate, one finding."""
    assert ids(judged(instance, instance.bundle(CONTENT, **options))) == expected


def test_judge_issuer_is_taken_from_the_path_not_by_name(instance):
    """A second authority of the same name and another key does not disturb, wherever it stands."""
    decoy = Instance()
    root = instance.trust_root()
    root["certificateAuthorities"] = [
        instance.authority(decoy.ca, decoy.root),
        *root["certificateAuthorities"],
    ]
    assert ids(judged(instance, instance.bundle(CONTENT), root=root)) == []
    root["certificateAuthorities"].reverse()
    assert ids(judged(instance, instance.bundle(CONTENT), root=root)) == []
    root["certificateAuthorities"] = [instance.authority(decoy.ca, decoy.root)]
    assert ids(judged(instance, instance.bundle(CONTENT), root=root)) == ["certificate-not-trusted"]


def test_judge_window_is_not_borrowed_from_another_authority(instance):
    """Temporal authority comes from the authority that issued, not from any whose window happens to fit."""
    root = instance.trust_root()
    other = instance.authority()
    root["certificateAuthorities"][0]["validFor"]["end"] = (NOW - timedelta(days=1)).isoformat()
    root["certificateAuthorities"].append(other)
    assert ids(judged(instance, instance.bundle(CONTENT), root=root)) == [
        "certificate-authority-outside-validity"
    ]


def test_judge_log_entries_are_exactly_one(instance):
    """None proves nothing; of two, one could be shown and the other judged."""
    bundle = instance.bundle(CONTENT)
    entries = bundle["verificationMaterial"]["tlogEntries"]
    bundle["verificationMaterial"]["tlogEntries"] = entries * 2
    assert ids(judged(instance, bundle)) == ["log-entry-count"]
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert ids(judged(instance, bundle)) == ["log-entry-count"]


ENTRIES = [
    ({"logged": "rekord/0.0.1"}, ["log-entry-unsupported"]),
    ({"logged": "dsse/0.0.1"}, ["log-entry-unsupported"]),
    ({"logged": "hashedrekord/0.0.9"}, ["log-entry-unsupported"]),
    ({"logged": "hashedrekord/0.0.2"}, ["log-entry-unsupported", "no-trusted-time", "log-entry-malformed"]),
    ({"spec": {"data": 7}}, ["log-entry-malformed"]),
    ({"payload": ABOUT, "logged": "intoto/0.0.2", "spec": {}}, ["log-entry-malformed"]),
]


@pytest.mark.parametrize(("options", "expected"), ENTRIES)
def test_judge_wrong_log_entry_is_refused_for_its_reason(instance, options, expected):
    """An entry of a kind that does not go with the content, or that cannot be read."""
    found = ids(judged(instance, instance.bundle(CONTENT, **options)))
    assert set(found) == set(expected) - ({"no-trusted-time"} - set(found))


def test_judge_swapped_log_entry_is_refused(instance):
    """A genuine entry of another signature by the same signer does not stand in (CVE-2022-36056)."""
    key = new_key()
    first, second = instance.bundle(CONTENT, key=key), instance.bundle(b"other", key=key)
    first["verificationMaterial"]["tlogEntries"] = second["verificationMaterial"]["tlogEntries"]
    assert ids(judged(instance, first)) == ["log-entry-mismatch"]


STATEMENTS = [
    (statement((NAME, CONTENT), ("other", b"")), ["subject-count"]),
    (statement(), ["subject-count"]),
    (statement(("other-1.0-py3-none-any.whl", CONTENT)), ["subject-name-mismatch"]),
    (statement((NAME, b"other")), ["subject-digest-mismatch"]),
    (statement((NAME, CONTENT), kind="https://in-toto.io/Statement/v2"), ["statement-type-unknown"]),
    (statement((NAME, CONTENT), kind=None), ["statement-type-unknown"]),
    (b"[]", ["statement-malformed"]),
    (b'{"_type": "https://in-toto.io/Statement/v1", "subject": 1}', ["statement-malformed"]),
]


@pytest.mark.parametrize(("payload", "expected"), STATEMENTS)
def test_judge_wrong_statement_is_refused_for_its_reason(instance, payload, expected):
    """The signature is good; what it says is not about this artifact, or not understood."""
    assert ids(judged(instance, instance.bundle(CONTENT, payload=payload))) == expected


def test_judge_payload_of_another_type_is_refused(instance):
    """An envelope that holds no in-toto statement attests nothing."""
    bundle = instance.bundle(CONTENT, payload=ABOUT, payload_type="text/plain")
    assert ids(judged(instance, bundle)) == ["payload-type-unknown"]


def test_judge_conformance_protocol_ignores_subject_names(instance):
    """Where only a digest is known, one subject with that digest is enough."""
    bundle = instance.bundle(CONTENT, payload=statement(("x", b"x"), ("y", CONTENT)))
    assert ids(judged(instance, bundle, name="")) == []


def test_judge_timestamps_are_bounded_and_unique(instance):
    """Many timestamps, or one twice, are refused before any is verified."""
    bundle = instance.bundle(CONTENT)
    stamps = [{"signedTimestamp": b64(bytes([i]))} for i in range(3)]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    assert ids(judged(instance, bundle, limits=Limits(timestamps=2))) == ["timestamp-count"]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [stamps[0]] * 2}
    assert ids(judged(instance, bundle)) == ["timestamp-count"]


def test_judge_disagreement_of_the_library_is_a_refusal(instance, monkeypatch):
    """When ours accepts and the library does not, the evidence is refused and the library quoted."""

    def refuses(*_):
        raise RuntimeError("no such\nluck")

    monkeypatch.setattr(signatures, "_verifier", refuses)
    signed = judged(instance, instance.bundle(CONTENT))
    assert ids(signed) == ["library-refuses"]
    assert "no such luck" in signed.problems[0].message


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"envelope": {"statement": "!", "signature": "eA=="}},
        {"envelope": 3},
        {"verification_material": {}},
    ],
)
def test_judge_malformed_attestation_is_refused(instance, change):
    """A PEP 740 object of another version or shape is refused as malformed."""
    bundle = instance.bundle(CONTENT, payload=ABOUT)
    material = bundle["verificationMaterial"]
    envelope = bundle["dsseEnvelope"]
    attestation = {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
    }
    assert ids(judged(instance, attestation, kind=EvidenceKind.ATTESTATION)) == []
    attestation.update(change)
    assert ids(judged(instance, attestation, kind=EvidenceKind.ATTESTATION)) == ["attestation-malformed"]


def test_judge_p384_certificate_is_judged_like_the_library(instance):
    """Other curves sign with SHA-256 of the artifact in a message signature, as the library reads them."""
    bundle = instance.bundle(CONTENT, key=new_key(ec.SECP384R1()))
    assert ids(judged(instance, bundle)) == []


def test_judge_reads_every_claim(instance):
    """Each arc of the registry ends in its own field."""
    arcs = {arc: f"value {arc}" for arc in range(9, 24)}
    claims = judged(instance, instance.bundle(CONTENT, claims=arcs)).claims
    assert (claims.build_signer_uri, claims.runner_environment) == ("value 9", "value 11")
    assert (claims.source_repository_id, claims.source_repository_owner_id) == ("value 15", "value 17")
    assert (claims.build_config_uri, claims.build_trigger) == ("value 18", "value 20")
    assert (claims.source_repository_visibility, claims.deployment_environment) == ("value 22", "value 23")


def test_judge_certificate_of_a_bundle_is_not_reencoded(instance):
    """Trailing bytes behind a certificate are no part of it and are refused."""
    der = instance.leaf(new_key()).public_bytes(serialization.Encoding.DER)
    assert ids(judged(instance, instance.bundle(CONTENT, certificate=der + b"\0"))) == [
        "certificate-malformed"
    ]


def test_judge_base64_with_line_breaks_is_read_as_protobuf_readers_do(instance):
    """`base64` wraps its output; the strictness of an alphabet is no security."""
    bundle = instance.bundle(CONTENT)
    wrapped = base64.encodebytes(base64.b64decode(bundle["messageSignature"]["signature"])).decode()
    bundle["messageSignature"]["signature"] = wrapped
    assert ids(judged(instance, bundle)) == []
