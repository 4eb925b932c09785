"""Sdists: gzip and tar framing, names, links and special members, the one top folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tracemalloc

import pytest
from wheels import SDIST_NAME, archive_of, build_sdist, defect_ids

from epochly_verify.errors import InputError
from epochly_verify.limits import Limits
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource

TOP = "demo_pkg-1.0"
FILES = {"pyproject.toml": "[project]\n", "src/demo_pkg/__init__.py": "x = 1\n" * 1000}


def info(name, *, kind=tarfile.REGTYPE, target="", mode=0o644, size=0):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.size = kind, target, mode, size
    return member


def ids(*members, filename=SDIST_NAME, limits=None):
    """The defects of an honest sdist with these members (TarInfo, or TarInfo and data) added."""
    pairs = [member if isinstance(member, tuple) else (member, b"") for member in members]
    return defect_ids(build_sdist(FILES, members=pairs), filename, limits or Limits())


def header(block, **fields):
    """A header block with fields overwritten and its checksum made right."""
    places = {"name": (0, 100), "mode": (100, 108), "uid": (108, 116), "size": (124, 136), "type": (156, 157),
              "magic": (257, 265), "prefix": (345, 500)}  # fmt: skip
    out = bytearray(block)
    for field, value in fields.items():
        start, stop = places[field]
        out[start:stop] = value.ljust(stop - start, b"\0")
    out[148:156] = b" " * 8
    out[148:156] = f"{sum(out):06o}\0 ".encode()
    return bytes(out)


def block(name, size=0, kind=tarfile.REGTYPE):
    return info(name, kind=kind, size=size).tobuf(tarfile.USTAR_FORMAT)


def packed(*blocks, end=b"\0" * 1024):
    return gzip.compress(b"".join(blocks) + end, 1)


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
        (gzip.compress(b""), ["not-a-tar"]),
        (gzip.compress(b"text, not tar" * 100), ["not-a-tar"]),
        (build_sdist(FILES)[:-30], ["truncated-archive"]),
        (build_sdist(FILES)[:40], ["truncated-archive"]),
        (build_sdist(FILES)[:-8] + b"\0" * 8, ["compressed-data-malformed"]),
        (build_sdist(FILES) + b"more", ["trailing-data"]),
        (build_sdist(FILES) + b"\0" * 999 + b"x", ["trailing-data"]),
        (build_sdist(FILES) + b"\0" * 200_000, []),
        (build_sdist(FILES) + build_sdist(FILES), ["gzip-multi-member"]),
    ],
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
    data = b"".join(records)
    return header(block("pax", len(data)), type=kind) + data.ljust(-(-len(data) // 512) * 512, b"\0")


def record(key, value):
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


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (tarfile.FIFOTYPE, ["special-file"]),
        (tarfile.CHRTYPE, ["special-file"]),
        (tarfile.BLKTYPE, ["special-file"]),
        (tarfile.GNUTYPE_SPARSE, ["sparse-member"]),
        (b"M", ["special-file"]),
        (b"V", ["special-file"]),
        (b"?", ["special-file"]),
        (tarfile.CONTTYPE, []),
        (tarfile.AREGTYPE, []),
    ],
)
def test_special_member_is_named(kind, expected):
    """Devices, FIFOs, sparse members and unknown types are named and not read."""
    assert ids(info(f"{TOP}/odd", kind=kind)) == expected


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
    ("name", "target", "expected"),
    [
        ("a", "pyproject.toml", ["link-in-sdist"]),
        ("src/a", "../pyproject.toml", ["link-in-sdist"]),
        ("src/a", "demo_pkg/./__init__.py", ["link-in-sdist"]),
        ("a", "../x", ["link-outside"]),
        ("a", "..", ["link-outside"]),
        ("src/a", "../../demo_pkg-1.0/x", ["link-outside"]),
        ("a", "/etc/passwd", ["link-outside"]),
        ("a", "C:\\x", ["link-outside"]),
        ("a", "..\\x", ["link-outside"]),
        ("a", "", ["link-outside"]),
        ("a", "x/../../../y", ["link-outside"]),
    ],
)
def test_symbolic_link_is_judged_by_where_it_leads(name, target, expected):
    """A link inside the sdist is told, a link out of it is an error."""
    assert ids(info(f"{TOP}/{name}", kind=tarfile.SYMTYPE, target=target)) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"{TOP}/pyproject.toml", ["link-in-sdist"]),
        (f"{TOP}/missing", ["link-outside"]),
        ("../x", ["link-outside"]),
        ("/etc/passwd", ["link-outside"]),
        (f"{TOP}/../../x", ["link-outside"]),
    ],
)
def test_hard_link_must_lead_to_a_member(target, expected):
    """A hard link leads to a member of the same archive."""
    assert ids(info(f"{TOP}/a", kind=tarfile.LNKTYPE, target=target)) == expected


def test_link_that_leaves_by_way_of_another_link_is_named():
    """A link that stays inside only as text, and leaves through a second link, is an error."""
    deep = info(f"{TOP}/d", kind=tarfile.SYMTYPE, target="src/demo_pkg")
    out = info(f"{TOP}/src/l", kind=tarfile.SYMTYPE, target="../d/../../../x")
    assert "link-outside" in ids(deep, out)
    sly = info(f"{TOP}/src/l", kind=tarfile.SYMTYPE, target="../d/../x")
    assert ids(deep, sly) == ["link-in-sdist", "link-outside"]


def test_member_written_through_a_link_is_named():
    """A member below a symbolic link would be written wherever the link leads."""
    link = info(f"{TOP}/d", kind=tarfile.SYMTYPE, target="src")
    assert ids(link, info(f"{TOP}/d/x.py")) == ["file-directory-conflict", "link-in-sdist"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{TOP}/../x", ["parent-path"]),
        ("/abs", ["absolute-path"]),
        (f"{TOP}/a\\b", ["backslash-in-name"]),
        (f"{TOP}/./x", ["non-normal-path"]),
        (f"{TOP}//x", ["non-normal-path"]),
        (f"{TOP}/aux.py", ["not-portable-name"]),
        (f"{TOP}/a:b", ["not-portable-name"]),
        (f"{TOP}/PYPROJECT.toml", ["not-portable-name"]),
        (f"{TOP}/pyproject.toml", ["duplicate-entry"]),
        (f"{TOP}/src", ["file-directory-conflict"]),
        (f"{TOP}/\u202ex", ["bidi-in-name"]),
        (f"{TOP}/" + "x" * 300, ["name-too-long"]),
        (f"{TOP}/" + "x/" * 4000 + "y", ["name-too-long"]),
        ("other/x", ["sdist-top-folder"]),
        ("setup.py", ["sdist-top-folder"]),
    ],
)
def test_name_is_judged_as_in_a_source_tree(name, expected):
    """Dangerous names are errors; what only Windows cannot hold is a remark in an sdist."""
    assert ids(info(name)) == expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo_pkg-1.0.tar.gz", []),
        ("demo-pkg-1.0.tar.gz", []),
        ("Demo.Pkg-1.0.0.tar.gz", []),
        ("demo_pkg-1.0.tgz", []),
        ("demo_pkg-1.1.tar.gz", ["sdist-top-folder"]),
        ("other-1.0.tar.gz", ["sdist-top-folder"]),
        ("nameless.tar.gz", []),
    ],
)
def test_top_folder_is_named_like_the_file(filename, expected):
    """The one top folder is the file's project and version, however they are spelled."""
    assert ids(filename=filename) == expected


