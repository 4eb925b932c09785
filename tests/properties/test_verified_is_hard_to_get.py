"""MUST: `verified` is said of exactly the bytes that were signed, and only of evidence that says what it said.

Real signed artifacts and their real evidence, with one of the two spoilt. A report that is still `verified` after the
evidence was changed has to name the same signer, times, log entry and statement: then the change meant nothing.
"""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import any_bytes, any_json, any_tar, any_zip, spliced
from pipeline import WHEEL, assert_rendered, assert_report, judged
from specimens import POLICY, signed, wheels

from epochly_verify.model import EvidenceKind, Verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

SPECIMENS = st.sampled_from(signed())
RANDOMS = st.randoms(use_true_random=False)


def facts(report):
    """What the report says of each signature, save where it lay and how often a time was proven."""
    return [
        dataclasses.replace(one, origin="", notes=(), times=tuple(sorted(set(one.times))), evidence_sha256="")
        for one in report.signed
    ]


@pytest.mark.parametrize("specimen", signed(), ids=lambda s: s.evidence.origin)
def test_specimen_is_verified_as_published(specimen):
    """The honest start of every property here: artifact and evidence as they were published are `verified`."""
    report = judged(specimen.data, specimen.filename, attached=(specimen.evidence,)).report
    assert report.verdict is Verdict.VERIFIED
    assert_report(report)
    assert_rendered(report)


@given(specimen=SPECIMENS, r=RANDOMS)
def test_changed_artifact_is_never_verified(specimen, r):
    """MUST: if the artifact's bytes changed, the verdict is not `verified` with the original evidence."""
    mutate = r.choice((any_bytes, any_zip if specimen.filename.endswith(".whl") else any_tar))
    spoilt = mutate(specimen.data, r)
    report = judged(spoilt, specimen.filename, attached=(specimen.evidence,)).report
    assert_report(report)
    assert (report.verdict is Verdict.VERIFIED) == (spoilt == specimen.data)
    assert_rendered(report)


@given(specimen=SPECIMENS, other=SPECIMENS, r=RANDOMS)
def test_spliced_artifact_is_never_verified(specimen, other, r):
    """MUST: the front of one signed artifact and the back of another are neither."""
    spoilt = spliced(specimen.data, other.data, r)
    report = judged(spoilt, specimen.filename, attached=(specimen.evidence, other.evidence)).report
    assert_report(report)
    assert report.verdict is not Verdict.VERIFIED or spoilt == specimen.data


@given(specimen=SPECIMENS, r=RANDOMS)
def test_changed_evidence_says_the_same_or_is_not_verified(specimen, r):
    """MUST: evidence that was changed is refused, unless the change means nothing."""
    honest = judged(specimen.data, specimen.filename, attached=(specimen.evidence,)).report
    spoilt = dataclasses.replace(specimen.evidence, data=any_json(specimen.evidence.data, r))
    report = judged(specimen.data, specimen.filename, attached=(spoilt,)).report
    assert_report(report)
    assert_rendered(report)
    assert report.verdict is not Verdict.VERIFIED or _same(facts(report), facts(honest))


@given(specimen=SPECIMENS, data=st.binary(max_size=200), kind=st.sampled_from(EvidenceKind))
@example(signed()[0], b"", EvidenceKind.PROVENANCE)
@example(signed()[0], b'{"version": 1, "attestation_bundles": []}', EvidenceKind.PROVENANCE)
@example(signed()[0], b"[" * 100_000, EvidenceKind.BUNDLE)
def test_bad_evidence_beside_good_is_not_overlooked(specimen, data, kind):
    """MUST: every piece of evidence counts: one that cannot be read rejects the artifact, whatever else is there."""
    broken = dataclasses.replace(specimen.evidence, data=data, kind=kind)
    report = judged(specimen.data, specimen.filename, attached=(specimen.evidence, broken)).report
    assert_report(report)
    assert report.verdict is Verdict.REJECTED


@given(specimen=SPECIMENS, r=RANDOMS)
def test_evidence_in_other_clothes_is_not_verified(specimen, r):
    """MUST: evidence is read as what it was given as; a bundle is no attestation and neither is a provenance."""
    kind = r.choice([kind for kind in EvidenceKind if kind is not specimen.evidence.kind])
    report = judged(
        specimen.data,
        specimen.filename,
        attached=(dataclasses.replace(specimen.evidence, kind=kind),),
    ).report
    assert report.verdict is Verdict.REJECTED


@given(specimen=SPECIMENS, name=st.text(max_size=30), ending=st.sampled_from([".whl", ".tar.gz", ".zip", ""]))
@example(signed()[0], "", ".whl")
@example(signed()[0], "RFC8785-0.1.2-py3-none-any", ".whl")
@example(signed()[0], "rfc8785-00.1.2-py3-none-any", ".whl")
@example(signed()[0], "rfc8785-0.1.2-1-py3-none-any", ".whl")
def test_any_file_name_gives_a_report(specimen, name, ending):
    """MUST: whatever the file is called, there is a report; another name than the signed one is never verified."""
    filename = name + ending
    if "/" in filename or filename in {"", specimen.filename}:
        return
    report = judged(specimen.data, filename, attached=(specimen.evidence,)).report
    assert_report(report)
    assert_rendered(report)
    same = filename.lower() == specimen.filename.lower()
    assert report.verdict is not Verdict.VERIFIED or same or specimen.evidence.kind is EvidenceKind.BUNDLE


@given(data=st.sampled_from(wheels()), r=RANDOMS)
def test_unsigned_wheel_is_never_verified(data, r):
    """MUST: without evidence there is a report and never `verified`, even where the policy asks for nothing."""
    spoilt = any_zip(data, r)
    for policy in (POLICY, dataclasses.replace(POLICY, require=frozenset())):
        report = judged(spoilt, WHEEL, policy=policy).report
        assert_report(report)
        assert report.verdict is not Verdict.VERIFIED


@given(specimen=SPECIMENS, r=RANDOMS)
def test_publisher_of_a_provenance_is_not_believed(specimen, r):
    """MUST: the publisher object is unsigned: what it says never changes who signed."""
    if specimen.evidence.kind is not EvidenceKind.PROVENANCE:
        return
    document = json.loads(specimen.evidence.data)
    publisher = document["attestation_bundles"][0]["publisher"]
    publisher[r.choice([*publisher, "claims", "x"])] = r.choice(
        ["x", "GitHub", 1, None, {}, [], "trailofbits/x"]
    )
    spoilt = dataclasses.replace(specimen.evidence, data=json.dumps(document).encode())
    report = judged(specimen.data, specimen.filename, attached=(spoilt,)).report
    honest = judged(specimen.data, specimen.filename, attached=(specimen.evidence,)).report
    for one, published in zip(report.signed, honest.signed, strict=False):
        assert one.claims in {published.claims, None}


def _same(found, honest):
    """Nothing is said that was not said before; a signature may stand twice, and a time may be proven less often."""
    return bool(found) and all(any(_says_no_more(one, other) for other in honest) for one in found)


def _says_no_more(one, other):
    without = {"times": (), "publisher": None}
    return set(one.times) <= set(other.times) and dataclasses.replace(one, **without) == dataclasses.replace(
        other, **without
    )
