"""RECORD: a value with its problems; nothing is raised."""

from __future__ import annotations

from mutations import any_lines
from pipeline import assert_findings

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer
from epochly_verify.parse.record import loose_key, parse_record, path_problem, read_digest

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it."""
    found = parse_record(data, "RECORD", DEFAULT)
    assert_findings(found.problems, Layer.RECORD)
    for row in found.rows:
        assert_findings(filter(None, [path_problem(row.path)]), Layer.RECORD)
        loose_key(row.path)
        read_digest(row.hash.partition("=")[2], 32)
