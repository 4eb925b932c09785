"""ZIP archives: members and defects, whatever the bytes are."""

from __future__ import annotations

from mutations import any_zip
from pipeline import WHEEL, CountedSource, assert_findings

from epochly_verify.limits import KIB, MIB, Limits
from epochly_verify.model import Layer
from epochly_verify.parse.archive import read_archive

mutate = any_zip
LIMITS = Limits(members=2_000, ratio_free_bytes=4 * MIB, retained_bytes=MIB, retained_member_bytes=512 * KIB)


def one_input(data: bytes) -> None:
    """Read it as a wheel."""
    archive = read_archive(CountedSource(data), WHEEL, LIMITS)
    assert_findings(archive.defects, Layer.ARCHIVE)
    for member in (*archive.members, *archive.streamed):
        assert member.size_bytes <= LIMITS.ratio_free_bytes + 1032 * len(data)
