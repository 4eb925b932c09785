"""What the tests of the layer `install` share: a wheel in, its findings out."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import struct

from wheels import build_wheel

from epochly_verify.checks.install import check
from epochly_verify.findings import catalogue
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Archive, ArtifactKind, Evidence, Layer, Member, MemberKind, Severity
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource
from epochly_verify.policy import Policy

WHEEL = "demo_pkg-1.0-py3-none-any.whl"
INFO = "demo_pkg-1.0.dist-info"
DATA = "demo_pkg-1.0.data"
OWN = {"demo_pkg/__init__.py": "x = 1\n"}


def evidence(archive, filename=WHEEL, kind=ArtifactKind.WHEEL):
    """Evidence that holds only an archive."""
    return Evidence(filename, filename, kind, 1, {"sha256": "0" * 64}, archive)


def judged(data, filename=WHEEL):
    """What the layer says of a wheel's bytes."""
    return check(evidence(read_archive(BytesSource(data), filename, DEFAULT), filename), Policy())


def findings(files, filename=WHEEL, **lies):
    """The layer's findings for a wheel of these files and one package of its own."""
    name, version = filename.split("-")[:2]
    return judged(build_wheel(OWN | files, name=name, version=version, **lies), filename).findings


def ids(files, filename=WHEEL, **lies):
    """Their ids, in order."""
    return [finding.id for finding in findings(files, filename, **lies)]


def member(name, content=b"", *, kept=True, kind=MemberKind.FILE):
    """A member by hand, its content kept in memory or only hashed."""
    digests = {"sha256": hashlib.sha256(content).digest()}
    return Member(name, kind, len(content), digests, content=content if kept else None)


def members_judged(members, streamed=None, filename=WHEEL):
    """The ids for members made by hand."""
    seen = tuple(members)
    archive = Archive(seen, seen if streamed is None else tuple(streamed))
    return [finding.id for finding in check(evidence(archive, filename), Policy()).findings]


def severity(finding_id, *, strict=False):
    """What a finding of the layer weighs."""
    layer, kind = catalogue()[finding_id]
    assert layer is Layer.INSTALL
    return (kind.strict or kind.severity) if strict else kind.severity


def fails(finding_id, *, strict=False):
    """Whether a finding fails the layer."""
    return severity(finding_id, strict=strict) is Severity.ERROR


def pyc(
    source, code=None, *, flags=0, optimize=-1, magic=importlib.util.MAGIC_NUMBER, body=None, source_hash=None
):
    """A `.pyc` for `source` that holds the code of `code` (the same, unless told otherwise).

    Args:
        source: the source it says it belongs to.
        code: the source it is compiled from.
        flags: 0 timestamp, 1 unchecked hash, 3 checked hash.
        optimize: as for `compile`.
        magic: the first four bytes.
        body: replaces the marshalled code.
        source_hash: replaces the right one.
    """
    source = source.encode()
    if body is None:
        text = source if code is None else code.encode()
        body = marshal.dumps(compile(text, "/build/demo.py", "exec", dont_inherit=True, optimize=optimize))
    if flags:
        check_bytes = importlib.util.source_hash(source) if source_hash is None else source_hash
    else:
        check_bytes = struct.pack("<2L", 1_700_000_000, len(source))
    return magic + struct.pack("<L", flags) + check_bytes + body
