"""PEP 740 attestations and provenance documents: values that carry their refusal, or a `Refusal`."""

from __future__ import annotations

from mutations import any_json
from pipeline import assert_findings, parsed

from epochly_verify.parse.attestation import parse_attestation, parse_provenance

mutate = any_json


def one_input(data: bytes) -> None:
    """Read it as either."""
    found = [parse_attestation(data, "x"), *(parsed(_provenance, data) or ())]
    for attestation in found:
        assert (attestation.bundle is None) == (attestation.refusal is not None)
        if attestation.refusal is not None:
            assert_findings([attestation.refusal.finding])


def _provenance(data: bytes) -> list:
    return parse_provenance(data, "x", most=20)
