"""Sdists as a container: gzip and tar framing, headers and their extensions, limits."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tracemalloc

import pytest
from tars import TOP, block, header, info, packed
from wheels import SDIST_NAME, archive_of, build_sdist, defect_ids

from epochly_verify.errors import InputError
from epochly_verify.limits import Limits
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource

FILES = {"pyproject.toml": "[project]\n", "src/demo_pkg/__init__.py": "x = 1\n" * 1000}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_honest_sdist_of_every_tar_dialect_is_clean(form):
    """What Python's writer makes in any dialect is honest: folders, long and wide names, large numbers."""
    out = io.BytesIO()
    extra = {"pax_headers": {"comment": "0" * 40}} if form == tarfile.PAX_FORMAT else {}
    long = "" if form == tarfile.USTAR_FORMAT else "y/" * 60
    names = [f"{TOP}/{'x' * 90}/{long}café.py", f"{TOP}/PKG-INFO", f"{TOP}/a.py"]
    with tarfile.open(fileobj=out, mode="w:gz", format=form, **extra) as tar:
        tar.addfile(info(TOP, kind=tarfile.DIRTYPE, mode=0o2755))
        for name in names:
            member = info(name, size=700)
            member.mtime, member.uid = 1_700_000_000.5 if form == tarfile.PAX_FORMAT else 0, 1000
            tar.addfile(member, io.BytesIO(b"x" * 700))
    archive = archive_of(out.getvalue(), SDIST_NAME)
    assert archive.defects == ()
    assert [member.name for member in archive.members] == [f"{TOP}/", *names]
    assert archive.members[1].digests == {"sha256": hashlib.sha256(b"x" * 700).digest()}
    assert archive.members == archive.streamed


def test_members_of_an_sdist_that_checks_read_are_kept():
    """`PKG-INFO` and `pyproject.toml` of the top folder are kept, nothing else is."""
    archive = archive_of(build_sdist(FILES | {"docs/PKG-INFO": "no"}), SDIST_NAME)
    kept = {member.name: member.content for member in archive.members if member.content is not None}
    assert set(kept) == {f"{TOP}/PKG-INFO", f"{TOP}/pyproject.toml"}
    assert kept[f"{TOP}/pyproject.toml"] == b"[project]\n"


def test_dot_slash_before_every_name_is_clean():
    """`tar` packing `.` writes `./` before every name; that is the same tree."""
    data = packed(
        block("./", kind=tarfile.DIRTYPE), block(f"./{TOP}/", kind=tarfile.DIRTYPE), block(f"./{TOP}/a")
    )
    assert defect_ids(data, SDIST_NAME) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["truncated-archive"]),
        (b"PK\x03\x04 a zip", ["compressed-data-malformed"]),
        (gzip.compress(b"", mtime=0), ["not-a-tar"]),
        (gzip.compress(b"text, not tar" * 100, mtime=0), ["not-a-tar"]),
        (build_sdist(FILES)[:-30], ["truncated-archive"]),
        (build_sdist(FILES)[:40], ["truncated-archive"]),
        (build_sdist(FILES)[:-8] + b"\0" * 8, ["compressed-data-malformed"]),
        (build_sdist(FILES) + b"more", ["trailing-data"]),
        (build_sdist(FILES) + b"\0" * 999 + b"x", ["trailing-data"]),
        (build_sdist(FILES) + b"\0" * 200_000, []),
        (build_sdist(FILES) + build_sdist(FILES), ["gzip-multi-member"]),
    ],
    ids=range(11),
)
def test_gzip_framing_is_judged(data, expected):
    """One gzip member, whole, with nothing but zeros behind it."""
    assert defect_ids(data, SDIST_NAME) == expected


@pytest.mark.parametrize(
    ("blocks", "end", "expected"),
    [
        ([block(f"{TOP}/a")], b"", ["truncated-archive"]),
        ([block(f"{TOP}/a")], b"\0" * 512, []),
        ([block(f"{TOP}/a")], b"\0" * 100_000, []),
        ([block(f"{TOP}/a")], b"\0" * 1024 + b"x", ["trailing-data"]),
        ([block(f"{TOP}/a"), b"\0" * 512, block(f"{TOP}/hidden")], b"\0" * 1024, ["trailing-data"]),
        ([block(f"{TOP}/a", 600), b"x" * 600], b"", ["truncated-archive"]),
        ([block(f"{TOP}/a"), b"?" * 512], b"\0" * 1024, ["tar-header-malformed"]),
    ],
)
def test_end_of_the_tar_is_judged(blocks, end, expected):
    """The archive ends with zeros, and only zeros follow the end."""
    assert defect_ids(packed(*blocks, end=end), SDIST_NAME) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"size": b"\xff" * 12},
        {"size": b"\x80" + b"\x01" * 11},
        {"size": b"12z"},
        {"size": b"-1"},
        {"mode": b"rw-r--r"},
        {"uid": b"0x10"},
        {"magic": b"ustar  \0", "prefix": b"evil"},
        {"magic": b"\0", "prefix": b"evil"},
    ],
)
def test_header_that_readers_take_differently_is_refused(fields):
    """A header with unreadable numbers, or a prefix where none belongs, ends the reading."""
    bad = header(block(f"{TOP}/b"), **fields)
    assert set(defect_ids(packed(block(f"{TOP}/a"), bad), SDIST_NAME)) <= {
        "tar-header-malformed",
        "limit-exceeded",
    }
    assert defect_ids(packed(block(f"{TOP}/a"), bad), SDIST_NAME) != []


