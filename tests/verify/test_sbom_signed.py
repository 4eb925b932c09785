"""Signatures over SBOM files, every way in which one can be wrong, and what the report says of signed SBOMs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sbom_signing import (
    ACCEPTED,
    ATTESTED,
    CYCLONEDX,
    DATA,
    DISAGREEING,
    FILE,
    OTHER_FILE,
    OTHER_VERSION,
    OVER,
    OVER_OTHER,
    SBOM,
    STRANGER,
    TRUSTING,
    VOUCHED,
    as_bytes,
    attest,
    ids,
    instance,
    judged,
    layer,
    sign,
)
from sigstore_instance import statement
from wheel_evidence import WHEEL

from epochly_verify.cli import main
from epochly_verify.gather import Wanted, gather
from epochly_verify.model import (
    AttachedSbom,
    Layer,
    Severity,
    Status,
    Verdict,
)
from epochly_verify.parse.sbom import MAX_OUTSIDE_SBOMS, MAX_SBOM_BYTES
from epochly_verify.render import FORMATS, RenderOptions
from epochly_verify.run import judge, summarise


@pytest.mark.parametrize("payload", [False, True])
def test_signed_sbom_file_is_read(payload, tmp_path):
    """MUST: a signature beside an SBOM that holds for it is said with its signer, be it plain or an attestation."""
    over = sign(SBOM, payload=statement((f"{WHEEL}{FILE}", as_bytes(SBOM)))) if payload else sign(SBOM)
    report = judged(tmp_path, {FILE: SBOM, OVER: over, ".sigstore.json": sign(DATA)})
    assert ids(report) == []
    assert report.verdict is Verdict.VERIFIED
    said = "1 SBOM (CycloneDX 1.6), 4 components, 1 from outside the wheel"
    assert layer(report) == (Status.PASSED, f"{said}; {VOUCHED}: `{WHEEL}{FILE}`")


def test_signed_sbom_file_says_nothing_of_the_wheel(tmp_path):
    """MUST: a signature over an SBOM is no signature over the wheel, whatever it attests."""
    kind = "https://slsa.dev/provenance/v1"
    for over in (sign(SBOM), attest({}, (f"{WHEEL}{FILE}", as_bytes(SBOM)), kind=kind)):
        report = judged(tmp_path, {FILE: SBOM, OVER: over})
        assert (ids(report), report.signed, report.verdict) == ([], (), Verdict.INCONCLUSIVE)
        for which in (Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE):
            assert layer(report, which)[0] is Status.NOT_RUN
        assert len(report.sbom_signed) == 1


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        (lambda: sign(as_bytes(SBOM) + b"\n"), "artifact-mismatch"),
        (lambda: sign(DATA), "artifact-mismatch"),
        (attest, "subject-digest-mismatch"),
        (lambda: attest({}, (WHEEL, as_bytes(SBOM)), ("x", b"")), "subject-count"),
        (lambda: sign(SBOM, scts=0), "certificate-timestamp-missing"),
        (lambda: b"{}", "bundle-malformed"),
        (lambda: as_bytes(SBOM), "bundle-malformed"),
    ],
)
def test_signed_sbom_file_with_a_signature_that_does_not_hold_is_reported(over, reason, tmp_path):
    """MUST: an SBOM that was changed after it was signed, or has a signature of something else, is not read."""
    report = judged(tmp_path, {FILE: SBOM, OVER: over(), ".sigstore.json": sign(DATA)})
    assert ids(report) == ["sbom-signature-invalid"]
    (finding,) = report.findings
    assert (finding.subject, finding.layer) == (str(tmp_path / f"{WHEEL}{FILE}"), Layer.SBOM)
    assert f"does not hold: {reason}, " in finding.message
    assert "not read, as its signature does not hold" in layer(report)[1]
    assert report.verdict is Verdict.REJECTED


def test_signatures_swapped_between_two_sboms_are_reported(tmp_path):
    """MUST: each signature is held against the file beside which it lies."""
    other = SBOM | {"version": 2}
    files = {FILE: SBOM, OTHER_FILE: other, OVER: sign(SBOM), OVER_OTHER: sign(other)}
    assert ids(judged(tmp_path, files)) == []
    swapped = files | {OVER: files[OVER_OTHER], OVER_OTHER: files[OVER]}
    report = judged(tmp_path, swapped)
    assert ids(report) == ["sbom-signature-invalid"] * 2
    assert layer(report)[0] is Status.FAILED


def test_signed_sbom_file_of_a_stranger_is_reported(tmp_path):
    """MUST: the signer of an SBOM is one whom the policy accepts for the wheel."""
    files = {FILE: SBOM, OVER: sign(SBOM, claims=STRANGER), ".sigstore.json": sign(DATA)}
    report = judged(tmp_path, files)
    assert ids(report) == ["sbom-signer-mismatch"]
    assert report.verdict is Verdict.REJECTED
    lenient = replace(TRUSTING, severities={"sbom-signer-mismatch": Severity.WARNING})
    assert layer(judged(tmp_path, files, policy=lenient))[0] is Status.PASSED


def test_signed_sbom_file_of_another_version_is_reported(tmp_path):
    """An honest signature does not make a wrong SBOM right."""
    report = judged(tmp_path, {FILE: OTHER_VERSION, OVER: sign(OTHER_VERSION)})
    assert ids(report) == ["sbom-wrong-artifact"]
    assert VOUCHED in layer(report)[1]


def test_signed_sbom_file_agrees_with_the_unsigned(tmp_path):
    """MUST: a signed and an unsigned SBOM that contradict each other are both said."""
    signed, unsigned = DISAGREEING
    report = judged(tmp_path, {FILE: signed, OVER: sign(signed), OTHER_FILE: unsigned})
    assert [each.id for each in report.findings if each.severity is Severity.ERROR] == ["sboms-disagree"]
    assert layer(report)[1].endswith(f"{VOUCHED}: `{WHEEL}{FILE}`; unsigned: `{WHEEL}{OTHER_FILE}`")


def test_signed_sbom_that_was_not_judged_is_not_read(tmp_path):
    """MUST: where signatures cannot be judged, what is signed does not count as looked at."""
    wheel = tmp_path / WHEEL
    wheel.write_bytes(DATA)
    for ending, content in {FILE: SBOM, OVER: sign(SBOM), ATTESTED: attest()}.items():
        wheel.with_name(WHEEL + ending).write_bytes(as_bytes(content))
    report = judge(gather(str(wheel), Wanted()), TRUSTING)
    why = f"2 SBOMs, none in a form that is checked; not read, as its signature was not judged: `{WHEEL}{FILE}`, `{WHEEL}{ATTESTED}`"
    assert (ids(report), layer(report)) == ([], (Status.NOT_RUN, why))


def test_signature_without_its_sbom_is_not_looked_at(tmp_path):
    """A signature over a file that is not there belongs to nothing."""
    assert layer(judged(tmp_path, {OVER: sign(SBOM)})) == (Status.NOT_RUN, "no SBOM in the wheel")


# Bounds


def test_sboms_from_outside_are_bounded_in_number(tmp_path):
    """Each is compared with every other, so no more than some are read; the rest is said."""
    sboms = tuple(AttachedSbom(f"{i}.cdx.json", as_bytes(SBOM)) for i in range(MAX_OUTSIDE_SBOMS + 2))
    report = judged(tmp_path, {}, sboms=sboms)
    assert ids(report) == ["sbom-unread"]
    assert "(and 1 more)" in report.findings[0].message
    assert layer(report)[1].startswith(f"{MAX_OUTSIDE_SBOMS} of {MAX_OUTSIDE_SBOMS + 2} SBOMs ")


def test_attested_sbom_is_bounded_in_size(tmp_path):
    """An attested SBOM has the same bound as one in a file."""
    large = SBOM | {"annotations": [{"text": "x" * MAX_SBOM_BYTES}]}
    report = judged(tmp_path, {ATTESTED: attest(large)})
    assert ids(report) == ["sbom-unread"]
    assert layer(report)[0] is Status.NOT_RUN


# What is said


def test_every_format_says_who_signed_an_sbom(tmp_path):
    """Text and JSON name the signer of each SBOM; a verification summary lists what was judged, complete."""
    report = judged(tmp_path, {FILE: SBOM, OVER: sign(SBOM), ATTESTED: attest(), OTHER_FILE: SBOM})
    assert ids(report) == []
    options = RenderOptions(width=400, now=datetime(2026, 1, 1, tzinfo=UTC))
    texts = {name: render(summarise((report,), TRUSTING), options) for name, render in FORMATS.items()}
    said = f"{VOUCHED}: `{WHEEL}{FILE}`, `{WHEEL}{ATTESTED}`; unsigned: `{WHEEL}{OTHER_FILE}`"
    assert "CycloneDX SBOM, on " in texts["text"]
    assert said in " ".join(texts["text"].split())
    (document,) = json.loads(texts["json"])["artifacts"]
    (why,) = [each["why"] for each in document["layers"] if each["id"] == "sbom"]
    assert why.endswith(said)
    assert [each["predicate_type"] for each in document["evidence"]] == [CYCLONEDX]
    inputs = json.loads(texts["vsa"])["predicate"]["inputAttestations"]
    assert sorted(each["name"].rpartition("/")[2] for each in inputs) == [
        f"{WHEEL}{OVER}",
        f"{WHEEL}{ATTESTED}",
    ]


def test_cli_judges_signed_sboms(tmp_path, capsys):
    """The command finds both forms, and an unreadable one is a line of its own."""
    wheel, config = tmp_path / WHEEL, tmp_path / "root.json"
    wheel.write_bytes(DATA)
    config.write_bytes(as_bytes(instance().trust_root()))
    given = [
        str(wheel),
        "--trusted-root",
        str(config),
        "--identity",
        ACCEPTED.subject,
        "--issuer",
        ACCEPTED.issuer,
    ]
    given += ["--require", "identity,sbom"]
    (tmp_path / f"{WHEEL}{ATTESTED}").write_bytes(attest())
    assert main(given) == 0
    named = tmp_path / "named.json"
    named.write_bytes(as_bytes(SBOM))
    (tmp_path / "named.json.sigstore.json").write_bytes(sign(SBOM))
    assert main([*given, "--sbom", str(named)]) == 3  # the wheel itself is not signed any more
    assert main([*given, "--sbom", str(named), "--sbom", str(tmp_path / f"{WHEEL}{ATTESTED}")]) == 0
    (tmp_path / "named.json.sigstore.json").write_bytes(b"{}")
    assert main([*given, "--sbom", str(named)]) == 1
    output = capsys.readouterr()
    assert "sbom-signature-invalid" in output.out
    assert output.err == ""
    (tmp_path / "named.json.sigstore.json").unlink()
    (tmp_path / "named.json.sigstore.json").mkdir()
    assert main([*given, "--sbom", str(named)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "named.json.sigstore.json" in line
