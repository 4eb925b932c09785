"""Requests to a forge's REST API over the world's one seam: where they go, who asks, and what an answer must be.

A token goes to the API's own address alone, and to the upload host that belongs to it. No address from an answer is
followed with a token, no answer is believed before it is JSON of bounded size, and no message ever holds the token.

Specification: GitHub's REST API, "getting started" (media type, version header, pages of `Link`, status codes).
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from epochly_release.errors import InputError
from epochly_release.settings.strictjson import json_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from epochly_release.world import Response, World

PUBLIC_API = "https://api.github.com"
API_VERSION = "2022-11-28"
MOST_JSON = (
    64 * 2**20
)  # bytes; a page of 100 releases, each with a text of 125 kB and some assets, is about 20 MB
MOST_PAGES = 100  # pages of 100; the forge itself lists no more than 10,000 releases
MOST_SAID = 200  # characters of the forge's own words; a rule violation takes about 90
_TOKEN = re.compile(
    r"[!-~]{1,4096}"
)  # what a header takes: no space, no line end, ASCII; a JWT may be a long one
_REPOSITORY = re.compile(r"(?!\.+/)[A-Za-z0-9_.-]+/(?!\.+\Z)[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Forge:
    """One repository at a forge, and the token we speak with. Made by `forge_from_environment`.

    Attributes:
        world: the machine; not shown either, because its environment holds the token.
        api_url: address of the API, without a slash at the end.
        repository: `owner/name`.
        token: never shown.
    """

    world: World = field(repr=False)
    api_url: str
    repository: str
    token: str = field(repr=False)

    @property
    def repository_path(self) -> str:
        """`/repos/OWNER/NAME`."""
        return f"/repos/{self.repository}"


def forge_from_environment(world: World, repository: str, *, otherwise: str = "") -> Forge:
    """The forge at `GITHUB_API_URL` (or `otherwise`), asked with the token in `GH_TOKEN`.

    Raises:
        InputError: `no-forge-token` without a usable token, `forge` without a usable address or repository.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise InputError("forge", repository, "names no repository", "write it as `owner/name`")
    address = (world.environ.get("GITHUB_API_URL") or otherwise).rstrip("/")
    if not address:
        hint = f"set it to the API's address, e.g. `{PUBLIC_API}`"
        raise InputError("forge", "GITHUB_API_URL", "is not set", hint)
    if not _may_be_asked(address):
        hint = f"give an https address without user, query or fragment, e.g. `{PUBLIC_API}`"
        raise InputError("forge", "GITHUB_API_URL", "is no address that may be given a token", hint)
    token = world.environ.get("GH_TOKEN", "")
    if not token:
        hint = "give the step the token of the release App, or the job's own, as `GH_TOKEN`"
        raise InputError("no-forge-token", "GH_TOKEN", "is not set", hint)
    if not _TOKEN.fullmatch(token):  # an HTTP client would quote it in its complaint
        hint = "give it without spaces and line ends"
        raise InputError("no-forge-token", "GH_TOKEN", "holds something that is no token", hint)
    return Forge(world, address, repository, token)


def get_json(forge: Forge, path: str) -> Any:
    """The JSON at a path of the API, e.g. `/repos/o/r/rulesets/1`; a status but 200 is an `InputError`."""
    return json_of(forge, f"GET {path}", ask(forge, "GET", path))


def get_pages(forge: Forge, path: str, query: str = "") -> Iterator[Any]:
    """The JSON of each page of a list; `query` says which. Raises `InputError`, also where pages have no end.

    Whether there is a next page is said by the `Link` header; its address is not followed, as ours is known.
    """
    for number in range(1, MOST_PAGES + 1):
        one = f"{path}?{query}{'&' if query else ''}per_page=100&page={number}"
        answer = ask(forge, "GET", one)
        yield json_of(forge, f"GET {one}", answer)
        if not re.search(r';\s*rel="?next"?', answer.headers.get("link", "")):
            return
    raise InputError("forge", f"GET {path}", f"has more than {MOST_PAGES} pages", "ask about a smaller list")


