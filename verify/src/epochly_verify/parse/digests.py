"""Digests of whole artifacts, read in pieces so that memory stays flat."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from epochly_verify.parse.source import Source

CHUNK_BYTES = 1 << 20  # one read; large enough that the calls do not matter

# Algorithms a RECORD row may use: those with at least 224 bits and no known collisions ("sha256 or better", PEP 427).
RECORD_ALGORITHMS = frozenset(
    {
        "sha224",
        "sha256",
        "sha384",
        "sha512",
        "sha3_224",
        "sha3_256",
        "sha3_384",
        "sha3_512",
        "blake2b",
        "blake2s",
    }
)


def digest_source(source: Source, algorithms: Collection[str]) -> dict[str, str]:
    """Lower-case hexadecimal digests of everything in `source`, one for each algorithm named.

    Args:
        source: what to read, once, from the beginning to the end.
        algorithms: `hashlib` names of fixed-length digests.

    Raises:
        ValueError: `hashlib` does not have an algorithm, or its length is not fixed.
        InputError: the source cannot be read.
    """
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in dict.fromkeys(algorithms)}
    for name, state in hashes.items():
        if not state.digest_size:
            raise ValueError(f"{name!r} has no fixed length")
    offset = 0
    while chunk := source.read_at(offset, CHUNK_BYTES):
        offset += len(chunk)
        for state in hashes.values():
            state.update(chunk)
    return {name: state.hexdigest() for name, state in hashes.items()}
