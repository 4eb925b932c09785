"""The layer `sbom`: an SBOM describes the wheel it lies in, or the finding says how it does not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sbom_wheels import CODE, ROOT, SBOM, SBOMS, cyclonedx, found, outcome, wheel
from wheel_evidence import WHEEL, evidence_of, wheel_evidence
from wheels import attack_wheel, build_wheel

from epochly_verify.checks import sbom
from epochly_verify.findings import catalogue
from epochly_verify.model import ArtifactKind, Member, MemberKind, NotRun, Ran, Severity
from epochly_verify.parse.sbom import MAX_SBOM_BYTES
from epochly_verify.policy import Policy

LIBRARY = {"type": "library"}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("s00_sbom_ok", []),
        ("s01_sbom_wrong_component", ["sbom-wrong-component"]),
        ("s02_sbom_not_json", ["sbom-not-json"]),
        ("s04_sbom_dangling_ref", ["sbom-dangling-ref"]),
        ("s05_vendored_lib_without_sbom", ["vendored-library-without-sbom"]),
        ("00_ok", []),
        ("m01_two_dist_info", []),
    ],
)
def test_attack_wheel_has_exactly_its_own_finding(case, expected):
    """Every given SBOM vector is reported for its own defect and no other."""
    assert [finding.id for finding in outcome(attack_wheel(case)).findings] == expected


def test_outcome_tells_what_was_compared():
    """The layer ran when an SBOM was read, and says how much there was."""
    assert outcome(wheel(cyclonedx())) == Ran((), "1 SBOM (CycloneDX 1.6), 1 component")


def test_outcome_is_not_run_without_sbom():
    """A wheel without SBOM is not called checked."""
    assert outcome(build_wheel({"demo_pkg/__init__.py": CODE})) == NotRun("no SBOM in the wheel")


def test_outcome_is_not_run_when_the_archive_was_not_read():
    """Where nothing could be read, the layer does not say that there is no SBOM."""
    unread = evidence_of([Member(SBOM, MemberKind.FILE, 0)])
    assert sbom.check(unread, Policy()) == NotRun("the archive could not be read")


def test_outcome_is_not_run_for_an_sdist():
    """An sdist has no folder for SBOMs."""
    sdist = replace(wheel_evidence(wheel(cyclonedx())), kind=ArtifactKind.SDIST)
    assert sbom.check(sdist, Policy()) == NotRun("only wheels have a place for SBOMs")


def test_outcome_is_not_run_when_no_sbom_could_be_read():
    """A form that is not read gives a note and no pass."""
    said = outcome(wheel(b"<bom/>", name=f"{SBOMS}/a.cdx.xml"))
    assert isinstance(said, NotRun)
    assert [finding.id for finding in said.findings] == ["sbom-not-checked"]


@pytest.mark.parametrize("name", ["a.json", "deep/er/a.json"])
def test_sbom_is_found_anywhere_below_its_folder(name):
    """PEP 770 names the folder, not the files in it."""
    wrong = cyclonedx(root=ROOT | {"version": "2.0"})
    assert found(wrong, name=f"{SBOMS}/{name}") == ["sbom-wrong-component"]


@pytest.mark.parametrize(
    "name",
    [
        "demo_pkg/_vendor/other-2.0.dist-info/sboms/a.cdx.json",
        "other-2.0.dist-info/sboms/a.cdx.json",
        "demo_pkg-1.0.dist-info/a.cdx.json",
        "demo_pkg-1.0.dist-info/sboms",
    ],
)
def test_sbom_of_another_folder_is_not_the_wheels(name):
    """What lies under another project's dist-info, or beside the folder, does not speak for this wheel."""
    assert outcome(wheel(b"{not json", name=name)) == NotRun("no SBOM in the wheel")


# The root


