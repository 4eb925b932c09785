"""What the rehearsed forge answers with: releases and assets as values and as JSON, pages of a list, refusals.

Only documented fields are in it, and no more of them than a client of releases looks at. Nothing is decided here.

Specification: GitHub's REST API, "releases", "release assets", "using pagination", "troubleshooting".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.reply import json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_release.rehearsal.reply import Reply

MOST_PER_PAGE = 100


@dataclass(slots=True)
class Asset:
    """One asset; `content` is what of it arrived."""

    id: int
    name: str
    content_type: str
    content: bytes
    state: str
    key: str


@dataclass(slots=True)
class Release:
    """One release."""

    id: int
    tag_name: str
    target_commitish: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    created: str
    published: str | None = None
    assets: dict[int, Asset] = field(default_factory=dict)


def release_document(
    url: str, web: str, release: Release, *, fixed: bool, with_digests: bool
) -> dict[str, Any]:
    """A release; `url` is the repository's at the API, `web` the address that users see."""
    address = f"{url}/releases/{release.id}"
    assets = [
        asset_document(url, web, release, one, with_digest=with_digests) for one in release.assets.values()
    ]
    return {
        "url": address,
        "assets_url": f"{address}/assets",
        "upload_url": f"{address}/assets{{?name,label}}",
        "id": release.id,
        "tag_name": release.tag_name,
        "target_commitish": release.target_commitish,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": fixed,
        "created_at": release.created,
        "published_at": release.published,
        "assets": assets,
    }


def asset_document(
    url: str, web: str, release: Release, asset: Asset, *, with_digest: bool
) -> dict[str, Any]:
    """An asset; the forge takes the digest of one that arrived whole."""
    whole = with_digest and asset.state == "uploaded"
    page = f"{web}/{url.partition('/repos/')[2]}/releases/download"
    return {
        "url": f"{url}/releases/assets/{asset.id}",
        "browser_download_url": f"{page}/{release.tag_name}/{asset.name}",
        "id": asset.id,
        "name": asset.name,
        "label": "",
        "state": asset.state,
        "content_type": asset.content_type,
        "size": len(asset.content),
        "digest": f"sha256:{hashlib.sha256(asset.content).hexdigest()}" if whole else None,
    }


def paged_reply(url: str, items: Sequence[Any], query: Mapping[str, str], key: str = "") -> Reply:
    """One page of a list: bare, or under a key beside the count of all; `Link` says whether there is another."""
    size = min(_number(query.get("per_page"), 30), MOST_PER_PAGE)
    page = _number(query.get("page"), 1)
    shown = list(items[(page - 1) * size : page * size])
    more = (
        {"Link": f'<{url}?per_page={size}&page={page + 1}>; rel="next"'} if page * size < len(items) else {}
    )
    document = {"total_count": len(items), key: shown} if key else shown
    return json_reply(document, headers=more)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"[1-9][0-9]{0,8}", text) else otherwise


def invalid(resource: str, code: str, name: str) -> Reply:
    """The refusal of a request whose field is missing, wrong or taken."""
    errors = [{"resource": resource, "code": code, "field": name}]
    return refusal(422, "Validation Failed", errors=errors)


def refusal(status: int, message: str, **more: Any) -> Reply:
    """A refusal as the forge words them: a message, and its status once more."""
    return json_reply({"message": message, **more, "status": str(status)}, status)
