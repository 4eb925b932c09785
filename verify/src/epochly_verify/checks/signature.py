"""Layer `signature`: is there evidence, and is all of it authentic?

The judging itself was done by `signatures.authenticate`; here its result becomes a layer. Every piece must hold:
one good signature does not make up for a forged one beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.model import NotRun, Outcome, Ran

if TYPE_CHECKING:
    from epochly_verify.model import Evidence
    from epochly_verify.policy import Policy


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Passes when there is evidence and every piece of it is authentic."""
    del policy
    if evidence.trust_problem:
        return NotRun(evidence.trust_problem)
    if evidence.signed is None:
        return NotRun("signatures were not looked at")
    if not evidence.signed:
        return NotRun("no signature or attestation was found beside it or given")
    findings = tuple(finding for signed in evidence.signed for finding in (*signed.problems, *signed.notes))
    count = len(evidence.signed)
    return Ran(findings, f"{count} signature{'' if count == 1 else 's'} valid")
