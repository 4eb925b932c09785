"""Layer `install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.model import NotRun, Outcome

if TYPE_CHECKING:
    from epochly_verify.model import Evidence
    from epochly_verify.policy import Policy


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Not written yet."""
    del evidence, policy
    return NotRun("not written yet")
