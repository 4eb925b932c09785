"""WHEEL against the file name: tags, build number, versions. `parse/wheelfile.py` and `checks/metadata.py`."""

from __future__ import annotations

import pytest
from wheel_evidence import WHEEL, ids_of, wheel_evidence
from wheels import build_wheel

from epochly_verify.checks.metadata import check
from epochly_verify.findings import catalogue
from epochly_verify.model import Severity

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"


def with_wheel(text, filename=WHEEL, files=None):
    """The ids found in a wheel with this WHEEL."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} | (files or {}), wheel=text), filename))


PURE = "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\n"


TAGS = "Tag: py2-none-any\nTag: py3-none-any\n"


@pytest.mark.parametrize(
    ("filename", "text", "expected"),
    [
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS, []),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + "Tag: py2.py3-none-any\n", []),
        ("demo_pkg-1.0-py3.py2-NONE-any.whl", PURE + TAGS.replace("any", "ANY"), []),
        ("demo_pkg-1.0-py3-none-any.whl", PURE + TAGS, ["wheel-tag-mismatch"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS[18:], ["wheel-tag-renamed"]),
        ("demo_pkg-1.0-cp311-cp311-linux_x86_64.whl", PURE + TAGS, ["wheel-tag-mismatch"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE, ["wheel-header-missing"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + "Tag: \n", ["wheel-file-unreadable", "wheel-header-missing"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS + "Tag: py3\n", ["wheel-file-unreadable"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + "Tag: py2.-none-any\n", ["wheel-file-unreadable"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", f"{PURE}Tag: {'.'.join('a' * 300)}-{'.'.join('b' * 300)}-c\n",
         ["wheel-file-unreadable"]),
        ("demo_pkg-1.0-7b-py2.py3-none-any.whl", PURE + TAGS + "Build: 7b\n", []),
        ("demo_pkg-1.0-7-py2.py3-none-any.whl", PURE + TAGS, ["wheel-build-mismatch"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS + "Build: 7\n", ["wheel-build-mismatch"]),
        ("demo_pkg-1.0-7-py2.py3-none-any.whl", PURE + TAGS + "Build: 8\n", ["wheel-build-mismatch"]),
    ],
)  # fmt: skip
def test_metadata_compares_tags_both_ways(filename, text, expected):
    """The tags of WHEEL are those of the file name, expanded, none more and none less; so is the build number."""
    assert with_wheel(text, filename) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Wheel-Version: 1.0", "Wheel-Version: 1.9", ["wheel-version-newer"]),
        ("Wheel-Version: 1.0", "Wheel-Version: 2.0", ["wheel-version-unsupported"]),
        ("Wheel-Version: 1.0", "Wheel-Version: 0.9", ["wheel-version-unsupported"]),
        ("Wheel-Version: 1.0", "Wheel-Version: 1", ["wheel-version-unsupported"]),
        ("Wheel-Version: 1.0", "Wheel-Version: 1.0\nWheel-Version: 2.0", ["wheel-duplicate-header"]),
        ("Wheel-Version: 1.0\n", "", ["wheel-header-missing"]),
        ("Purelib: true", "Purelib: True", []),
        ("Purelib: true", "Purelib: yes", ["wheel-purelib-invalid"]),
        ("Purelib: true", "Purelib: true\nRoot-Is-Purelib: false", ["wheel-duplicate-header"]),
        ("Root-Is-Purelib: true\n", "", ["wheel-header-missing"]),
        ("Generator", "no header\nGenerator", ["wheel-file-unreadable"]),
        ("demo 1", "d\u00e9mo 1", []),
    ],
)
def test_metadata_reads_the_wheel_file_strictly(old, new, expected):
    """WHEEL is of version 1, says where its root goes, and says each thing once."""
    assert with_wheel((PURE + "Tag: py3-none-any\n").replace(old, new)) == expected


def test_metadata_wants_utf8_in_the_wheel_file():
    """WHEEL in another encoding cannot be read."""
    assert with_wheel((PURE + "Tag: py3-none-any\n").encode() + b"X: \xff\n") == ["wheel-file-unreadable"]


@pytest.mark.parametrize(
    ("tags", "filename", "expected"),
    [
        ("cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_28_x86_64", "wheel-tag-renamed"),
        (
            "cp311-cp311-linux_x86_64",
            "cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64",
            "wheel-tag-renamed",
        ),
        ("py3-none-linux_x86_64", "py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64", "wheel-tag-renamed"),
        ("py3-none-manylinux1_x86_64", "py2.py3-none-manylinux1_x86_64", "wheel-tag-renamed"),
        ("cp311-abi3-macosx_10_9_x86_64", "cp311-abi3-macosx_11_0_x86_64", "wheel-tag-renamed"),
        (
            "cp36-cp36m-macosx_10_6_intel",
            "cp36-cp36m-macosx_10_9_intel.macosx_10_9_x86_64",
            "wheel-tag-renamed",
        ),
        ("cp311-cp311-macosx_10_9_universal2", "cp311-cp311-macosx_11_0_arm64", "wheel-tag-renamed"),
        ("cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_11_0_universal2", "wheel-tag-mismatch"),
        ("cp36-cp36m-macosx_10_6_intel", "cp36-cp36m-macosx_11_0_universal2", "wheel-tag-mismatch"),
        ("cp311-cp311-linux_x86_64", "cp311-cp311-linux_aarch64", "wheel-tag-mismatch"),
        ("cp311-cp311-linux_x86_64", "cp312-cp312-manylinux1_x86_64", "wheel-tag-mismatch"),
        ("cp311-cp311-linux_x86_64", "cp311-cp311-macosx_11_0_x86_64", "wheel-tag-mismatch"),
        ("cp311-cp311-manylinux1_x86_64", "cp311-cp311-musllinux_1_1_x86_64", "wheel-tag-mismatch"),
        ("cp311-cp311-manylinux1_x86_64", "cp311-cp311-linux_x86_64", "wheel-tag-mismatch"),
        ("cp311-abi3-linux_x86_64", "cp311-cp311-manylinux1_x86_64", "wheel-tag-mismatch"),
        ("py2.py3-none-any", "py3-none-any", "wheel-tag-mismatch"),
        ("py2-none-any", "py3-none-any", "wheel-tag-mismatch"),
        ("py3-none-linux_x86_64", "py3-none-any", "wheel-tag-mismatch"),
        ("py3-none-any", "py3-none-manylinux1_x86_64", "wheel-tag-renamed"),
        ("py3-none-any", "py3-none-win_amd64.win32", "wheel-tag-renamed"),
        ("py3-none-any", "cp311-none-win32", "wheel-tag-mismatch"),
        ("py2-none-any", "py3-none-win32", "wheel-tag-mismatch"),
        ("py3-none-win32", "py3-none-win_amd64", "wheel-tag-mismatch"),
    ],
)
def test_metadata_tells_renaming_to_manylinux_from_other_tags(tags, filename, expected):
    """A platform made more specific by renaming is a warning, as publishers do it; anything else is an error."""
    text = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n"
    assert with_wheel(text, f"demo_pkg-1.0-{filename}.whl") == [expected]
    kind = catalogue()[expected][1]
    assert Severity.ERROR in {kind.severity, kind.strict}
