"""SBOMs from outside the wheel: given or found beside it, about this wheel, in agreement with those in it."""

from __future__ import annotations

import json

import pytest
from sbom_pair import (
    DEPENDENCIES,
    ORIGIN,
    SIX,
    attached,
    digest,
    embedded,
    ids,
    native,
    package,
    pair_wheel,
    root,
    said,
)
from sbom_wheels import WRONG
from wheel_evidence import WHEEL
from wheels import build_sdist, build_wheel

from epochly_verify.cli import main
from epochly_verify.gather import Wanted, gather
from epochly_verify.model import NotRun, Ran
from epochly_verify.parse.sbom import MAX_SBOM_BYTES

BARE = pair_wheel()
PAIR = pair_wheel(embedded())
HASHES = digest(BARE)
OTHER = [{"alg": "SHA-256", "content": WRONG}]
FILE_NAME = f"pkg:pypi/demo-pkg@1.0?file_name={WHEEL}"


def rooted(**fields):
    """What an attached SBOM without the claim to be complete gives, for a root with these fields."""
    component = {key: value for key, value in root(**fields).items() if value is not None}
    return ids(BARE, attached(BARE, metadata={"component": component}, compositions=None))


# The root


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hashes": HASHES},
        {"hashes": [HASHES[0] | {"content": HASHES[0]["content"].upper()}]},
        {"hashes": [{"alg": "SHA-512", "content": "0" * 128}]},
        {"name": "Demo_Pkg", "purl": "pkg:pypi/Demo.Pkg@1.0.0"},
        {"version": None},
        {"version": None, "purl": "pkg:pypi/demo-pkg", "hashes": HASHES},
        {"purl": FILE_NAME, "hashes": HASHES},
        {"purl": None},
        {"purl": "pkg:generic/demo-pkg@1.0"},
        {"type": "file", "name": WHEEL, "purl": None, "version": None},
        {"type": "file", "name": f"dist/{WHEEL}", "purl": None, "version": None, "hashes": HASHES},
        {"name": WHEEL},
    ],
)
def test_attached_root_is_accepted_when_it_is_this_wheel(fields):
    """Name and version in any spelling, and the wheel's digest where one is given."""
    assert rooted(**fields) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "requests", "purl": "pkg:pypi/requests@1.0"},
        {"name": "requests", "purl": None},
        {"version": "1.1", "purl": "pkg:pypi/demo-pkg@1.1"},
        {"version": "1.1"},
        {"purl": "pkg:pypi/demo-pkg@1.1", "hashes": HASHES},
        {"purl": "pkg:pypi/someone/demo-pkg@1.0"},
        {"purl": "pkg:cargo/demo-pkg@1.0"},
        {"purl": "pkg:generic/demo-pkg@2.0"},
        {"version": None, "purl": "pkg:pypi/demo-pkg"},
        {"version": None, "purl": None},
        {"hashes": OTHER},
        {"hashes": [*HASHES, *OTHER]},
        {"purl": FILE_NAME, "hashes": OTHER},
        {"purl": "pkg:pypi/demo-pkg@1.0?file_name=demo_pkg-1.0-cp311-cp311-win_amd64.whl"},
        {"type": "file", "name": "demo_pkg-1.0-cp311-cp311-win_amd64.whl", "purl": None, "version": None},
        {"type": "file", "name": "dist/demo_pkg-2.0-py3-none-any.whl", "purl": None, "version": None},
        {"type": "file", "name": "demo_pkg-1.0.tar.gz", "purl": None, "version": None},
        {"type": "file", "name": "libdemo.so", "purl": None, "version": None},
    ],
)
def test_attached_root_of_anything_else_is_reported(fields):
    """MUST: an attached SBOM's root is this wheel by name, version and, where it is stated, SHA-256."""
    assert rooted(**fields) == ["sbom-wrong-artifact"]


def test_attached_sbom_without_root_is_reported():
    """Nothing ties such a document to the wheel."""
    document = attached(BARE, metadata={}, dependencies=[], compositions=None)
    assert ids(BARE, document) == ["sbom-wrong-artifact"]


