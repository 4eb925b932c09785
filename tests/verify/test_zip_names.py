"""Names and modes of ZIP entries: every dangerous spelling under its id, nothing on honest ones."""

from __future__ import annotations

import struct
import zlib

import pytest
from wheels import STORED, WHEEL_NAME, Entry, archive_of, build_wheel, build_zip, defect_ids, wheel_entries

from epochly_verify.parse.paths import shown

LINUX = "demo_pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
MACOS = "demo_pkg-1.0-cp311-cp311-macosx_11_0_universal2.whl"
WINDOWS = "demo_pkg-1.0-cp311-cp311-win_amd64.whl"


def ids(*names, filename=WHEEL_NAME, flags=None, mode=0o100644):
    """The defects of an otherwise honest wheel with entries of these names first."""
    entries = [
        Entry(name, b"" if name[-1:] in {"/", b"/"} else b"1", flags=flags, mode=mode) for name in names
    ]
    return defect_ids(build_zip([*entries, *wheel_entries({})]), filename)


@pytest.mark.parametrize(
    "name",
    [
        "demo_pkg/a.py",
        "demo_pkg/a b.txt",
        "demo_pkg/.hidden",
        "demo_pkg/..data",
        "demo_pkg/a..b",
        "demo_pkg/console.py",
        "demo_pkg/auxiliary/x.py",
        "demo_pkg/com10.txt",
        "demo_pkg/nullable",
        "demo_pkg/café.py",
        "demo_pkg/ñ/ü.py",
        "demo_pkg/日本語.txt",
        "demo_pkg/می‌خواهم.txt",
        "demo_pkg/a-1.0+cpu.txt",
        "demo_pkg/[a](b){c}~!@#$%^&='`,;.txt",
        "x" * 200 + ".py",
        "demo_pkg-1.0.data/data/share/man/man1/x.1",
    ],
)
def test_honest_name_is_clean(name):
    """Names that real wheels have are not reported."""
    assert ids(name) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo_pkg\\win.py", ["backslash-in-name"]),
        ("\\\\server\\share\\x", ["backslash-in-name"]),
        ("/etc/x", ["absolute-path"]),
        ("//x", ["absolute-path", "non-normal-path"]),
        ("../x.py", ["parent-path"]),
        ("demo_pkg/../../x.py", ["parent-path"]),
        ("demo_pkg/..", ["parent-path"]),
        ("demo_pkg-1.0.data/purelib/../../x.py", ["parent-path"]),
        ("C:/x.py", ["drive-letter"]),
        ("c:x.py", ["drive-letter"]),
        ("demo_pkg/./x.py", ["non-normal-path"]),
        ("./x.py", ["non-normal-path"]),
        ("demo_pkg//x.py", ["non-normal-path"]),
        ("demo_pkg/.", ["non-normal-path"]),
        ("", ["non-normal-path"]),
        ("demo_pkg/a\n.py", ["name-control-character"]),
        ("demo_pkg/\x1b[2Kx.py", ["name-control-character"]),
        ("demo_pkg/\x7fx.py", ["name-control-character"]),
        ("demo_pkg/\x85x.py", ["name-control-character"]),
        ("demo_pkg/a.py\0.txt", ["name-control-character"]),
        ("demo_pkg/aux.py", ["windows-reserved-name"]),
        ("demo_pkg/CON", ["windows-reserved-name"]),
        ("demo_pkg/nul.tar.gz", ["windows-reserved-name"]),
        ("demo_pkg/COM1 .txt", ["windows-reserved-name"]),
        ("demo_pkg/com\u00b9.txt", ["windows-reserved-name"]),
        ("aux/x.py", ["windows-reserved-name"]),
        ("demo_pkg/CONOUT$", ["windows-reserved-name"]),
        ("demo_pkg/a.py:ads", ["windows-reserved-name"]),
        ("demo_pkg/dot.", ["windows-reserved-name"]),
        ("demo_pkg/space /x.py", ["windows-reserved-name"]),
        ("demo_pkg/what?.txt", ["not-portable-name"]),
        ("demo_pkg/a|b", ["not-portable-name"]),
        ("demo_pkg/gnp.\u202eyp", ["bidi-in-name"]),
        ("demo_pkg/\u2067x.py", ["bidi-in-name"]),
        ("demo_pkg/\u200fx.py", ["bidi-in-name"]),
        ("demo_pkg/a\u200bb.py", ["invisible-character-in-name"]),
        ("demo_pkg/\ufeffa.py", ["invisible-character-in-name"]),
        ("demo_pkg/a\u00adb.py", ["invisible-character-in-name"]),
        ("demo_pkg/\U000e0041.py", ["invisible-character-in-name"]),
        ("x" * 256, ["name-too-long"]),
        ("é" * 128, ["name-too-long"]),
        ("x/" * 2500 + "y", ["name-too-long"]),
    ],
)
def test_dangerous_name_is_named(name, expected):
    """Every dangerous spelling of a name has its own finding."""
    assert ids(name) == expected


