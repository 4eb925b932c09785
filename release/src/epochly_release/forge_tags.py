"""A tag at a forge: made once at one commit, followed through tag objects, never moved.

A tag that is somewhere else is refused, whoever put it there; so is one that the forge's rules do not let us make.

Specification: GitHub's REST API, "git references" and "git tags".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from epochly_release.errors import InputError, Refused
from epochly_release.forge_answers import table_in, value_in
from epochly_release.forge_api import ask, get_json, json_of, said
from epochly_release.release_plan import COMMIT, require_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.forge_api import Forge

MOST_TAG_OBJECTS = 5  # tag objects that point at each other; one is usual, and git itself sets no end


def ensure_tag(forge: Forge, tag: str, commit: str) -> bool:
    """The tag is at the commit: True if it was made now, False if it was there.

    Raises:
        Refused: `tag`: it is at another commit, or the forge's rules forbid making it.
        InputError: the forge could not be asked.
        ValueError: the tag or commit has no such name.
    """
    require_tag(tag, commit)
    path = f"{forge.repository_path}/git/refs"
    document = {"ref": f"refs/tags/{tag}", "sha": commit}
    answer = ask(forge, "POST", path, document=document, expected=(201, 403, 422))
    if answer.status != 201:
        there = tag_commit(forge, tag)
        if there is None:
            hint = "let the release App make it, at a commit that is pushed, and see the rules for tags"
            raise Refused("tag", tag, f"cannot be made: the forge says {said(forge, answer)}", hint)
        require_commit(tag, there, commit)
        return False
    made = table_in(f"POST {path}", json_of(forge, f"POST {path}", answer))
    if tag_commit(forge, tag, made) != commit:
        raise InputError(
            "forge-answer", f"POST {path}", "answers with another tag", "look at the tag by hand"
        )
    return True


def tag_commit(forge: Forge, tag: str, known: Mapping[str, Any] | None = None) -> str | None:
    """The commit a tag names, through tag objects; `None` if there is no such tag."""
    path = f"{forge.repository_path}/git/ref/tags/{quote(tag)}"
    where = f"GET {path}"
    if known is None:
        answer = ask(forge, "GET", path, expected=(200, 404))
        if answer.status == 404:
            return None
        known = table_in(where, json_of(forge, where, answer))
    if known.get("ref") != f"refs/tags/{tag}":
        raise InputError("forge-answer", where, "answers with another reference", "look at the tag by hand")
    for _ in range(MOST_TAG_OBJECTS):
        target = table_in(where, known.get("object"))
        kind, name = value_in(where, target, "type", str), value_in(where, target, "sha", str)
        if not COMMIT.fullmatch(name):
            break
        if kind == "commit":
            return name
        if kind != "tag":
            raise Refused("tag", tag, f"names a {kind[:20]!r}, no commit", "look at the tag by hand")
        path = f"{forge.repository_path}/git/tags/{name}"
        known = table_in(f"GET {path}", get_json(forge, path))
    raise InputError("forge-answer", where, "leads to no commit", "look at the tag by hand")


def require_commit(tag: str, there: str, commit: str) -> None:
    """Raises `Refused` when a tag is at another commit than the one meant."""
    if there != commit:
        hint = "a tag is never moved; release the next version, and find out who made it"
        raise Refused("tag", tag, f"is at commit `{there}`, not at `{commit}`", hint)
