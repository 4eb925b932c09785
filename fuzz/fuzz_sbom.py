"""SBOMs: a document or the reason why it is not looked into; nothing is raised."""

from __future__ import annotations

from mutations import any_json
from pipeline import assert_findings

from epochly_verify.checks import sbom
from epochly_verify.model import Archive, ArtifactKind, Evidence, Layer, Member, MemberKind
from epochly_verify.policy import Policy

mutate = any_json


def one_input(data: bytes) -> None:
    """Judge it in the folder where wheels carry SBOMs."""
    name = "demo_pkg-1.0.dist-info/sboms/x.cdx.json"
    members = (
        Member("demo_pkg/__init__.py", MemberKind.FILE, 6, {"sha256": b"x" * 32}),
        Member(name, MemberKind.FILE, len(data), {"sha256": b"y" * 32}, content=data),
    )
    filename = "demo_pkg-1.0-py3-none-any.whl"
    evidence = Evidence(
        filename, filename, ArtifactKind.WHEEL, 0, {"sha256": "00"}, Archive(members, members)
    )
    assert_findings(sbom.check(evidence, Policy()).findings, Layer.SBOM)