def test_attached_sbom_of_another_wheel_is_told_once():
    """What was written for another wheel is not compared with the parts of this one."""
    other = attached(BARE, native(content=b"other"), metadata={"component": root(hashes=OTHER)})
    (finding,) = said(BARE, other).findings
    assert (finding.id, finding.subject) == ("sbom-wrong-artifact", ORIGIN)
    assert finding.message.startswith(f"the root says that the wheel has the sha256 `{WRONG}`, it has `")


def test_attached_root_with_another_plain_name_is_a_warning():
    """The package URL decides, as in an embedded SBOM."""
    assert rooted(name="requests") == ["sbom-component-name-differs"]


# Agreement


def test_sboms_that_list_different_things_agree():
    """A partial SBOM in the wheel does not contradict a full one beside it, nor do digests of other algorithms."""
    sha1 = [{"alg": "SHA-1", "content": "0" * 40}]
    for inside in (
        embedded(native(), compositions=None),
        embedded(package("zlib", "1", purl="pkg:generic/zlib@1", hashes=sha1), compositions=None),
        embedded(
            metadata={"component": {"type": "library", "name": "x", "version": "9", "purl": "pkg:cargo/x@9"}}
        )
        | {"dependencies": [], "compositions": []},
    ):
        data = pair_wheel(inside)
        zlib = package("zlib", "1", purl="pkg:generic/zlib@1", hashes=OTHER)
        assert ids(data, attached(data, *DEPENDENCIES, native(), SIX, zlib)) == []


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (package("numpy", "2.1", hashes=OTHER), package("numpy", "2.1", hashes=HASHES)),
        (
            package("numpy", "2.1", purl="pkg:pypi/NumPy@2.1", hashes=OTHER),
            package("numpy", "2.1", hashes=HASHES),
        ),
        (
            {"type": "library", "bom-ref": "z", "name": "z", "version": "1", "hashes": OTHER},
            {"type": "library", "bom-ref": "y", "name": "z", "version": "1", "hashes": HASHES},
        ),
    ],
)
def test_sboms_with_different_digests_of_one_component_disagree(inside, outside):
    """MUST: what both list under one package URL, or name and version, has the same digest in both."""
    data = pair_wheel(embedded(inside, compositions=None), requires=("numpy",))
    assert ids(data, attached(data, outside, compositions=None)) == ["sboms-disagree"]
    assert ids(data, attached(data, inside, compositions=None)) == []
    both = outside | {"hashes": OTHER + HASHES}
    assert ids(data, attached(data, both, compositions=None)) == []


def test_sboms_with_different_roots_disagree():
    """Another version or digest of the wheel is a contradiction, besides being wrong."""
    data = pair_wheel(embedded(metadata={"component": root(hashes=OTHER)}))
    assert ids(data, attached(data)) == ["sboms-disagree"]
    other = attached(PAIR, metadata={"component": root(version="1.1", purl="pkg:pypi/demo-pkg@1.1")})
    assert ids(PAIR, other) == ["sbom-wrong-artifact", "sboms-disagree"]
    foreign = attached(PAIR, metadata={"component": root(name="x", purl="pkg:pypi/x@1.1")})
    assert ids(PAIR, foreign) == ["sbom-wrong-artifact"]


def test_sboms_from_outside_have_to_agree_too():
    """Two that are given both count, and the finding names both."""
    one = attached(BARE, package("numpy", "2.1", hashes=OTHER), compositions=None)
    two = attached(BARE, package("numpy", "2.1", hashes=HASHES), compositions=None)
    outcome = said(BARE, one, two)
    (finding,) = [each for each in outcome.findings if each.id == "sboms-disagree"]
    assert ORIGIN in finding.subject + finding.message


def test_attached_sbom_with_the_wrong_digest_of_a_file_is_reported():
    """The wheel decides which of two SBOMs is right about a file of it."""
    wrong = attached(PAIR, *DEPENDENCIES, SIX, native(content=b"other"))
    assert ids(PAIR, wrong) == ["sbom-file-hash-mismatch", "sboms-disagree"]