@pytest.mark.parametrize(
    "root",
    [
        None,
        ROOT,
        ROOT | {"name": "Demo.PKG", "purl": "pkg:pypi/Demo_Pkg@1.0.0"},
        ROOT | {"version": "v1", "purl": "PKG:PyPI/demo-pkg"},
        {"type": "library", "name": "demo_pkg", "purl": f"pkg:pypi/demo_pkg@1.0?file_name={WHEEL}"},
        {"type": "library", "name": "demo-pkg", "version": "0.0.1", "purl": "pkg:cargo/demo-pkg@0.0.1"},
        {"type": "library", "name": "openssl", "version": "4.0", "purl": "pkg:generic/openssl@4.0"},
        {"type": "application", "name": "demo-pkg"},
        {"type": "file", "name": WHEEL},
        {"type": "file", "name": "libdemo.so"},
        {"type": "container", "name": "whatever"},
        {"type": "library", "name": "demo_pkg", "version": "1.0"},
    ],
)
def test_root_is_accepted_when_it_is_the_wheel_or_a_part_of_it(root):
    """Spelling is forgiven, and crates, C libraries and files without a package are parts."""
    assert found(cyclonedx(root=root)) == []


@pytest.mark.parametrize(
    "root",
    [
        {"type": "library", "name": "requests", "version": "1.0", "purl": "pkg:pypi/requests@1.0"},
        ROOT | {"purl": "pkg:pypi/requests@1.0"},
        ROOT | {"purl": "pkg:pypi/demo-pkg@1.1"},
        ROOT | {"purl": "pkg:pypi/demo-pkg@1.0%2Blocal"},
        ROOT | {"version": "1.1"},
        ROOT | {"version": "1.1", "purl": "pkg:pypi/demo-pkg"},
        ROOT | {"purl": "pkg:pypi/someone/demo-pkg@1.0"},
        ROOT | {"purl": "pkg://pypi/requests@1.0"},
        ROOT | {"purl": "pkg:pypi/%72equests@1.0"},
        ROOT | {"version": "9" * 5000},
        {"type": "library", "name": "requests"},
        {"type": "application", "name": "requests", "version": "1.0"},
        {"type": "library", "name": "demo-pkg", "version": "2.0"},
        {"type": "library", "name": "demo-pkg", "version": "2.0", "purl": "not a purl"},
        {"type": "file", "name": "demo_pkg-2.0-py3-none-any.whl"},
        {"type": "file", "name": "requests-1.0.tar.gz"},
    ],
)
def test_root_of_another_component_is_reported(root):
    """Another project or another version is named, by package URL or, without one, by name."""
    assert found(cyclonedx(root=root)) == ["sbom-wrong-component"]


def test_root_named_after_an_importable_part_is_accepted():
    """Without package URL a root may be called as what is imported, like `cv2` of `opencv-python`."""
    root = {"type": "library", "name": "cv2", "version": "5.0"}
    assert found(cyclonedx(root=root), files={"cv2/__init__.py": b""}) == []
    assert found(cyclonedx(root=root), files={"cv2.abi3.so": b""}) == []
    assert found(cyclonedx(root=root)) == ["sbom-wrong-component"]


def test_root_may_leave_out_the_local_version():
    """An SBOM written before a build adds its label (`1.0+cu126`) still speaks of that version."""
    filename = "demo_pkg-1.0+cu126-py3-none-any.whl"
    name = "demo_pkg-1.0+cu126.dist-info/sboms/a.cdx.json"
    for version, expected in [("1.0", []), ("1.0%2Bcu126", []), ("1.0%2Bcu118", ["sbom-wrong-component"])]:
        root = {"type": "library", "name": "demo-pkg", "purl": f"pkg:pypi/demo-pkg@{version}"}
        assert found(cyclonedx(root=root), filename, name=name, version="1.0+cu126") == expected


def test_root_with_another_name_beside_its_package_url_is_a_warning():
    """The package URL decides; a name that says otherwise is told apart, and so is none or a file's."""
    assert found(cyclonedx(root=ROOT | {"name": "requests"})) == ["sbom-component-name-differs"]
    assert found(cyclonedx(root=ROOT | {"name": WHEEL})) == []


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        (WHEEL, []),
        ("Demo.Pkg-1.0-py3-none-any.whl", []),
        ("demo_pkg-1.0-py2.py3-none-any.whl", ["sbom-file-name-mismatch"]),
        ("demo_pkg-1.0-1-py3-none-any.whl", ["sbom-file-name-mismatch"]),
        ("demo_pkg-1.0.tar.gz", ["sbom-file-name-mismatch"]),
        (
            "demo_pkg-1.0-" + "-".join([".".join("abcdefghijklmnopqrstuvwxyz" * 3)] * 3) + ".whl",
            ["sbom-file-name-mismatch"],
        ),
        ("nonsense", ["sbom-file-name-mismatch"]),
    ],
)
def test_root_file_name_is_this_wheel(file_name, expected):
    """The file that auditwheel says it wrote the SBOM for is this one, or there is a warning."""
    assert found(cyclonedx(root=ROOT | {"purl": f"pkg:pypi/demo-pkg@1.0?file_name={file_name}"})) == expected


