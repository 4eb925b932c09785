"""entry_points.txt: a value with its problems; nothing is raised."""

from __future__ import annotations

from mutations import any_lines
from pipeline import assert_findings

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer
from epochly_verify.parse.entry_points import is_object_reference, parse_entry_points

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it."""
    found = parse_entry_points(data, "entry_points.txt", DEFAULT)
    assert_findings(found.problems, Layer.METADATA)
    for entry in found.entries:
        is_object_reference(entry.value)
