"""ZIP framing: what stands where, what the two kinds of headers say, where the archive ends."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from wheels import DEFLATED, Entry, archive_of, build_wheel, build_zip, defect_ids, wheel_entries

FILES = {"demo_pkg/__init__.py": "x = 1\n", "demo_pkg/b.py": "y = 2\n" * 50}


def entries(**lies):
    """The entries of an honest wheel."""
    return wheel_entries(FILES, **lies)


def test_honest_wheel_has_one_view_and_no_defect():
    """An honest wheel is the same to both kinds of readers, and nothing is said against it."""
    archive = archive_of(build_wheel(FILES))
    assert archive.defects == ()
    assert archive.members == archive.streamed
    assert [member.name for member in archive.members][:2] == list(FILES)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("force_zip64", [False, True])
def test_wheel_written_by_zipfile_is_clean(compression, force_zip64):
    """What Python's own writer makes is honest, with directories, a comment, ZIP64 sizes and wide names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as target:
        target.mkdir("demo_pkg")
        target.writestr("demo_pkg/sub/", b"")
        for name in ("demo_pkg/a.py", "demo_pkg/café.py"):
            with target.open(name, "w", force_zip64=force_zip64) as member:
                member.write(b"x = 1\n" * 1000)
        target.comment = b"built on a Tuesday"
    assert defect_ids(out.getvalue()) == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_wheel_written_to_a_pipe_only_has_data_descriptors(compression):
    """A stream-written ZIP is walked right to its end: its descriptors are its only defect, and a warning."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", compression) as target:
        target.writestr("demo_pkg/a.py", b"x = 1\n" * 1000)
        with target.open("demo_pkg/b.py", "w", force_zip64=True) as member:
            member.write(b"y")
    archive = archive_of(bytes(pipe.data))
    assert [finding.id for finding in archive.defects] == ["data-descriptor"]
    assert archive.members == archive.streamed
    assert [member.size_bytes for member in archive.members] == [6000, 1]


def test_directory_entries_are_clean():
    """Folders of their own, stored or as an empty deflate stream, are honest."""
    folders = [Entry("a/", mode=0o040755), Entry("a/b/", method=DEFLATED, mode=0o042775), Entry("c/", mode=0)]
    assert defect_ids(build_zip([*folders, *entries()])) == []


def test_comment_that_ends_the_file_is_clean():
    """A plain archive comment is allowed."""
    assert defect_ids(build_zip(entries(), comment=b"hello")) == []


@pytest.mark.parametrize("shift", [True, False])
def test_prefix_is_leading_data(shift):
    """Data before the first entry are named, whether the offsets count them or not, and the members are still read."""
    archive = archive_of(build_zip(entries(), prefix=b"#!/bin/sh\n", shift_offsets=shift))
    assert [(f.id, f.message) for f in archive.defects] == [
        ("leading-data", "10 bytes stand before the first entry")
    ]
    assert all(member.digests for member in archive.members)
    assert archive.members == archive.streamed


def test_prefix_of_entries_is_seen_by_streaming_readers():
    """Whole entries before the archive are entries that only a streaming reader sees."""
    data = build_zip([Entry("evil.py", b"evil", in_central=False), *entries()])
    archive = archive_of(data)
    assert sorted({f.id for f in archive.defects}) == ["local-entry-not-in-central-directory"]
    assert archive.streamed[0].name == "evil.py"
    assert archive.streamed[1:] == archive.members


@pytest.mark.parametrize("length", [1, 100, 70_000])
def test_trailing_bytes_are_trailing_data(length):
    """Data after the end are named, also when they are so long that seeking readers do not find the end."""
    archive = archive_of(build_zip(entries(), trailing=b"\0" * length))
    assert [f.id for f in archive.defects] == ["trailing-data"]
    assert len(archive.members) == 5


def test_bytes_between_entries_and_directory_are_named():
    """Bytes that belong to no entry are named, before the directory and before the end record."""
    assert defect_ids(build_zip(entries(), between=b"hidden")) == ["data-between-entries"]
    assert defect_ids(build_zip(entries(), before_end=b"hidden")) == ["data-between-entries"]


def test_bytes_between_entries_are_named():
    """Bytes between two entries are named, and the entries after them are read."""
    first, *rest = entries()
    payload = zlib.compress(first.data, wbits=-15)
    first.payload, first.descriptor = payload, b"hidden"
    archive = archive_of(build_zip([first, *rest]))
    assert [f.id for f in archive.defects] == ["data-between-entries"]
    assert archive.members == archive.streamed


def test_concatenated_archives_are_two_views():
    """Two archives in one file: seeking readers have the second, streaming ones the first."""
    one, two = build_zip([Entry("a.py", b"one")]), build_zip([Entry("a.py", b"two!")])
    archive = archive_of(one + two)
    assert [f.id for f in archive.defects] == ["concatenated-zip"]
    assert [member.size_bytes for member in archive.members] == [4]
    assert [member.size_bytes for member in archive.streamed] == [3]


def test_archive_in_the_comment_is_two_views():
    """An archive hidden in the comment is what seeking readers have, and is named."""
    inner = build_zip([Entry("a.py", b"inner")])
    archive = archive_of(build_zip([Entry("a.py", b"outer..")], comment=inner))
    assert [f.id for f in archive.defects] == ["zip-in-comment"]
    assert [member.size_bytes for member in archive.members] == [5]
    assert [member.size_bytes for member in archive.streamed] == [7]


def test_records_in_the_comment_are_refused_even_if_unreachable():
    """Signatures of ZIP records inside a comment are named though no reader is led there."""
    assert defect_ids(build_zip(entries(), comment=b"see PK\x01\x02 below")) == ["zip-in-comment"]


def test_comment_shorter_than_declared_is_truncated():
    """A comment that the file does not hold is named."""
    assert defect_ids(build_zip(entries(), comment=b"hi", end_fields={"comment_length": 20})) == [
        "truncated-archive"
    ]


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"count": 3, "disk_count": 3}, ["end-record-mismatch"]),
        ({"count": 9, "disk_count": 9}, ["end-record-mismatch"]),
        ({"count": 4}, ["end-record-mismatch", "multi-disk"]),
        ({"cd_offset": 5}, ["end-record-mismatch"]),
        ({"cd_size": 5}, ["end-record-mismatch"]),
        ({"cd_size": 0xFFFFFFF0}, ["end-record-mismatch"]),
        ({"disk": 1}, ["multi-disk"]),
        ({"cd_disk": 1}, ["multi-disk"]),
    ],
)
def test_end_record_that_lies_is_named(fields, ids):
    """Count, size, offset and disk numbers of the end record must be what was walked; members are read anyway."""
    archive = archive_of(build_zip(entries(), end_fields=fields))
    assert sorted({f.id for f in archive.defects}) == ids
    assert all(member.digests for member in archive.members)


@pytest.mark.parametrize(
    "lie",
    [{"name": "demo_pkg/c.py"}, {"size": 7}, {"crc": 1}, {"compressed": 9}, {"method": 0}, {"flags": 0x800}],
)
@pytest.mark.parametrize("side", ["local", "central"])
def test_headers_that_differ_are_named(lie, side):
    """A name, size, checksum, method or flag that only one header of an entry has is named."""
    first, *rest = entries()
    getattr(first, side).update(lie)
    ids = defect_ids(build_zip([first, *rest]))
    assert "local-and-central-differ" in ids
    allowed = {"local-and-central-differ", "data-between-entries", "overlapping-entries"}
    assert set(ids) <= allowed


@pytest.mark.parametrize("lie", [{"flags": 0x0002}, {"time": 7}, {"date": 0x21 + 32}, {"version": 10}])
@pytest.mark.parametrize("side", ["local", "central"])
def test_details_that_install_nothing_must_agree_too(side, lie):
    """Times, format versions and compression hints that differ are said, as a warning: no honest writer does so."""
    first, *rest = entries()
    getattr(first, side).update(lie)
    assert defect_ids(build_zip([first, *rest])) == ["header-details-differ"]


def test_directory_entry_without_local_header_is_named():
    """An entry that only the directory has is named, wherever it points."""
    for offset in (5, 10_000_000):
        ghost = Entry("demo_pkg/ghost.py", b"x", in_local=False, central={"offset": offset})
        archive = archive_of(build_zip([*entries(), ghost]))
        assert [f.id for f in archive.defects if f.subject == "demo_pkg/ghost.py"] == [
            "central-entry-without-local-header"
        ]
        assert archive.members[-1].digests == {}


def test_header_inside_other_data_is_overlap():
    """A local header hidden in another entry's data is named: readers that do not seek never see it."""
    inner = build_zip([Entry("demo_pkg/inner.py", b"evil")])
    inner = inner[: inner.index(b"PK\x01\x02")]
    outer = Entry("demo_pkg/data.bin", inner)
    start = 30 + len("demo_pkg/data.bin")
    hidden = Entry("demo_pkg/inner.py", b"evil", in_local=False, central={"offset": start})
    ids = defect_ids(build_zip([outer, hidden, *entries()]))
    assert "overlapping-entries" in ids


