"""The negative rehearsal: attacks on a release that went through, each of which one named component has to refuse.

Nothing of the services is weakened for it. An attacker has the keys that one would have, and copies of the release's
files; `docs/guide/rehearse.md` says who refuses what, and why the index cannot refuse everything.
"""

from __future__ import annotations

from epochly_release.rehearsal.attacks import certificates, files, logs, stolen, tokens, uploads
from epochly_release.rehearsal.attacks.model import Attack, Row, all_refused
from epochly_release.rehearsal.attacks.run import Honest, rehearsed, run_attacks
from epochly_release.rehearsal.attacks.table import table

__all__ = ["ATTACKS", "ORDER", "Attack", "Honest", "Row", "all_refused", "rehearsed", "run_attacks", "table"]

ORDER = (
    "replayed token",
    "wrong repository",
    "wrong workflow",
    "wrong ref",
    "wrong environment",
    "tag-push trigger",
    "expired certificate",
    "certificate for another key",
    "forged checkpoint",
    "forged SCT",
    "entry from another log",
    "tampered wheel after signing",
    "swapped bundle",
    "SBOM of another version",
    "wheel rebuilt from another commit",
    "manifest signed by another run",
    "upload with a static token",
    "file already exists",
    "token of another audience",
    "stolen upload token",
    "tag by a job",
    "moved tag",
    "overwritten release",
)
"""Names of all attacks; several rows can have one."""

ATTACKS: tuple[Attack, ...] = tuple(
    sorted(
        (
            *tokens.ATTACKS,
            *certificates.ATTACKS,
            *logs.ATTACKS,
            *files.ATTACKS,
            *uploads.ATTACKS,
            *stolen.ATTACKS,
        ),
        key=lambda attack: ORDER.index(attack.name),
    )
)
"""Every attack, as the table shows them."""
