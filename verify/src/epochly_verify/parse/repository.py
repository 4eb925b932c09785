"""Repositories as people write them, made into the one spelling that certificates use.

`owner/name`, a host without scheme, a full URL, a trailing `.git` or slash are all read. Refused: other schemes,
addresses for cloning over SSH, user names, queries and paths below the repository.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOSTS: Mapping[str, str] = MappingProxyType({"github.com": "github", "gitlab.com": "gitlab"})
_KNOWN = frozenset({*_HOSTS, "bitbucket.org"})
_HOME: Mapping[str, str] = MappingProxyType(
    {"gitlab": "gitlab.com"}
)  # where a bare `owner/name` lives, by kind
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_STEP = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._+~-]{1,255}")


def forge_of(url: str) -> str:
    """`github` or `gitlab` for a repository at the public one of these, else empty."""
    return _HOSTS.get(url.removeprefix("https://").partition("/")[0], "")


def repository_url(text: str, kind: str) -> str:
    """The repository as `https://HOST/PATH`, for an identity of `kind` (a bare `owner/name` is at GitHub, or GitLab).

    Raises:
        ValueError: it names no repository; the text says why, as a clause.
    """
    rest = text.strip()
    if rest.startswith(("git@", "ssh://")):
        raise ValueError("is an address for cloning over SSH; write `https://HOST/OWNER/NAME`")
    scheme, separator, after = rest.removeprefix("git+").partition("://")
    if separator and scheme.lower() != "https":
        raise ValueError("is no `https` URL; write `https://HOST/OWNER/NAME`")
    rest = after if separator else rest
    rest = rest.rstrip("/").removesuffix(".git").rstrip("/")
    host, _, path = rest.partition("/")
    if not separator and host.lower() not in _KNOWN:
        host, path = _HOME.get(kind, "github.com"), rest
    host = host.lower()
    if not _HOST.fullmatch(host):
        raise ValueError("has no host name; write `https://HOST/OWNER/NAME`")
    steps = path.split("/")
    if any(_STEP.fullmatch(step) is None for step in steps):
        raise ValueError("has a path that is no repository's; write `OWNER/NAME`")
    if len(steps) < 2 or (len(steps) > 2 and (host in {"github.com", "bitbucket.org"} or kind == "github")):
        raise ValueError("does not name an owner and a repository; write `OWNER/NAME`")
    return f"https://{host}/{path}"


def same_repository(first: str, second: str, *, fold: bool) -> bool:
    """Whether two addresses mean one repository; the scheme is ignored, because CircleCI's certificates have none.

    Args:
        first: one address.
        second: the other.
        fold: whether the forge does not tell case apart (GitHub and its servers), as GitLab does.
    """
    first, second = first.removeprefix("https://"), second.removeprefix("https://")
    if first == second:
        return True
    # Only ASCII is folded: outside of it two different names can fold to one.
    return fold and first.isascii() and second.isascii() and first.lower() == second.lower()