def test_nested_overlap_bomb_is_named():
    """Entries whose data run through all later headers (quoted overlap) are overlaps, not members of their own."""
    kernel = Entry("z", b"k" * 100)
    tail = build_zip([kernel])
    tail = tail[: tail.index(b"PK\x01\x02")]
    first = Entry("a", tail, local={}, central={})
    data = build_zip([first, Entry("z", b"k" * 100, in_local=False, central={"offset": 31})])
    assert "overlapping-entries" in defect_ids(data)


def test_order_of_the_directory_is_a_warning():
    """A directory in another order than the file is named."""
    one, two = Entry("a.py", b"1"), Entry("b.py", b"2")
    data = bytearray(build_zip([one, two]))
    start = data.index(b"PK\x01\x02")
    middle = data.index(b"PK\x01\x02", start + 1)
    end = data.index(b"PK\x05\x06")
    data[start:end] = data[middle:end] + data[start:middle]
    archive = archive_of(bytes(data))
    assert [f.id for f in archive.defects] == ["entry-order-differs"]
    assert [member.name for member in archive.members] == ["b.py", "a.py"]
    assert [member.name for member in archive.streamed] == ["a.py", "b.py"]


def test_duplicate_local_entries_are_named_though_one_is_listed():
    """Two local entries of one name are duplicates even when the directory knows only one."""
    hidden = Entry("demo_pkg/__init__.py", b"evil", in_central=False)
    assert defect_ids(build_zip([hidden, *entries()])) == [
        "duplicate-entry",
        "local-entry-not-in-central-directory",
    ]


