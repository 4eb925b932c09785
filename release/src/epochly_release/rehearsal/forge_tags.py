"""Tags of the rehearsed forge: references and tag objects, under the rules that stand in `.github/settings/`.

Only the release App makes a tag that begins with `v`, and nobody, not even the App, moves or removes a tag. Refusals have
the forge's status and the beginning of its text. It holds names alone: no commit is looked into.

Specification: GitHub's REST API, "git references" and "git tags"; rulesets `ruleset-tags-made.json`, `ruleset-tags-kept.json`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.forge_documents import refusal
from epochly_release.rehearsal.reply import json_object, json_reply

if TYPE_CHECKING:
    from epochly_release.rehearsal.reply import Reply

_RELEASE_TAG = re.compile(r"v[^/]*")  # `refs/tags/v*`; a star stops at a slash
_NAME = re.compile(r"refs/tags/([\w./+-]+)", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Caller(StrEnum):
    """Whose token a request came with."""

    APP = "app"
    JOB = "job"
    ADMIN = "admin"


class Tags:
    """Every tag.

    Attributes:
        commits: those that are pushed; with `None`, any may be tagged.
        objects: answers about tag objects, by id; put one here to rehearse an annotated tag.
        refs: what each tag names: a commit, or a tag object.
    """

    def __init__(self) -> None:
        self.commits: set[str] | None = None
        self.objects: dict[str, dict[str, Any]] = {}
        self.refs: dict[str, str] = {}

    def get(self, url: str, tag: str) -> Reply:
        """`GET /git/ref/tags/TAG`."""
        if tag not in self.refs:
            return refusal(404, "Not Found")
        return json_reply(self._document(url, tag))

    def get_object(self, name: str) -> Reply:
        """`GET /git/tags/SHA`."""
        return json_reply(self.objects[name]) if name in self.objects else refusal(404, "Not Found")

    def create(self, url: str, caller: Caller, body: bytes) -> Reply:
        """`POST /git/refs`."""
        document = json_object(body) or {}
        ref, sha = document.get("ref"), document.get("sha")
        if not isinstance(ref, str) or not isinstance(sha, str) or not _NAME.fullmatch(ref):
            return refusal(422, "Invalid request: a full name of a tag and an id are needed")
        tag = ref.removeprefix("refs/tags/")
        refused = self.make(caller, tag, sha)
        return json_reply(self._document(url, tag), 201) if refused is None else refused

    def make(self, caller: Caller, tag: str, sha: str) -> Reply | None:
        """A new tag, or the refusal of it."""
        if tag in self.refs:
            return refusal(422, "Reference already exists")
        if _RELEASE_TAG.fullmatch(tag) and caller is not Caller.APP:
            return refusal(422, "Repository rule violations found\n\nthis ref may not be created by you\n\n")
        if not _COMMIT.fullmatch(sha) or (
            self.commits is not None and sha not in self.commits | set(self.objects)
        ):
            return refusal(422, "Object does not exist")
        self.refs[tag] = sha
        return None

    def change(self, tag: str) -> Reply:
        """`PATCH` or `DELETE /git/refs/tags/TAG`, whoever asks."""
        if tag not in self.refs:
            return refusal(422, "Reference does not exist")
        return refusal(422, "Repository rule violations found\n\na tag is neither moved nor removed\n\n")

    def _document(self, url: str, tag: str) -> dict[str, Any]:
        sha = self.refs[tag]
        kind = "tag" if sha in self.objects else "commit"
        target = {"sha": sha, "type": kind, "url": f"{url}/git/{kind}s/{sha}"}
        return {"ref": f"refs/tags/{tag}", "url": f"{url}/git/refs/tags/{tag}", "object": target}
