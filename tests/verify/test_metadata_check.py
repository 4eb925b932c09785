"""File name, dist-info, METADATA and WHEEL against each other: `checks/metadata.py`."""

from __future__ import annotations

import dataclasses

import pytest
from wheel_evidence import (
    WHEEL,
    evidence_of,
    ids_of,
    read_evidence,
    wheel_evidence,
)
from wheels import attack_wheel, build_wheel, vector

from epochly_verify.checks.metadata import check
from epochly_verify.findings import catalogue
from epochly_verify.limits import Limits
from epochly_verify.model import Member, MemberKind, NotRun, Ran, Severity
from epochly_verify.policy import Policy

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"
INFO = "demo_pkg-1.0.dist-info"


def found(files=None, filename=WHEEL, **lies):
    """The ids found in a wheel of one package file, told these lies."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} | (files or {}), **lies), filename))


def with_metadata(text, filename=WHEEL, files=None):
    """The ids found in a wheel with this METADATA."""
    return found(files, filename, metadata=text)


METADATA = "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("00_ok", []),
        ("01_ok_deflate", []),
        ("s00_sbom_ok", []),
        ("m01_two_dist_info", ["dist-info-not-unique"]),
        ("m02_dist_info_name_mismatch", ["dist-info-mismatch"]),
        ("m03_metadata_name_mismatch", ["metadata-name-mismatch"]),
        ("m04_metadata_version_mismatch", ["metadata-version-mismatch"]),
        ("m07_no_WHEEL", ["wheel-file-missing"]),
        ("m08_no_METADATA", ["metadata-missing"]),
        ("m09_duplicate_Name_Version", ["metadata-duplicate-header", "metadata-duplicate-header"]),
        ("m10_so_in_pure_any_wheel", ["extension-module-in-any-wheel"]),
        ("m11_license_file_missing", ["license-file-missing"]),
        ("m14_entry_points_dup_section", ["entry-points-duplicate-section"]),
        ("i05_entry_point_traversal", ["entry-point-name-traversal"]),
        ("i06_entry_point_value_code", ["entry-point-code"]),
        ("i06b_entry_point_named_python", []),
        ("i08_unknown_data_scheme", ["unknown-data-scheme"]),
        ("i03_data_purelib_overwrites_other_pkg", []),
        ("i07_data_data_overwrite", []),
        ("i12_top_level_foreign_package", []),
        ("r01_file_not_in_record", []),
        ("r09_record_jws_unlisted", []),
        ("r10_no_record", []),
    ],
)
def test_metadata_judges_attack_wheels(case, expected):
    """Each given wheel has exactly the defect its name says, and the others have none in their metadata."""
    assert ids_of(check, wheel_evidence(attack_wheel(case))) == expected
    assert ids_of(check, read_evidence(attack_wheel(case))) == expected


def test_metadata_passes_an_honest_wheel_and_says_what_it_is():
    """An honest wheel passes; project, version and the number of tags are told."""
    assert check(wheel_evidence(build_wheel({FILE: CODE})), Policy()) == Ran((), "demo-pkg 1.0, 1 tag")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("rfc8785", "rfc8785-0.1.2-py3-none-any.whl"),
        ("circleci", "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"),
    ],
)
def test_metadata_passes_signed_published_wheels(folder, name):
    """Real wheels of real projects pass."""
    assert ids_of(check, wheel_evidence(vector("signed", folder, name), name)) == []


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        ("Demo.Pkg-1.0-py3-none-any.whl", "demo_pkg", "1.0"),
        ("demo_pkg-1.0-py3-none-any.whl", "Demo.Pkg", "1.0"),
        ("demo_pkg-1.0-py3-none-any.whl", "demo-pkg", "1.0"),
        ("demo_pkg-1.0-py3-none-any.whl", "demo_pkg", "1.0.0"),
        ("demo_pkg-1.0.0rc1-py3-none-any.whl", "demo_pkg", "1.0rc1"),
        ("demo_pkg-1!2.0+cu118.1-py3-none-any.whl", "demo_pkg", "1!2.0+cu118.1"),
        ("demo_pkg-2.0.post1.dev3-py3-none-any.whl", "demo_pkg", "2.0-1.dev3"),
    ],
)
def test_metadata_forgives_spellings_that_mean_the_same(filename, name, version):
    """Names and versions are compared normalised, since tools have spelled them in several ways over the years."""
    assert found(filename=filename, name=name, version=version) == []


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo_pkg-1.1-py3-none-any.whl", ["dist-info-mismatch", "metadata-version-mismatch"]),
        ("demo-1.0-py3-none-any.whl", ["dist-info-mismatch", "metadata-name-mismatch"]),
        ("demo_pkg-1.0-py2-none-any.whl", ["wheel-tag-mismatch"]),
        ("demo_pkg.whl", ["filename-invalid"]),
        ("demo_pkg-1.0-py3-none.whl", ["filename-invalid"]),
        ("demo_pkg-one-py3-none-any.whl", ["filename-invalid"]),
        (f"demo_pkg-{'1' * 5000}-py3-none-any.whl", ["filename-invalid"]),
        ("..-1.0-py3-none-any.whl", ["filename-invalid"]),
    ],
)
def test_metadata_compares_with_the_file_name(filename, expected):
    """A renamed wheel disagrees with what it says of itself; a name that is none is told."""
    assert found(filename=filename) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (METADATA.replace("\n", "\r\n") + "\r\nbody: x\r\nName: other\r\n", []),
        (METADATA + "Summary: first\n  second\n\tthird\n\nName: other\n", []),
        ("name: demo-pkg\nVERSION: 1.0\nmetadata-version: 2.1\n", []),
        (METADATA.replace("2.1", "1.1"), []),
        (METADATA.replace("2.1", "2.5"), []),
        (METADATA.replace("2.1", "2.99"), ["core-metadata-version-newer"]),
        (METADATA.replace("2.1", "3.0"), ["core-metadata-version-unsupported"]),
        (METADATA.replace("2.1", "0.9"), ["core-metadata-version-unsupported"]),
        (METADATA.replace("2.1", "two"), ["core-metadata-version-unsupported"]),
        (METADATA.replace("2.1", "9" * 5000), ["core-metadata-version-unsupported"]),
        ("", ["metadata-header-missing"] * 3),
        ("\n" + METADATA, ["metadata-header-missing"] * 3),
        ("Name:\n" + METADATA.replace("Name: demo-pkg\n", ""), ["metadata-header-missing"]),
        (METADATA + "name: demo-pkg\n", ["metadata-duplicate-header"]),
        (METADATA + "Metadata-Version: 2.4\n", ["metadata-duplicate-header"]),
        (
            "Name: demo-pkg\rName: other\r\n" + METADATA[22:],
            ["metadata-duplicate-header", "metadata-header-missing"],
        ),
        (METADATA + "stray line\nName: other\n", ["metadata-duplicate-header", "metadata-malformed"]),
        (METADATA + "Licence\n", ["metadata-malformed"]),
        ("stray\n" + METADATA, ["metadata-header-missing"] * 3 + ["metadata-malformed"]),
        ("\ufeff" + METADATA, ["metadata-header-missing"] * 3 + ["metadata-malformed"]),
        (METADATA.replace("demo-pkg", "demo-pkg\n evil"), ["metadata-name-mismatch"]),
        (METADATA.replace("demo-pkg", "demo pkg"), ["metadata-name-mismatch"]),
        (METADATA.replace("demo-pkg", "d\u0435mo-pkg"), ["metadata-name-mismatch"]),
        (METADATA.replace("1.0", "1.0 1.0"), ["metadata-version-mismatch"]),
        (METADATA.replace("1.0", "1" * 5000), ["metadata-version-mismatch"]),
        ((METADATA + "Summary: \u00e9\n").encode("latin-1"), ["metadata-not-utf8"]),
        (METADATA.encode() + b"\n\xff", ["metadata-not-utf8"]),
    ],
)
def test_metadata_reads_its_headers_strictly(text, expected):
    """The three identifying headers stand once, agree with the file name, and are where every reader finds them."""
    assert with_metadata(text) == expected


def test_metadata_reads_a_bounded_number_of_headers():
    """More headers than the limit are an error; METADATA and WHEEL are then not judged."""
    data = build_wheel({FILE: CODE}, metadata=METADATA + "Classifier: x\n" * 9)
    policy = Policy(limits=Limits(headers=8))
    assert ids_of(check, wheel_evidence(data), policy) == ["metadata-unreadable"]
    assert ids_of(check, wheel_evidence(data), Policy(limits=Limits(headers=12))) == []
    wheel = build_wheel({FILE: CODE}, wheel="Tag: py3-none-any\n" * 9)
    assert ids_of(check, wheel_evidence(wheel), policy) == ["wheel-file-unreadable"]


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests>=2.0",
        "requests >=2.0,<3",
        "requests (>=2.0)",
        'requests[security] >=2 ; python_version < "3.9" and extra == "x"',
        "demo @ https://example.com/x.whl",
        "a==1.*",
    ],
)
def test_metadata_accepts_dependency_specifiers(line):
    """Every form the specification has passes."""
    assert with_metadata(f"{METADATA}Requires-Dist: {line}\n") == []


@pytest.mark.parametrize(
    "line", ["", "requests >", "a; b", "-e .", "a" * 5000, "a; " + "(" * 3000, "a==" + "1" * 5000]
)
def test_metadata_warns_of_unreadable_dependencies(line):
    """A dependency that `packaging` cannot read is a warning, whatever it costs to read."""
    assert with_metadata(f"{METADATA}Requires-Dist: {line}\n") == ["requires-dist-invalid"]
    assert catalogue()["requires-dist-invalid"][1].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "expected"),
    [(">=3.9", []), (">=2.7,!=3.0.*", []), ("", []), ("3.9", ["requires-python-invalid"]), (">" * 9999, ["requires-python-invalid"])],
)  # fmt: skip
def test_metadata_reads_the_python_range(text, expected):
    """A range of Python versions that cannot be read is a warning."""
    assert with_metadata(f"{METADATA}Requires-Python: {text}\n") == expected


LICENCES = METADATA + "License-File: LICENSE\nLicense-File: sub/COPYING\n"
MODERN = LICENCES.replace("2.1", "2.4")


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        (MODERN, ["licenses/LICENSE", "licenses/sub/COPYING"], []),
        (MODERN.replace("sub/", "sub\\"), ["licenses/LICENSE", "licenses/sub/COPYING"], []),
        (MODERN, ["licenses/LICENSE"], ["license-file-missing"]),
        (MODERN, ["licenses/LICENSE", "licenses/COPYING"], ["license-file-misplaced"]),
        (MODERN, ["LICENSE", "licenses/sub/COPYING"], ["license-file-misplaced"]),
        (MODERN.replace("sub/COPYING", "../METADATA"), ["licenses/LICENSE"], ["license-file-misplaced"]),
        (LICENCES, ["LICENSE", "COPYING"], []),
        (LICENCES, ["licenses/LICENSE", "licenses/sub/COPYING"], []),
        (LICENCES, ["LICENSE", "license_files/COPYING"], []),
        (LICENCES, ["LICENSE"], ["legacy-license-file-missing"]),
    ],
)
def test_metadata_wants_the_licence_files(text, places, expected):
    """Licence files lie below `licenses/` since metadata 2.4, and anywhere in dist-info before."""
    assert with_metadata(text, files={f"{INFO}/{place}": "free" for place in places}) == expected


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "entry_points.txt"])
def test_metadata_is_not_run_when_a_file_could_not_be_read(name):
    """A metadata file that could not be read was not judged; one that was too large to keep is an error."""
    honest = wheel_evidence(build_wheel({FILE: CODE, f"{INFO}/entry_points.txt": ""})).archive.members
    place = f"{INFO}/{name}"
    hurt = [Member(place, MemberKind.FILE, 0) if each.name == place else each for each in honest]
    assert check(evidence_of(hurt), Policy()) == NotRun(f"`{place}` could not be read")
    large = [dataclasses.replace(each, content=None) if each.name == place else each for each in honest]
    assert ids_of(check, evidence_of(large)) == ["metadata-unreadable"]


def test_metadata_is_not_run_on_an_archive_that_could_not_be_read():
    """Without any readable member only the file name is judged."""
    assert check(evidence_of([]), Policy()) == NotRun("the archive could not be read")
    outcome = check(evidence_of([], "x.whl"), Policy())
    assert isinstance(outcome, NotRun)
    assert [finding.id for finding in outcome.findings] == ["filename-invalid"]
