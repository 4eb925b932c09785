"""A wheel that brings a native library and a vendored project, with an SBOM in it and one beside it that both are good.

The two are written by hand: `embedded()` knows nothing of the wheel's digest, `attached(data)` does. Each is complete,
and says so by its compositions.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from sbom_wheels import CODE, SBOM, sha256
from wheel_evidence import WHEEL, wheel_evidence
from wheels import build_wheel

from epochly_verify.checks import sbom
from epochly_verify.model import AttachedSbom
from epochly_verify.policy import Policy

LIBRARY = "demo_pkg/libspeed.so.1"
ELF = b"\x7fELF of the demo"
VENDORED = "demo_pkg/_vendor/six-1.17.0.dist-info/METADATA"
ORIGIN = f"dist/{WHEEL}.cdx.json"
REQUIRES = (
    "numpy>=2,<3",
    "packaging",
    'tomli>=2; python_version < "3.11"',
    'rich>=13; extra == "show"',
)
FILES = {
    "demo_pkg/__init__.py": CODE,
    LIBRARY: ELF,
    "demo_pkg/_vendor/six/__init__.py": CODE,
    VENDORED: "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n",
}
COMPLETE = [{"aggregate": "complete", "assemblies": ["root"], "dependencies": ["root"]}]


def root(**fields):
    """The root that stands for the wheel."""
    return {
        "type": "library",
        "bom-ref": "root",
        "name": "demo-pkg",
        "version": "1.0",
        "purl": "pkg:pypi/demo-pkg@1.0",
    } | fields


def package(name, version="", **fields):
    """A Python package; without a version where none is locked."""
    at = f"@{version}" if version else ""
    stated = {"version": version} if version else {}
    return (
        {"type": "library", "bom-ref": name, "name": name, "purl": f"pkg:pypi/{name}{at}"} | stated | fields
    )


def native(path=LIBRARY, content=ELF, **fields):
    """A file of the wheel with its digest."""
    return {"type": "file", "bom-ref": path, "name": path, "hashes": digest(content)} | fields


def digest(content):
    """The hashes of a component with that content."""
    return [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


SIX = package("six", "1.17.0", properties=[{"name": "demo:path", "value": "demo_pkg/_vendor/six"}])
DEPENDENCIES = (package("numpy", "2.4.6"), package("packaging"))


def embedded(*listed, needs=None, **fields):
    """The SBOM in the wheel; without `listed` with everything that is good, `fields` that are `None` left out."""
    listed = listed or (*DEPENDENCIES, native(), SIX)
    refs = [each["bom-ref"] for each in listed if "pypi" in each.get("purl", "") and each is not SIX]
    graph = [{"ref": "root", "dependsOn": refs if needs is None else needs}]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {"component": root()},
        "components": list(listed),
        "dependencies": graph,
        "compositions": COMPLETE,
    }
    return {key: value for key, value in (document | fields).items() if value is not None}


def attached(data, *listed, **fields):
    """The SBOM beside the wheel with those bytes: the same, and the root has the wheel's digest."""
    described = root(hashes=digest(data))
    return embedded(*listed, **({"metadata": {"component": described}} | fields))


def pair_wheel(document=None, requires=REQUIRES, files=None):
    """The wheel with that SBOM in it, or none; `files` replaces what else is in it."""
    inside = {} if document is None else {SBOM: json.dumps(document)}
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    metadata = f"Metadata-Version: 2.1\nName: demo_pkg\nVersion: 1.0\n{lines}"
    return build_wheel((FILES if files is None else files) | inside, metadata=metadata)


def said(data, *documents, policy=None):
    """What the layer says of a wheel with those SBOMs from outside (objects or bytes)."""
    sboms = tuple(
        AttachedSbom(
            ORIGIN if i == 0 else f"{ORIGIN}.{i}",
            each if isinstance(each, bytes) else json.dumps(each).encode(),
        )
        for i, each in enumerate(documents)
    )
    evidence = replace(wheel_evidence(data), digests={"sha256": sha256(data)}, sboms=sboms)
    return sbom.check(evidence, policy or Policy())


def ids(data, *documents):
    """The ids of the findings, sorted."""
    return sorted(finding.id for finding in said(data, *documents).findings)
