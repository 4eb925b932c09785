"""Wheels with SBOMs in them, and what the layer says of them."""

from __future__ import annotations

import hashlib
import json

from wheel_evidence import WHEEL, wheel_evidence
from wheels import build_wheel

from epochly_verify.checks import sbom
from epochly_verify.policy import Policy

SBOMS = "demo_pkg-1.0.dist-info/sboms"
SBOM = f"{SBOMS}/a.cdx.json"
CODE = b"x = 1\n"
ROOT = {
    "type": "library",
    "bom-ref": "r",
    "name": "demo-pkg",
    "version": "1.0",
    "purl": "pkg:pypi/demo-pkg@1.0",
}
WRONG = "0" * 64


def sha256(data):
    """Lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def cyclonedx(*components, root=ROOT, **fields):
    """A CycloneDX document; a field that is `None` is left out."""
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    document |= {"metadata": {"component": root} if root else {}, "components": list(components)}
    return {key: value for key, value in (document | fields).items() if value is not None}


def with_hash(content=WRONG, alg="SHA-256", **fields):
    """A component with one hash."""
    return {"type": "library", "name": "part", "hashes": [{"alg": alg, "content": content}]} | fields


def wheel(document, *, name=SBOM, files=(), **lies):
    """A wheel with one SBOM (an object or bytes) and `files` beside its code."""
    data = document if isinstance(document, bytes | str) else json.dumps(document)
    return build_wheel({"demo_pkg/__init__.py": CODE, name: data} | dict(files), **lies)


def outcome(data, filename=WHEEL):
    """What the layer says of a wheel."""
    return sbom.check(wheel_evidence(data, filename), Policy())


def found(document, filename=WHEEL, **options):
    """The ids of the findings for a wheel with that SBOM."""
    return [finding.id for finding in outcome(wheel(document, **options), filename).findings]
