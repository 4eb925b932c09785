"""An SBOM that claims to be complete lists METADATA's dependencies and the parts of the wheel, exactly."""

from __future__ import annotations

import time

import pytest
from sbom_pair import (
    COMPLETE,
    DEPENDENCIES,
    FILES,
    LIBRARY,
    REQUIRES,
    SIX,
    attached,
    embedded,
    ids,
    native,
    package,
    pair_wheel,
    root,
    said,
)

from epochly_verify.findings import catalogue
from epochly_verify.model import Severity
from epochly_verify.parse.requirements import MAX_DECLARED_CHARS, declared_dependencies

NUMPY, PACKAGING = DEPENDENCIES
PARTS = (native(), SIX)
EVERYTHING = (*DEPENDENCIES, *PARTS)
OWN_TOOL = {"component": root(), "tools": {"components": [{"type": "application", "name": "epochly-sbom"}]}}


def in_wheel(*listed, requires=REQUIRES, files=None, **fields):
    """The ids for a wheel that has an SBOM with these components in it."""
    return ids(pair_wheel(embedded(*listed, **fields), requires, files))


def outside(*listed, requires=REQUIRES, files=None, **fields):
    """The ids for a wheel that has an SBOM with these components beside it."""
    data = pair_wheel(None, requires, files)
    return ids(data, attached(data, *listed, **fields))


BOTH = pytest.mark.parametrize("judged", [in_wheel, outside])


def test_good_pair_has_no_finding():
    """MUST: an SBOM in the wheel and one beside it, both complete and right, are passed."""
    data = pair_wheel(embedded())
    outcome = said(data, attached(data))
    assert (outcome.findings, outcome.why) == (
        (),
        "2 SBOMs (CycloneDX 1.6), 10 components, 1 from outside the wheel",
    )


# Dependencies


@BOTH
@pytest.mark.parametrize(
    "listed",
    [
        EVERYTHING,
        (*EVERYTHING, package("tomli", "2.0")),
        (*EVERYTHING, package("rich", "13.1")),
        (package("numpy"), PACKAGING, *PARTS),
        (package("NumPy", "2.0+local"), package("Packaging", "25rc1"), *PARTS),
        (package("numpy", "2.1"), package("numpy", "2.2", **{"bom-ref": "other"}), PACKAGING, *PARTS),
        (package("numpy", "unknown"), PACKAGING, *PARTS),
        (*EVERYTHING, package("pytest", "9", scope="excluded")),
    ],
)
def test_dependencies_that_fit_are_accepted(listed, judged):
    """Lines with a marker may be listed or not, versions may be absent, and spelling is forgiven."""
    assert judged(*listed) == []


