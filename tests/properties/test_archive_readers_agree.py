"""MUST: what the archive layer says does not depend on which inflater is installed, nor on who reads the archive.

Deflate streams and names that readers take differently, searched for with Hypothesis.
"""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import any_bytes, any_zip
from pipeline import WHEEL, assert_report, judged
from specimens import wheels
from wheels import DEFLATED, STORED, Entry, build_zip
from zlib_ng import zlib_ng

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer, MemberKind, Status
from epochly_verify.parse import zipinflate
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

RANDOMS = st.randoms(use_true_random=False)
TEXTS = (b"x = 1\n", b"hello hello hello" * 10, bytes(range(256)) * 2, b"", b"a" * 1000)
# An incomplete set of distance codes, which RFC 1951 does not allow: some quick inflaters read it, zlib refuses it.
INCOMPLETE_CODE = bytes.fromhex(
    "05c0b10900000cc3b057fa9cc18321ff6fb5a476523ba949eda4765293da49eda426b193da494d6a27b5939ad44e6a2735a9"
    "9dd44e6a523ba99dd4a476523ba949eda476527b"
)


def streams(r):
    """A deflate stream, honest or spoilt."""
    stream = zlib.compressobj(r.choice((0, 1, 6, 9)), zlib.DEFLATED, -15, 8, r.randrange(5))
    honest = stream.compress(r.choice(TEXTS)) + stream.flush()
    return honest if r.randrange(4) == 0 else any_bytes(honest, r)


def inflated(library, stream):
    """What a library makes of a stream: all bytes and what follows them, or that it refuses."""
    reader = library.decompressobj(-15)
    try:
        data = reader.decompress(stream, 1 << 16)
    except library.error:
        return None
    return (data, reader.unused_data) if reader.eof else None


def wheel_of(stream, data):
    """A ZIP with that stream for its one file, declared as what came out of it."""
    return build_zip([Entry("x.py", data, method=DEFLATED, payload=stream)])


@given(r=RANDOMS)
def test_inflaters_give_the_same_bytes(r):
    """MUST: where both inflaters read a stream, the bytes are the same, and so is what follows."""
    stream = streams(r)
    ours, theirs = inflated(zlib, stream), inflated(zlib_ng, stream)
    assert ours is None or ours == theirs


def reports_of(data):
    """The reports of a wheel, read with zlib-ng and with zlib."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipinflate, "QUICK_BYTES", -1)
        for library in (zlib_ng, zlib):
            patch.setattr(zipinflate, "quick_inflater", lambda library=library: library)
            yield judged(data).report


@given(r=RANDOMS)
def test_findings_do_not_depend_on_the_inflater(r):
    """MUST: with and without the extra `fast` the archive layer says the same."""
    stream = streams(r)
    read = inflated(zlib_ng, stream)
    quick, plain = reports_of(wheel_of(stream, read[0] if read else b"x = 1\n"))
    assert quick == plain


def test_incomplete_code_is_malformed_for_every_inflater():
    """A stream that zlib, and so pip, refuses is refused by the quick inflater too, and told as malformed."""
    assert inflated(zlib, INCOMPLETE_CODE) is None
    assert inflated(zlib_ng, INCOMPLETE_CODE) is None
    for report in reports_of(wheel_of(INCOMPLETE_CODE, b"x = 1\n")):
        assert "compressed-data-malformed" in {finding.id for finding in report.findings}


@given(data=st.sampled_from(wheels()), r=RANDOMS)
def test_passed_archive_is_what_zipfile_reads(data, r):
    """MUST: an archive that passes holds for Python's own reader the very members that were judged."""
    spoilt = any_zip(data, r)
    found = judged(spoilt).report
    assert_report(found)
    layer = next(result for result in found.layers if result.layer is Layer.ARCHIVE)
    if layer.status is not Status.PASSED:
        return
    members = read_archive(BytesSource(spoilt), WHEEL, DEFAULT).members
    with zipfile.ZipFile(io.BytesIO(spoilt)) as archive:
        assert [member.name for member in members] == archive.namelist()
        for member, info in zip(members, archive.infolist(), strict=True):
            if member.kind is MemberKind.FILE:
                assert len(archive.read(info)) == member.size_bytes


@given(
    names=st.lists(
        st.text("aA./\\-é\u0301 :\0", min_size=1, max_size=12) | st.text(min_size=1, max_size=20),
        min_size=1,
        max_size=4,
    ),
    data=st.binary(max_size=20),
    method=st.sampled_from([STORED, DEFLATED]),
)
@example(["a", "A"], b"", STORED)
@example(["a", "a/b"], b"", STORED)
@example(["\u00e9", "e\u0301"], b"", STORED)
def test_any_member_names_give_a_report(names, data, method):
    """MUST: whatever members are called there is a report, and a name that escapes is never passed."""
    entries = [Entry(name.encode("utf-8", "replace"), data, method=method) for name in names]
    found = judged(build_zip(entries)).report
    assert_report(found)
    layer = next(result for result in found.layers if result.layer is Layer.ARCHIVE)
    escapes = any(name.startswith("/") or ".." in name.split("/") for name in names)
    assert not (escapes and layer.status is Status.PASSED)


def test_top_folder_with_too_many_digits_gives_a_report():
    """A top folder whose version has more digits than the interpreter reads is another folder, and no crash."""
    found = judged(build_zip([Entry(f"demo_pkg-{'9' * 5000}/x")]), "demo_pkg-1.0.zip").report
    assert "sdist-top-folder" in {finding.id for finding in found.findings}
