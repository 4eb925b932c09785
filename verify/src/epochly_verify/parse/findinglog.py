"""Collects a parser's findings: none twice, and no more of one id than anybody will read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly_verify.model import Finding

MAX_PER_ID = 1_000  # findings; a report lists 50 of one id, and a hostile archive could make millions


class FindingLog:
    """Findings in the order they came."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        self._counts: dict[str, int] = {}

    def append(self, finding: Finding) -> None:
        """Add a finding, unless it is there already or there are enough of its id."""
        if finding in self._found:
            return
        count = self._counts[finding.id] = self._counts.get(finding.id, 0) + 1
        if count <= MAX_PER_ID:
            self._found[finding] = None

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add several."""
        for finding in findings:
            self.append(finding)

    def findings(self) -> tuple[Finding, ...]:
        """All that were kept."""
        return tuple(self._found)