# Forms


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{not json", "sbom-not-json"),
        (b"[]", "sbom-unrecognised"),
        (b"{}", "sbom-unrecognised"),
        (b'{"bomFormat": "CycloneDX", "specVersion": 1}', "sbom-malformed"),
        (b"<bom/>", "sbom-not-json"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "9.9"}', "sbom-not-checked"),
        (b'{"spdxVersion": "SPDX-2.3"}', "sbom-not-checked"),
        (b" " * (MAX_SBOM_BYTES + 1), "sbom-unread"),
    ],
)
def test_attached_file_that_is_no_sbom_is_reported(content, expected):
    """Any bytes give a finding, and nothing unread is called checked."""
    outcome = said(BARE, content)
    assert isinstance(outcome, NotRun)
    assert [finding.id for finding in outcome.findings] == [expected]


def test_attached_sbom_is_read_however_large_those_in_the_wheel_are():
    """What is in a wheel cannot use up the bytes that are read."""
    filler = {f"demo_pkg-1.0.dist-info/sboms/{i}.json": b"{}" + b" " * (MAX_SBOM_BYTES - 2) for i in range(3)}
    data = build_wheel({"demo_pkg/__init__.py": b""} | filler)
    assert "sbom-wrong-artifact" in ids(data, attached(data, metadata={"component": root(version="2")}))


def test_attached_sbom_covers_copied_libraries():
    """A wheel whose copied libraries are told beside it is not said to have no SBOM."""
    data = build_wheel({"demo_pkg/__init__.py": b"", "demo_pkg.libs/libz.so.1": b"\x7fELF"})
    assert ids(data) == ["vendored-library-without-sbom"]
    assert ids(data, attached(data, compositions=None)) == []


# Files


def test_sboms_beside_the_wheel_are_found(tmp_path):
    """MUST: `WHEEL.cdx.json` and `WHEEL.sbom.json` are evidence, for a wheel and not for an sdist."""
    wheel, sdist = tmp_path / WHEEL, tmp_path / "demo_pkg-1.0.tar.gz"
    wheel.write_bytes(PAIR)
    sdist.write_bytes(build_sdist({}))
    assert gather(str(wheel), Wanted()).sboms == ()
    for path in (wheel, sdist):
        for ending in (".cdx.json", ".sbom.json", ".other.json"):
            path.with_name(path.name + ending).write_text("{}")
    found = gather(str(wheel), Wanted()).sboms
    assert [each.origin for each in found] == [f"{wheel}.cdx.json", f"{wheel}.sbom.json"]
    assert gather(str(wheel), Wanted(sboms=())).sboms == ()
    assert gather(str(sdist), Wanted()).sboms == ()


def test_cli_sbom_is_judged(tmp_path, capsys):
    """`--sbom` names one, instead of those beside the wheel; a good one passes and a wrong one rejects."""
    wheel, good, wrong = tmp_path / WHEEL, tmp_path / "good.json", tmp_path / f"{WHEEL}.sbom.json"
    wheel.write_bytes(PAIR)
    good.write_text(json.dumps(attached(PAIR)))
    wrong.write_text(json.dumps(attached(BARE)))
    require = ("--require", "sbom")
    assert main([str(wheel), *require, "--sbom", str(good)]) == 0
    assert main([str(wheel), *require]) == 1
    assert main([str(wheel), *require, "--sbom", str(good), "--sbom", str(wrong)]) == 1
    sha256 = digest(PAIR)[0]["content"]
    assert main([str(wheel), "--hash", f"sha256:{sha256}", "--sbom", str(wrong)]) == 1
    output = capsys.readouterr()
    assert "sbom-wrong-artifact" in output.out
    assert output.err == ""


@pytest.mark.parametrize("second", [False, True])
def test_cli_sbom_that_cannot_be_read_is_one_clear_line(second, tmp_path, capsys):
    """A missing file, or one SBOM for two wheels, is a usage error."""
    wheel = tmp_path / WHEEL
    wheel.write_bytes(PAIR)
    assert main([str(wheel), *[str(wheel)] * second, "--sbom", str(tmp_path / "missing.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "hint: " in line


def test_outcome_says_how_many_came_from_outside():
    """The report tells what was looked at."""
    outcome = said(BARE, attached(BARE))
    why = "1 SBOM (CycloneDX 1.6), 5 components, 1 from outside the wheel"
    assert outcome == Ran((), why, f"unsigned: `{WHEEL}.cdx.json`")
