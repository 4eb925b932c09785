"""SBOMs that come as the predicate of a signed attestation of the wheel, and every way in which one can be wrong."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from sbom_signing import (
    ACCEPTED,
    ATTESTED,
    CYCLONEDX,
    DATA,
    DISAGREEING,
    FILE,
    OTHER_VERSION,
    SBOM,
    SPDX,
    STRANGER,
    TRUSTING,
    VOUCHED,
    about,
    as_bytes,
    attest,
    ids,
    instance,
    judged,
    layer,
    sign,
    trust,
)
from sigstore_instance import b64
from wheel_evidence import SDIST, WHEEL
from wheels import build_sdist

from epochly_verify.api import authenticated
from epochly_verify.gather import Wanted, attached_file, attached_sbom, gather
from epochly_verify.limits import DEFAULT
from epochly_verify.model import (
    AttachedSbom,
    EvidenceKind,
    Layer,
    Severity,
    Status,
    Verdict,
)
from epochly_verify.policy import Policy, Rule
from epochly_verify.run import judge


@pytest.mark.parametrize("kind", [CYCLONEDX, f"{CYCLONEDX}/v1.6", f"{CYCLONEDX}/1.6"])
def test_attested_sbom_is_read(kind, tmp_path):
    """MUST: an authentic attestation of an accepted signer is an SBOM of the wheel, and says who signed it."""
    report = judged(tmp_path, {ATTESTED: attest(kind=kind)})
    assert ids(report) == []
    assert report.verdict is Verdict.VERIFIED
    said = "1 SBOM (CycloneDX 1.6), 4 components, 1 from outside the wheel"
    assert layer(report) == (Status.PASSED, f"{said}; {VOUCHED}: `{WHEEL}{ATTESTED}`")


@pytest.mark.parametrize("form", ["--sbom", "--bundle", "both"])
def test_attested_sbom_is_read_when_it_is_named(form, tmp_path):
    """`--sbom`, `--bundle` or both name the same attestation, and it counts once."""
    path = tmp_path / "anything.json"
    path.write_bytes(attest())
    sboms = (attached_sbom(str(path), DEFAULT),) if form != "--bundle" else ()
    evidence = (attached_file(str(path), DEFAULT, provenance=False),) if form != "--sbom" else ()
    report = judged(tmp_path, {}, sboms=sboms, evidence=evidence)
    assert ids(report) == []
    assert layer(report)[1].startswith("1 SBOM (CycloneDX 1.6), 4 components, 1 from outside the wheel")
    assert len(report.signed) == 1


def test_attested_sbom_beside_the_wheel_counts_once_when_it_is_evidence_too(tmp_path):
    """A bundle that is named and lies beside the wheel as an SBOM is one piece of evidence."""
    path = tmp_path / f"{WHEEL}{ATTESTED}"
    path.write_bytes(attest())
    report = judged(tmp_path, {}, evidence=(attached_file(str(path), DEFAULT, provenance=False),))
    assert (ids(report), len(report.signed)) == ([], 1)


def test_attested_sbom_of_an_index_attestation_is_read(tmp_path):
    """The form of PEP 740 holds the same statement."""
    bundle = json.loads(attest())
    attestation = {
        "version": 1,
        "verification_material": {
            "certificate": bundle["verificationMaterial"]["certificate"]["rawBytes"],
            "transparency_entries": bundle["verificationMaterial"]["tlogEntries"],
        },
        "envelope": {
            "statement": bundle["dsseEnvelope"]["payload"],
            "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
        },
    }
    sbom = AttachedSbom("x.attestation", as_bytes(attestation))
    report = judged(tmp_path, {}, sboms=(sbom,))
    assert (ids(report), report.signed[0].kind) == ([], EvidenceKind.ATTESTATION)
    assert layer(report)[0] is Status.PASSED


def spoilt():
    """An attestation whose SBOM was changed after it was signed."""
    bundle = json.loads(attest())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"numpy", b"numpi")
    bundle["dsseEnvelope"]["payload"] = b64(payload)
    return as_bytes(bundle)


def twice():
    """An attestation with one key twice in the signed payload."""
    payload = about(SBOM).replace(b'"bomFormat"', b'"bomFormat": "x", "bomFormat"', 1)
    return as_bytes(instance().bundle(b"", payload=payload))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (lambda: attest(SBOM, (WHEEL, b"another wheel")), ["subject-digest-mismatch"]),
        (lambda: attest(SBOM, ("other-1.0-py3-none-any.whl", DATA)), ["subject-name-mismatch"]),
        (lambda: attest(SBOM, (WHEEL, DATA), (SDIST, b"")), ["subject-count"]),
        (spoilt, ["log-entry-mismatch", "signature-invalid"]),
        (twice, ["statement-malformed"]),
        (lambda: attest("text"), ["statement-malformed"]),
        (lambda: attest(scts=0), ["certificate-timestamp-missing"]),
        (lambda: sign(SBOM), ["artifact-mismatch", "log-entry-mismatch"]),
        (lambda: as_bytes(SBOM), ["bundle-malformed"]),
        (lambda: b"", ["bundle-malformed"]),
    ],
)
def test_attested_sbom_that_is_not_authentic_is_not_read(evidence, expected, tmp_path):
    """MUST: what does not hold for this wheel rejects it, and the SBOM in it never counts."""
    report = judged(tmp_path, {ATTESTED: evidence()})
    assert ids(report) == expected
    assert report.verdict is Verdict.REJECTED
    why = f"1 SBOM, none in a form that is checked; not read, as its signature does not hold: `{WHEEL}{ATTESTED}`"
    assert layer(report) == (Status.NOT_RUN, why)


def test_attested_sbom_of_another_version_is_reported(tmp_path):
    """MUST: an honest signature does not make a wrong SBOM right."""
    report = judged(tmp_path, {ATTESTED: attest(OTHER_VERSION)})
    assert ids(report) == ["sbom-wrong-artifact"]
    status, why = layer(report)
    assert status is Status.FAILED
    assert why.endswith(f"; {VOUCHED}: `{WHEEL}{ATTESTED}`")


@pytest.mark.parametrize(
    ("files", "expected"),
    [({}, "identity-mismatch"), ({".sigstore.json": sign(DATA)}, "identity-unexpected-signer")],
)
def test_attested_sbom_of_a_stranger_is_reported(files, expected, tmp_path):
    """MUST: a signer whom the policy does not accept vouches for no SBOM, also beside a good signature."""
    report = judged(tmp_path, files | {ATTESTED: attest(claims=STRANGER)})
    assert ids(report) == [expected, "sbom-signer-mismatch"]
    assert report.verdict is Verdict.REJECTED
    (finding,) = [each for each in report.findings if each.id == "sbom-signer-mismatch"]
    assert "`https://issuer.example`, whom `test` does not accept: issuer is" in finding.message


def test_attested_sbom_may_come_from_an_earlier_job(tmp_path):
    """As for provenance, the environment is not asked of an attested SBOM; it alone says nothing of who signed the wheel."""
    repository = "https://github.com/demo/pkg"
    claims = {
        12: repository,
        14: "refs/tags/v1.0",
        18: f"{repository}/.github/workflows/release.yml@refs/tags/v1.0",
    }
    pinned = replace(
        ACCEPTED,
        kind="github",
        repository=repository,
        workflow="release.yml",
        subject="",
        issuer="",
        environment="pypi",
    )
    policy = replace(TRUSTING, rules=(Rule(identities=(pinned,), origin="test"),))
    released = {".sigstore.json": sign(DATA, claims=claims | {23: "pypi"})}
    assert ids(judged(tmp_path, released | {ATTESTED: attest(claims=claims)}, policy=policy)) == []
    other = attest(claims=claims | {12: "https://github.com/other/pkg"})
    found = ids(judged(tmp_path, released | {ATTESTED: other}, policy=policy))
    assert found == ["identity-unexpected-signer", "sbom-signer-mismatch"]
    (tmp_path / f"{WHEEL}.sigstore.json").unlink()
    assert ids(judged(tmp_path, {ATTESTED: attest(claims=claims)}, policy=policy)) == ["identity-mismatch"]


def test_attested_sbom_without_policy_is_read_and_the_signer_said(tmp_path):
    """Nobody said whom to trust: the SBOM is compared, its signer is shown, and the verdict stays open."""
    report = judged(tmp_path, {ATTESTED: attest(claims=STRANGER)}, policy=Policy())
    assert (ids(report), report.verdict) == ([], Verdict.INCONCLUSIVE)
    assert "vouched for by `https://issuer.example`" in layer(report)[1]


def test_attested_sbom_signer_that_cannot_be_judged_is_no_stranger(tmp_path):
    """A lock file's publisher of an unknown kind leaves the verdict open, as it does for the wheel."""
    wheel = tmp_path / WHEEL
    wheel.write_bytes(DATA)
    (tmp_path / f"{WHEEL}{ATTESTED}").write_bytes(attest())
    evidence = replace(gather(str(wheel), Wanted()), lock_identities=({"kind": "Unheard-of"},))
    report = judge(authenticated(evidence, Policy(), trust()), Policy())
    assert ids(report) == ["identity-unsupported"]