def test_root_file_name_may_order_compressed_tags_otherwise():
    """Tags are a set: their order in the file name says nothing."""
    filename = "demo_pkg-1.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    other = "demo_pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    root = ROOT | {"purl": f"pkg:pypi/demo-pkg@1.0?file_name={other}"}
    assert found(cyclonedx(root=root), filename) == []


def test_root_hash_of_the_named_wheel_is_compared():
    """A root that names this very file cannot give it another hash; without file name the hash may be of anything."""
    hashes = [{"alg": "SHA-256", "content": "0" * 64}]
    named = ROOT | {"hashes": hashes, "purl": f"pkg:pypi/demo-pkg@1.0?file_name={WHEEL}"}
    assert found(cyclonedx(root=named)) == ["sbom-file-hash-mismatch"]
    assert found(cyclonedx(root=ROOT | {"hashes": hashes})) == []


def test_root_is_not_compared_when_the_file_name_is_no_wheel_name():
    """Nothing is guessed out of a broken file name, and the report says so."""
    said = outcome(wheel(cyclonedx(root=ROOT | {"purl": "pkg:pypi/requests@1"})), "demo.whl")
    assert isinstance(said, Ran)
    assert said.findings == ()
    assert said.why.endswith("the file name is no wheel name to compare with")


# References


@pytest.mark.parametrize(
    "fields",
    [
        {"dependencies": [{"ref": "r", "dependsOn": ["a", "b", "s"]}, {"ref": "b"}]},
        {"dependencies": [{"ref": "a", "provides": ["b"]}]},
        {"dependencies": [{"ref": "r", "dependsOn": ["urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x"]}]},
        {"compositions": [{"aggregate": "complete", "assemblies": ["r", "a"], "dependencies": ["b"]}]},
        {"dependencies": [{"ref": "t"}], "formulation": [{"bom-ref": "f", "components": [{"bom-ref": "t"}]}]},
        {"dependencies": None, "compositions": None},
    ],
)
def test_reference_to_anything_in_the_document_is_accepted(fields):
    """Root, components at any depth, services and tools can be referred to, and other documents by BOM-Link."""
    part = {
        "type": "library",
        "name": "a",
        "bom-ref": "a",
        "components": [LIBRARY | {"name": "b", "bom-ref": "b"}],
    }
    assert found(cyclonedx(part, services=[{"name": "s", "bom-ref": "s"}], **fields)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"dependencies": [{"ref": "nope"}]},
        {"dependencies": [{"ref": "r", "dependsOn": ["nope"]}]},
        {"dependencies": [{"ref": "r", "provides": ["nope"]}]},
        {"dependencies": [{}]},
        {"compositions": [{"aggregate": "complete", "assemblies": ["nope"]}]},
        {"compositions": [{"aggregate": "complete", "dependencies": ["nope"]}]},
    ],
)
def test_reference_to_nothing_is_reported(fields):
    """A dependency or composition that names no part is dangling."""
    assert found(cyclonedx(**fields)) == ["sbom-dangling-ref"]


def test_dangling_references_are_counted_in_one_finding():
    """However many there are, there is one finding an SBOM, with the first by name."""
    document = cyclonedx(dependencies=[{"ref": f"n{i}"} for i in range(1000)])
    (finding,) = outcome(wheel(document)).findings
    assert finding.subject == SBOM
    assert (
        finding.message
        == "`dependencies[0].ref` names `n0`, which is no `bom-ref` of this SBOM (and 999 more)"
    )


def test_reference_to_two_different_things_is_reported():
    """One `bom-ref` cannot mean two components, or a component and a service, wherever they stand."""
    one, two = (LIBRARY | {"name": name, "bom-ref": "x"} for name in ("one", "two"))
    assert found(cyclonedx(one, two)) == ["sbom-duplicate-ref"]
    assert found(cyclonedx(one | {"components": [two]})) == ["sbom-duplicate-ref"]
    assert found(cyclonedx(LIBRARY | {"name": "one", "bom-ref": "r"})) == ["sbom-duplicate-ref"]
    assert found(cyclonedx(one, services=[{"name": "one", "bom-ref": "x"}])) == ["sbom-duplicate-ref"]
    assert found(cyclonedx(one | {"version": "1"}, one | {"version": "2"})) == ["sbom-duplicate-ref"]