def test_windows_names_matter_only_where_a_wheel_can_reach_windows():
    """A name that Windows cannot hold is an error in a wheel that installs there, else a remark."""
    assert ids("demo_pkg/aux.py", filename=WINDOWS) == ["windows-reserved-name"]
    assert ids("demo_pkg/aux.py", filename=LINUX) == ["not-portable-name"]
    assert ids("demo_pkg/aux.py", filename=MACOS) == ["not-portable-name"]


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (WHEEL_NAME, "case-collision"),
        (WINDOWS, "case-collision"),
        (MACOS, "case-collision"),
        (LINUX, "not-portable-name"),
        ("odd name.whl", "case-collision"),
    ],
)
def test_case_collision_matters_where_case_is_folded(filename, expected):
    """Two names that differ in case are an error where one would overwrite the other."""
    assert ids("demo_pkg/Setup.py", "demo_pkg/setup.py", filename=filename) == [expected]


def test_file_and_folder_that_differ_in_case_collide():
    """A file and a folder can collide by case too; two folders merge, and that is honest."""
    assert ids("demo_pkg/Sub", "demo_pkg/sub/x.py") == ["case-collision"]
    assert ids("demo_pkg/Sub/a.py", "demo_pkg/sub/b.py") == []


@pytest.mark.parametrize(
    "names",
    [
        ("demo_pkg/sub", "demo_pkg/sub/x.py"),
        ("demo_pkg/sub/x.py", "demo_pkg/sub"),
        ("demo_pkg/sub", "demo_pkg/sub/"),
    ],
)
def test_file_and_folder_of_one_name_conflict(names):
    """One path cannot be a file and a folder."""
    assert ids(*names) == ["file-directory-conflict"]


def test_unicode_spellings_of_one_name_collide():
    """Composed and decomposed spellings of a name are one file on some systems, wherever the wheel goes."""
    assert ids("demo_pkg/caf\u00e9.py", "demo_pkg/cafe\u0301.py", filename=LINUX) == ["unicode-collision"]
    assert ids("demo_pkg/cafe\u0301.py") == []


def test_duplicates_are_found_as_bytes_and_as_text():
    """Two entries have one name when their bytes are the same, and when a reader decodes them to the same."""
    assert ids("demo_pkg/a.py", "demo_pkg/a.py") == ["duplicate-entry"]
    assert ids("demo_pkg/d/", "demo_pkg/d/") == ["duplicate-entry"]
    cut = ids("demo_pkg/a.py", "demo_pkg/a.py\0b")  # `zipfile` cuts the second at the NUL
    assert cut == ["duplicate-entry", "name-control-character"]
    one = Entry("é.py".encode(), b"1", flags=0x800)
    other = Entry("é.py".encode(), b"2", flags=0)
    assert defect_ids(build_zip([one, other])) == ["duplicate-entry", "name-without-utf8-flag"]


@pytest.mark.parametrize("flags", [0, 0x800])
def test_name_that_is_not_utf8_is_named(flags):
    """Bytes that are no UTF-8 are named, with and without the flag that promises it."""
    assert ids(b"demo_pkg/caf\xe9.py", flags=flags) == ["name-not-utf8"]


