"""Gzip-compressed tar archives: members and defects, whatever the bytes are. Bytes that are no gzip are compressed first."""

from __future__ import annotations

import gzip

from mutations import any_tar
from pipeline import SDIST, CountedSource, assert_findings

from epochly_verify.limits import KIB, MIB, Limits
from epochly_verify.model import Layer
from epochly_verify.parse.archive import read_archive

mutate = any_tar
LIMITS = Limits(members=2_000, ratio_free_bytes=4 * MIB, retained_bytes=MIB, retained_member_bytes=512 * KIB)


def one_input(data: bytes) -> None:
    """Read it as an sdist."""
    packed = data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 1, mtime=0)
    archive = read_archive(CountedSource(packed), SDIST, LIMITS)
    assert_findings(archive.defects, Layer.ARCHIVE)
    assert archive.members == archive.streamed
