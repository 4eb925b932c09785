"""In-toto statements: a value or a `Refusal`."""

from __future__ import annotations

from mutations import any_json
from pipeline import parsed

from epochly_verify.parse.statement import parse_statement

mutate = any_json


def one_input(data: bytes) -> None:
    """Read a statement; its digests are text."""
    statement = parsed(parse_statement, data, "x")
    for subject in statement.subjects if statement else ():
        assert all(isinstance(digest, str) for digest in subject.digests.values())
