"""Releases of the rehearsed forge: drafts, their assets, and what is published for good.

A draft can be changed by whoever may write; it has no address by tag. A published release is immutable: its tag and its
assets stay, only title and text may still be mended. An upload can be made to break, as the real ones do: it then leaves a
half asset under its name, which bars the name until it is removed. Refusals have the forge's status.

Specification: GitHub's REST API, "releases" and "release assets"; GitHub's documentation of immutable releases.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.forge_documents import (
    Asset,
    Release,
    asset_document,
    invalid,
    paged_reply,
    refusal,
    release_document,
)
from epochly_release.rehearsal.reply import Reply, json_object, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.rehearsal.forge_tags import Caller, Tags
    from epochly_release.rehearsal.keys import Sources

_TEXTS = {
    "tag_name": str,
    "target_commitish": str,
    "name": str,
    "body": str,
    "draft": bool,
    "prerelease": bool,
}
_FIXED = {"tag_name", "target_commitish", "draft", "prerelease"}  # of an immutable release


class Releases:
    """Every release of one repository.

    Attributes:
        immutable: whether what is published is held to stay.
        gives_digests: whether answers name the sha256 of an asset; older forges do not.
        breaking_uploads: so many uploads from now on break half-way.
        held: the releases, by id.
    """

    def __init__(self, url: str, web: str, tags: Tags, sources: Sources) -> None:
        self.immutable = True
        self.gives_digests = True
        self.breaking_uploads = 0
        self.held: dict[int, Release] = {}
        self._url = url
        self._web = web
        self._tags = tags
        self._sources = sources
        self._last_id = 0

    def list(self, query: Mapping[str, str]) -> Reply:
        """`GET /releases`: the newest first, drafts too."""
        newest = sorted(self.held.values(), key=lambda one: -one.id)
        return paged_reply(f"{self._url}/releases", [self._document(one) for one in newest], query)

    def get(self, number: int) -> Reply:
        """`GET /releases/ID`."""
        release = self.held.get(number)
        return json_reply(self._document(release)) if release else refusal(404, "Not Found")

    def by_tag(self, tag: str) -> Reply:
        """`GET /releases/tags/TAG`: never a draft."""
        found = [one for one in self.held.values() if one.tag_name == tag and not one.draft]
        return json_reply(self._document(found[0])) if found else refusal(404, "Not Found")

    def create(self, caller: Caller, body: bytes) -> Reply:
        """`POST /releases`."""
        fields = _fields(body)
        if fields is None or not fields.get("tag_name"):
            return invalid("Release", "missing_field", "tag_name")
        now = f"{self._sources.clock():%Y-%m-%dT%H:%M:%SZ}"
        given: dict[str, Any] = {
            "target_commitish": "main",
            "name": "",
            "body": "",
            "draft": False,
            "prerelease": False,
        }
        release = Release(self._next_id(), created=now, **(given | fields))
        if not release.draft:
            refused = self._publish(caller, release)
            if refused is not None:
                return refused
        self.held[release.id] = release
        return json_reply(
            self._document(release), 201, headers={"Location": f"{self._url}/releases/{release.id}"}
        )

    def change(self, caller: Caller, number: int, body: bytes) -> Reply:
        """`PATCH /releases/ID`."""
        release, fields = self.held.get(number), _fields(body)
        if release is None:
            return refusal(404, "Not Found")
        if fields is None:
            return invalid("Release", "invalid", "body")
        changed = {key: value for key, value in fields.items() if value != getattr(release, key)}
        if self._is_fixed(release) and _FIXED & set(changed):
            return refusal(422, "An immutable release cannot be changed")
        publishes = changed.get("draft") is False
        new = replace(release, **(changed | {"draft": True} if publishes else changed))
        refused = self._publish(caller, new) if publishes else None
        if refused is not None:
            return refused
        self.held[number] = new
        return json_reply(self._document(new))

    def assets(self, number: int, query: Mapping[str, str]) -> Reply:
        """`GET /releases/ID/assets`."""
        release = self.held.get(number)
        if release is None:
            return refusal(404, "Not Found")
        listed = [self._asset(release, one) for one in release.assets.values()]
        return paged_reply(f"{self._url}/releases/{number}/assets", listed, query)

    def upload(self, number: int, name: str, content_type: str, content: bytes) -> Reply:
        """`POST /releases/ID/assets?name=NAME`; the forge changes names that it does not like."""
        release = self.held.get(number)
        if release is None:
            return refusal(404, "Not Found")
        if self._is_fixed(release):
            return refusal(422, "Assets of an immutable release cannot be added")
        if not content_type or not content:
            return refusal(400, "Bad Request: an asset has a content type and some bytes")
        name = re.sub(r"[^A-Za-z0-9._-]", ".", name).strip(".")
        if not name:
            return invalid("ReleaseAsset", "missing_field", "name")
        if any(asset.name == name for asset in release.assets.values()):
            return invalid("ReleaseAsset", "already_exists", "name")
        breaks = self.breaking_uploads > 0
        self.breaking_uploads -= breaks
        asset = Asset(
            self._next_id(),
            name,
            content_type,
            b"" if breaks else content,
            "starter" if breaks else "uploaded",
            self._sources.random_bytes(16).hex(),
        )
        release.assets[asset.id] = asset
        return refusal(502, "Server Error") if breaks else json_reply(self._asset(release, asset), 201)

    def asset(self, number: int, accept: str) -> Reply:
        """`GET /releases/assets/ID`: about it, or where its bytes lie, which is another place than the API."""
        for release in self.held.values():
            asset = release.assets.get(number)
            if asset is not None and accept == "application/octet-stream":
                return Reply(302, b"", "text/plain", {"Location": f"{self._web}/objects/{asset.key}"})
            if asset is not None:
                return json_reply(self._asset(release, asset))
        return refusal(404, "Not Found")

    def remove_asset(self, number: int) -> Reply:
        """`DELETE /releases/assets/ID`."""
        for release in self.held.values():
            if number in release.assets:
                if self._is_fixed(release):
                    return refusal(422, "Assets of an immutable release cannot be removed")
                del release.assets[number]
                return Reply(204, b"", "text/plain")
        return refusal(404, "Not Found")

    def content(self, key: str) -> Reply:
        """The bytes of an asset, where the forge keeps them."""
        for release in self.held.values():
            for asset in release.assets.values():
                if asset.key == key:
                    return Reply(200, asset.content, "application/octet-stream")
        return refusal(404, "Not Found")

    def download(self, tag: str, name: str) -> Reply:
        """`GET /OWNER/NAME/releases/download/TAG/FILE`, as users do; not of a draft."""
        for release in self.held.values():
            if release.tag_name == tag and not release.draft:
                for asset in release.assets.values():
                    if asset.name == name:
                        return Reply(302, b"", "text/plain", {"Location": f"{self._web}/objects/{asset.key}"})
        return refusal(404, "Not Found")

    def _publish(self, caller: Caller, release: Release) -> Reply | None:
        """Publishing makes the tag where there is none, for those who may; a tag has one release."""
        if any(one.tag_name == release.tag_name and not one.draft for one in self.held.values()):
            return invalid("Release", "already_exists", "tag_name")
        if release.tag_name not in self._tags.refs:
            refused = self._tags.make(caller, release.tag_name, release.target_commitish)
            if refused is not None:
                return refused
        release.draft = False
        release.published = f"{self._sources.clock():%Y-%m-%dT%H:%M:%SZ}"
        return None

    def _is_fixed(self, release: Release) -> bool:
        return self.immutable and not release.draft

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _document(self, release: Release) -> dict[str, Any]:
        fixed = self._is_fixed(release)
        return release_document(self._url, self._web, release, fixed=fixed, with_digests=self.gives_digests)

    def _asset(self, release: Release, asset: Asset) -> dict[str, Any]:
        return asset_document(self._url, self._web, release, asset, with_digest=self.gives_digests)


def _fields(body: bytes) -> dict[str, Any] | None:
    """What a request says about a release; `None` if a field is not what it should be. Others are passed over."""
    document = json_object(body)
    if document is None or any(type(document.get(key, kind())) is not kind for key, kind in _TEXTS.items()):
        return None
    return {key: document[key] for key in _TEXTS if key in document}
