"""MUST: no evidence costs unbounded time or memory, and every costly shape is refused.

Time is the processor's, and its bounds are some ten times what the machine that wrote them needed.
"""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from pipeline import judged_within
from specimens import signed

from epochly_verify.model import Attached, EvidenceKind

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

BUNDLE, ATTESTATION, PROVENANCE = EvidenceKind.BUNDLE, EvidenceKind.ATTESTATION, EvidenceKind.PROVENANCE
SPECIMEN = signed()[0]
NINES = "9" * 1_000_000


def changed(specimen, path, value):
    """A specimen's evidence with another value in one place."""
    document = json.loads(specimen.evidence.data)
    owner = document
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return json.dumps(document).encode()


def statement(name):
    """The statement of the attestation specimen, about something else."""
    subject = {"name": name, "digest": {"sha256": hashlib.sha256(SPECIMEN.data).hexdigest()}}
    text = json.dumps(
        {"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": [subject]}
    )
    return changed(signed()[2], ("envelope", "statement"), base64.b64encode(text.encode()).decode())


ENTRY = ("verificationMaterial", "tlogEntries", 0)
EVIDENCE = {
    "nested lists": (BUNDLE, lambda: b"[" * 100_000),
    "nested objects": (ATTESTATION, lambda: b'{"version":' * 100_000),
    "nested and closed": (PROVENANCE, lambda: b"[" * 90_000 + b"]" * 90_000),
    "digits": (BUNDLE, lambda: b'{"mediaType":' + NINES.encode() + b"}"),
    "exponent": (BUNDLE, lambda: b'{"mediaType":1e' + NINES.encode() + b"}"),
    "digits in a string": (BUNDLE, lambda: changed(SPECIMEN, (*ENTRY, "logIndex"), NINES)),
    "nested log entry": (
        BUNDLE,
        lambda: changed(SPECIMEN, (*ENTRY, "canonicalizedBody"), base64.b64encode(b"[" * 100_000).decode()),
    ),
    "giant base64": (BUNDLE, lambda: changed(SPECIMEN, (*ENTRY, "canonicalizedBody"), "A" * 24_000_000)),
    "giant base64 that breaks at its end": (
        BUNDLE,
        lambda: changed(SPECIMEN, (*ENTRY, "canonicalizedBody"), "A-_\n" * 6_000_000 + "*"),
    ),
    "giant checkpoint": (
        BUNDLE,
        lambda: changed(
            SPECIMEN,
            (*ENTRY, "inclusionProof", "checkpoint"),
            {"envelope": "a\n1\n" + "b\n" * 4_000_000 + "\n" + "c\n" * 4_000_000},
        ),
    ),
    "a million attestations": (
        PROVENANCE,
        lambda: (
            b'{"version":1,"attestation_bundles":[%b]}'
            % b",".join(
                [b'{"publisher":{"kind":"x"},"attestations":[%b]}' % b",".join([b"{}"] * 1000)] * 1000
            )
        ),
    ),
    "a subject with a billion tags": (
        ATTESTATION,
        lambda: statement("rfc8785-0.1.2-" + "-".join([".".join(f"a{i}" for i in range(1000))] * 3) + ".whl"),
    ),
    "a subject with many digits": (ATTESTATION, lambda: statement(f"rfc8785-{NINES}-py3-none-any.whl")),
    "many keys": (BUNDLE, lambda: json.dumps({f"k{i}": i for i in range(200_000)}).encode()),
    "huge DER lengths": (
        BUNDLE,
        lambda: changed(
            SPECIMEN,
            ("verificationMaterial", "x509CertificateChain", "certificates", 0, "rawBytes"),
            base64.b64encode(b"\x30\x84\xff\xff\xff\xff" * 100_000).decode(),
        ),
    ),
    "indefinite DER lengths": (
        BUNDLE,
        lambda: changed(
            SPECIMEN,
            ("verificationMaterial", "x509CertificateChain", "certificates", 0, "rawBytes"),
            base64.b64encode(b"\x30\x80" * 1_000_000).decode(),
        ),
    ),
    "timestamps of indefinite length": (
        BUNDLE,
        lambda: changed(
            SPECIMEN,
            ("verificationMaterial", "timestampVerificationData"),
            {
                "rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(b"\x30\x80" * 100_000).decode()}]
                * 32
            },
        ),
    ),
}


@pytest.mark.parametrize("shape", EVIDENCE)
def test_costly_evidence_is_refused_soon(shape):
    """Evidence of every costly shape is refused, in a time that a person waits for."""
    kind, make = EVIDENCE[shape]
    data = make()
    found = judged_within(10, SPECIMEN.data, SPECIMEN.filename, attached=(Attached("x", kind, data),))
    assert found.report.verdict == "rejected"


def test_evidence_in_great_number_is_judged_soon():
    """Hundreds of attestations, every one with a signature of its own to check, take seconds."""
    document = json.loads(signed()[1].evidence.data)
    group = document["attestation_bundles"][0]
    text = json.dumps(group["attestations"][0])
    group["attestations"] = [json.loads(text) for _ in range(400)]
    for number, each in enumerate(group["attestations"]):
        each["verification_material"]["transparency_entries"][0]["logIndex"] = str(number)
    evidence = Attached("x", PROVENANCE, json.dumps(document).encode())
    found = judged_within(30, signed()[1].data, signed()[1].filename, attached=(evidence,))
    assert found.report.verdict == "rejected"
