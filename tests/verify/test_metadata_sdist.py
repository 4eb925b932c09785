"""An sdist's folder, PKG-INFO and file name against each other: `checks/metadata.py`."""

from __future__ import annotations

import pytest
from wheel_evidence import SDIST, evidence_of, ids_of, member, sdist_evidence
from wheels import build_sdist, vector

from epochly_verify.checks.metadata import check
from epochly_verify.model import Ran
from epochly_verify.policy import Policy

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"
METADATA = "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n"


def test_metadata_judges_an_sdist_by_its_pkg_info():
    """An sdist with PKG-INFO in a folder of its name passes."""
    assert check(sdist_evidence(build_sdist({"demo_pkg.py": CODE})), Policy()) == Ran((), "demo-pkg 1.0")


def test_metadata_passes_a_signed_published_sdist():
    """A real sdist of a real project passes."""
    name = "pypi_attestations-0.0.19.tar.gz"
    data = vector("signed", "pypi-attestations-0.0.19", name)
    assert check(sdist_evidence(data, name), Policy()) == Ran((), "pypi-attestations 0.0.19")


@pytest.mark.parametrize(
    ("lies", "filename", "expected"),
    [
        ({"name": "Demo-Pkg"}, "demo_pkg-1.0.tar.gz", []),
        ({}, "demo_pkg-1.0.0.tar.gz", []),
        ({}, "demo_pkg-1.1.tar.gz", ["metadata-version-mismatch", "sdist-folder-mismatch"]),
        ({}, "demo-1.0.tar.gz", ["metadata-name-mismatch", "sdist-folder-mismatch"]),
        ({}, "demo_pkg.tar.gz", ["filename-invalid"]),
        ({}, "demo_pkg-1.0.zip", []),
    ],
)
def test_metadata_compares_an_sdist_with_its_file_name(lies, filename, expected):
    """Folder, PKG-INFO and file name tell the same project and version."""
    assert ids_of(check, sdist_evidence(build_sdist({}, **lies), filename)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (METADATA + "Name: other\n", ["metadata-duplicate-header"]),
        (METADATA.replace("1.0", "6.6"), ["metadata-version-mismatch"]),
        (METADATA.replace("2.1", "2.4") + "License-File: LICENSE\n", ["license-file-missing"]),
        (METADATA.replace("2.1", "2.4") + "License-File: x/COPYING\n", []),
        (METADATA + "License-File: LICENSE\n", []),
    ],
)
def test_metadata_reads_pkg_info(text, expected):
    """PKG-INFO is held to the same rules as METADATA; its licence files lie beside it."""
    assert ids_of(check, sdist_evidence(build_sdist({"PKG-INFO": text, "x/COPYING": "free"}))) == expected


def test_metadata_wants_pkg_info_in_the_top_folder():
    """PKG-INFO that is elsewhere, or nowhere, is missing; a leading `./` is nothing."""
    info = METADATA.encode()
    assert ids_of(check, evidence_of([member("demo_pkg-1.0/x.py", CODE)], SDIST)) == ["pkg-info-missing"]
    assert ids_of(
        check, evidence_of([member("PKG-INFO", info), member("demo_pkg-1.0/x.py", CODE)], SDIST)
    ) == ["pkg-info-missing"]
    assert ids_of(check, evidence_of([member("./demo_pkg-1.0/PKG-INFO", info)], SDIST)) == []
