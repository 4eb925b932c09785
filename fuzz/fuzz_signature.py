"""Whole bundles through `authenticate`: judged, never raised, and what is authentic says what it always said."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mutations import any_json
from pipeline import assert_findings
from specimens import bundles

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind, Layer
from epochly_verify.signatures import Target, authenticate

if TYPE_CHECKING:
    from epochly_verify.model import Signed

mutate = any_json


def one_input(data: bytes) -> None:
    """Judge the bundle by the trust root of every instance."""
    cases, honest = _known()
    for case in cases:
        (signed,) = authenticate(
            (Attached("x", EvidenceKind.BUNDLE, data),), Target(case.sha256), case.root, case.key, DEFAULT
        )
        assert_findings((*signed.problems, *signed.notes), Layer.SIGNATURE)
        assert not signed.authentic or any(_same(signed, known) for known in honest), signed


def _same(signed: Signed, known: Signed) -> bool:
    return (
        (signed.claims, signed.key_id, signed.log) == (known.claims, known.key_id, known.log)
        and (signed.log_index, signed.statement) == (known.log_index, known.statement)
        and set(signed.times) <= set(known.times)
    )


@cache
def _known() -> tuple:
    """One case an instance and kind of signer, and what every known bundle says."""
    cases, honest = {}, []
    for case in bundles():
        evidence = (Attached("x", EvidenceKind.BUNDLE, case.bundle),)
        honest += authenticate(evidence, Target(case.sha256), case.root, case.key, DEFAULT)
        cases[case.root.origin, case.key is None] = case
    assert all(signed.authentic for signed in honest)
    return tuple(cases.values()), tuple(honest)
