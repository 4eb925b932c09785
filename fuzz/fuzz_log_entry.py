"""Bodies of log entries, of every kind: they match the bundle, or a `Refusal`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache

from mutations import any_json
from pipeline import parsed
from specimens import bundles, signed

from epochly_verify.authenticity.entry import Signer, require_entry_matches
from epochly_verify.model import EvidenceKind
from epochly_verify.parse.attestation import parse_attestation
from epochly_verify.parse.bundle import parse_bundle

mutate = any_json


def one_input(data: bytes) -> None:
    """Put the body into every known bundle, its own among them, so that it is compared to its end."""
    for bundle, digest, signer in _known():
        entry = replace(bundle.entry, body=data)
        parsed(require_entry_matches, replace(bundle, entry=entry), signer, digest, "x")


@cache
def _known() -> tuple:
    """Every known bundle and attestation, with what it is about and who signed it."""
    found = [(parse_bundle(case.bundle, case.name), case.sha256) for case in bundles()]
    for specimen in signed():
        if specimen.evidence.kind is EvidenceKind.ATTESTATION:
            digest = hashlib.sha256(specimen.data).digest()
            found.append((parse_attestation(specimen.evidence.data, "x").bundle, digest))
    return tuple(
        (bundle, digest, Signer(bundle.chain[0]) if bundle.chain else Signer(key=b"key"))
        for bundle, digest in found
    )