def test_wrong_checksum_is_refused():
    """A header whose checksum is wrong ends the reading; what came before is kept."""
    bad = bytearray(block(f"{TOP}/b"))
    bad[0] ^= 1
    archive = archive_of(packed(block(f"{TOP}/a"), bytes(bad)), SDIST_NAME)
    assert [f.id for f in archive.defects] == ["tar-header-malformed"]
    assert [member.name for member in archive.members] == [f"{TOP}/a"]


def pax(records, kind=b"x"):
    """A pax header with these records."""
    data = b"".join(records)
    return header(block("pax", len(data)), type=kind) + data.ljust(-(-len(data) // 512) * 512, b"\0")


def record(key, value):
    """One pax record."""
    body = f" {key}=".encode() + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


@pytest.mark.parametrize(
    ("records", "kind", "expected"),
    [
        ([record("path", f"{TOP}/b".encode())], b"x", []),
        ([record("comment", b"0" * 40)], b"g", []),
        ([record("path", b"evil")], b"g", ["tar-header-malformed"]),
        ([record("size", b"3")], b"g", ["tar-header-malformed"]),
        ([record("path", b"a"), record("path", b"b")], b"x", ["tar-header-malformed"]),
        ([b"30 path=short\n"], b"x", ["tar-header-malformed"]),
        ([b"path=x\n"], b"x", ["tar-header-malformed"]),
        ([b"5 =x\n"], b"x", ["tar-header-malformed"]),
        ([b"6 path\n"], b"x", ["tar-header-malformed"]),
        ([record("size", b"-5")], b"x", ["tar-header-malformed"]),
        ([record("path", b"\xff\xfe")], b"x", ["name-not-utf8", "sdist-top-folder"]),
        ([record("GNU.sparse.major", b"1")], b"x", ["sparse-member"]),
        ([record("path", f"{TOP}/a\0b".encode())], b"x", ["name-control-character"]),
    ],
)
def test_pax_headers_are_judged(records, kind, expected):
    """A pax header must add up, and may not rename members that it does not stand before."""
    data = packed(block(f"{TOP}/a"), pax(records, kind), block(f"{TOP}/c"))
    assert defect_ids(data, SDIST_NAME) == expected


def test_extension_header_of_absurd_size_is_refused():
    """A name of megabytes is not read."""
    data = packed(header(block("././@LongLink", 2_000_000), type=b"L") + b"x" * 2_000_384, block(f"{TOP}/a"))
    assert defect_ids(data, SDIST_NAME) == ["tar-header-malformed"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_member_without_data_that_declares_some_is_refused(kind):
    """Readers disagree on whether data follow such a header, so nothing after it is read."""
    bad = block(f"{TOP}/l", 512, kind)
    assert "tar-header-malformed" in defect_ids(packed(bad, b"x" * 512, block(f"{TOP}/a")), SDIST_NAME)


def test_folder_with_data_is_named():
    """A folder that declares data is named, by its type and by its name."""
    data = packed(block(f"{TOP}/d/", 512, tarfile.DIRTYPE), b"x" * 512)
    assert defect_ids(data, SDIST_NAME) == ["directory-with-content", "tar-header-malformed"]
    data = packed(header(block(f"{TOP}/d"), name=f"{TOP}/d/".encode()))
    assert defect_ids(data, SDIST_NAME) == ["directory-with-content"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(ratio_free_bytes=100_000), "decompression-bomb"),
        (Limits(total_bytes=100_000), "limit-exceeded"),
        (Limits(member_bytes=100_000), "limit-exceeded"),
        (Limits(members=2), "limit-exceeded"),
    ],
)
def test_limits_are_kept(limits, expected):
    """More than the limits allow is named and not read."""
    data = build_sdist(FILES | {"zeros.bin": bytes(30_000_000)})
    assert expected in defect_ids(data, SDIST_NAME, limits)


def test_content_too_large_to_keep_is_named():
    """A `PKG-INFO` too large to be read by a check is named."""
    limits = Limits(retained_member_bytes=20)
    assert defect_ids(build_sdist(FILES), SDIST_NAME, limits) == ["content-over-limit"]


def test_memory_stays_flat():
    """Reading a large sdist takes a bounded amount of memory."""
    source = BytesSource(build_sdist({"zeros.bin": bytes(60_000_000)}))
    tracemalloc.start()
    read_archive(source, SDIST_NAME, Limits(ratio=10_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_failing_disk_is_an_input_error():
    """When the bytes cannot be had, the caller is told."""

    class Failing(BytesSource):
        def read_at(self, offset, length):
            del offset, length
            raise InputError(
                "unreadable", "x.tar.gz", "reading failed (Input/output error)", "check the disk"
            )

    with pytest.raises(InputError):
        read_archive(Failing(b"x" * 100), SDIST_NAME, Limits())
