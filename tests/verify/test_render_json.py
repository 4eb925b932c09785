"""The JSON report: its published schema, its exact shape, and names that are no text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from render_reports import (
    BUNDLE,
    GITHUB,
    INCONCLUSIVE,
    OPTIONS,
    PUBLISH,
    REJECTED,
    SHA256,
    UNREADABLE,
    VERIFIED,
    WHEEL,
    attested,
    finding,
    hostile_artifact,
    report,
)

from epochly_verify.model import Finding, Layer, Severity
from epochly_verify.render.json_v1 import render_json

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "spec" / "report-v1.schema.json"


@pytest.fixture(scope="module")
def validator():
    """The published schema."""
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def rendered(*artifacts, changes=None):
    """The JSON document, read again."""
    return json.loads(render_json(report(*artifacts, changes=changes), OPTIONS))


def test_json_of_every_kind_of_report_holds_to_the_published_schema(validator):
    """Whatever is reported has the shape that `docs/spec/report-v1.schema.json` promises."""
    changed = finding("start-up-hook", Severity.WARNING, usual=Severity.ERROR, layer=Layer.INSTALL)
    rejected = replace(
        REJECTED,
        findings=(finding(), changed),
        signed=(
            attested(PUBLISH),
            replace(BUNDLE, claims=None, key_id="ab" * 32),
            hostile_artifact().signed[-2],
        ),
    )
    for document in (
        rendered(),
        rendered(VERIFIED),
        rendered(rejected, INCONCLUSIVE, UNREADABLE, changes={"start-up-hook": Severity.WARNING}),
        rendered(replace(hostile_artifact(), path="x")),
    ):
        validator.validate(document)


def test_json_has_the_published_members_in_a_stable_order():
    """The members are those promised, in the same order every time."""
    artifact = replace(REJECTED, signed=(attested(PUBLISH),))
    assert rendered(artifact, changes={"zip-note": Severity.ERROR}) == {
        "schema": "epochly-verify/report/v1",
        "verdict": "rejected",
        "tool": {"name": "epochly-verify", "version": "0.1.0"},
        "artifacts": [
            {
                "path": "demo_pkg-1.0-py3-none-any.whl",
                "sha256": SHA256,
                "size_bytes": 9190,
                "verdict": "rejected",
                "required": ["archive", "record", "metadata", "install", "signature", "identity"],
                "policy": "policy.toml, rule 1",
                "layers": [
                    {"id": "hash", "status": "not-run", "why": "no digest was given"},
                    {"id": "archive", "status": "passed", "why": "11 members, read both ways"},
                    {"id": "record", "status": "failed", "why": "record-digest: demo/a.py"},
                    {"id": "metadata", "status": "passed", "why": ""},
                    {"id": "install", "status": "passed", "why": ""},
                    {"id": "signature", "status": "passed", "why": ""},
                    {"id": "identity", "status": "passed", "why": ""},
                    {"id": "provenance", "status": "not-run", "why": "no SLSA provenance among the evidence"},
                ],
                "findings": [
                    {
                        "id": "record-digest",
                        "layer": "record",
                        "severity": "error",
                        "subject": "demo/a.py",
                        "message": "sha256 is `oQ3f`, RECORD says `47DE`",
                        "hint": "get the file again from its publisher",
                    }
                ],
                "evidence": [
                    {
                        "origin": f"{WHEEL}.provenance",
                        "kind": "provenance",
                        "authentic": True,
                        "problems": [],
                        "notes": [],
                        "sha256": "ab" * 32,
                        "signer": {
                            name: value
                            for name in GITHUB.__dataclass_fields__
                            if (value := getattr(GITHUB, name))
                        },
                        "times": ["2024-03-19T22:41:16Z"],
                        "log": "rekor.sigstore.dev - 1193050959916656506",
                        "log_index": 79605083,
                        "predicate_type": PUBLISH,
                        "subjects": [{"name": WHEEL, "digests": {"sha256": SHA256}}],
                    }
                ],
            }
        ],
        "severity_changes": {"zip-note": "error"},
    }
    first, second = (render_json(report(artifact), OPTIONS) for _ in range(2))
    assert first == second
    assert list(json.loads(first)) == ["schema", "verdict", "tool", "artifacts", "severity_changes"]


def test_json_names_the_usual_severity_only_where_the_policy_changed_it():
    """A finding that weighs what it always weighs says so once."""
    changed = finding(severity=Severity.INFO, usual=Severity.ERROR)
    first, second = rendered(replace(REJECTED, findings=(finding(), changed)))["artifacts"][0]["findings"]
    assert "usual_severity" not in first
    assert (second["severity"], second["usual_severity"]) == ("info", "error")


def test_json_repeats_no_claim_of_a_signature_that_is_not_authentic(validator):
    """A reader cannot rely on what was never proven, because it is not there; the schema forbids it too."""
    refused = replace(
        BUNDLE, problems=(Finding("signature-invalid", "x", "m"),), notes=(Finding("late", "x", "m"),)
    )
    document = rendered(replace(REJECTED, signed=(refused,)))
    evidence = document["artifacts"][0]["evidence"][0]
    assert evidence == {
        "origin": f"{WHEEL}.sigstore.json",
        "kind": "bundle",
        "authentic": False,
        "problems": ["signature-invalid"],
        "notes": ["late"],
        "sha256": "ab" * 32,
    }
    validator.validate(document)
    evidence["signer"] = {"san": "x"}
    assert not validator.is_valid(document)


def test_json_schema_refuses_members_it_does_not_know(validator):
    """The schema is closed, so that a new member cannot appear without being documented."""
    document = rendered(VERIFIED)
    for place in (document, document["artifacts"][0], document["artifacts"][0]["layers"][0]):
        place["planted"] = 1
        assert not validator.is_valid(document)
        del place["planted"]
    validator.validate(document)


def test_json_is_ascii_that_strict_parsers_accept():
    """Bytes of a path that are no text stand as visible escapes; no lone surrogate gets out."""
    out = render_json(report(replace(VERIFIED, path="dist/na\u00efve-\udcff.whl")), OPTIONS)
    assert out.isascii()
    assert out.endswith("}\n")
    assert json.loads(out)["artifacts"][0]["path"] == "dist/na\u00efve-\\udcff.whl"
    json.dumps(json.loads(render_json(report(hostile_artifact()), OPTIONS)), ensure_ascii=False).encode(
        "utf-8"
    )


@given(st.text(st.characters(exclude_categories=())))
def test_json_holds_any_name(name):
    """Any name gives a document that any reader of UTF-8 JSON can read."""
    artifact = replace(REJECTED, path=name, findings=(finding(subject=name),))
    document = json.loads(render_json(report(artifact), OPTIONS))
    document["artifacts"][0]["path"].encode("utf-8")
    if not any("\ud800" <= character <= "\udfff" for character in name):
        assert document["artifacts"][0]["findings"][0]["subject"] == name
