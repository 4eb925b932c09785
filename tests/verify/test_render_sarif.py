"""SARIF: valid against the official schema, never a silent success, safe to show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from render_reports import (
    INCONCLUSIVE,
    OPTIONS,
    REJECTED,
    SHA256,
    UNREADABLE,
    VERIFIED,
    finding,
    hostile_artifact,
    report,
)

from epochly_verify import findings
from epochly_verify.findings import Kind
from epochly_verify.model import Layer, Severity
from epochly_verify.render.sarif import render_sarif

SCHEMA_FILE = Path(__file__).parents[1] / "vectors" / "schemas" / "sarif-2.1.0.schema.json"
KIND = Kind(
    "record-digest",
    Severity.ERROR,
    "A file is not what RECORD says. It was {changed} [after](x) the build.",
    "get the file again",
    "PEP 427",
)


@pytest.fixture(scope="module")
def validator():
    """The official schema of OASIS."""
    return Draft7Validator(json.loads(SCHEMA_FILE.read_text("utf-8")))


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch):
    monkeypatch.setattr(findings, "_KINDS", {KIND.id: (Layer.RECORD, KIND)})


def run_of(*artifacts, changes=None, options=OPTIONS):
    """The one run of the log."""
    log = json.loads(render_sarif(report(*artifacts, changes=changes), options))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    return log["runs"][0]


def test_sarif_of_every_kind_of_report_holds_to_the_official_schema(validator):
    """What is written can be read by every SARIF consumer."""
    changes = {"record-digest": Severity.INFO, "never-met": Severity.WARNING}
    for made in (
        report(),
        report(VERIFIED),
        report(REJECTED, INCONCLUSIVE, UNREADABLE, changes=changes),
        report(hostile_artifact()),
    ):
        validator.validate(json.loads(render_sarif(made, OPTIONS)))


def test_sarif_result_names_rule_level_artifact_and_member():
    """A finding is a result of its rule, on the artifact, in the member."""
    found = (
        finding(),
        finding("other", Severity.WARNING, subject=""),
        finding(severity=Severity.INFO, usual=Severity.ERROR),
    )
    run = run_of(VERIFIED, replace(REJECTED, findings=found))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["record-digest", "other"]
    assert [(one["ruleId"], one["ruleIndex"], one["level"]) for one in run["results"]] == [
        ("record-digest", 0, "error"),
        ("other", 1, "warning"),
        ("record-digest", 0, "note"),
    ]
    assert run["results"][0]["message"] == {"text": "demo/a.py: sha256 is `oQ3f`, RECORD says `47DE`"}
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "demo_pkg-1.0-py3-none-any.whl", "index": 1}},
            "logicalLocations": [{"fullyQualifiedName": "demo/a.py", "kind": "record"}],
        }
    ]
    assert "logicalLocations" not in run["results"][1]["locations"][0]
    assert run["artifacts"][1]["hashes"] == {"sha-256": SHA256}


def test_sarif_rule_is_the_catalogue_entry():
    """A rule says what the finding means and what to do, and names no placeholder or link by accident."""
    rule = run_of(REJECTED)["tool"]["driver"]["rules"][0]
    assert rule == {
        "id": "record-digest",
        "shortDescription": {"text": "A file is not what RECORD says."},
        "fullDescription": {
            "text": "A file is not what RECORD says. It was {{changed}} [after] (x) the build."
        },
        "help": {"text": "get the file again"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"layer": "record", "source": "PEP 427", "tags": ["supply-chain", "record"]},
    }


def test_sarif_says_that_the_policy_changed_a_severity():
    """A change is a configuration override of the rule, also where no such finding was made."""
    run = run_of(VERIFIED, changes={"record-digest": Severity.WARNING})
    assert run["invocations"][0]["ruleConfigurationOverrides"] == [
        {"descriptor": {"id": "record-digest", "index": 0}, "configuration": {"level": "warning"}}
    ]
    assert run["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "error"}


def test_sarif_without_results_still_tells_inconclusive_from_verified():
    """The verdict is in the run, and a required layer that did not run is a notification."""
    verified, inconclusive = run_of(VERIFIED), run_of(INCONCLUSIVE)
    assert verified["results"] == inconclusive["results"] == []
    assert (verified["properties"], inconclusive["properties"]) == (
        {"verdict": "verified"},
        {"verdict": "inconclusive"},
    )
    assert verified["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    note = inconclusive["invocations"][0]["toolExecutionNotifications"][0]
    assert note["level"] == "warning"
    assert note["message"]["text"] == (
        "the required layer `identity` did not run: no policy names a signer of rfc8785"
    )


def test_sarif_of_an_unreadable_artifact_is_no_successful_execution():
    """A file that could not be read is an error of the run, not an absence of results."""
    invocation = run_of(VERIFIED, UNREADABLE)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]] == [
        ("error", "could not be read: no such file")
    ]


def test_sarif_messages_hold_no_control_placeholder_or_link():
    """A hostile name can neither draw on a viewer, nor break a message, nor put a link into it."""
    text = run_of(hostile_artifact())["results"][0]["message"]["text"]
    assert text.isprintable()
    assert "{{0}}" in text
    assert "](" not in text


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("dist/a b.whl", "dist/a%20b.whl"),
        ("/tmp/x/a.whl", "file:///tmp/x/a.whl"),
        ("c:a#1?.whl", "c%3Aa%231%3F.whl"),
        ("na\u00efve-\udcff.whl", "na%C3%AFve-%FF.whl"),
        ("\ud800.whl", "%ED%A0%80.whl"),
    ],
)
def test_sarif_artifact_uri_is_the_percent_encoded_path(path, uri):
    """Relative paths stay relative, no character changes the meaning of the URI, bytes stay bytes."""
    assert run_of(replace(VERIFIED, path=path))["artifacts"][0]["location"] == {"uri": uri}