def test_top_that_is_no_folder_is_named():
    """A file or a link in place of the top folder is named."""
    assert defect_ids(packed(block(TOP)), SDIST_NAME) == ["sdist-top-folder"]


def test_setuid_file_is_named_and_setgid_folder_is_not():
    """Rights that a program would run with are named; a folder's setgid bit is a habit of shared builds."""
    assert ids(info(f"{TOP}/x", mode=0o4755)) == ["setuid-mode"]
    assert ids(info(f"{TOP}/x", mode=0o2755)) == ["setuid-mode"]
    assert ids(info(f"{TOP}/d", kind=tarfile.DIRTYPE, mode=0o2755)) == []


def test_zip_sdist_has_its_top_folder_judged():
    """An old `.zip` sdist is judged like one."""
    from wheels import Entry, build_zip

    data = build_zip([Entry(f"{TOP}/PKG-INFO", b"Name: x")])
    assert defect_ids(data, "demo_pkg-1.0.zip") == []
    assert archive_of(data, "demo_pkg-1.0.zip").members[0].content == b"Name: x"
    assert defect_ids(data, "other-1.0.zip") == ["sdist-top-folder"]


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
    assert ids(limits=limits) == ["content-over-limit"]


def test_memory_stays_flat():
    """Reading a large sdist takes a bounded amount of memory."""
    source = BytesSource(build_sdist({"zeros.bin": bytes(60_000_000)}))
    tracemalloc.start()
    read_archive(source, SDIST_NAME, Limits(ratio=10_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_hostile_names_cost_linear_time():
    """Deep names, deep links and links of many steps are compared without counting all their parents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info(f"{TOP}/l", kind=tarfile.SYMTYPE, target="x/../" * 800 + "y"))
        for number in range(60):
            tar.addfile(info(f"{TOP}/{number}/" + "d/" * 2000 + "x"))
            tar.addfile(info(f"{TOP}/l{number}", kind=tarfile.SYMTYPE, target="x/" * 400_000 + "y"))
    assert defect_ids(gzip.compress(out.getvalue()), SDIST_NAME) == ["link-in-sdist", "name-too-long"]


def test_failing_disk_is_an_input_error():
    """When the bytes cannot be had, the caller is told."""

    class Failing(BytesSource):
        def read_at(self, offset, length):
            raise InputError(
                "unreadable", "x.tar.gz", "reading failed (Input/output error)", "check the disk"
            )

    with pytest.raises(InputError):
        read_archive(Failing(b"x" * 100), SDIST_NAME, Limits())