@pytest.mark.parametrize(
    ("predicate", "kind"),
    [
        ({}, CYCLONEDX),
        (None, CYCLONEDX),
        ({"bomFormat": "cyclonedx", "specVersion": "1.6"}, CYCLONEDX),
        ({"Data": SBOM}, CYCLONEDX),
        ({"spdxVersion": "SPDX-2.3"}, CYCLONEDX),
        (SBOM, SPDX),
        (SBOM, "https://cyclonedx.org/bom/"),
        (SBOM, "https://cyclonedx.org/bomb"),
        (SBOM, "https://in-toto.io/attestation/test-result/v0.1"),
    ],
)
def test_attested_sbom_that_is_none_is_reported(predicate, kind, tmp_path):
    """MUST: what is given as an attested SBOM attests one, of the standard that its type says."""
    report = judged(tmp_path, {ATTESTED: attest(predicate, kind=kind)})
    assert ids(report) == ["sbom-unrecognised"]
    assert layer(report)[0] is Status.FAILED


def test_signature_over_the_wheel_is_no_attested_sbom(tmp_path):
    """A plain signature under the name of an attested SBOM holds no SBOM."""
    report = judged(tmp_path, {ATTESTED: sign(DATA)})
    assert ids(report) == ["sbom-unrecognised"]
    assert layer(report, Layer.SIGNATURE)[0] is Status.PASSED


