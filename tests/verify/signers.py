"""Real and made-up signers for the tests of the `identity` and `provenance` layers.

The real ones are read off the certificates and statements under `tests/vectors/signed`, by code of this file alone,
so that the judge's own reader cannot hide a mistake.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from wheels import vector

from epochly_verify.model import (
    Archive,
    ArtifactKind,
    Claims,
    Evidence,
    EvidenceKind,
    Finding,
    Signed,
    Statement,
    Subject,
)
from epochly_verify.policy import Identity, Policy, Rule

ARCS = {
    8: "issuer",
    9: "build_signer_uri",
    10: "build_signer_digest",
    11: "runner_environment",
    12: "source_repository_uri",
    13: "source_repository_digest",
    14: "source_repository_ref",
    15: "source_repository_id",
    16: "source_repository_owner_uri",
    17: "source_repository_owner_id",
    18: "build_config_uri",
    19: "build_config_digest",
    20: "build_trigger",
    21: "run_invocation_uri",
    22: "source_repository_visibility",
    23: "deployment_environment",
}
PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
SLSA = "https://slsa.dev/provenance/v1"
SDIST = "pypi_attestations-0.0.19.tar.gz"
WHEEL = "rfc8785-0.1.2-py3-none-any.whl"
CIRCLE = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
COMMIT = "08802efe1f8e5fec4ad842d6b8ce97656092ee72"
PROJECT = "fdd9283f-e619-46af-8f9c-851f7d3e8b2b"
DEFINITION = "8e4f8ab2-8d7c-4827-9f15-de076d6d647f"


def claims_of(der):
    """The claims of a DER certificate."""
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    san = next(iter(names))
    kind = {x509.RFC822Name: "email", x509.UniformResourceIdentifier: "uri"}[type(san)]
    found = {"san": san.value, "san_kind": kind}
    for extension in certificate.extensions:
        arc = extension.oid.dotted_string.removeprefix("1.3.6.1.4.1.57264.1.")
        if arc.isdigit() and int(arc) in ARCS:
            data = extension.value.value  # a DER UTF8String: tag, length in one or two bytes, text
            found[ARCS[int(arc)]] = data[3 if data[1] & 0x80 else 2 :].decode()
    return Claims(**found)


def _attestation(attestation, origin, publisher=None):
    statement = json.loads(base64.b64decode(attestation["envelope"]["statement"]))
    return Signed(
        origin=origin,
        kind=EvidenceKind.ATTESTATION,
        problems=(),
        claims=claims_of(base64.b64decode(attestation["verification_material"]["certificate"])),
        times=(datetime(2024, 12, 4, 23, 14, tzinfo=UTC),),
        statement=Statement(
            statement["_type"],
            statement["predicateType"],
            tuple(Subject(one["name"], one["digest"]) for one in statement["subject"]),
            statement["predicate"],
        ),
        publisher=publisher,
    )


@cache
def real(name):
    """A real attestation, by its path under `tests/vectors/signed`."""
    return _attestation(json.loads(vector("signed", *name.split("/"))), name.rpartition("/")[2])


@cache
def provenance(name):
    """The one attestation of a real provenance document, with its publisher."""
    (bundle,) = json.loads(vector("signed", *name.split("/")))["attestation_bundles"]
    (attestation,) = bundle["attestations"]
    return _attestation(attestation, f"{name.rpartition('/')[2]}[0]", bundle["publisher"])


@cache
def rfc8785():
    """The real message signature over a GitHub-built wheel."""
    bundle = json.loads(vector("signed", "rfc8785", f"{WHEEL}.sigstore.json"))
    (first, *_) = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    claims = claims_of(base64.b64decode(first["rawBytes"]))
    return Signed(f"{WHEEL}.sigstore.json", EvidenceKind.BUNDLE, (), claims=claims)


def published():
    """The real publish attestation of a GitHub-built sdist."""
    return real(f"pypi-attestations-0.0.19/{SDIST}.publish.attestation")


def slsa():
    """The real SLSA provenance of the same sdist."""
    return real(f"pypi-attestations-0.0.19/{SDIST}.slsa.attestation")


def circleci():
    """The real publish attestation of a CircleCI-built wheel."""
    return real(f"circleci/{CIRCLE}.publish.attestation")


def person():
    """The real attestation of a person's e-mail address."""
    return real(f"rfc8785/{WHEEL}.publish.attestation")


GITLAB = Claims(
    san="https://gitlab.com/acme/tools/demo//.gitlab-ci.yml@refs/tags/v1.0",
    san_kind="uri",
    issuer="https://gitlab.com",
    build_signer_uri="https://gitlab.com/acme/tools/demo//.gitlab-ci.yml@refs/tags/v1.0",
    build_signer_digest="7" * 40,
    runner_environment="gitlab-hosted",
    source_repository_uri="https://gitlab.com/acme/tools/demo",
    source_repository_digest="7" * 40,
    source_repository_ref="refs/tags/v1.0",
    source_repository_id="42",
    source_repository_owner_uri="https://gitlab.com/acme/tools",
    source_repository_owner_id="43",
    build_config_uri="https://gitlab.com/acme/tools/demo//.gitlab-ci.yml@refs/tags/v1.0",
    build_config_digest="7" * 40,
    build_trigger="push",
    run_invocation_uri="https://gitlab.com/acme/tools/demo/-/jobs/1",
)
"""What Fulcio's documentation says a certificate of a GitLab pipeline holds; no real one is among the vectors."""


def signed_by(claims, **more):
    """An authentic plain signature with these claims."""
    return Signed("made-up.sigstore.json", EvidenceKind.BUNDLE, (), claims=claims, **more)


def key_signed(key_id="a" * 64):
    """An authentic plain signature by a managed key."""
    return Signed("key.sigstore.json", EvidenceKind.BUNDLE, (), key_id=key_id)


def broken():
    """A signature that does not hold."""
    return Signed("bad.sigstore.json", EvidenceKind.BUNDLE, (Finding("signature-wrong", "x", "is wrong"),))


def evidence(*signed, filename=SDIST, lock=()):
    """Evidence with signatures and nothing else."""
    return Evidence(
        path=f"dist/{filename}",
        filename=filename,
        kind=ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST,
        size_bytes=0,
        digests={"sha256": "0" * 64},
        archive=Archive((), ()),
        signed=signed,
        lock_identities=tuple(lock),
    )


def trusting(*identities, **rule):
    """A policy with one rule for every project."""
    return Policy(rules=(Rule(identities=identities, origin="policy.toml: rule[0]", **rule),))


ATTESTATIONS = Identity(
    kind="github", repository="https://github.com/trailofbits/pypi-attestations", workflow="release.yml"
)
"""Who really signed the sdist."""


def ids(outcome):
    """Finding ids, in order."""
    return [finding.id for finding in outcome.findings]
