"""Layer `archive`: is the container one thing to every reader, and safe to unpack?

The walk itself happens while the artifact is read (`parse/zip.py`, `parse/tar.py`); this states its outcome. An
artifact that cannot be opened has an error finding, so this layer always runs.

Specification: see the parsers; the attacks are listed with the findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.model import Outcome, Ran

if TYPE_CHECKING:
    from epochly_verify.model import Evidence
    from epochly_verify.policy import Policy


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """The container's defects, as the parser found them."""
    del policy  # its limits were applied while reading
    members = evidence.archive.members
    plural = "" if len(members) == 1 else "s"
    unpacked = sum(member.size_bytes for member in members)
    return Ran(evidence.archive.defects, f"{len(members)} member{plural}, {_size(unpacked)} unpacked")


def _size(size_bytes: int) -> str:
    """A size as a person reads it, in decimal units."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value:.1f} GB"