def test_reference_to_one_thing_told_twice_is_accepted():
    """The tool auditwheel lists the root again under `components`."""
    assert found(cyclonedx(ROOT, dependencies=[{"ref": "r"}])) == []


# Vendored libraries


@pytest.mark.parametrize(
    "path",
    [
        "demo_pkg.libs/libz-abc123.so.1",
        "demo_pkg.libs/sub/libz.so",
        "demo_pkg.libs/msvcp140-0f2ea95580b32bcfc81c235d5751ce78.dll",
        "demo_pkg/.dylibs/libz.1.dylib",
        "demo_pkg/.dylibs/Python",
        "demo_pkg-1.0.data/platlib/demo_pkg.libs/libz.so.1",
    ],
)
def test_vendored_library_without_sbom_is_reported(path):
    """The folders of auditwheel, delvewheel and delocate hold software that nothing else names."""
    said = outcome(build_wheel({"demo_pkg/__init__.py": CODE, path: b"\x7fELF"}))
    assert [finding.id for finding in said.findings] == ["vendored-library-without-sbom"]
    assert isinstance(said, NotRun)


@pytest.mark.parametrize(
    "path", ["demo_pkg/_c.so", "js.libs/jquery.js", "demo_pkg.libs/.load-order-demo", "demo_pkg/libs/libz.so"]
)
def test_vendored_library_is_only_what_repair_tools_copied(path):
    """A project's own extension modules and folders with a like name are no copied libraries."""
    assert outcome(build_wheel({"demo_pkg/__init__.py": CODE, path: b"\x7fELF"})).findings == ()


def test_vendored_library_with_a_partial_sbom_is_accepted():
    """The tool auditwheel lists only what it finds a package for; that is no fault of the wheel."""
    assert found(cyclonedx(), files={"demo_pkg.libs/libz-abc123.so.1": b"\x7fELF"}) == []


def test_vendored_libraries_are_counted_by_folder():
    """A wheel with many libraries gets one finding a folder."""
    said = outcome(build_wheel({f"demo_pkg.libs/lib{i}.so": b"" for i in range(18)}))
    (finding,) = said.findings
    assert (finding.subject, finding.message) == (
        "demo_pkg.libs",
        "holds 18 copied native libraries, and the wheel has no SBOM",
    )


def test_vendored_library_is_an_error_only_when_strict():
    """It is policy: many honest wheels have no SBOM yet."""
    _, kind = catalogue()["vendored-library-without-sbom"]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)


# Bounds


def judged(*contents):
    """What the layer says when SBOMs of these contents lie in the wheel."""
    members = [
        Member(f"{SBOMS}/{i}.json", MemberKind.FILE, len(content or b""), {"sha256": b"x"}, content=content)
        for i, content in enumerate(contents)
    ]
    return sbom.check(evidence_of(members), Policy())


@pytest.mark.parametrize("content", [None, b" " * (MAX_SBOM_BYTES + 1)])
def test_sbom_that_was_not_read_is_reported(content):
    """An SBOM above the bound, or one that the archive reader did not keep, is never silently passed over."""
    said = judged(content)
    assert isinstance(said, NotRun)
    assert [finding.id for finding in said.findings] == ["sbom-unread"]


def test_sboms_are_read_up_to_a_bound_together():
    """Many large SBOMs cost no more than a few."""
    large = json.dumps(cyclonedx()).encode().ljust(MAX_SBOM_BYTES)
    said = judged(large, large, large)
    assert [finding.id for finding in said.findings] == ["sbom-unread"]
    assert said.why == "2 of 3 SBOMs (CycloneDX 1.6), 2 components"


def test_several_sboms_are_all_judged():
    """A good SBOM does not hide a bad one beside it."""
    bad = {f"{SBOMS}/b.cdx.json": b"{not json", f"{SBOMS}/c.spdx.json": b'{"spdxVersion": "SPDX-2.3"}'}
    said = outcome(wheel(cyclonedx(), files=bad))
    assert [finding.id for finding in said.findings] == ["sbom-not-json", "sbom-not-checked"]
    assert said == Ran(said.findings, "1 of 3 SBOMs (CycloneDX 1.6), 1 component")
