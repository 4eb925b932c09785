"""Any bytes give an archive: no exception, no unbounded cost, and what is called clean is clean to `zipfile` too."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wheels import SDIST_NAME, VECTORS, WHEEL_NAME, Entry, archive_of, build_sdist, build_zip, wheel_entries

from epochly_verify.findings import catalogue
from epochly_verify.limits import Limits
from epochly_verify.model import Layer, Severity

LIMITS = Limits(members=1000, ratio_free_bytes=1 << 20, total_bytes=1 << 24)
FILES = {"demo_pkg/a.py": "x = 1\n" * 30, "demo_pkg/d/": "", "demo_pkg/é.py": "y"}
ZIPS = [
    *(
        path.read_bytes()
        for path in sorted(VECTORS.glob("zip-framing/*/*.zip"))
        if path.stat().st_size < 1000
    ),
    build_zip(wheel_entries(FILES)),
    build_zip(wheel_entries(FILES, method=0), comment=b"hello"),
    build_zip(wheel_entries(FILES), end64=True),
]
TARS = [gzip.decompress(build_sdist({"a.py": "x" * 700, "b" * 150: "y"}))]
SIGNATURES = [
    b"PK\3\4",
    b"PK\1\2",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"PK\7\10",
    b"\xff" * 4,
    b"\0" * 4,
    b"\1\0",
]


@st.composite
def mutated(draw, originals):
    """One of the originals after a few small changes, of the kinds that forge archives."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["set", "insert", "delete", "signature", "repeat"]))
        if change == "set":
            data[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif change == "insert":
            data[at:at] = draw(st.binary(max_size=30))
        elif change == "delete":
            del data[at : at + draw(st.integers(1, 40))]
        elif change == "signature":
            signature = draw(st.sampled_from(SIGNATURES))
            data[at : at + len(signature)] = signature
        else:
            data[at:at] = data[draw(st.integers(0, len(data))) :][:200]
    return bytes(data)


def judged(data, filename):
    """The archive, after the promises that hold for every one are checked."""
    archive = archive_of(data, filename, LIMITS)
    for finding in archive.defects:
        layer, _ = catalogue()[finding.id]
        assert layer is Layer.ARCHIVE
        assert finding.message.isprintable()
        assert finding.subject.isprintable()
        assert len(finding.subject) < 400
        assert not finding.message.endswith(".")
    assert len(set(archive.defects)) == len(archive.defects)
    return archive


def honest(archive):
    """Whether nothing above a remark is said against it."""
    return all(catalogue()[finding.id][1].severity is Severity.INFO for finding in archive.defects)


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_give_an_archive(data):
    """Whatever the bytes, as a ZIP or a tar, the parser answers."""
    judged(data, WHEEL_NAME)
    judged(data, SDIST_NAME)
    judged(gzip.compress(data, 1), SDIST_NAME)


@given(mutated(ZIPS))
@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_clean_zip_is_what_zipfile_reads(data):
    """An archive without a defect is to `zipfile` exactly what it is to us; any other has a finding and no exception."""
    archive = judged(data, WHEEL_NAME)
    if not honest(archive):
        return
    assert archive.members == archive.streamed
    with zipfile.ZipFile(io.BytesIO(data)) as reader:
        theirs = [
            (i.filename, hashlib.sha256(reader.read(i)).digest()) for i in reader.infolist() if not i.is_dir()
        ]
    assert theirs == [(m.name, m.digests["sha256"]) for m in archive.members if not m.name.endswith("/")]


@given(mutated(TARS), st.booleans())
@settings(max_examples=700, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_clean_tar_is_what_tarfile_reads(data, break_gzip):
    """The same for sdists and `tarfile`."""
    packed = gzip.compress(data, 1)
    if break_gzip:
        packed = packed[: len(data) // 9] + packed[len(data) // 9 + 1 :]
    archive = judged(packed, SDIST_NAME)
    if not honest(archive):
        return
    with tarfile.open(fileobj=io.BytesIO(packed)) as reader:
        members = [m for m in reader.getmembers() if m.isreg()]
        theirs = [(m.name, hashlib.sha256(reader.extractfile(m).read()).digest()) for m in members]
    assert theirs == [(m.name, m.digests["sha256"]) for m in archive.members if m.kind == "file"]


@given(
    st.lists(st.text(max_size=40), max_size=6),
    st.sampled_from([WHEEL_NAME, "x-1-cp311-cp311-linux_x86_64.whl"]),
)
@settings(max_examples=300)
def test_any_names_give_an_archive(names, filename):
    """Whatever the members are called, the parser answers, and a clean set of names has no doubles."""
    encoded = [name.encode("utf-8", "surrogatepass")[:200] for name in names]
    archive = judged(build_zip([Entry(name, b"") for name in encoded]), filename)
    if honest(archive):
        assert (
            len({member.name.casefold() for member in archive.members}) == len(names) or "linux" in filename
        )
