"""`pylock.toml` files: a source of digests or an `InputError`."""

from __future__ import annotations

from mutations import any_lines
from pipeline import WHEEL, parsed

from epochly_verify.limits import DEFAULT
from epochly_verify.parse.attestation_identities import rule_from_lock
from epochly_verify.parse.hashes import parse_hash_source
from epochly_verify.parse.pylock import parse_pylock

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it, by its name and by its looks, and ask for an artifact."""
    for parse in (parse_pylock, parse_hash_source):
        source = parsed(parse, data, "x", DEFAULT)
        if source is not None:
            source.expected_for(WHEEL)
            rule_from_lock(source.identities_for(WHEEL), "x")
