"""The library interface: one call, one report, and errors that are values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import epochly_verify
from epochly_verify import Identity, InputError, Policy, Rule, Verdict, Wanted, verify
from epochly_verify.api import examine
from epochly_verify.gather import gather
from epochly_verify.limits import Limits
from epochly_verify.model import Attached, EvidenceKind, Layer, Status
from epochly_verify.parse.source import FileSource
from epochly_verify.run import summarise

VECTORS = Path(__file__).parents[1] / "vectors"
RFC8785 = VECTORS / "signed" / "rfc8785" / "rfc8785-0.1.2-py3-none-any.whl"
PLAIN = VECTORS / "attack-wheels" / "00_ok" / "demo_pkg-1.0-py3-none-any.whl"
PUBLISHER = Identity("github", repository="https://github.com/trailofbits/rfc8785.py", workflow="release.yml")
TRUSTED = Policy(rules=(Rule(identities=(PUBLISHER,), origin="test"),))


def bundle() -> Wanted:
    """The wheel's own bundle, named rather than found."""
    data = Path(f"{RFC8785}.sigstore.json").read_bytes()
    return Wanted(evidence=(Attached("bundle", EvidenceKind.BUNDLE, data),))


def test_verify_returns_a_verified_report():
    """The right publisher: every required layer passed, and the report says under which policy."""
    report = verify(RFC8785, TRUSTED, wanted=bundle())
    assert report.verdict is Verdict.VERIFIED
    (artifact,) = report.artifacts
    assert artifact.policy == "test"
    passed = {result.layer for result in artifact.layers if result.status is Status.PASSED}
    assert set(artifact.required) <= passed
    assert artifact.signed[0].authentic


def test_verify_without_a_policy_is_inconclusive():
    """A valid signature by nobody in particular proves nothing."""
    report = verify(str(RFC8785), wanted=bundle())
    assert report.verdict is Verdict.INCONCLUSIVE
    status = {result.layer: result.status for result in report.artifacts[0].layers}
    assert status[Layer.SIGNATURE] is Status.PASSED
    assert status[Layer.IDENTITY] is Status.NOT_RUN


def test_verify_requires_nothing_is_never_verified():
    """A policy that requires no layer verifies nothing."""
    assert verify(PLAIN, Policy(require=frozenset())).verdict is Verdict.INCONCLUSIVE


def test_report_of_nothing_is_never_verified():
    """An empty run is inconclusive."""
    assert summarise((), TRUSTED).verdict is Verdict.INCONCLUSIVE


def test_verify_missing_file_raises_an_error_with_parts():
    """Code, place, message and hint can be used on their own."""
    with pytest.raises(InputError) as caught:
        verify("gone-1.0-py3-none-any.whl")
    assert (caught.value.code, caught.value.where) == ("missing", "gone-1.0-py3-none-any.whl")
    assert caught.value.hint


def test_verify_limits_are_the_policys():
    """A file over the limit is refused before it is read."""
    with pytest.raises(InputError, match="more than 10"):
        verify(PLAIN, Policy(limits=Limits(artifact_bytes=10)))


def test_gather_notices_a_file_that_changes(tmp_path, monkeypatch):
    """A file written to while it is read gives no evidence, since two reads may have seen two files."""
    wheel = tmp_path / PLAIN.name
    wheel.write_bytes(PLAIN.read_bytes())
    original = FileSource.read_at

    def slow(self, offset, length):
        os.utime(wheel, ns=(1, 1))
        return original(self, offset, length)

    monkeypatch.setattr(FileSource, "read_at", slow)
    with pytest.raises(InputError, match="changed while it was read"):
        gather(str(wheel), Wanted())


def test_examine_evidence_that_is_not_required_still_counts_against():
    """Something wrong is wrong, even in a layer nobody required."""
    wanted = Wanted(evidence=(Attached("x", EvidenceKind.BUNDLE, b"{}"),))
    policy = Policy(require=frozenset({Layer.ARCHIVE}))
    assert examine(str(PLAIN), wanted, policy, epochly_verify.api.default_trust()).verdict is Verdict.REJECTED


def test_public_names_are_all_there():
    """Everything in `__all__` can be had, lazily."""
    for name in epochly_verify.__all__:
        assert getattr(epochly_verify, name) is not None
    with pytest.raises(AttributeError):
        _ = epochly_verify.nonsense
