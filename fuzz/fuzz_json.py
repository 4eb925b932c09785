"""Strict JSON: a value that can be written again, or an `InputError`."""

from __future__ import annotations

import json

from mutations import any_json
from pipeline import parsed

from epochly_verify.parse.strictjson import load_json

mutate = any_json


def one_input(data: bytes) -> None:
    """Read it; what is accepted means the same to the standard reader."""
    value = parsed(load_json, data, "x")
    if value is not None:
        assert json.loads(data) == value
        json.dumps(value, ensure_ascii=False).encode()
