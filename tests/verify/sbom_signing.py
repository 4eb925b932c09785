"""A wheel with SBOMs beside it that are signed by a Sigstore instance in memory, and what the judge says of all of it."""

from __future__ import annotations

import json
from functools import cache

from sbom_pair import DEPENDENCIES, FILES, LIBRARY, SIX, attached, digest, package, pair_wheel, root
from sbom_wheels import WRONG, sha256
from sigstore_instance import ISSUER, SUBJECT, Instance
from wheel_evidence import WHEEL

from epochly_verify.api import Trust, authenticated
from epochly_verify.gather import Wanted, gather
from epochly_verify.model import Layer
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.policy import STANDARD, Identity, Policy, Rule
from epochly_verify.run import judge

DATA = pair_wheel(files={path: content for path, content in FILES.items() if path != LIBRARY})
SBOM = attached(DATA, *DEPENDENCIES, SIX)
CYCLONEDX, SPDX = "https://cyclonedx.org/bom", "https://spdx.dev/Document"
ATTESTED, FILE, OTHER_FILE = ".cdx.sigstore.json", ".cdx.json", ".sbom.json"
OVER, OVER_OTHER = f"{FILE}.sigstore.json", f"{OTHER_FILE}.sigstore.json"
STRANGER = {8: "https://issuer.example"}
ACCEPTED = Identity(kind="any", subject=SUBJECT, issuer=ISSUER)
TRUSTING = Policy(rules=(Rule(identities=(ACCEPTED,), origin="test"),), require=STANDARD | {Layer.SBOM})

_SIGNER = "`https://github.com/demo/pkg/.github/workflows/release.yml@refs/tags/v1.0`"
VOUCHED = f"signed by {_SIGNER}, vouched for by `https://token.actions.githubusercontent.com`"
OTHER_VERSION = attached(DATA, metadata={"component": root(version="1.1", purl="pkg:pypi/demo-pkg@1.1")})
_OTHER = [{"alg": "SHA-256", "content": WRONG}]
DISAGREEING = (
    attached(DATA, package("numpy", "2.1", hashes=_OTHER), compositions=None),
    attached(DATA, package("numpy", "2.1", hashes=digest(DATA)), compositions=None),
)
"""Two SBOMs of the wheel that give one component different digests."""


@cache
def instance():
    """One instance for all: making keys takes time."""
    return Instance()


@cache
def trust():
    """Its trust root."""
    return Trust(parse_trust_root(json.dumps(instance().trust_root()).encode(), "test"))


def as_bytes(content):
    """A document in JSON, or bytes as they are."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def about(predicate, *subjects, kind=CYCLONEDX):
    """A statement about the wheel, or about `subjects` (name, content)."""
    listed = [
        {"name": name, "digest": {"sha256": sha256(data)}} for name, data in subjects or ((WHEEL, DATA),)
    ]
    return as_bytes(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": listed,
            "predicateType": kind,
            "predicate": predicate,
        }
    )


def attest(predicate=SBOM, *subjects, kind=CYCLONEDX, **options):
    """An attestation of an SBOM; `options` alter the signature."""
    return as_bytes(instance().bundle(b"", payload=about(predicate, *subjects, kind=kind), **options))


def sign(content, **options):
    """A signature over a document or bytes."""
    return as_bytes(instance().bundle(as_bytes(content), **options))


def judged(folder, files, *, policy=TRUSTING, **wanted):
    """The report on the wheel with these files beside it (ending -> content); `wanted` as in `Wanted`."""
    wheel = folder / WHEEL
    wheel.write_bytes(DATA)
    for ending, content in files.items():
        wheel.with_name(WHEEL + ending).write_bytes(as_bytes(content))
    evidence = gather(str(wheel), Wanted(**wanted), policy.limits)
    return judge(authenticated(evidence, policy, trust()), policy)


def ids(report):
    """The ids of the findings, sorted."""
    return sorted(finding.id for finding in report.findings)


def layer(report, which=Layer.SBOM):
    """How a layer ended, and why."""
    (result,) = [each for each in report.layers if each.layer is which]
    return result.status, result.why
