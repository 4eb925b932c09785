"""Real artifacts and evidence out of `tests/vectors`, with what they are to be judged by.

`signed()` are the artifacts that are verified; `bundles()` the evidence of the conformance suite that is authentic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from epochly_verify.authenticity.keys import load_pem_key
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.policy import Identity, Policy, Rule

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"
PUBLIC_GOOD = VECTORS / "trust-roots" / "public-good" / "trusted_root.json"
GITHUB = "https://token.actions.githubusercontent.com"
SIGNERS = (
    Identity(kind="github", repository="https://github.com/trailofbits/rfc8785.py", workflow="release.yml"),
    Identity(
        kind="github", repository="https://github.com/trailofbits/pypi-attestations", workflow="release.yml"
    ),
    Identity(
        kind="circleci",
        project_id="fdd9283f-e619-46af-8f9c-851f7d3e8b2b",
        pipeline_definition_id="8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
    ),
)
POLICY = Policy(rules=(Rule(identities=SIGNERS, origin="specimens"),))
SIGNED = (
    ("rfc8785", "rfc8785-0.1.2-py3-none-any.whl", "sigstore.json", EvidenceKind.BUNDLE),
    (
        "circleci",
        "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
        "provenance",
        EvidenceKind.PROVENANCE,
    ),
    (
        "pypi-attestations-0.0.19",
        "pypi_attestations-0.0.19.tar.gz",
        "publish.attestation",
        EvidenceKind.ATTESTATION,
    ),
    (
        "pypi-attestations-0.0.19",
        "pypi_attestations-0.0.19.tar.gz",
        "slsa.attestation",
        EvidenceKind.ATTESTATION,
    ),
)


@dataclass(frozen=True)
class Specimen:
    """An artifact with one piece of evidence, as they were published."""

    filename: str
    data: bytes
    evidence: Attached


@dataclass(frozen=True, eq=False)
class BundleCase:
    """A bundle, the digest it is about, and the trust root and key to judge it by."""

    name: str
    bundle: bytes
    sha256: bytes
    root: object
    key: object


@cache
def public_good():
    """The production trust root."""
    return parse_trust_root(PUBLIC_GOOD.read_bytes(), "public-good")


@cache
def signed() -> tuple[Specimen, ...]:
    """Every signed artifact, once for each piece of evidence."""
    found = []
    for folder, filename, ending, kind in SIGNED:
        artifact = VECTORS / "signed" / folder / filename
        evidence = Path(f"{artifact}.{ending}").read_bytes()
        found.append(
            Specimen(filename, artifact.read_bytes(), Attached(f"{filename}.{ending}", kind, evidence))
        )
    return tuple(found)


@cache
def bundles() -> tuple[BundleCase, ...]:
    """Every conformance case that passes."""
    cases = VECTORS / "sigstore-conformance"
    found = []
    for case in sorted(cases.iterdir()):
        if not case.is_dir() or case.name.endswith("_fail"):
            continue
        artifact = case / "artifact" if (case / "artifact").exists() else cases / "a.txt"
        own = case / "trusted_root.json"
        root = parse_trust_root(own.read_bytes(), case.name) if own.exists() else public_good()
        key = load_pem_key((case / "key.pub").read_bytes()) if (case / "key.pub").exists() else None
        digest = hashlib.sha256(artifact.read_bytes()).digest()
        bundle = (case / "bundle.sigstore.json").read_bytes()
        found.append(BundleCase(case.name, bundle, digest, root, key))
    return tuple(found)


@cache
def wheels() -> tuple[bytes, ...]:
    """Every wheel and ZIP of the attack tables that is small, with the honest ones."""
    found = sorted(VECTORS.glob("attack-wheels/*/*.whl")) + sorted(VECTORS.glob("zip-framing/*/*.zip"))
    return tuple(path.read_bytes() for path in found if path.stat().st_size < 20_000)
