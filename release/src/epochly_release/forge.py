"""The tag and the release at a forge, made once: both may be asked for again after a kill between any two requests.

A tag is made at one commit and never moved (`forge_tags.py`). A release is a draft until every asset is there, and is
published last; from then on it can only be found equal. Nothing is overwritten: a draft or release that holds something
else stays as it is, for a person to look at. Only an asset that the forge itself calls half-uploaded is removed, and sent
again. It makes no tag: without one, publishing would, past those who may.

Specification: GitHub's REST API, "releases" and "release assets".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, urljoin, urlsplit

from epochly_release.errors import InputError, Refused
from epochly_release.forge_answers import Asset, Release, asset_in, list_in, release_in, table_in
from epochly_release.forge_api import (
    Forge,
    ask,
    forge_from_environment,
    get_json,
    get_pages,
    is_loopback,
    json_of,
    said,
    send,
    upload_address,
)
from epochly_release.forge_tags import ensure_tag, require_commit, tag_commit
from epochly_release.release_plan import ReleasePlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_release.world import Response

__all__ = ["Forge", "ReleasePlan", "ensure_release", "ensure_tag", "forge_from_environment", "get_json"]

_NOTHING_OVERWRITTEN = "nothing was overwritten; compare them, and remove a draft that is not wanted by hand"


def ensure_release(forge: Forge, plan: ReleasePlan, read: Callable[[str], bytes]) -> bool:
    """The release is published and as planned: True if it was published now, False if it was before.

    `read` gives the bytes of an asset by name; it is asked only for what is not at the forge.

    Raises:
        Refused: `tag`: the tag is not at the commit; `release-differs`: there is something else under this tag;
            `asset`: a file is not the planned one; `release`: the forge's rules forbid it.
        InputError: the forge could not be asked.
    """
    there = tag_commit(forge, plan.tag)
    if there is None:
        raise Refused("tag", plan.tag, "is not there yet", "make the tag first; a release makes none")
    require_commit(plan.tag, there, plan.commit)
    release = _find(forge, plan) or _create(forge, plan)
    _require_texts(release, plan)
    assets = _assets(forge, release)
    have = tuple(asset for asset in assets if asset.state == "uploaded")
    _require_equal(forge, plan, have)  # before anything is sent
    if release.draft:
        for asset in assets:
            if asset.state != "uploaded" and asset.name in plan.assets:
                ask(forge, "DELETE", f"{forge.repository_path}/releases/assets/{asset.id}", expected=(204,))
        for name in sorted(set(plan.assets) - {asset.name for asset in have}):
            _upload(forge, plan, release, name, read)
        assets = _assets(forge, release)  # as the forge has them now, not as we think we sent them
    _require_equal(forge, plan, tuple(asset for asset in assets if asset not in have))
    missing = sorted(set(plan.assets) - {asset.name for asset in assets})
    if missing and release.draft:
        hint = "run it again; what is there is kept"
        raise InputError("forge-answer", missing[0], "was sent, but the forge does not list it", hint)
    if missing or len(assets) != len(plan.assets):
        _differs(plan, f"lacks the asset `{missing[0]}`" if missing else "has an asset twice")
    if not release.draft:
        return False
    _publish(forge, plan, release)
    return True


def _find(forge: Forge, plan: ReleasePlan) -> Release | None:
    """The one release of this tag. The list has drafts too, for those who may write; asking by tag finds none."""
    path = f"{forge.repository_path}/releases"
    found = {}  # by id: one that moves to the next page meanwhile is listed twice
    for page in get_pages(forge, path):
        for one in list_in(f"GET {path}", page):
            if table_in(f"GET {path}", one).get("tag_name") == plan.tag:
                release = release_in(f"GET {path}", one)
                found[release.id] = release
    if len(found) > 1:
        message = f"the forge has {len(found)} releases of this tag"
        raise Refused("release-differs", plan.tag, message, _NOTHING_OVERWRITTEN)
    return next(iter(found.values()), None)


def _create(forge: Forge, plan: ReleasePlan) -> Release:
    path = f"{forge.repository_path}/releases"
    document = {
        "tag_name": plan.tag,
        "target_commitish": plan.commit,
        "name": plan.name,
        "body": plan.body,
        "draft": True,
        "prerelease": plan.prerelease,
    }
    answer = ask(forge, "POST", path, document=document, expected=(201, 422))
    _require_allowed(forge, plan.tag, answer)
    release = release_in(f"POST {path}", json_of(forge, f"POST {path}", answer))
    if not release.draft:
        raise InputError(
            "forge-answer", f"POST {path}", "answers with no draft", "look at the release by hand"
        )
    return release


def _publish(forge: Forge, plan: ReleasePlan, release: Release) -> None:
    path = f"{forge.repository_path}/releases/{release.id}"
    answer = ask(forge, "PATCH", path, document={"draft": False}, expected=(200, 422))
    _require_allowed(forge, plan.tag, answer)
    now = release_in(f"PATCH {path}", json_of(forge, f"PATCH {path}", answer))
    if now.draft or now.id != release.id:
        raise InputError(
            "forge-answer", f"PATCH {path}", "answers with no published release", "look at it by hand"
        )
    _require_texts(now, plan)
    if not now.immutable:
        forge.world.tell(f"release `{plan.tag}` can still be changed; hint: turn on immutable releases")


def _assets(forge: Forge, release: Release) -> tuple[Asset, ...]:
    path = f"{forge.repository_path}/releases/{release.id}/assets"
    where = f"GET {path}"
    found = [asset_in(where, one) for page in get_pages(forge, path) for one in list_in(where, page)]
    return tuple({asset.id: asset for asset in found}.values())


def _upload(
    forge: Forge, plan: ReleasePlan, release: Release, name: str, read: Callable[[str], bytes]
) -> None:
    data = read(name)
    if (hashlib.sha256(data).hexdigest(), len(data)) != plan.assets[name]:
        raise Refused("asset", name, "is not the file that was planned", "start over from the verified files")
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    url = f"{upload_address(forge, release.upload_url, release.id)}?name={quote(name, safe='')}"
    headers = {"Accept": "application/vnd.github+json", "Content-Type": kind}
    answer = send(forge, "POST", url, headers, data, where=f"upload of {name}", expected=(201, 422))
    _require_allowed(forge, name, answer)
    sent = asset_in(name, json_of(forge, name, answer))
    if sent.name != name:
        raise InputError(
            "forge-answer", name, f"is called {sent.name!r} by the forge", "give it another name"
        )


def _require_equal(forge: Forge, plan: ReleasePlan, assets: tuple[Asset, ...]) -> None:
    for asset in assets:
        if asset.name not in plan.assets:
            _differs(plan, f"has the asset {asset.name!r}, which is not planned")
        if asset.state != "uploaded":
            _differs(plan, f"has the asset `{asset.name}` half-uploaded")
        sha256, size = plan.assets[asset.name]
        if asset.size != size or (_digest(asset) or _downloaded(forge, asset)) != sha256:
            _differs(plan, f"has another file as the asset `{asset.name}`")


def _digest(asset: Asset) -> str:
    """The sha256 that the forge took itself, or an empty text for one of another kind or none."""
    kind, _, value = asset.digest.partition(":")
    return value if kind == "sha256" else ""


def _downloaded(forge: Forge, asset: Asset) -> str:
    """The sha256 of an asset's bytes. They may lie elsewhere, and there our token does not go."""
    path = f"{forge.repository_path}/releases/assets/{asset.id}"
    answer = ask(forge, "GET", path, accept="application/octet-stream", expected=(200, 302))
    if answer.status == 302:
        url = urljoin(forge.api_url + path, answer.headers.get("location", ""))
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise InputError("forge-answer", asset.name, "lies at no https address", "look at it by hand")
        try:
            answer = forge.world.fetch(url)
        except InputError:  # its words may hold the address, which is as good as a token for a while
            hint = "see the network, then run it again"
            raise InputError("unreachable", asset.name, "cannot be fetched from the forge", hint) from None
        if answer.status != 200:
            raise InputError("forge", asset.name, f"download answers {answer.status}", "run it again")
    return hashlib.sha256(answer.body).hexdigest()


def _require_texts(release: Release, plan: ReleasePlan) -> None:
    """`target_commitish` is not looked at: the forge uses it only where there is no tag."""
    if release.tag != plan.tag:
        _differs(plan, f"is of the tag {release.tag!r}")
    for what, there, wanted in (("title", release.name, plan.name), ("text", release.body, plan.body)):
        if _lines(there) != _lines(wanted):
            _differs(plan, f"has another {what}")
    if release.prerelease != plan.prerelease:
        _differs(plan, "is a pre-release" if release.prerelease else "is no pre-release")


def _lines(text: str) -> str:
    """The text without what a form on the way may change: line ends, and space around it."""
    return text.replace("\r\n", "\n").strip()


def _require_allowed(forge: Forge, what: str, answer: Response) -> None:
    if answer.status == 422:
        hint = "see the rules for tags and releases, then run it again"
        raise Refused("release", what, f"is refused by the forge: {said(forge, answer)}", hint)


def _differs(plan: ReleasePlan, message: str) -> NoReturn:
    raise Refused("release-differs", plan.tag, f"the release at the forge {message}", _NOTHING_OVERWRITTEN)
