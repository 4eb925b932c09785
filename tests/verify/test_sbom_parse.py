"""Reading SBOM files: CycloneDX JSON becomes a value, everything else is told apart."""

from __future__ import annotations

import json

import pytest
from sbom_wheels import ROOT, SBOM, cyclonedx

from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.purl import Purl, parse_purl
from epochly_verify.parse.sbom import KNOWN_VERSIONS, CycloneDx, Unchecked, parse_sbom


def read(document, name=SBOM):
    """What a file holds."""
    return parse_sbom(document if isinstance(document, bytes) else json.dumps(document).encode(), name)


def refused(document, name=SBOM):
    """The id of the finding a file is refused with."""
    with pytest.raises(Refusal) as caught:
        read(document, name)
    assert caught.value.finding.subject == name
    return caught.value.finding.id


@pytest.mark.parametrize("version", sorted(KNOWN_VERSIONS))
def test_cyclonedx_is_read_in_every_version_that_has_json(version):
    """Versions 1.2 to 1.7 are read alike."""
    document = read(cyclonedx(specVersion=version))
    assert isinstance(document, CycloneDx)
    assert document.version == version
    assert document.root is not None
    assert document.root.purl == Purl("pypi", "", "demo-pkg", "1.0", {})


def test_cyclonedx_may_leave_out_everything_but_its_version():
    """A document needs neither root, components nor dependencies."""
    document = read({"bomFormat": "CycloneDX", "specVersion": "1.5", "unknown": [{"bom-ref": "x"}]})
    assert document == CycloneDx(
        version="1.5",
        root=None,
        components=(),
        refs=frozenset({"x"}),
        ambiguous=(),
        links=(),
        depends_on=None,
        complete=frozenset(),
        tools=frozenset(),
        problem="",
        more_problems=0,
    )
    assert (
        read({"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": None, "components": None}).root
        is None
    )


def test_cyclonedx_components_are_listed_in_the_order_of_the_document():
    """The root and what nests in it first, then the components, each before its parts."""
    root = ROOT | {"components": [{"name": "a"}]}
    document = read(
        cyclonedx({"name": "b", "components": [{"name": "c"}, {"name": "d"}]}, {"name": "e"}, root=root)
    )
    assert [component.name for component in document.components] == ["demo-pkg", "a", "b", "c", "d", "e"]
    assert document.components[3].where == "components[0].components[0]"
    assert [component.at_top for component in document.components] == [True, True, True, False, False, True]


def test_cyclonedx_with_a_byte_order_mark_is_read():
    """Some tools write one, and it changes nothing."""
    assert isinstance(read(b"\xef\xbb\xbf" + json.dumps(cyclonedx()).encode()), CycloneDx)


@pytest.mark.parametrize(
    ("document", "name", "what"),
    [
        (cyclonedx(specVersion="1.8"), SBOM, "CycloneDX of the version `1.8`, which is not known here"),
        ({"spdxVersion": "SPDX-2.3"}, "a.spdx.json", "SPDX JSON (`SPDX-2.3`)"),
        (
            {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []},
            "a.spdx.json",
            "SPDX 3 JSON-LD",
        ),
        ({"tagId": "x"}, "a.swid.json", "JSON of a standard that is not known here"),
        (
            b'<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>',
            "a.xml",
            "CycloneDX XML",
        ),
        (b"<SoftwareIdentity/>", "a.swidtag", "XML"),
        (b"# made by hand\nSPDXVersion: SPDX-2.3\n", "a.spdx", "SPDX tag-value"),
        (b"hello", "README.txt", "neither JSON, XML nor SPDX tag-value"),
        (b"", "empty", "neither JSON, XML nor SPDX tag-value"),
    ],
)
def test_other_standard_is_recognised_and_not_read(document, name, what):
    """PEP 770 leaves the standard open: an unknown one is told, not refused."""
    assert read(document, name) == Unchecked(what)


@pytest.mark.parametrize(
    "data",
    [
        b"{not json",
        b"",
        b"\xff{}",
        b'{"bomFormat": "CycloneDX", "bomFormat": "x"}',
        b'{"x": NaN}',
        b"[" * 100_000,
        b'{"x":' * 5000 + b"1" + b"}" * 5000,
        json.dumps(cyclonedx()).encode()[:-1],
    ],
)
def test_json_that_is_none_is_refused(data):
    """Broken, ambiguous or bottomless JSON is called so."""
    assert refused(data) == "sbom-not-json"


