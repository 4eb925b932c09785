"""Sigstore bundles: a value or a `Refusal`."""

from __future__ import annotations

from mutations import any_json
from pipeline import parsed

from epochly_verify.parse.bundle import parse_bundle

mutate = any_json


def one_input(data: bytes) -> None:
    """Read a bundle."""
    parsed(parse_bundle, data, "x.sigstore.json")
