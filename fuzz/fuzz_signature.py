"""Whole bundles through `authenticate`: judged, never raised, and what is authentic says what it always said."""

from __future__ import annotations

from functools import cache

from mutations import any_json
from pipeline import assert_findings
from specimens import bundles

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind, Layer
from epochly_verify.signatures import Target, authenticate

mutate = any_json


def one_input(data: bytes) -> None:
    """Judge the bundle by the trust root of every instance."""
    for case, honest in _known():
        (signed,) = authenticate(
            (Attached("x", EvidenceKind.BUNDLE, data),), Target(case.sha256), case.root, case.key, DEFAULT
        )
        assert_findings((*signed.problems, *signed.notes), Layer.SIGNATURE)
        if signed.authentic:
            assert (signed.claims, signed.key_id, signed.log) == (honest.claims, honest.key_id, honest.log)
            assert (signed.log_index, signed.statement) == (honest.log_index, honest.statement)
            assert set(signed.times) <= set(honest.times)


@cache
def _known() -> tuple:
    """One case an instance, with what its own bundle says."""
    found = {}
    for case in bundles():
        evidence = (Attached("x", EvidenceKind.BUNDLE, case.bundle),)
        (honest,) = authenticate(evidence, Target(case.sha256), case.root, case.key, DEFAULT)
        assert honest.authentic
        found[case.root.origin, case.key is None] = (case, honest)
    return tuple(found.values())
