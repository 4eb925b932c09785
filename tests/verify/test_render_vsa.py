"""Verification summaries: in-toto statements that never say more than the report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from render_reports import (
    BUNDLE,
    GITHUB,
    GITLAB,
    INCONCLUSIVE,
    LAYERS_PASSED,
    OPTIONS,
    PUBLISH,
    REJECTED,
    SHA256,
    SLSA,
    UNREADABLE,
    VERIFIED,
    WHEEL,
    attested,
    hostile_artifact,
    report,
    with_status,
)

from epochly_verify.model import Finding, Status
from epochly_verify.render.vsa import render_vsa

BUILT = replace(VERIFIED, layers=LAYERS_PASSED, signed=(BUNDLE, attested(PUBLISH), attested(SLSA)))
SELF_HOSTED = replace(GITHUB, runner_environment="self-hosted")


def predicates(*artifacts, options=OPTIONS):
    """The predicate of each line."""
    return [json.loads(line)["predicate"] for line in render_vsa(report(*artifacts), options).splitlines()]


def test_vsa_of_a_verified_artifact_is_a_complete_statement():
    """The statement binds digest, package, policy, evidence, time and result."""
    options = replace(OPTIONS, policy_sha256="cd" * 32)
    assert json.loads(render_vsa(report(BUILT), options)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": WHEEL, "digest": {"sha256": SHA256}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": "urn:epochly-verify:verifier", "version": {"epochly-verify": "0.1.0"}},
            "timeVerified": "2026-03-05T14:22:01Z",
            "resourceUri": f"pkg:pypi/rfc8785@0.1.2?file_name={WHEEL}",
            "policy": {
                "uri": "urn:epochly-verify:policy:policy.toml%2C%20rule%201",
                "digest": {"sha256": "cd" * 32},
                "annotations": {
                    "required": ["archive", "record", "metadata", "install", "signature", "identity"]
                },
            },
            "inputAttestations": [
                {"name": f"{WHEEL}.sigstore.json", "digest": {"sha256": "ab" * 32}},
                {"name": f"{WHEEL}.provenance", "digest": {"sha256": "ab" * 32}},
            ],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
            "slsaVersion": "1.1",
        },
    }


@pytest.mark.parametrize("artifact", [REJECTED, INCONCLUSIVE, replace(BUILT, verdict=INCONCLUSIVE.verdict)])
def test_vsa_passes_nothing_but_verified(artifact):
    """Inconclusive is `FAILED`: a summary has no third word."""
    assert [(one["verificationResult"], one["verifiedLevels"]) for one in predicates(artifact)] == [
        ("FAILED", ["FAILED"])
    ]


@pytest.mark.parametrize(
    ("artifact", "level"),
    [
        (BUILT, "SLSA_BUILD_LEVEL_2"),
        (VERIFIED, "SLSA_BUILD_LEVEL_0"),
        (
            replace(BUILT, layers=with_status(LAYERS_PASSED, provenance=(Status.NOT_RUN, ""))),
            "SLSA_BUILD_LEVEL_0",
        ),
        (replace(BUILT, signed=(BUNDLE, attested(PUBLISH))), "SLSA_BUILD_LEVEL_0"),
        (replace(BUILT, signed=(attested(SLSA, replace(BUNDLE, claims=GITLAB)),)), "SLSA_BUILD_LEVEL_0"),
        (
            replace(BUILT, signed=(attested(SLSA, replace(BUNDLE, claims=None, key_id="ab")),)),
            "SLSA_BUILD_LEVEL_0",
        ),
        (
            replace(BUILT, signed=(attested(SLSA), attested(SLSA, replace(BUNDLE, claims=SELF_HOSTED)))),
            "SLSA_BUILD_LEVEL_0",
        ),
        (
            replace(
                BUILT, signed=(attested(SLSA, replace(BUNDLE, problems=(Finding("log-unknown", "", ""),))),)
            ),
            "SLSA_BUILD_LEVEL_0",
        ),
    ],
)
def test_vsa_claims_level_2_only_for_provenance_of_hosted_runners(artifact, level):
    """Level 2 needs a passed provenance layer and hosted runners throughout; level 3 is never claimed."""
    assert [one["verifiedLevels"] for one in predicates(artifact)] == [[level]]


def test_vsa_lists_input_attestations_completely_or_not_at_all():
    """One piece of evidence without a digest, and the list is left out, as the specification asks."""
    assert (
        "inputAttestations"
        not in predicates(replace(BUILT, signed=(BUNDLE, replace(BUNDLE, evidence_sha256=""))))[0]
    )
    assert "inputAttestations" not in predicates(replace(BUILT, signed=()))[0]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (
            "dist/Demo_Pkg-1.0+cu121-1-py3-none-any.whl",
            "pkg:pypi/demo-pkg@1.0%2Bcu121?file_name=Demo_Pkg-1.0%2Bcu121-1-py3-none-any.whl",
        ),
        ("demo-1.0.tar.gz", "pkg:pypi/demo@1.0?file_name=demo-1.0.tar.gz"),
        ("no version.whl", "pkg:generic/no%20version.whl"),
        ("\udcff-1-py3-none-any.whl", "pkg:generic/%FF-1-py3-none-any.whl"),
    ],
)
def test_vsa_resource_is_the_package_url_of_the_file_name(path, uri):
    """Index names give `pkg:pypi`; a name no index accepts is not guessed at."""
    assert predicates(replace(VERIFIED, path=path))[0]["resourceUri"] == uri


def test_vsa_of_a_batch_is_one_statement_a_line():
    """Every artifact with a known digest has its own statement; one that could not be read has none."""
    out = render_vsa(report(VERIFIED, UNREADABLE, REJECTED), OPTIONS)
    assert out.endswith("\n")
    assert [json.loads(line)["predicate"]["verificationResult"] for line in out.splitlines()] == [
        "PASSED",
        "FAILED",
    ]
    assert render_vsa(report(UNREADABLE), OPTIONS) == render_vsa(report(), OPTIONS) == ""


def test_vsa_of_a_hostile_artifact_is_ascii_json():
    """No name breaks the line or the JSON of a statement."""
    out = render_vsa(report(hostile_artifact()), OPTIONS)
    assert out.isascii()
    assert len(out.splitlines()) == 1
    json.dumps(json.loads(out), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("now", [None, datetime(2026, 3, 5, 14, 22)])  # noqa: DTZ001 - the missing zone is the point
def test_vsa_needs_a_time_with_a_zone(now):
    """A summary without an exact time is a mistake of the caller."""
    with pytest.raises(ValueError, match="time zone"):
        render_vsa(report(VERIFIED), replace(OPTIONS, now=now))
