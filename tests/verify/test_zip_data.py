"""The data of ZIP members: what comes out, what it is checked against, what it may cost."""

from __future__ import annotations

import bz2
import hashlib
import lzma
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest
from wheels import DEFLATED, STORED, Entry, archive_of, build_wheel, build_zip, defect_ids, wheel_entries
from zlib_ng import zlib_ng

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.parse import zipinflate
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource

VECTORS = Path(__file__).parents[1] / "vectors"
NOISE = random.Random(5).randbytes(3_000_000)  # three pieces, incompressible


def with_first(entry):
    """A wheel with this entry first."""
    return build_zip([entry, *wheel_entries({})])


def deflated(data):
    """A raw deflate stream."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 3_000_000])
@pytest.mark.parametrize("jobs", [1, 3])
def test_member_has_its_size_and_sha256(method, size, jobs):
    """Whatever its size and method, a member's digest is that of its bytes, in one thread or several."""
    data = NOISE[:size]
    archive = archive_of(with_first(Entry("demo_pkg/a.bin", data, method)), jobs=jobs)
    assert archive.defects == ()
    member = archive.members[0]
    assert (member.size_bytes, member.digests["sha256"]) == (size, hashlib.sha256(data).digest())


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_one_huge_member_is_read_the_same_with_every_number_of_jobs(method, jobs):
    """A member that fills the archive is split over two threads and comes out the same."""
    data = (b"abcdefgh" * 1000 + NOISE[:100_000]) * 60
    archive = archive_of(with_first(Entry("demo_pkg/a.bin", data, method)), jobs=jobs)
    assert archive.defects == ()
    assert archive.members[0].digests == {"sha256": hashlib.sha256(data).digest()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_faults_of_a_huge_member_are_named_with_every_number_of_jobs(jobs):
    """Threads change nothing about what is found."""
    data = (b"abcdefgh" * 1000 + NOISE[:100_000]) * 60
    cases = {
        "crc-mismatch": Entry("a", data, DEFLATED, local={"crc": 1}, central={"crc": 1}),
        "data-beyond-declared-size": Entry(
            "a", data, DEFLATED, local={"size": len(data) - 1}, central={"size": len(data) - 1}
        ),
        "size-mismatch": Entry(
            "a", data, DEFLATED, local={"size": len(data) + 1}, central={"size": len(data) + 1}
        ),
        "compressed-data-malformed": Entry("a", data, DEFLATED, payload=deflated(data)[:-9]),
    }
    for finding, entry in cases.items():
        ids = {f.id for f in archive_of(with_first(entry), jobs=jobs).defects}
        assert finding in ids
        assert ids <= {finding, "crc-mismatch"}


def test_record_algorithms_are_computed_for_their_members():
    """A member has the digest that its RECORD row names, besides SHA-256; weak algorithms are not computed."""
    rows = {
        "demo_pkg/a.py": "demo_pkg/a.py,sha512=AAAA,2",
        'demo_pkg/b,"c".py': '"demo_pkg/b,""c"".py",BLAKE2b=AAAA,2',
        "demo_pkg/weak.py": "demo_pkg/weak.py,md5=AAAA,2",
        "demo_pkg/odd.py": "demo_pkg/odd.py,shake_128=AAAA,2",
    }
    archive = archive_of(build_wheel(dict.fromkeys(rows, "1\n"), rows=rows))
    algorithms = {member.name: sorted(member.digests) for member in archive.members}
    assert algorithms["demo_pkg/a.py"] == ["sha256", "sha512"]
    assert algorithms['demo_pkg/b,"c".py'] == ["blake2b", "sha256"]
    assert algorithms["demo_pkg/weak.py"] == ["sha256"]
    assert algorithms["demo_pkg/odd.py"] == ["sha256"]
    assert archive.members[0].digests["sha512"] == hashlib.sha512(b"1\n").digest()


def test_members_that_checks_read_keep_their_bytes_and_no_others():
    """Metadata and start-up code are kept, everything else is only hashed."""
    files = {"demo_pkg/a.py": "1", "demo_pkg/x.pth": "import os", "sitecustomize.py": "2",
             "demo_pkg/__pycache__/a.cpython-311.pyc": b"3", "demo_pkg/b.py": "4"}  # fmt: skip
    kept = {member.name for member in archive_of(build_wheel(files)).members if member.content is not None}
    info = {f"demo_pkg-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
    assert kept == set(files) - {"demo_pkg/b.py"} | info


def test_crc_mismatch_is_named():
    """A member whose bytes do not have the declared checksum is named."""
    for method in (STORED, DEFLATED):
        entry = Entry("a.py", b"x = 1", method, local={"crc": 7}, central={"crc": 7})
        assert defect_ids(with_first(entry)) == ["crc-mismatch"]


def test_fewer_bytes_than_declared_is_named():
    """A member that gives less than both headers declare is named."""
    lie = {"size": 6}
    for method in (STORED, DEFLATED):
        entry = Entry("a.py", b"x = 1", method, local=lie, central=lie)
        assert defect_ids(with_first(entry)) == ["size-mismatch"]


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_more_bytes_than_declared_are_named_and_hashed_apart(method):
    """Bytes after the declared size are named; each view has the digest of what its reader gets."""
    declared = {"size": 9, "crc": zlib.crc32(b"# benign\n")}
    data = b"# benign\nprint('malicious')\n"
    archive = archive_of(with_first(Entry("a.py", data, method, local=declared, central=declared)))
    assert [f.id for f in archive.defects] == ["data-beyond-declared-size"]
    assert archive.members[0].digests["sha256"] == hashlib.sha256(b"# benign\n").digest()
    assert archive.streamed[0].digests["sha256"] == hashlib.sha256(data).digest()
    assert archive.streamed[1:] == archive.members[1:]


def test_bytes_after_the_deflate_stream_are_named():
    """Compressed data that go on after the stream's end are named; a whole second stream too."""
    packed = deflated(b"x = 1")
    for more in (b"?", packed, b"\0" * 300_000):
        entry = Entry("a.py", b"x = 1", DEFLATED, payload=packed + more)
        assert defect_ids(with_first(entry)) == ["trailing-compressed-data"]


@pytest.mark.parametrize("payload", [b"\xff\xff\xff\xff", deflated(b"x" * 5000)[:-3], b""])
def test_broken_deflate_stream_is_named(payload):
    """Data that are no deflate stream, or have no end, are named and give no digest that could be trusted."""
    entry = Entry("a.py", b"x" * 5000, DEFLATED, payload=payload)
    assert "compressed-data-malformed" in defect_ids(with_first(entry))


@pytest.mark.parametrize(
    ("method", "pack"),
    [
        (12, bz2.compress),
        (14, lzma.compress),
        (93, bytes),
        (9, deflated),
        (95, bytes),
        (99, bytes),
        (1, bytes),
    ],
)
def test_unsupported_compression_is_named_and_not_read(method, pack):
    """Only stored and deflate are read; every other method is named."""
    archive = archive_of(with_first(Entry("a.py", b"x = 1", method, payload=pack(b"x = 1"))))
    assert [f.id for f in archive.defects] == ["unsupported-compression"]
    assert archive.members[0].digests == {}


@pytest.mark.parametrize("flags", [0x01, 0x41, 0x2000])
def test_encrypted_entry_is_named_and_not_read(flags):
    """An encrypted entry is named, in all three ways to be one."""
    archive = archive_of(with_first(Entry("a.py", b"x = 1", flags=flags)))
    assert [f.id for f in archive.defects] == ["encrypted-entry"]
    assert archive.members[0].digests == {}


def test_patch_data_are_unsupported():
    """Data that patch other data are named."""
    assert defect_ids(with_first(Entry("a.py", b"x = 1", flags=0x20))) == ["unsupported-compression"]


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_directory_with_data_is_named(method):
    """A folder that has bytes is named, also when its headers declare none."""
    assert defect_ids(with_first(Entry("a/", b"payload", method, mode=0o040755))) == [
        "directory-with-content"
    ]
    lie = {"size": 0, "crc": 0}
    ids = defect_ids(with_first(Entry("a/", b"payload", method, mode=0o040755, local=lie, central=lie)))
    assert ids == ["data-beyond-declared-size", "directory-with-content"]


def bomb(size):
    """A wheel with a member of this many zeros."""
    return build_wheel({"demo_pkg/zeros.bin": bytes(size), "demo_pkg/a.py": "x = 1\n"})


def test_decompression_bomb_is_named_and_not_inflated():
    """An archive that gives far more than its size is named; its small members are read all the same."""
    limits = Limits(ratio_free_bytes=100_000)
    archive = archive_of(bomb(10_000_000), limits=limits)
    assert [(f.id, f.subject) for f in archive.defects] == [("decompression-bomb", "demo_pkg/zeros.bin")]
    unread = [member.name for member in archive.members if not member.digests]
    assert unread == ["demo_pkg/zeros.bin"]


def test_high_ratio_below_the_free_size_is_clean():
    """A small archive may compress well."""
    assert defect_ids(bomb(10_000_000)) == []


def test_overlapping_bomb_is_bounded_by_what_it_declares():
    """Many entries over the same data count each, so that the sum is bounded."""
    data = bytes(1_000_000)
    first = Entry("a0", data, DEFLATED)
    rest = [Entry(f"a{n}", data, DEFLATED, in_local=False, payload=deflated(data),
                  central={"offset": 0, "size": 1_000_000 + n}) for n in range(1, 50)]  # fmt: skip
    ids = defect_ids(build_zip([first, *rest]), limits=Limits(ratio_free_bytes=5_000_000))
    assert {"decompression-bomb", "overlapping-entries"} <= set(ids)


def test_understated_bomb_is_not_inflated_far():
    """A member that declares one byte and holds gigabytes costs no more than the ratio allows."""
    data = bytes(50_000_000)
    lie = {"size": 1}
    archive = archive_of(with_first(Entry("a.bin", data, DEFLATED, local=lie, central=lie)))
    assert sorted({f.id for f in archive.defects}) == ["crc-mismatch", "data-beyond-declared-size"]
    assert archive.streamed[0].size_bytes < 4_000_000


@pytest.mark.parametrize(
    ("limits", "subject"),
    [
        (Limits(member_bytes=1000), "demo_pkg/a.bin"),
        (Limits(total_bytes=1000), "archive"),
        (Limits(members=2), "archive"),
    ],
)
def test_exceeded_limit_is_named(limits, subject):
    """More members or bytes than allowed are named, and what is beyond is not read."""
    archive = archive_of(build_wheel({"demo_pkg/a.bin": NOISE[:2000]}), limits=limits)
    assert ("limit-exceeded", subject) in {(f.id, f.subject) for f in archive.defects}
    assert (
        all(member.size_bytes <= 1000 or member.digests == {} for member in archive.members[:1])
        or limits.members == 2
    )


@pytest.mark.parametrize("limits", [Limits(retained_member_bytes=500), Limits(retained_bytes=700)])
def test_content_too_large_to_keep_is_named(limits):
    """A member that a check should read and that is too large is named; metadata come before bytecode."""
    archive = archive_of(build_wheel({"demo_pkg/x.pyc": NOISE[:600]}), limits=limits)
    assert [(f.id, f.subject) for f in archive.defects] == [("content-over-limit", "demo_pkg/x.pyc")]
    assert archive.file("demo_pkg-1.0.dist-info/METADATA").content
    assert archive.members[0].digests


@pytest.mark.parametrize("jobs", [1, 2])
def test_memory_stays_flat(jobs):
    """Reading a large member takes a bounded amount of memory, however many bytes come out."""
    data = build_zip(
        [Entry("a.bin", bytes(60_000_000), DEFLATED), Entry("b.bin", bytes(60_000_000), DEFLATED)]
    )
    source = BytesSource(data)
    tracemalloc.start()
    read_archive(source, "demo_pkg-1.0-py3-none-any.whl", Limits(ratio=10_000), jobs=jobs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000


class Failing(BytesSource):
    """A disk that fails after some bytes."""

    def read_at(self, offset, length):
        if offset > 100_000 and length > 60_000:
            raise InputError("unreadable", "x.whl", "reading failed (Input/output error)", "check the disk")
        return super().read_at(offset, length)


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_failing_disk_is_an_input_error(jobs):
    """When the bytes cannot be had, the caller is told; nothing hangs and nothing is made up."""
    data = build_zip([Entry(f"{n}.bin", NOISE, DEFLATED) for n in range(3)])
    with pytest.raises(InputError):
        read_archive(Failing(data), "demo_pkg-1.0-py3-none-any.whl", Limits(), jobs=jobs)


def test_failing_disk_is_an_input_error_in_a_split_member():
    """The same, where one member is inflated and hashed in two threads."""
    data = build_zip([Entry("0.bin", NOISE * 3, DEFLATED)])
    with pytest.raises(InputError):
        read_archive(Failing(data), "demo_pkg-1.0-py3-none-any.whl", Limits(), jobs=2)


def test_quick_inflater_changes_no_finding(monkeypatch):
    """With and without the extra `fast`, every archive vector gets the same findings, digests and sizes."""
    assert zipinflate.quick_inflater() is zlib_ng
    monkeypatch.setattr(zipinflate, "QUICK_BYTES", -1)
    paths = sorted([*VECTORS.glob("attack-wheels/*/*.whl"), *VECTORS.glob("zip-framing/*/*.zip")])
    assert paths
    for path in paths:
        source = BytesSource(path.read_bytes())
        monkeypatch.setattr(zipinflate, "quick_inflater", lambda: zlib_ng)
        quick = read_archive(source, "demo_pkg-1.0-py3-none-any.whl", DEFAULT)
        monkeypatch.setattr(zipinflate, "quick_inflater", lambda: zlib)
        assert quick == read_archive(source, "demo_pkg-1.0-py3-none-any.whl", DEFAULT), path