def test_two_directories_are_named_though_the_end_record_knows_one():
    """A directory that the end record does not speak of is named, also when it lists real entries."""
    one, two = Entry("a.py", b"1"), Entry("b.py", b"2", in_central=False)
    data = build_zip([one, two])
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    listed = data[start:end]
    both = data[:start] + listed + data[start:end]
    fields = list(struct.unpack("<4s4H2LH", data[end:]))
    fields[6] = start + len(listed)
    ids = defect_ids(both + struct.pack("<4s4H2LH", *fields))
    assert "end-record-mismatch" in ids


@pytest.mark.parametrize("cut", [3, 29, 40, 200, 400])
def test_cut_archive_is_truncated(cut):
    """A file that stops before its end record is truncated; what came before is still seen."""
    data = build_wheel(FILES)[:cut]
    expected = ["truncated-archive"] if cut > 60 else ["not-a-zip"]
    assert defect_ids(data) == expected


def test_cut_in_the_directory_is_truncated():
    """A file that stops within the central directory is truncated."""
    data = build_wheel(FILES)
    assert defect_ids(data[: data.index(b"PK\x01\x02") + 60]) == ["truncated-archive"]


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b\x08", b"not a zip at all, only text" * 10])
def test_other_files_are_not_a_zip(data):
    """Something else is named as such, and has no members."""
    archive = archive_of(data)
    assert [f.id for f in archive.defects] == ["not-a-zip"]
    assert archive.members == archive.streamed == ()


