"""WHEEL: a value or none, with problems; nothing is raised."""

from __future__ import annotations

from mutations import any_lines
from pipeline import assert_findings

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer
from epochly_verify.parse.wheelfile import MAX_TAGS, only_renamed, parse_wheel_file

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it, and compare its tags with others."""
    wheel, problems = parse_wheel_file(data, "WHEEL", DEFAULT)
    assert_findings(problems, Layer.METADATA)
    assert wheel is not None or problems
    if wheel is not None:
        assert len(wheel.tags) <= MAX_TAGS
        only_renamed(wheel.tags, {"py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"})