def test_utf8_name_without_its_flag_has_two_readings():
    """A wide name without the UTF-8 flag is code page 437 to `zipfile` and UTF-8 to others."""
    data = build_zip([Entry("é.py".encode(), b"1", flags=0)])
    archive = archive_of(data)
    assert [f.id for f in archive.defects] == ["name-without-utf8-flag"]
    assert ([m.name for m in archive.members], [m.name for m in archive.streamed]) == (["├⌐.py"], ["é.py"])


def unicode_path(path, *, of=b"demo_pkg/a.py", version=1, crc=None):
    """A Unicode path extra field."""
    data = struct.pack("<BL", version, zlib.crc32(of) if crc is None else crc) + path
    return struct.pack("<2H", 0x7075, len(data)) + data


@pytest.mark.parametrize("side", ["local", "central"])
@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (unicode_path(b"demo_pkg/a.py"), []),
        (unicode_path(b"demo_pkg/evil.py"), ["unicode-path-mismatch"]),
        (unicode_path(b"demo_pkg/evil.py", crc=0), ["unicode-path-mismatch"]),
        (unicode_path(b"\xff\xfe"), ["extra-field-malformed"]),
        (unicode_path(b"demo_pkg/a.py", version=2), ["extra-field-malformed"]),
        (unicode_path(b"demo_pkg/a.py") * 2, ["extra-field-malformed"]),
        (struct.pack("<2H", 0x7075, 3) + b"abc", ["extra-field-malformed"]),
        (struct.pack("<2H", 0x7075, 30) + b"abc", ["extra-field-malformed"]),
        (b"abc", ["extra-field-malformed"]),
        (struct.pack("<2HL", 0x5455, 4, 7), []),  # a time stamp, as Info-ZIP writes it
    ],
)
def test_extra_field_is_judged(side, extra, expected):
    """A second name in an extra field must be the first one, and the fields must add up."""
    entry = Entry("demo_pkg/a.py", b"1", **{side: {"extra": extra}})
    assert defect_ids(build_zip([entry, *wheel_entries({})])) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o100644, []),
        (0o100755, []),
        (0o644, []),
        (0, []),
        (0o101644, []),  # sticky: means nothing on a file
        (0o120777, ["symlink-entry"]),
        (0o010644, ["special-file"]),
        (0o020644, ["special-file"]),
        (0o060644, ["special-file"]),
        (0o140644, ["special-file"]),
        (0o040755, ["special-file"]),  # a folder by its mode only
        (0o150644, ["special-file"]),
        (0o104755, ["setuid-mode"]),
        (0o102755, ["setuid-mode"]),
        (0o4755, ["setuid-mode"]),
    ],
)
def test_mode_is_judged(mode, expected):
    """A mode that makes an entry anything but a plain file or folder is named."""
    assert ids("demo_pkg/a.py", mode=mode) == expected


def test_kinds_follow_modes_and_names():
    """Members say what they are."""
    modes = {"a": 0o100644, "d/": 0o040755, "l": 0o120777, "f": 0o010644}
    entries = [Entry(name, b"" if name == "d/" else b"x", STORED, mode) for name, mode in modes.items()]
    members = archive_of(build_zip(entries)).members
    assert [member.kind for member in members] == ["file", "directory", "symlink", "other"]
    assert [member.mode for member in members] == list(modes.values())


def test_shown_names_are_printable_and_bounded():
    """A name in a report cannot move the cursor, turn the text or fill the screen."""
    assert shown("a\x1b[2K\u202eb\n") == "a\\x1b[2K\\u202eb\\x0a"
    assert len(shown("x" * 100_000)) < 300
    assert shown("demo_pkg/é.py") == "demo_pkg/é.py"


def test_findings_name_the_member_without_its_tricks():
    """The subject of a finding is safe to print."""
    (finding,) = archive_of(build_wheel({"a\x1b]0;owned\x07.py": "1"})).defects
    assert finding.subject == "a\\x1b]0;owned\\x07.py"


def test_hostile_depth_costs_linear_time():
    """Thousands of names of thousands of components each are compared without counting all their parents."""
    entries = [Entry("/".join(["d"] * 2000) + f"/{n}", b"") for n in range(400)]
    entries += [Entry(f"{n}/" * 2000 + "x", b"") for n in range(100)]
    assert defect_ids(build_zip(entries)) == ["name-too-long"]
