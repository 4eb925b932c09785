"""Strict TOML: a table, or an `InputError`."""

from __future__ import annotations

import tomllib

from mutations import any_lines
from pipeline import parsed

from epochly_verify.parse.stricttoml import load_toml

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it; what is accepted means the same to the standard reader."""
    table = parsed(load_toml, data, "x")
    assert table is None or repr(tomllib.loads(data.decode())) == repr(table)
