"""What a release at a forge must be: tag, texts and the hash of every asset. Pure values; nothing is read or sent.

Names that a forge would change on the way, or that git refuses, are refused here.

Sources: git-check-ref-format (tags); GitHub's REST API, "upload a release asset" (names of assets).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TAG = re.compile(r"(?![/.-])(?!.*(?:\.\.|//|/\.|\.lock(?:/|\Z)))[\w./+-]+(?<![/.])", re.ASCII)
_ASSET = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")  # other names are changed by the forge


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release must be.

    Attributes:
        tag: name of a tag that is already made.
        commit: what the tag names, in full hexadecimal.
        name: title.
        body: text, in Markdown.
        assets: sha256 in hexadecimal and size in bytes of each file, by name.
        prerelease: whether the forge calls it a pre-release.

    Raises:
        ValueError: one of these is not so, or the forge would change an asset's name.
    """

    tag: str
    commit: str
    name: str
    body: str
    assets: Mapping[str, tuple[str, int]]
    prerelease: bool = False

    def __post_init__(self) -> None:
        require_tag(self.tag, self.commit)
        for name, (sha256, size) in self.assets.items():
            if not _ASSET.fullmatch(name) or not re.fullmatch(r"[0-9a-f]{64}", sha256) or size < 1:
                raise ValueError(f"{name!r} cannot be an asset: {sha256!r}, {size!r} bytes")


def require_tag(tag: str, commit: str) -> None:
    """Raises `ValueError` unless these can be a tag and a commit."""
    if not _TAG.fullmatch(tag) or not COMMIT.fullmatch(commit):
        raise ValueError(f"no tag at a commit: {tag!r}, {commit!r}")
