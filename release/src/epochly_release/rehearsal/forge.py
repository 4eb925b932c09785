"""A forge's REST API under `/forge`: tags, releases, and its settings as documents, all in memory, one repository.

It holds callers to what `.github/settings/` promises, so that a rehearsal sees the refusals a release would: who may make
a tag (`forge_tags.py`), and that a published release stays (`forge_releases.py`). An unknown token is nobody, a known one
has no more rights than its real counterpart. Clients find it with `GITHUB_API_URL` set to the instance's address and `/forge`.

Specification: GitHub's REST API; 401, 403 and 404 as its "troubleshooting" has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.forge_documents import paged_reply, refusal
from epochly_release.rehearsal.forge_releases import Releases
from epochly_release.rehearsal.forge_tags import Caller, Tags
from epochly_release.rehearsal.reply import json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.reply import Reply

PREFIX = "/forge"
_BRIEFLY = ("id", "name", "target", "source_type", "source", "enforcement")  # what a list of rulesets shows


@dataclass(frozen=True, slots=True)
class ForgeRequest:
    """A request.

    Attributes:
        path: below the prefix, with no escapes left in it.
        headers: by name in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Forge:
    """The forge.

    Attributes:
        app_token: of the App that may make release tags.
        job_token: of a job with `contents: write`; it may make releases, but no release tags.
        admin_token: of a person who administers the repository, and so is shown who may bypass a ruleset.
        rulesets: documents as the API has them, each with its `id`.
        environments: likewise, each with its `name`.
        branch_policies: likewise, by name of the environment.
    """

    def __init__(self, url: str, repository: str, sources: Sources) -> None:
        self.url = url + PREFIX
        self.repository = repository
        self.app_token, self.job_token, self.admin_token = (
            f"gh{kind}_{sources.random_bytes(18).hex()}" for kind in "ssp"
        )
        self.rulesets: list[dict[str, Any]] = []
        self.environments: list[dict[str, Any]] = []
        self.branch_policies: dict[str, list[dict[str, Any]]] = {}
        self._api = f"{self.url}/repos/{repository}"
        self.tags = Tags()
        self.releases = Releases(self._api, self.url, self.tags, sources)
        self._callers = {
            self.app_token: Caller.APP,
            self.job_token: Caller.JOB,
            self.admin_token: Caller.ADMIN,
        }

    def answer(self, request: ForgeRequest) -> Reply:
        """The answer to any request."""
        kept = re.fullmatch(r"/objects/([0-9a-f]+)", request.path)
        if kept:  # a store that knows no tokens, and refuses a request that has one beside the address's own
            stray = "authorization" in request.headers
            return refusal(400, "Bad Request") if stray else self.releases.content(kept[1])
        page = re.fullmatch(r"/([^/]+/[^/]+)/releases/download/(.+)/([^/]+)", request.path)
        if page and self._is_ours(page[1]):
            return self.releases.download(page[2], page[3])
        if not request.headers.get("user-agent"):
            return refusal(403, "Request forbidden by administrative rules: who asks?")
        caller = self._caller(request.headers.get("authorization", ""))
        if caller is None:
            return refusal(401, "Bad credentials")
        path = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.+)", request.path)
        if path and self._is_ours(path[1]):
            for method, pattern, answer in _ROUTES:
                found = re.fullmatch(pattern, path[2])
                if found and request.method == method:
                    return answer(self, caller, request, *found.groups())
        return refusal(404, "Not Found")

    def _is_ours(self, repository: str) -> bool:
        return repository.lower() == self.repository.lower()

    def _caller(self, authorization: str) -> Caller | None:
        scheme, _, token = authorization.partition(" ")
        return self._callers.get(token) if scheme.lower() in {"bearer", "token"} else None

    def list_rulesets(self, query: Mapping[str, str]) -> Reply:
        """`GET /rulesets`: names only, and those of the organisation too unless they are not wanted."""
        own = query.get("includes_parents") == "false"
        shown = [one for one in self.rulesets if not own or one.get("source_type") != "Organization"]
        brief = [{key: one[key] for key in _BRIEFLY if key in one} for one in shown]
        return paged_reply(f"{self._api}/rulesets", brief, query)

    def get_ruleset(self, caller: Caller, number: str) -> Reply:
        """`GET /rulesets/ID`: who may bypass it is shown to those who may change it."""
        for one in self.rulesets:
            if str(one.get("id")) == number:
                hidden = set() if caller is Caller.ADMIN else {"bypass_actors"}
                return json_reply({key: value for key, value in one.items() if key not in hidden})
        return refusal(404, "Not Found")

    def list_environments(self, query: Mapping[str, str]) -> Reply:
        """`GET /environments`."""
        return paged_reply(f"{self._api}/environments", self.environments, query, "environments")

    def list_branch_policies(self, name: str, query: Mapping[str, str]) -> Reply:
        """`GET /environments/NAME/deployment-branch-policies`."""
        if name not in self.branch_policies:
            return refusal(404, "Not Found")
        url = f"{self._api}/environments/{name}/deployment-branch-policies"
        return paged_reply(url, self.branch_policies[name], query, "branch_policies")

    @property
    def api(self) -> str:
        """Address of the repository."""
        return self._api


_ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", r"/git/ref/tags/(.+)", lambda forge, _, __, tag: forge.tags.get(forge.api, tag)),
    ("GET", r"/git/tags/([0-9a-f]{40})", lambda forge, _, __, name: forge.tags.get_object(name)),
    ("POST", r"/git/refs", lambda forge, who, asked: forge.tags.create(forge.api, who, asked.body)),
    ("PATCH", r"/git/refs/tags/(.+)", lambda forge, _, __, tag: forge.tags.change(tag)),
    ("DELETE", r"/git/refs/tags/(.+)", lambda forge, _, __, tag: forge.tags.change(tag)),
    ("GET", r"/releases", lambda forge, _, asked: forge.releases.list(asked.query)),
    ("POST", r"/releases", lambda forge, who, asked: forge.releases.create(who, asked.body)),
    ("GET", r"/releases/tags/(.+)", lambda forge, _, __, tag: forge.releases.by_tag(tag)),
    ("GET", r"/releases/(\d{1,18})", lambda forge, _, __, number: forge.releases.get(int(number))),
    (
        "PATCH",
        r"/releases/(\d{1,18})",
        lambda forge, who, asked, number: forge.releases.change(who, int(number), asked.body),
    ),
    (
        "GET",
        r"/releases/(\d{1,18})/assets",
        lambda forge, _, asked, number: forge.releases.assets(int(number), asked.query),
    ),
    (
        "POST",
        r"/releases/(\d{1,18})/assets",
        lambda forge, _, asked, number: forge.releases.upload(
            int(number), asked.query.get("name", ""), asked.headers.get("content-type", ""), asked.body
        ),
    ),
    (
        "GET",
        r"/releases/assets/(\d{1,18})",
        lambda forge, _, asked, number: forge.releases.asset(int(number), asked.headers.get("accept", "")),
    ),
    (
        "DELETE",
        r"/releases/assets/(\d{1,18})",
        lambda forge, _, __, number: forge.releases.remove_asset(int(number)),
    ),
    ("GET", r"/rulesets", lambda forge, _, asked: forge.list_rulesets(asked.query)),
    ("GET", r"/rulesets/(\d{1,18})", lambda forge, who, _, number: forge.get_ruleset(who, number)),
    ("GET", r"/environments", lambda forge, _, asked: forge.list_environments(asked.query)),
    (
        "GET",
        r"/environments/(.+)/deployment-branch-policies",
        lambda forge, _, asked, name: forge.list_branch_policies(name, asked.query),
    ),
)