def test_empty_archive_is_read():
    """An archive of nothing is an archive."""
    assert defect_ids(build_zip([])) == []


def test_entry_comment_is_named():
    """A comment on a directory entry is named."""
    first, *rest = entries()
    first.central["comment"] = b"psst"
    assert defect_ids(build_zip([first, *rest])) == ["central-comment"]


def test_entry_on_another_disk_is_named():
    """An entry on another disk is named."""
    first, *rest = entries()
    first.central["disk"] = 3
    assert defect_ids(build_zip([first, *rest])) == ["multi-disk"]


@pytest.mark.parametrize("side", ["local", "central"])
def test_version_that_does_not_exist_is_named(side):
    """An entry that needs a version of the format from the future is named."""
    first, *rest = entries()
    getattr(first, side)["version"] = 90
    assert sorted(defect_ids(build_zip([first, *rest]))) == ["header-details-differ", "unsupported-version"]


def described(
    *, signature=True, wide=False, zip64_extra=False, crc=None, size=None, local=None, data=b"y" * 60
):
    """An entry with a data descriptor."""
    payload = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = payload.compress(data) + payload.flush()
    form = "<L2Q" if wide else "<3L"
    tail = struct.pack(
        form, zlib.crc32(data) if crc is None else crc, len(packed), len(data) if size is None else size
    )
    extra = struct.pack("<2H2Q", 1, 16, 0, 0) if zip64_extra else b""
    zeros = {"crc": 0, "size": 0, "compressed": 0, "extra": extra}
    if zip64_extra:
        zeros |= {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF}
    return Entry("d.py", data, DEFLATED, flags=8, payload=packed, local=zeros | (local or {}),
                 descriptor=(b"PK\x07\x08" if signature else b"") + tail)  # fmt: skip


@pytest.mark.parametrize("signature", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_data_descriptor_in_every_form_is_walked(signature, wide):
    """All four forms of a right descriptor are read, anywhere in the archive; they are a warning and no more."""
    entry = described(signature=signature, wide=wide, zip64_extra=wide)
    for order in ([entry, *entries()], [*entries(), entry]):
        archive = archive_of(build_zip(order))
        assert [f.id for f in archive.defects] == ["data-descriptor"]
        assert archive.members == archive.streamed


@pytest.mark.parametrize("lie", [{"crc": 5}, {"size": 61}])
@pytest.mark.parametrize("signature", [True, False])
def test_data_descriptor_that_lies_is_named(lie, signature):
    """A descriptor must say what the directory says."""
    ids = defect_ids(build_zip([described(signature=signature, **lie), *entries()]))
    assert ids == ["data-descriptor", "data-descriptor-mismatch"]


def test_missing_data_descriptor_is_named():
    """An entry that announces a descriptor and has none is named."""
    entry = described()
    entry.descriptor = b""
    ids = defect_ids(build_zip([entry, *entries()]))
    assert "data-descriptor-mismatch" in ids


def test_local_values_beside_a_descriptor_must_agree():
    """A local header with a descriptor may leave its values out, but not have others."""
    ids = defect_ids(build_zip([described(local={"size": 59}), *entries()]))
    assert ids == ["data-descriptor", "local-and-central-differ"]


def test_unlisted_entry_with_a_descriptor_is_walked_by_its_data():
    """An entry that is in no directory and leaves its size open is measured, so that the walk goes on behind it."""
    entry = described()
    entry.in_central = False
    archive = archive_of(build_zip([entry, *entries()]))
    assert sorted({f.id for f in archive.defects}) == [
        "data-descriptor",
        "local-entry-not-in-central-directory",
    ]
    assert archive.streamed[0].size_bytes == 60
    assert archive.streamed[1:] == archive.members
