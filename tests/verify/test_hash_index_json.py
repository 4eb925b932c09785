"""An index's JSON: `parse/index_json.py`."""

from __future__ import annotations

import json

import pytest
from hash_inputs import BAD, GOOD, ORIGIN, SDIST, WHEEL, digest_of, digests, refused

from epochly_verify.limits import DEFAULT
from epochly_verify.parse.index_json import parse_index_json


def simple(*files, **more):
    """A Simple API answer."""
    return {"meta": {"api-version": "1.3"}, "name": "demo-pkg", "files": list(files), **more}


def simple_file(digest=GOOD, filename=WHEEL, **more):
    """One file of a Simple API answer."""
    return {
        "filename": filename,
        "url": f"https://files.example/{filename}",
        "hashes": {"sha256": digest},
        **more,
    }


def project_file(digest=GOOD, filename=WHEEL):
    """One file of a project document, with all the digests an index gives."""
    digests_ = {"blake2b_256": "0" * 64, "md5": digest_of("md5"), "sha256": digest}
    return {"filename": filename, "digests": digests_, "md5_digest": digest_of("md5"), "yanked": False}


def parsed(document):
    """The source an index's answer makes."""
    return parse_index_json(json.dumps(document).encode(), ORIGIN, DEFAULT)


def test_index_reads_the_simple_api():
    """PEP 691: each file has its digests."""
    source = parsed(simple(simple_file(BAD, SDIST), simple_file(**{"core-metadata": {"sha256": BAD}})))
    (expected,) = source.expected_for(WHEEL)
    assert (expected.algorithm, expected.digest) == ("sha256", GOOD)
    assert (expected.origin, expected.source) == (f"{ORIGIN}:files[1]", ORIGIN)
    assert digests(source, SDIST) == [("sha256", BAD)]


@pytest.mark.parametrize(
    "document",
    [
        {"info": {}, "urls": [project_file()]},
        {"info": {}, "releases": {"0.9": [], "1.0": [project_file(BAD, SDIST), project_file()]}},
        {"info": {}, "urls": [project_file()], "releases": {"1.0": [project_file()]}},
    ],
)
def test_index_reads_the_older_project_document(document):
    """The files stand under `urls`, `releases` or both; what cannot be computed or is weak is left out."""
    assert set(digests(parsed(document))) == {("sha256", GOOD)}


def test_index_gives_nothing_for_an_unlisted_file():
    """An index speaks only of the files it names, and only where it has a digest."""
    assert digests(parsed(simple(simple_file(filename=SDIST)))) == []
    assert digests(parsed(simple(simple_file(hashes={})))) == []
    assert digests(parsed(simple(simple_file(hashes={"blake2b_256": "whatever"})))) == []
    assert digests(parsed(simple())) == []


def test_index_keeps_a_weak_digest_that_stands_alone():
    """It is for the check to say that it does not count."""
    md5 = {"md5": digest_of("md5")}
    assert digests(parsed(simple(simple_file(hashes=md5)))) == [("md5", digest_of("md5"))]


def test_index_reads_a_document_without_meta_as_version_1():
    """A missing version is 1.0."""
    assert digests(parsed({"name": "demo-pkg", "files": [simple_file()]})) == [("sha256", GOOD)]


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [
        ([], "bad-field", "is a list, not a mapping"),
        ("x", "bad-field", "is a string, not a mapping"),
        ({}, "unknown-format", "neither `files` nor `urls` nor `releases`"),
        ({"default": {}, "_meta": {}}, "unknown-format", "neither"),
        (simple(meta={"api-version": "2.0"}), "unsupported-version", "`2.0`"),
        (simple(meta={"api-version": 1}), "bad-field", "`meta.api-version` is a number"),
        (simple(meta=[]), "bad-field", "`meta` is a list"),
        ({"files": {}}, "bad-field", "`files` is a mapping, not a list"),
        ({"files": None}, "bad-field", "`files` is null"),
        ({"files": [[]]}, "bad-field", "`files[0]` is a list"),
        (simple(simple_file(), {"filename": SDIST}), "bad-field", "`files[1].hashes` is missing"),
        (simple(simple_file(hashes=[])), "bad-field", "`files[0].hashes` is a list"),
        (simple(simple_file(hashes={"sha256": None})), "bad-field", "`files[0].hashes.sha256` is null"),
        (simple(simple_file(hashes={"\x1b[1m": 1})), "bad-field", r"`files[0].hashes.\u001b[1m`"),
        (simple({"hashes": {}}), "bad-field", "`files[0].filename` is missing"),
        (simple(simple_file(filename=1)), "bad-field", "`files[0].filename` is a number"),
        (simple(simple_file("zz")), "bad-hash", "64 hexadecimal digits, this is `zz`"),
        ({"urls": {}}, "bad-field", "`urls` is a mapping"),
        ({"urls": [{"filename": WHEEL}]}, "bad-field", "`urls[0].digests` is missing"),
        ({"releases": []}, "bad-field", "`releases` is a list"),
        ({"releases": {"1.0": True}}, "bad-field", "`releases.1.0` is a boolean"),
        ({"releases": {"1.0": [{"filename": WHEEL}]}}, "bad-field", "`releases.1.0[0].digests` is missing"),
    ],
)
def test_index_refuses_what_is_not_specified(document, code, says):
    """Every wrong type is an error that names the field."""
    refused(parse_index_json, json.dumps(document), code=code, says=says)


def test_index_refuses_two_digests_under_one_key():
    """JSON that two readers read differently is refused, not resolved."""
    text = f'{{"files": [{{"filename": "{WHEEL}", "hashes": {{"sha256": "{GOOD}", "sha256": "{BAD}"}}}}]}}'
    refused(parse_index_json, text, code="bad-json", says="`sha256` stands twice")