@BOTH
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((PACKAGING, *PARTS), ["sbom-dependency-missing"]),
        (PARTS, ["sbom-dependency-missing"]),
        ((*EVERYTHING, package("evil", "1")), ["sbom-dependency-extra"]),
        ((package("numpy", "1.26"), PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((package("numpy", "3.0"), PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((package("numpy", "no version"), PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((package("numpy", "9" * 5000), PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((*EVERYTHING, package("tomli", "1.2")), ["sbom-dependency-version"]),
        ((NUMPY | {"version": "1.1"}, PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((package("numpy", "1.1") | {"version": "2.1"}, PACKAGING, *PARTS), ["sbom-dependency-version"]),
        ((*EVERYTHING, package("rich", "12")), ["sbom-dependency-version"]),
        (
            (package("numpi", "2.1"), PACKAGING, *PARTS),
            ["sbom-dependency-extra", "sbom-dependency-missing"],
        ),
    ],
)
def test_dependencies_that_do_not_fit_are_reported(listed, expected, judged):
    """MUST: none missing, none extra, and every version is one that METADATA allows."""
    assert judged(*listed) == expected


def test_dependency_finding_names_both_sides():
    """The message says what is listed and what METADATA requires."""
    (finding,) = said(pair_wheel(embedded(package("numpy", "1.26"), PACKAGING, *PARTS))).findings
    assert finding.message == "lists `numpy` in version `1.26`, METADATA requires `<3,>=2`"
    (finding,) = said(pair_wheel(embedded(*PARTS))).findings
    assert (
        finding.message
        == "claims to be complete and does not list `numpy`, which METADATA requires (and 1 more)"
    )


def test_dependencies_are_those_of_the_graph():
    """What dependencies need in turn is listed beside them and is not taken for the wheel's own."""
    listed = (*EVERYTHING, package("transitive", "1"))
    assert in_wheel(*listed, needs=["numpy", "packaging"]) == []
    assert in_wheel(*listed, needs=["numpy", "transitive"]) == [
        "sbom-dependency-extra",
        "sbom-dependency-missing",
    ]
    assert in_wheel(*listed, dependencies=None) == ["sbom-dependency-extra"]


def test_dependency_graph_may_be_told_in_pieces():
    """Two entries for one root are one list."""
    pieces = [{"ref": "root", "dependsOn": ["numpy"]}, {"ref": "root", "dependsOn": ["packaging"]}]
    assert in_wheel(dependencies=pieces) == []


def test_dependency_for_one_of_many_platforms_fits_one_of_the_lines():
    """Lines with different markers are alternatives, lines without are not."""
    requires = ('numpy<2; python_version < "3.9"', 'numpy>=2; python_version >= "3.9"')
    for version, expected in [("1.9", []), ("2.4", [])]:
        assert in_wheel(package("numpy", version), *PARTS, requires=requires) == expected
    requires = ("numpy>=2", "numpy<3", 'numpy>=4; python_version >= "3.20"')
    for version, expected in [("2.4", []), ("3.4", ["sbom-dependency-version"])]:
        assert in_wheel(package("numpy", version), *PARTS, requires=requires) == expected


@pytest.mark.parametrize(
    "line", ["numpy @ https://example.org/numpy.tar.gz", "numpy", "numpy ===2.5", "numpy>2,"]
)
def test_dependency_without_range_has_any_version(line):
    """A direct URL allows whatever it leads to."""
    assert in_wheel(package("numpy", "2.5"), *PARTS, requires=[line]) == []


def test_dependency_on_the_wheel_itself_is_none():
    """`demo-pkg[all]` asks for extras."""
    requires = (*REQUIRES, "demo-pkg[show]")
    assert in_wheel(requires=requires) == []


def test_dependency_line_that_is_none_makes_its_project_known():
    """A line that cannot be read is for the metadata layer; here it excuses a listed project."""
    listed = (*EVERYTHING, package("broken", "1"))
    assert in_wheel(*listed, requires=(*REQUIRES, "broken >=!")) == []
    assert in_wheel(*EVERYTHING, requires=(*REQUIRES, "broken >=!", "!!")) == []


def test_dependencies_too_long_to_compare_are_reported():
    """More text than any real list has is not compared, and that is said."""
    line = f"numpy{','.join(['>=1'] * 1000)}"
    requires = [line] * (MAX_DECLARED_CHARS // len(line) + 1)
    assert declared_dependencies(requires) is None
    outcome = said(pair_wheel(embedded(), requires))
    assert [finding.id for finding in outcome.findings] == ["sbom-unread"]


def test_versions_too_many_to_compare_are_reported():
    """Every listed version against every range would take minutes; there is a bound, and reaching it is said."""
    requires = [f"numpy{','.join(f'>={i}.{j}' for i in range(500))}" for j in range(60)]
    listed = [package("numpy", f"600.{i}", **{"bom-ref": f"n{i}"}) for i in range(2000)]
    before = time.perf_counter()
    assert in_wheel(*listed, *PARTS, requires=requires) == ["sbom-unread"]
    assert time.perf_counter() - before < 20


# Parts


@BOTH
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((*DEPENDENCIES, SIX), ["sbom-part-missing"]),
        ((*DEPENDENCIES, SIX, native(hashes=[])), ["sbom-part-missing"]),
        ((*DEPENDENCIES, SIX, native(hashes=[{"alg": "SHA-1", "content": "0" * 40}])), ["sbom-part-missing"]),
        ((*DEPENDENCIES, SIX, native(content=b"other")), ["sbom-file-hash-mismatch"]),
        ((*DEPENDENCIES, SIX, native("libspeed.so.1")), []),
        ((*DEPENDENCIES, SIX, native("speed", type="library")), []),
        ((*DEPENDENCIES, native()), ["sbom-part-missing"]),
        ((*DEPENDENCIES, native(), package("six", "1.16.0")), ["sbom-part-missing"]),
        ((*DEPENDENCIES, native(), {"type": "library", "bom-ref": "s", "name": "six"}), []),
        ((*DEPENDENCIES, native(), package("six", "1.17")), []),
    ],
)
def test_parts_are_listed_with_the_right_hash(listed, expected, judged):
    """MUST: every native library and vendored project is there, and its digest or version is right."""
    assert judged(*listed) == expected


@pytest.mark.parametrize(
    "path",
    [
        "demo_pkg/_c.pyd",
        "demo_pkg.libs/libz-1234.so.1.3.1",
        "demo_pkg/.dylibs/libz.1.dylib",
        "demo_pkg.libs/Z.DLL",
        "demo_pkg-1.0.data/platlib/x.so",
        "top_level.so",
    ],
)
def test_parts_are_native_by_any_of_their_names(path):
    """Shared libraries of all systems count, with or without a version in the name."""
    files = FILES | {path: b"MZ other"}
    assert in_wheel(files=files) == ["sbom-part-missing"]
    assert in_wheel(*EVERYTHING, native(path, b"MZ other"), files=files) == []


@pytest.mark.parametrize(
    "path", ["demo_pkg/so", "demo_pkg/x.so.hmac", "demo_pkg/x.dll.1", "demo_pkg/x.sofa", "demo_pkg/data.1.2"]
)
def test_parts_are_not_what_is_only_called_alike(path):
    """Checksums beside a library, and files with other endings, are not asked for."""
    assert in_wheel(files=FILES | {path: b"other"}) == []


@pytest.mark.parametrize("content", [b"", b"Name: x\n", b"\xff", b"Name: x\nVersion: none\n"])
def test_parts_are_not_folders_that_say_nothing(content):
    """Metadata without name and version is a project's test data."""
    assert in_wheel(files=FILES | {"demo_pkg/tests/x-1.dist-info/METADATA": content}) == []


def test_parts_are_no_dependencies():
    """A vendored project in the graph, or a package nested in the root, is not one that METADATA would have to name."""
    assert in_wheel(*EVERYTHING, needs=["numpy", "packaging", "six", LIBRARY]) == []
    inner = root(components=[package("nested", "1")])
    needs = ["numpy", "packaging", "nested"]
    assert in_wheel(*EVERYTHING, needs=needs, metadata={"component": inner}) == []
    at = package("placed", "1", evidence={"occurrences": [{"location": "./demo_pkg/_vendor/six/"}]})
    assert in_wheel(*EVERYTHING, at, needs=["numpy", "packaging", "placed"]) == []
    copied = package("copied", "1", hashes=[{"alg": "SHA-256", "content": native()["hashes"][0]["content"]}])
    assert in_wheel(*EVERYTHING, copied, needs=["numpy", "packaging", "copied"]) == []
    assert in_wheel(*EVERYTHING, package("p", "1"), needs=["numpy", "packaging", "p"]) == [
        "sbom-dependency-extra"
    ]


def test_vendored_project_that_is_a_dependency_too_may_have_two_versions():
    """What is copied and what is required do not have to agree."""
    requires = (*REQUIRES, "six>=2")
    assert in_wheel(requires=requires, needs=["numpy", "packaging", "six"]) == []


# The claim


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"compositions": COMPLETE}, ["sbom-dependency-missing", "sbom-part-missing"]),
        ({"compositions": [{"aggregate": "complete"}]}, ["sbom-dependency-missing", "sbom-part-missing"]),
        ({"compositions": None, "metadata": OWN_TOOL}, ["sbom-dependency-missing", "sbom-part-missing"]),
        (
            {"compositions": None, "metadata": OWN_TOOL | {"tools": [{"name": "epochly-sbom"}]}},
            ["sbom-dependency-missing", "sbom-part-missing"],
        ),
        ({"compositions": [{"aggregate": "complete", "assemblies": ["root"]}]}, ["sbom-part-missing"]),
        (
            {"compositions": [{"aggregate": "complete", "dependencies": ["root"]}]},
            ["sbom-dependency-missing"],
        ),
        ({"compositions": [{"aggregate": "complete", "dependencies": ["numpy"]}]}, []),
        ({"compositions": [{"aggregate": "complete", "vulnerabilities": ["x"]}]}, []),
        ({"compositions": [{"aggregate": "incomplete", "dependencies": ["root"]}]}, []),
        ({"compositions": None, "metadata": OWN_TOOL | {"tools": [{"name": "other"}]}}, []),
        ({"compositions": None, "metadata": OWN_TOOL | {"tools": {"components": 1, "services": [1]}}}, []),
    ],
)
def test_claim_to_be_complete_is_what_makes_a_gap_an_error(fields, expected):
    """Compositions about the root or the whole claim it, as does the tool of this house."""
    lone = [{"ref": "root", "dependsOn": []}]
    listed = (
        ()
        if fields.get("compositions") != [{"aggregate": "complete", "dependencies": ["numpy"]}]
        else (NUMPY,)
    )
    found = in_wheel(*(listed or (package("x", scope="excluded"),)), dependencies=lone, **fields)
    assert found == expected


@BOTH
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((NUMPY, PACKAGING), []),
        ((NUMPY,), ["sbom-dependency-unlisted"]),
        ((PACKAGING, package("numpy", "1.0")), ["sbom-dependency-version-differs"]),
        ((package("evil", "1"),), []),
        ((SIX,), []),
        ((native(),), []),
    ],
)
def test_partial_list_gives_no_error(listed, expected, judged):
    """Without the claim a gap is a note at most, and only where dependencies are listed at all."""
    assert judged(*listed, compositions=None) == expected


def test_partial_list_weighs_little():
    """A gap is an info; a version that METADATA excludes is a warning, and an error only when strict."""
    assert catalogue()["sbom-dependency-unlisted"][1].severity is Severity.INFO
    _, kind = catalogue()["sbom-dependency-version-differs"]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)


def test_part_of_a_wheel_is_not_asked_for_its_dependencies():
    """A crate's own SBOM may be complete for the crate, and says nothing of Python packages."""
    crate = {
        "type": "library",
        "bom-ref": "root",
        "name": "demo",
        "version": "0.1",
        "purl": "pkg:cargo/demo@0.1",
    }
    assert in_wheel(package("x", purl="pkg:cargo/x@1"), metadata={"component": crate}) == []


def test_parts_of_a_wheel_without_metadata_are_still_compared():
    """Where METADATA cannot be read only the dependencies are left alone."""
    data = pair_wheel(
        embedded(package("evil", "1")), files=FILES | {"demo_pkg-1.0.dist-info/METADATA": b"\xff"}
    )
    assert ids(data) == ["sbom-part-missing"]
