"""MUST: certificates, timestamps and log entries that nobody honest would make are refused, and raise nothing.

The libraries below raise more than they document: `InvalidVersion`, which is no `ValueError`, `TypeError` from names,
and panics of Rust code, which are no `Exception` at all. Each was found here, and each has its reproducer.
"""

from __future__ import annotations

import base64
import json
from functools import cache

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from mutations import any_der
from pipeline import assert_findings
from sigstore_instance import SUBJECT, Instance, new_key, sign
from specimens import bundles

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind, Layer
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.signatures import Target, authenticate

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

CONTENT = b"hello"
SHA256 = bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
VERSION_3, VERSION_6 = bytes.fromhex("a003020102"), bytes.fromhex("a003020105")


def case(name):
    """A conformance case that passes."""
    return next(each for each in bundles() if each.name == name)


def authenticated(known, document, root=None):
    """The judgement of a bundle about the case's artifact."""
    evidence = (Attached("x", EvidenceKind.BUNDLE, json.dumps(document).encode()),)
    (signed,) = authenticate(evidence, Target(known.sha256), root or known.root, known.key, DEFAULT)
    assert_findings((*signed.problems, *signed.notes), Layer.SIGNATURE)
    return signed


def problems(signed):
    """The ids of the problems, in order."""
    return [problem.id for problem in signed.problems]


def unpacked(text):
    """Bytes from base64."""
    return base64.b64decode(text)


def packed(data):
    """Base64 of bytes."""
    return base64.b64encode(data).decode()


def test_certificate_of_unknown_version_in_a_log_entry_is_a_mismatch():
    """A log entry whose certificate says it is of version 6 is refused like any other certificate."""
    known = case("happy-path-v0.3")
    document = json.loads(known.bundle)
    entry = document["verificationMaterial"]["tlogEntries"][0]
    body = json.loads(unpacked(entry["canonicalizedBody"]))
    owner = body["spec"]["signature"]["publicKey"]
    lines = unpacked(owner["content"]).split(b"\n")
    der = unpacked(b"".join(line for line in lines if b"-" not in line))
    assert VERSION_3 in der
    der = der.replace(VERSION_3, VERSION_6, 1)
    pem = f"-----BEGIN CERTIFICATE-----\n{packed(der)}\n-----END CERTIFICATE-----\n".encode()
    with pytest.raises(x509.InvalidVersion):
        x509.load_pem_x509_certificate(pem)
    owner["content"] = packed(pem)
    entry["canonicalizedBody"] = packed(json.dumps(body).encode())
    assert "log-entry-mismatch" in problems(authenticated(known, document))


def test_certificate_of_unknown_version_in_a_timestamp_is_not_trusted():
    """A timestamp's embedded certificates are not covered by its signature; one that cannot be read is refused."""
    known = case("rekor2-timestamp-with-embedded-cert")
    document = json.loads(known.bundle)
    (stamp,) = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    response = unpacked(stamp["signedTimestamp"])
    assert VERSION_3 in response
    stamp["signedTimestamp"] = packed(response.replace(VERSION_3, VERSION_6, 1))
    assert problems(authenticated(known, document)) == ["timestamp-not-trusted"]


def test_authority_that_makes_the_library_panic_is_not_trusted():
    """A certificate that one parser accepts and the other chokes on ends in a refusal, not in a panic."""
    known = case("rekor2-timestamp-without-embedded-cert")
    document = json.loads(json.dumps(known.root.document))
    organisation = bytes.fromhex("060355040a")
    for authority in document["timestampAuthorities"]:
        for certificate in authority["certChain"]["certificates"]:
            der = unpacked(certificate["rawBytes"])
            certificate["rawBytes"] = packed(der.replace(organisation + b"\x13", organisation + b"\0"))
    root = parse_trust_root(json.dumps(document).encode(), "x")
    assert problems(authenticated(known, json.loads(known.bundle), root))[0] == "timestamp-not-trusted"


@pytest.mark.parametrize("field", ["certificateAuthorities", "timestampAuthorities"])
def test_authority_of_unknown_version_vouches_for_nothing(field):
    """An authority whose certificates cannot be read is as good as none."""
    known = case("rekor2-timestamp-without-embedded-cert")
    document = json.loads(json.dumps(known.root.document))
    for authority in document[field]:
        for certificate in authority["certChain"]["certificates"]:
            der = unpacked(certificate["rawBytes"])
            certificate["rawBytes"] = packed(der.replace(VERSION_3, VERSION_6, 1))
    root = parse_trust_root(json.dumps(document).encode(), "x")
    assert {"certificate-not-trusted", "timestamp-not-trusted"} & set(
        problems(authenticated(known, json.loads(known.bundle), root))
    )


def test_unsigned_log_index_is_not_reported():
    """Without the log's promise the outer index is unsigned: the report gives the one that the proof is about."""
    known = case("rekor2-happy-path")
    document = json.loads(known.bundle)
    entry = document["verificationMaterial"]["tlogEntries"][0]
    honest = authenticated(known, document)
    assert honest.authentic
    entry["logIndex"] = "999"
    lying = authenticated(known, document)
    assert (lying.authentic, lying.log_index) == (True, honest.log_index)


# --- an authority that signs anything ---


@cache
def hostile():
    """An instance, its trust root, a key and the honest to-be-signed part of a certificate."""
    instance = Instance()
    key = new_key()
    leaf = instance.leaf(
        key, claims={12: "https://github.com/o/r", 13: "0" * 40, 14: "refs/tags/v1", 20: "push"}
    )
    root = parse_trust_root(json.dumps(instance.trust_root()).encode(), "hostile")
    return instance, root, key, leaf


def signed_by_authority(tbs):
    """A certificate over anything."""
    instance, *_ = hostile()
    signature = sign(instance.ca_key, tbs)
    content = tbs + ECDSA_SHA256 + b"\x03" + bytes([len(signature) + 1, 0]) + signature
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def judged(tbs):
    """The judgement of a bundle with that certificate, right in everything else."""
    instance, root, key, _ = hostile()
    document = instance.bundle(CONTENT, certificate=signed_by_authority(tbs), key=key)
    evidence = (Attached("x", EvidenceKind.BUNDLE, json.dumps(document).encode()),)
    (signed,) = authenticate(evidence, Target(SHA256), root, None, DEFAULT)
    assert_findings((*signed.problems, *signed.notes), Layer.SIGNATURE)
    return signed


def test_honest_certificate_of_the_instance_is_authentic():
    """The honest start of the property below."""
    *_, leaf = hostile()
    assert problems(judged(leaf.tbs_certificate_bytes)) == []


@given(r=st.randoms(use_true_random=False))
def test_any_certificate_a_trusted_authority_signed_is_judged(r):
    """MUST: even a certificate that the authority signed over odd content raises nothing.

    What the certificate log did not sign as well is not authentic; what it did says what it always said.
    """
    *_, leaf = hostile()
    signed = judged(any_der(leaf.tbs_certificate_bytes, r))
    assert not signed.authentic or (signed.claims is not None and signed.claims.san == SUBJECT)


def test_certificate_logged_beyond_all_dates_is_refused():
    """A certificate timestamp of the year 10,000 or later is no date, and no crash."""
    *_, leaf = hostile()
    tbs = leaf.tbs_certificate_bytes
    (stamp,) = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    at = tbs.index(stamp.log_id) + len(stamp.log_id)
    late = tbs[:at] + (2**62).to_bytes(8, "big") + tbs[at + 8 :]
    assert problems(judged(late)) == ["certificate-timestamp-invalid"]