def test_json_under_any_name_is_read_as_json():
    """What starts like JSON is judged as JSON, whatever it is called."""
    assert refused(b" {not json", "a.spdx") == "sbom-not-json"
    assert isinstance(read(cyclonedx(), "a.cdx"), CycloneDx)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ([], "a.json"),
        ("CycloneDX", "a.json"),
        (None, "a.json"),
        ({}, "a.cdx.json"),
        ({"bomFormat": "cyclonedx", "specVersion": "1.6"}, "A.CDX.JSON"),
        ({"specVersion": "1.6", "components": []}, "sbom.json"),
        ({"spdxVersion": 2.3}, "a.spdx.json"),
        ({"spdxVersion": "2.3"}, "a.spdx.json"),
    ],
)
def test_file_that_is_not_what_it_promises_is_refused(document, name):
    """No SBOM is anything but an object, and a name of CycloneDX or SPDX binds its content."""
    assert refused(document, name) == "sbom-unrecognised"


@pytest.mark.parametrize(
    "fields",
    [
        {"specVersion": None},
        {"specVersion": 1.6},
        {"metadata": []},
        {"metadata": None, "components": {}},
        {"components": ["x"]},
        {"components": [None]},
        {"components": [{"name": 1}]},
        {"components": [{"name": "x", "components": "y"}]},
        {"components": [{"name": "x", "bom-ref": 1}]},
        {"components": [{"name": "x", "hashes": [{"alg": "SHA-256", "content": 1}]}]},
        {"components": [{"name": "x", "hashes": {}}]},
        {"components": [{"name": "x", "hashes": [{}], "evidence": {"occurrences": [{"location": 1}]}}]},
        {"metadata": {"component": []}},
        {"metadata": {"component": {"name": "x", "version": 1}}},
        {"metadata": {"component": {"name": "x", "purl": ["pkg:pypi/x"]}}},
        {"dependencies": {}},
        {"dependencies": ["r"]},
        {"dependencies": [{"ref": ["r"]}]},
        {"dependencies": [{"ref": "r", "dependsOn": "r"}]},
        {"dependencies": [{"ref": "r", "dependsOn": [1]}]},
        {"compositions": [[]]},
    ],
)
def test_cyclonedx_of_the_wrong_shape_is_refused(fields):
    """A part that is read and has another type than the schema gives it makes the document malformed."""
    assert refused(cyclonedx(**fields)) == "sbom-malformed"


@pytest.mark.parametrize(
    "component",
    [
        {"name": "x", "externalReferences": [{"type": []}, {}]},
        {"name": "x", "properties": [{"name": 1, "value": 2}], "hashes": []},
        {"name": "x", "evidence": [], "hashes": [{}], "properties": [{"name": "path", "value": None}]},
        {"name": "x", "version": None, "purl": None, "components": None, "licenses": 1},
    ],
)
def test_cyclonedx_details_that_are_not_compared_are_let_be(component):
    """Reading stops at no field whose value does not matter."""
    assert isinstance(read(cyclonedx(component)), CycloneDx)


@pytest.mark.parametrize(
    ("text", "purl"),
    [
        ("pkg:pypi/demo-pkg@1.0", Purl("pypi", "", "demo-pkg", "1.0", {})),
        ("PKG:PyPI/Demo", Purl("pypi", "", "Demo", "", {})),
        ("pkg://pypi/demo@1%2Blocal", Purl("pypi", "", "demo", "1+local", {})),
        (
            "pkg:npm/%40scope/name@2?a=b&C=%20d&e#sub/x?y=z",
            Purl("npm", "@scope", "name", "2", {"a": "b", "c": " d"}),
        ),
        ("pkg:rpm/a/b/c@1@2", Purl("rpm", "a/b", "c", "1@2", {})),
        ("", None),
        ("pkg", None),
        ("pkg:", None),
        ("pkg:pypi", None),
        ("pkg:pypi/", None),
        ("pkg:pypi/@1", None),
        ("https://example.org/x", None),
    ],
)
def test_purl_is_taken_apart(text, purl):
    """Parts are decoded, absent ones are empty, and other texts are none."""
    assert parse_purl(text) == purl
