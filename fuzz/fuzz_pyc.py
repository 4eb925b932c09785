"""`.pyc` files: a head or a `ValueError`, then a fingerprint or an `InputError`."""

from __future__ import annotations

from contextlib import suppress

from mutations import any_bytes
from pipeline import parsed

from epochly_verify.parse.marshal import code_fingerprint
from epochly_verify.parse.pyc import HEAD_BYTES, parse_pyc_head

mutate = any_bytes


def one_input(data: bytes) -> None:
    """Read head and code; the code also where the head is wrong."""
    with suppress(ValueError):
        parse_pyc_head(data)
    parsed(code_fingerprint, data[HEAD_BYTES:], "x.pyc")
