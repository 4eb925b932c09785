"""Signed checkpoints of logs: a value or a `Refusal`."""

from __future__ import annotations

from mutations import any_lines
from pipeline import parsed

from epochly_verify.parse.checkpoint import parse_checkpoint

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read a checkpoint; what was signed is a part of what was read."""
    text = data.decode("utf-8", "replace")
    checkpoint = parsed(parse_checkpoint, text, "x")
    assert checkpoint is None or text.startswith(checkpoint.signed_text.decode())
