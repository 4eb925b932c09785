"""Hashes in an SBOM: those of files of the wheel must be right, those of downloads are let be."""

from __future__ import annotations

import hashlib

import pytest
from sbom_wheels import CODE, SBOM, WRONG, cyclonedx, found, outcome, sha256, wheel, with_hash
from wheel_evidence import wheel_evidence

from epochly_verify.checks import sbom
from epochly_verify.limits import Limits
from epochly_verify.policy import Policy

PATH = "demo_pkg/__init__.py"
LIBRARY = "demo_pkg.libs/libz-abc123.so.1"
ELF = b"\x7fELF"


def located(path, **fields):
    """A component with a wrong hash whose evidence says where it lies."""
    return with_hash(evidence={"occurrences": [{"location": path}]}, **fields)


@pytest.mark.parametrize(
    "component",
    [
        with_hash(type="file", name=PATH),
        with_hash(type="file", name=f"./{PATH}"),
        with_hash(type="file", name="demo_pkg\\__init__.py"),
        with_hash(type="file", name="__init__.py"),
        with_hash(type="library", name=PATH),
        with_hash(type="library", name=PATH, purl="pkg:pypi/other@1"),
        located(PATH, type="file", name="part"),
        located(f"/{PATH}"),
        located(PATH, purl="pkg:generic/part@1"),
        with_hash(properties=[{"name": "demo:path", "value": PATH}]),
        with_hash(type="file", properties=[{"name": "demo:File", "value": PATH}]),
    ],
)
def test_wrong_hash_of_a_file_is_reported(component):
    """A component that is a file of the wheel, by name, evidence or property, has that file's hash."""
    assert found(cyclonedx(component)) == ["sbom-file-hash-mismatch"]
    for item in component["hashes"]:
        item["content"] = sha256(CODE).upper()
    assert found(cyclonedx(component)) == []


@pytest.mark.parametrize(
    "component",
    [
        with_hash(name="zlib", purl="pkg:generic/zlib@1?download_url=x"),
        with_hash(name="demo_pkg"),
        with_hash(type="file", name="missing.py"),
        with_hash(type="file", name="RECORD"),
        with_hash(type="file", name="demo_pkg-1.0.dist-info/RECORD"),
        with_hash(type="file", name=SBOM),
        with_hash(type="file", name=PATH, alg="MD5", content="0" * 32),
        located(PATH, purl="pkg:cargo/part@1"),
        located(PATH, purl="pkg:generic/part@1?download_url=elsewhere"),
        located(PATH, externalReferences=[{"type": "distribution", "url": "elsewhere"}]),
        with_hash(properties=[{"name": "demo:author", "value": PATH}]),
        with_hash(properties=[{"name": "demo:path", "value": "demo_pkg"}]),
    ],
)
def test_hash_of_something_else_is_let_be(component):
    """Tarballs, files that are not there, and files that hold the SBOM's own hash are not compared."""
    assert found(cyclonedx(component)) == []


def test_wrong_hash_is_found_at_any_depth():
    """Parts of parts are compared when they are named from the wheel's top."""
    part = with_hash(type="file", name=PATH)
    for _ in range(30):
        part = {"type": "library", "name": "outer", "components": [part]}
    assert found(cyclonedx(part)) == ["sbom-file-hash-mismatch"]


def test_part_of_another_component_is_named_from_its_own_folder():
    """A file without folder inside a bundled project is that project's, though the wheel has one of the name."""
    inside = {"type": "library", "name": "pip", "components": [with_hash(type="file", name="__init__.py")]}
    assert found(cyclonedx(inside)) == []
    assert found(cyclonedx(root={"type": "file", "name": "x"} | {"components": inside["components"]})) == [
        "sbom-file-hash-mismatch"
    ]


def test_bare_name_that_two_files_have_is_let_be():
    """Which of the two is meant is not guessed."""
    component = with_hash(type="file", name="__init__.py")
    assert found(cyclonedx(component), files={"demo_pkg/sub/__init__.py": b""}) == []


def test_bundled_archive_is_compared_although_it_was_downloaded():
    """A wheel inside the wheel (virtualenv's seeds) is the very file that its component's hash is of."""
    place = "demo_pkg/embed/pip-26.3-py3-none-any.whl"
    bundled = with_hash(purl="pkg:pypi/pip@26.3", properties=[{"name": "demo:bundled-wheel", "value": place}])
    assert found(cyclonedx(bundled), files={place: b"PK"}) == ["sbom-file-hash-mismatch"]
    bundled["hashes"][0]["content"] = sha256(b"PK")
    assert found(cyclonedx(bundled), files={place: b"PK"}) == []


def test_native_library_by_its_bare_name_is_compared():
    """A library in `NAME.libs` has a name of its own, so naming it without its folder is enough."""
    component = with_hash(type="file", name="libz-abc123.so.1")
    assert found(cyclonedx(component), files={LIBRARY: ELF}) == ["sbom-file-hash-mismatch"]
    assert found(cyclonedx(with_hash(sha256(ELF), type="file", name=LIBRARY)), files={LIBRARY: ELF}) == []


def test_file_that_installing_moves_is_found_by_its_later_path():
    """Content of `.data/purelib` may be named by the path it is imported from."""
    files = {"demo_pkg-1.0.data/purelib/more/a.py": b"y = 2\n"}
    assert found(cyclonedx(with_hash(type="file", name="more/a.py")), files=files) == [
        "sbom-file-hash-mismatch"
    ]


def test_every_algorithm_that_was_computed_is_compared():
    """A right SHA-256 does not excuse another wrong hash, where the file's own is known."""
    component = with_hash(sha256(CODE), type="file", name=PATH)
    component["hashes"].append({"alg": "SHA-512", "content": hashlib.sha512(CODE).hexdigest()})
    assert found(cyclonedx(component)) == []
    component["hashes"].append({"alg": "SHA3-256", "content": WRONG})
    assert found(cyclonedx(component)) == ["sbom-file-hash-mismatch"]


def test_wrong_hashes_are_listed_up_to_the_policy_bound():
    """One finding a file, and the last one counts those that are left out."""
    files = {f"demo_pkg/m{i}.py": b"" for i in range(10)}
    document = cyclonedx(*(with_hash(type="file", name=name) for name in files))
    said = sbom.check(wheel_evidence(wheel(document, files=files)), Policy(limits=Limits(findings_per_id=3)))
    assert [finding.id for finding in said.findings] == ["sbom-file-hash-mismatch"] * 3
    assert said.findings[-1].message.endswith(" (and 7 more files)")
    (finding,) = outcome(wheel(cyclonedx(with_hash(type="file", name=PATH)))).findings
    assert finding.subject == SBOM
    assert finding.message == (
        f"`components[0]` gives `{PATH}` the sha256 `{WRONG}`, its content has `{sha256(CODE)}`"
    )