def test_attestation_of_an_unknown_type_is_no_sbom(tmp_path):
    """MUST: among other evidence, a type that is not known says nothing of SBOMs and is no fault."""
    report = judged(tmp_path, {".sigstore.json": attest(SBOM, kind="https://example.org/x/v1")})
    assert ids(report) == []
    assert layer(report) == (Status.NOT_RUN, "no SBOM in the wheel")


@pytest.mark.parametrize(
    ("predicate", "kind"),
    [
        ({"spdxVersion": "SPDX-2.3"}, SPDX),
        ({"spdxVersion": "SPDX-2.3"}, f"{SPDX}/v2.3"),
        ({"bomFormat": "CycloneDX", "specVersion": "9.9"}, CYCLONEDX),
    ],
)
def test_attested_sbom_of_an_unread_standard_is_told(predicate, kind, tmp_path):
    """SPDX, and versions of CycloneDX that are not known, are recognised and not called checked."""
    report = judged(tmp_path, {ATTESTED: attest(predicate, kind=kind)})
    assert ids(report) == ["sbom-not-checked"]
    assert layer(report)[0] is Status.NOT_RUN
    assert report.verdict is Verdict.INCONCLUSIVE


def test_attested_sbom_agrees_with_the_others(tmp_path):
    """MUST: an unsigned SBOM beside a signed one that says otherwise is a contradiction."""
    signed, unsigned = DISAGREEING
    good = judged(tmp_path, {ATTESTED: attest(signed), FILE: signed})
    assert ids(good) == ["sbom-dependency-unlisted"] * 2
    said = f"unsigned: `{WHEEL}{FILE}`; {VOUCHED}: `{WHEEL}{ATTESTED}`"
    assert layer(good)[1] == f"2 SBOMs (CycloneDX 1.6), 4 components, 2 from outside the wheel; {said}"
    report = judged(tmp_path, {ATTESTED: attest(signed), FILE: unsigned})
    assert [each.id for each in report.findings if each.severity is Severity.ERROR] == ["sboms-disagree"]


def test_attested_sbom_is_found_beside_a_wheel_alone(tmp_path):
    """MUST: `WHEEL.cdx.sigstore.json` is evidence of a wheel and never an SBOM without signature; an sdist has none."""
    wheel, sdist = tmp_path / WHEEL, tmp_path / SDIST
    wheel.write_bytes(DATA)
    sdist.write_bytes(build_sdist({}))
    for path in (wheel, sdist):
        path.with_name(path.name + ATTESTED).write_text("{}")
    found = gather(str(wheel), Wanted())
    assert [(each.origin, each.kind, each.as_sbom) for each in found.attached] == [
        (f"{wheel}{ATTESTED}", EvidenceKind.BUNDLE, True)
    ]
    assert found.sboms == ()
    assert gather(str(wheel), Wanted(sboms=())).attached == ()
    assert gather(str(sdist), Wanted()).attached == ()


@pytest.mark.parametrize(
    ("name", "content", "attests"),
    [
        ("x.json", b'{"verificationMaterial": {}}', True),
        ("x.json", b'{"verification_material": {}}', True),
        ("x.json", b'{"verificationMaterial": {}, "bomFormat": "CycloneDX"}', False),
        ("x.sigstore.json", b'{"verificationMaterial": {}, "bomFormat": "CycloneDX"}', True),
        ("x.sigstore", b'{"bomFormat": "CycloneDX"}', True),
        ("x.cdx.json", b'{"bomFormat": "CycloneDX", "x": "verificationMaterial"}', False),
        ("x.cdx.json", b"", False),
    ],
)
def test_named_sbom_is_told_from_an_attestation(name, content, attests, tmp_path):
    """What could be read as either is a document without signature, unless it is named as a signature."""
    wheel = tmp_path / WHEEL
    wheel.write_bytes(DATA)
    found = gather(str(wheel), Wanted(evidence=(), sboms=(AttachedSbom(name, content),)))
    assert ([each.origin for each in found.attached], [each.origin for each in found.sboms]) == (
        ([name], []) if attests else ([], [name])
    )
