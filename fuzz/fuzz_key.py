"""Public keys, PEM and DER: a key or `None`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutations import any_der, any_pem

from epochly_verify.authenticity.keys import load_der_key, load_pem_key, verifies, verifies_sha256

if TYPE_CHECKING:
    import random


def mutate(data: bytes, r: random.Random) -> bytes:
    """Another key in the same form."""
    return (any_pem if data.startswith(b"-----") else any_der)(data, r)


def one_input(data: bytes) -> None:
    """Read a key, and ask it about a signature."""
    for key in (load_der_key(data), load_pem_key(data)):
        if key is not None:
            assert not verifies(key, b"signature", b"data")
            assert not verifies_sha256(key, b"signature", b"0" * 32)
