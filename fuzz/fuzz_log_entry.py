"""Bodies of log entries, of every kind: they match the bundle, or a `Refusal`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mutations import any_json
from pipeline import parsed
from specimens import bundles

from epochly_verify.authenticity.entry import Signer, require_entry_matches
from epochly_verify.parse.bundle import parse_bundle

mutate = any_json


def one_input(data: bytes) -> None:
    """Put the body into every known bundle."""
    for bundle, digest, signer in _known():
        for kind, version in (
            ("hashedrekord", "0.0.1"),
            ("hashedrekord", "0.0.2"),
            ("dsse", "0.0.1"),
            ("intoto", "0.0.2"),
        ):
            entry = replace(bundle.entry, body=data, kind=kind, version=version)
            parsed(require_entry_matches, replace(bundle, entry=entry), signer, digest, "x")


@cache
def _known() -> tuple:
    """One bundle with a message signature, one with an envelope, one without a certificate."""
    found = {}
    for case in bundles():
        bundle = parse_bundle(case.bundle, case.name)
        signer = Signer(bundle.chain[0]) if bundle.chain else Signer(key=b"key")
        found[bundle.envelope is None, bool(bundle.chain)] = (bundle, case.sha256, signer)
    return tuple(found.values())
