"""METADATA: a value or none, with problems; nothing is raised."""

from __future__ import annotations

from mutations import any_lines
from pipeline import assert_findings

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer
from epochly_verify.parse.metadata import parse_metadata

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it."""
    metadata, problems = parse_metadata(data, "METADATA", DEFAULT)
    assert_findings(problems, Layer.METADATA)
    assert metadata is not None or problems
