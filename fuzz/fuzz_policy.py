"""Policies: one that is in force, or a `PolicyError`."""

from __future__ import annotations

from mutations import any_lines
from pipeline import WHEEL, assert_error, judged
from specimens import signed

from epochly_verify.errors import PolicyError
from epochly_verify.parse.policy import parse_policy

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it, and judge an artifact by it."""
    try:
        policy = parse_policy(data, "policy.toml")
    except PolicyError as error:
        assert_error(error)
        return
    judged(signed()[0].data, WHEEL, policy=policy, limits=policy.limits)
