"""SBOMs, inside a wheel and beside it: a document or the reason why it is not looked into; nothing is raised."""

from __future__ import annotations

import json

from mutations import any_json
from pipeline import assert_findings, parsed

from epochly_verify.checks import sbom
from epochly_verify.model import Archive, ArtifactKind, AttachedSbom, Evidence, Layer, Member, MemberKind
from epochly_verify.parse.sbom import parse_sbom
from epochly_verify.policy import Policy

mutate = any_json
WHEEL = "demo_pkg-1.0-py3-none-any.whl"
INFO = "demo_pkg-1.0.dist-info"
CODE = (
    Member("demo_pkg/__init__.py", MemberKind.FILE, 6, {"sha256": b"x" * 32}),
    Member("demo_pkg/_vendor/six.py", MemberKind.FILE, 6, {"sha256": b"y" * 32}),
    Member("demo_pkg.libs/libz-1a2b.so.1.3", MemberKind.FILE, 6, {"sha256": b"z" * 32}),
)
HONEST = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "r", "type": "library", "name": "demo-pkg", "version": "1.0"}},
        "components": [{"bom-ref": "c", "type": "library", "name": "zlib", "version": "1.3"}],
        "dependencies": [{"ref": "r", "dependsOn": ["c"]}],
    }
).encode()


def one_input(data: bytes) -> None:
    """Read it, then judge it where wheels carry SBOMs, and beside a wheel that carries an honest one."""
    name = f"{INFO}/sboms/x.cdx.json"
    parsed(parse_sbom, data, name)
    for inside, beside in ((data, ()), (HONEST, (AttachedSbom("x.cdx.json", data),))):
        members = (*CODE, Member(name, MemberKind.FILE, len(inside), {"sha256": b"s" * 32}, content=inside))
        archive = Archive(members, members)
        evidence = Evidence(WHEEL, WHEEL, ArtifactKind.WHEEL, 0, {"sha256": "00"}, archive, sboms=beside)
        assert_findings(sbom.check(evidence, Policy()).findings, Layer.SBOM)
