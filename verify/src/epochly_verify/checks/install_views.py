"""Part of layer `install`: every installer would install the same files.

A ZIP can be read in three ways: by the central directory keeping the last of duplicate entries (`zipfile`, so pip and
`installer`), keeping the first (uv on a local file), and from front to back by the local headers (uv from the
network). An honest archive gives the same files each way; where they differ, one file is two packages, and RECORD
fits at most one of them.

Attack: row z01, duplicate entries with different contents (CVE-2025-54368); rows z02, z03, z34.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.model import Finding, MemberKind
from epochly_verify.parse.distinfo import find_dist_info
from epochly_verify.parse.record import STRONG, parse_record, read_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.limits import Limits
    from epochly_verify.model import Evidence, Member

_UNREAD = b""  # stands for a file whose content could not be read


def view_findings(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    """Every file that does not come out the same, whoever reads the archive."""
    members, streamed = evidence.archive.members, evidence.archive.streamed
    if members == streamed and len({member.name for member in members}) == len(members):
        return
    last, first = _view(members), _view(reversed(members))
    streamed_last, streamed_first = _view(streamed), _view(reversed(streamed))
    listed: Mapping[str, bytes] | None = None
    for name in dict.fromkeys([*first, *streamed_first]):
        views = [view.get(name) for view in (last, first, streamed_last, streamed_first)]
        if all(view == views[0] for view in views):
            continue
        if listed is None:
            listed = _record_digests(evidence, limits)
        message = f"{_who_installs_what(*views)}; {_record_says(listed.get(name), views)}"
        yield Finding("installers-disagree", name, message)


def _who_installs_what(
    last: bytes | None, first: bytes | None, streamed_last: bytes | None, streamed_first: bytes | None
) -> str:
    seekers = f"pip and installer would install {_told(last)}, uv (on a file) {_told(first)}"
    if last == first:
        seekers = f"pip, installer and uv (on a file) would install {_told(last)}"
    streamer = _told(streamed_last)
    if streamed_last != streamed_first:
        streamer = f"{_told(streamed_first)} and then {streamer}"
    return f"{seekers}, a streaming reader {streamer}"


def _view(members: Iterable[Member]) -> dict[str, bytes]:
    """Name -> SHA-256 of what is installed when the last of equal names wins."""
    return {
        member.name: member.digests.get("sha256", _UNREAD)
        for member in members
        if member.kind is not MemberKind.DIRECTORY
    }


def _told(digest: bytes | None) -> str:
    if digest is None:
        return "nothing"
    return f"sha256 {digest.hex()[:12]}" if digest else "what cannot be read"


def _record_says(digest: bytes | None, views: list[bytes | None]) -> str:
    if digest is None:
        return "RECORD gives no sha256 for it"
    return f"RECORD names {_told(digest)}" + ("" if digest in views else ", which is none of them")


def _record_digests(evidence: Evidence, limits: Limits) -> dict[str, bytes]:
    info = find_dist_info(evidence.archive, evidence.filename)
    member = info.files.get("RECORD") if info else None
    if member is None or member.content is None:
        return {}
    found: dict[str, bytes] = {}
    for row in parse_record(member.content, member.name, limits).rows:
        algorithm, _, text = row.hash.partition("=")
        digest = read_digest(text, STRONG["sha256"])[0] if algorithm == "sha256" else None
        if digest is not None:
            found[row.path] = digest
    return found
