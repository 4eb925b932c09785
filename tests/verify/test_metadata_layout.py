"""The folders of a wheel, and native code where the tags promise none: `checks/wheel_layout.py`."""

from __future__ import annotations

import pytest
from wheel_evidence import WHEEL, evidence_of, ids_of, member, wheel_evidence
from wheels import build_wheel

from epochly_verify.checks.metadata import check
from epochly_verify.findings import catalogue
from epochly_verify.model import Severity

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"
INFO = "demo_pkg-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n"


def found(files=None, filename=WHEEL, **lies):
    """The ids found in a wheel of one package file, told these lies."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} | (files or {}), **lies), filename))


def with_wheel(text, filename=WHEEL, files=None):
    """The ids found in a wheel with this WHEEL."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} | (files or {}), wheel=text), filename))


PURE = "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\n"


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