def ask(
    forge: Forge,
    method: str,
    path: str,
    *,
    document: Mapping[str, Any] | None = None,
    accept: str = "application/vnd.github+json",
    expected: tuple[int, ...] = (200,),
) -> Response:
    """An answer with one of the expected statuses; any other is an `InputError` that says the forge's own words."""
    headers = {"Accept": accept}
    body = None
    if document is not None:
        headers["Content-Type"], body = "application/json", json.dumps(document).encode()
    return send(
        forge, method, forge.api_url + path, headers, body, where=f"{method} {path}", expected=expected
    )


def send(
    forge: Forge,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    where: str,
    expected: tuple[int, ...],
) -> Response:
    """Like `ask`, to a whole address that `upload_address` or the API's own address gave."""
    ours = {
        "Authorization": f"Bearer {forge.token}",
        "User-Agent": "epochly-release",  # the forge answers 403 to nobody
        "X-GitHub-Api-Version": API_VERSION,
    }
    answer = forge.world.fetch(url, method=method, headers={**headers, **ours}, body=body)
    limited = answer.status in {403, 429} and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )
    if answer.status in expected and not limited:
        return answer
    why = f"answers {answer.status}: {said(forge, answer)}"
    if answer.status == 401:
        raise InputError("forge-token", where, why, "give a token that is valid now as `GH_TOKEN`")
    if limited or answer.status == 429:
        raise InputError("forge-limit", where, why, "wait until the forge's limit is over, then run it again")
    if answer.status in {403, 404}:
        raise InputError("forge-rights", where, why, "give a token that may do this, for this repository")
    if answer.status in {301, 302, 307, 308}:
        raise InputError("forge", where, why, "give the repository's present name and the API's own address")
    raise InputError("forge", where, why, "see the forge's status, then run it again")


def json_of(forge: Forge, where: str, answer: Response) -> Any:
    """The JSON of an answer, strictly read; raises `InputError`."""
    try:
        return json_value(answer.body, where, MOST_JSON)
    except InputError as error:
        message = error.message.replace(forge.token, "***")
        raise InputError("forge-answer", where, message, "see whether this is the forge's API") from None


def said(forge: Forge, answer: Response) -> str:
    """What the forge says about a refusal, in quotes, on one line and short; it cannot hold our token."""
    try:
        document = json.loads(answer.body[: 64 * 1024])
    except (ValueError, RecursionError):
        document = None
    table = document if isinstance(document, dict) else {}
    errors = table.get("errors")
    inner = (
        [one.get("message") or one.get("code") for one in errors if isinstance(one, dict)]
        if isinstance(errors, list)
        else []
    )
    words = " ".join(one for one in [table.get("message"), *inner[:3]] if isinstance(one, str))
    words = " ".join(words.replace(forge.token, "***").split())
    shown = "".join(one for one in words if one.isprintable() and one not in '"`')[:MOST_SAID]
    return f'"{shown}"' if shown else "nothing more"


def upload_address(forge: Forge, template: str, release: int) -> str:
    """The address that assets of a release are sent to, from the template in the release; raises `InputError`.

    The token goes there as well, so the answer is not free to choose. It may name the API's own host, as enterprise
    servers do, or `uploads.X` where the API is `api.X`, as the public forge and its tenants do. Nothing is guessed from
    a common suffix: under a shared one, a stranger can have a host too.
    """
    address = template.partition("{")[0]
    api, there = urlsplit(forge.api_url), _split(address)
    hosts = {api.netloc.lower()}
    if api.netloc.lower().startswith("api."):
        hosts.add(f"uploads.{api.netloc.lower().removeprefix('api.')}")
    fits = (
        there is not None
        and _may_be_asked(address)
        and there.scheme == api.scheme
        and there.netloc.lower() in hosts
        and there.path.endswith(f"/releases/{release}/assets")
    )
    if not fits:
        hint = "see whether `GITHUB_API_URL` is the forge's API"
        raise InputError("forge-answer", "upload_url", "names an address that is not the forge's", hint)
    return address


def _may_be_asked(address: str) -> bool:
    """An https address, or any on the loopback interface, with no user, query or fragment."""
    parts = _split(address)
    if parts is None or not parts.hostname or "@" in parts.netloc or re.search(r"[?#\s\\]", address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:  # no address at all: a bracket left open, a port of letters
        return None
    return parts
