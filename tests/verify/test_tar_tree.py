"""Sdists as a tree: names, links and special members, the one top folder."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from tars import TOP, block, info, packed
from wheels import SDIST_NAME, Entry, archive_of, build_sdist, build_zip, defect_ids

FILES = {"pyproject.toml": "[project]\n", "src/demo_pkg/__init__.py": "x = 1\n" * 1000}


def ids(*members, filename=SDIST_NAME):
    """The defects of an honest sdist with these members (TarInfo, or TarInfo and data) added."""
    pairs = [member if isinstance(member, tuple) else (member, b"") for member in members]
    return defect_ids(build_sdist(FILES, members=pairs), filename)


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
    data = build_zip([Entry(f"{TOP}/PKG-INFO", b"Name: x")])
    assert defect_ids(data, "demo_pkg-1.0.zip") == []
    assert archive_of(data, "demo_pkg-1.0.zip").members[0].content == b"Name: x"
    assert defect_ids(data, "other-1.0.zip") == ["sdist-top-folder"]


def test_hostile_names_cost_linear_time():
    """Deep names, deep links and links of many steps are compared without counting all their parents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info(f"{TOP}/l", kind=tarfile.SYMTYPE, target="x/../" * 800 + "y"))
        for number in range(60):
            tar.addfile(info(f"{TOP}/{number}/" + "d/" * 2000 + "x"))
            tar.addfile(info(f"{TOP}/l{number}", kind=tarfile.SYMTYPE, target="x/" * 400_000 + "y"))
    assert defect_ids(gzip.compress(out.getvalue()), SDIST_NAME) == ["link-in-sdist", "name-too-long"]
