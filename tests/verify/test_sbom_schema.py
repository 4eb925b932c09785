"""What the CycloneDX schema asks of the fields that are read is held, and nothing else is."""

from __future__ import annotations

import json

import pytest
from sbom_pair import embedded, ids, pair_wheel, root, said
from sbom_wheels import SBOM

from epochly_verify.parse.sbom import parse_sbom

DIGEST = "a" * 64


def problem_of(**fields):
    """The first problem of a document."""
    return parse_sbom(json.dumps(embedded(**fields)).encode(), SBOM).problem


def part(**fields):
    """A document with one component; a field that is `None` is left out."""
    component = {"type": "library", "bom-ref": "p", "name": "part"} | fields
    return {
        "components": [{key: value for key, value in component.items() if value is not None}],
        "dependencies": [],
    }


GOOD = [
    {},
    {"serialNumber": None},
    {"serialNumber": "urn:uuid:3E671687-395B-41F5-A30F-A58921A69B79"},
    {"version": 7},
    {"version": None},
    part(version="1") | {"specVersion": "1.2"},
    {"compositions": [{"aggregate": "not_specified"}]},
    {"unknown": 1, "$schema": "x"},
    part(),
    part(type="cryptographic-asset"),
    part(hashes=[{"alg": "BLAKE2b-256", "content": DIGEST}]),
    part(hashes=[{"alg": "SHA-1", "content": "A" * 40}]),
    part(version=None),
    part(**{"bom-ref": None}),
]

BAD = [
    {"serialNumber": "3e671687-395b-41f5-a30f-a58921a69b79"},
    {"serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b7"},
    {"serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79\n"},
    {"serialNumber": ""},
    {"serialNumber": 5},
    {"version": 0},
    {"version": "1"},
    {"version": 1.5},
    {"version": True},
    {"version": None, "specVersion": "1.4"},
    {"compositions": [{}]},
    {"compositions": [{"aggregate": "all"}]},
    {"compositions": [{"aggregate": ["complete"]}]},
    {"metadata": {"component": {"type": "library", "bom-ref": "root"}}},
    part(name=None),
    part(name=""),
    part(type=None),
    part(type="package"),
    part(**{"bom-ref": ""}),
    part(version=None) | {"specVersion": "1.3"},
    part(hashes=[{"content": DIGEST}]),
    part(hashes=[{"alg": "sha256", "content": DIGEST}]),
    part(hashes=[{"alg": "SHA-256"}]),
    part(hashes=[{"alg": "SHA-256", "content": "not hexadecimal"}]),
    part(hashes=[{"alg": "SHA-256", "content": DIGEST + "a"}]),
    part(components=[{"type": "library"}]),
    {"metadata": {"component": root(components=[{"name": "x"}])}},
]


@pytest.mark.parametrize("fields", GOOD)
def test_schema_accepts_what_is_valid(fields):
    """Optional fields may be absent and unknown ones present."""
    assert problem_of(**fields) == ""


@pytest.mark.parametrize("fields", BAD)
def test_schema_refuses_what_is_not(fields):
    """MUST: required fields are there, and values are of the kind that the schema names."""
    assert problem_of(**fields) != ""


def test_schema_problem_is_one_finding_with_a_count():
    """However many there are, one finding names the first; the rest of the document is judged all the same."""
    document = embedded(serialNumber="x", compositions=[{}, {}])
    (finding,) = said(pair_wheel(document)).findings
    assert (finding.id, finding.subject) == ("sbom-malformed", SBOM)
    assert finding.message == "`serialNumber` is `x`, expected `urn:uuid:` and a UUID (and 2 more)"
    wrong = embedded(serialNumber="x", metadata={"component": root(version="2.0")})
    assert ids(pair_wheel(wrong)) == ["sbom-malformed", "sbom-wrong-component"]


def test_schema_of_a_wrong_hash_does_not_hide_it():
    """A digest that is none is not the file's either."""
    document = embedded(
        compositions=None,
        **part(
            type="file", name="demo_pkg/__init__.py", hashes=[{"alg": "SHA256", "content": "not hexadecimal"}]
        ),
    )
    assert ids(pair_wheel(document)) == ["sbom-file-hash-mismatch", "sbom-malformed"]
