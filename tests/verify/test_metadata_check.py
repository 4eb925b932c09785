"""File name, dist-info, METADATA and WHEEL against each other: `checks/metadata.py`."""

from __future__ import annotations

import dataclasses

import pytest
from wheel_evidence import SDIST, WHEEL, evidence_of, ids_of, member, read_evidence, sdist_evidence, wheel_evidence
from wheels import attack_wheel, build_sdist, build_wheel, vector

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


def with_wheel(text, filename=WHEEL, files=None):
    """The ids found in a wheel with this WHEEL."""
    return found(files, filename, wheel=text)


METADATA = "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n"
PURE = "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\n"


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
    "folder", ["other-2.0.dist-info", "Demo_pkg-1.0.dist-info", "demo_pkg-1.0.DIST-INFO"]
)
def test_metadata_wants_one_dist_info_folder(folder):
    """A second folder is told, also one that differs only in case, and also an empty one."""
    assert found({f"{folder}/METADATA": METADATA}) == ["dist-info-not-unique"]
    assert found({f"{folder}/": b""}) == ["dist-info-not-unique"]


def test_metadata_leaves_vendored_dist_info_alone():
    """A dist-info folder inside a package is an ordinary folder."""
    assert found({"demo_pkg/_vendor/other-2.0.dist-info/METADATA": METADATA}) == []


def test_metadata_finds_a_dist_info_folder_that_data_would_install():
    """A dist-info folder below `.data/purelib` would become another project's metadata."""
    below = "demo_pkg-1.0.data/purelib/pip-99.0.dist-info"
    assert found({f"{below}/METADATA": METADATA, f"{below}/RECORD": ""}) == ["dist-info-in-data"]
    assert found({"demo_pkg-1.0.data/data/share/x.dist-info": ""}) == []


def test_metadata_wants_a_dist_info_folder():
    """Without one there is nothing to compare, and that is an error."""
    assert ids_of(check, evidence_of([member(FILE, CODE)])) == ["dist-info-missing"]


@pytest.mark.parametrize("name", ["metadata", "Metadata", "wheel", "record", "Entry_Points.txt"])
def test_metadata_finds_case_twins(name):
    """A file that differs from a metadata file in case only is told, whether the real one is there or not."""
    assert found({f"{INFO}/{name}": ""}) == ["dist-info-case-twin"]


@pytest.mark.parametrize("name", ["INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json"])
def test_metadata_finds_files_that_only_installers_write(name):
    """They are a warning, and an error where the user is strict."""
    assert found({f"{INFO}/{name}": ""}) == ["installed-only-file"]
    kind = catalogue()["installed-only-file"][1]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)


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
    wheel = build_wheel({FILE: CODE}, wheel=PURE + "Tag: py3-none-any\n" * 9)
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


TAGS = "Tag: py2-none-any\nTag: py3-none-any\n"


@pytest.mark.parametrize(
    ("filename", "text", "expected"),
    [
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS, []),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + "Tag: py2.py3-none-any\n", []),
        ("demo_pkg-1.0-py3.py2-NONE-any.whl", PURE + TAGS.replace("any", "ANY"), []),
        ("demo_pkg-1.0-py3-none-any.whl", PURE + TAGS, ["wheel-tag-mismatch"]),
        ("demo_pkg-1.0-py2.py3-none-any.whl", PURE + TAGS[18:], ["wheel-tag-mismatch"]),
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
    "path",
    [
        "demo_pkg/_c.cpython-311-x86_64-linux-gnu.so",
        "demo_pkg/_c.cp311-win_amd64.pyd",
        "demo_pkg/_c.abi3.so",
        "demo_pkg/_c.pypy310-pp73-darwin.so",
        "_c.pyd",
        "demo_pkg-1.0.data/platlib/_c.abi3.so",
    ],
)
def test_metadata_refuses_extension_modules_in_a_wheel_for_any_platform(path):
    """An importable extension module belies the tags."""
    assert found({path: b"\x7fELF"}) == ["extension-module-in-any-wheel"]
    assert catalogue()["extension-module-in-any-wheel"][1].severity is Severity.ERROR


@pytest.mark.parametrize(
    "path",
    [
        "demo_pkg/lib.so",
        "demo_pkg/libx.so.1.2",
        "demo_pkg/libx.dylib",
        "demo_pkg/vendored/tracer.cp39-win_amd64.pyd",  # a folder without `__init__.py`, as debugpy has it
        "demo_pkg-1.0.data/data/lib/libx.so",
    ],
)
def test_metadata_warns_of_native_libraries_carried_as_data(path):
    """Libraries that some debuggers and bindings carry for several platforms are a warning, strictly an error."""
    assert found({path: b"\x7fELF"}) == ["native-library-in-any-wheel"]
    kind = catalogue()["native-library-in-any-wheel"][1]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)


@pytest.mark.parametrize(
    "path", ["demo_pkg/cli-64.exe", "demo_pkg/Some.dll", "demo_pkg/x.soup", "demo_pkg/notes.so.md"]
)
def test_metadata_leaves_launchers_and_assemblies_alone(path):
    """Pure wheels ship Windows launchers and .NET assemblies."""
    assert found({path: b"MZ"}) == []


def test_metadata_warns_of_extension_modules_in_purelib():
    """A platform wheel that unpacks its extension modules into `purelib` is a warning; other libraries are data."""
    name, tags = "demo_pkg-1.0-cp311-cp311-linux_x86_64.whl", "Tag: cp311-cp311-linux_x86_64\n"
    module = {"demo_pkg/_c.abi3.so": b""}
    assert with_wheel(PURE + tags, name, module) == ["extension-module-in-purelib"]
    assert with_wheel(PURE + tags, name, {"demo_pkg/lib/libx.so.1": b""}) == []
    assert with_wheel((PURE + tags).replace("true", "false"), name, module) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            [
                f"demo_pkg-1.0.data/{scheme}/x"
                for scheme in ("purelib", "platlib", "headers", "scripts", "data")
            ],
            [],
        ),
        (["demo_pkg-1.0.data/"], []),
        (["demo_pkg-1.0.data/nosuch/x", "demo_pkg-1.0.data/nosuch/y"], ["unknown-data-scheme"]),
        (["demo_pkg-1.0.data/Scripts/x"], ["unknown-data-scheme"]),
        (["demo_pkg-1.0.data/x"], ["unknown-data-scheme"]),
        (["other-1.0.data/purelib/x.py"], ["foreign-data-directory"]),
        (["demo_pkg-2.0.data/purelib/x.py", "demo_pkg-2.0.data/scripts/x"], ["foreign-data-directory"]),
        (["x.data/scripts/x"], ["foreign-data-directory"]),
        (["Demo.Pkg-1.0.data/scripts/x"], ["data-directory-spelling"]),
        (["demo_pkg-1.0.DATA/scripts/x"], ["data-directory-spelling"]),
        (["demo_pkg/x.data/y", "x.data"], []),
    ],
)
def test_metadata_knows_one_data_folder(files, expected):
    """The data folder is named as the dist-info folder, and has known schemes only."""
    assert found(dict.fromkeys(files, b"")) == expected


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
