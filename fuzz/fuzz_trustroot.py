"""Trust roots and client trust configurations: a value or an `InputError`."""

from __future__ import annotations

from mutations import any_json
from pipeline import parsed

from epochly_verify.parse.trustroot import parse_trust_root

mutate = any_json


def one_input(data: bytes) -> None:
    """Read a trust root."""
    parsed(parse_trust_root, data, "trusted_root.json")
