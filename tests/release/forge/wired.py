"""The rehearsed forge behind a wire that can be cut or lie, and the client that speaks over it; no socket."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from epochly_release.errors import Refused
from epochly_release.forge import ReleasePlan, ensure_release, ensure_tag, forge_from_environment
from epochly_release.memory import FakeWorld
from epochly_release.rehearsal.forge import Forge, ForgeRequest
from epochly_release.rehearsal.keys import seeded_sources
from epochly_release.world import Response

URL, REPOSITORY, TAG, COMMIT = "https://localhost:4443", "acme/demo-pkg", "v1.0", "a" * 40
FILES = {"demo_pkg-1.0.tar.gz": b"sdist", "demo_pkg-1.0-py3-none-any.whl": b"wheel", "index.json": b"{}"}
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """The job ended here; nothing in the client may catch it."""


class Wire:
    """The network between client and forge: it can be cut before or after a request, and answer for the forge.

    Attributes:
        cut: number of the request at which the job ends.
        late: the forge still gets that request, only its answer is lost.
        lies: number of a request -> the answer in place of the forge's.
    """

    def __init__(self, forge):
        self.forge, self.requests = forge, []
        self.cut, self.late, self.lies = None, False, {}

    def __call__(self, url, method, headers, body):
        self.requests.append((method, url, dict(headers)))
        if self.cut == len(self.requests) and not self.late:
            raise Killed
        reply = self._reply(url, method, headers, body)
        if self.cut == len(self.requests):
            raise Killed
        return self.lies.get(len(self.requests)) or reply

    def _reply(self, url, method, headers, body):
        parts = urlsplit(url)
        assert url.startswith(f"{URL}/forge/")
        reply = self.forge.answer(
            ForgeRequest(
                method,
                unquote(parts.path.removeprefix("/forge")),
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in headers.items()},
                body or b"",
            )
        )
        return Response(
            reply.status, reply.body, {name.lower(): value for name, value in reply.headers.items()}
        )


def a_forge():
    """A forge with nothing in it."""
    return Forge(URL, REPOSITORY, seeded_sources(lambda: NOW, b"forge"))


def client(wire, token=None, **environ):
    """The client, speaking as the App or with another token."""
    known = {"GITHUB_API_URL": f"{URL}/forge", "GH_TOKEN": token or wire.forge.app_token}
    return forge_from_environment(FakeWorld(known | environ, answers=wire), REPOSITORY)


def planned(files=FILES, **more):
    """The plan of a release with these files."""
    assets = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()}
    return ReleasePlan(
        **({"tag": TAG, "commit": COMMIT, "name": "1.0", "body": "Text\n", "assets": assets} | more)
    )


def released(wire, plan=None, token=None):
    """Tag and release as a step makes them: what each call says."""
    forge = client(wire, token)
    return ensure_tag(forge, TAG, COMMIT), ensure_release(forge, plan or planned(), FILES.__getitem__)


def state(there):
    """What the forge holds in the end, whatever way led there."""
    return there.tags.refs, [
        (
            one.tag_name,
            one.name,
            one.body,
            one.draft,
            {a.name: (a.state, a.content) for a in one.assets.values()},
        )
        for one in there.releases.held.values()
    ]


DONE = (
    {TAG: COMMIT},
    [(TAG, "1.0", "Text\n", False, {name: ("uploaded", data) for name, data in FILES.items()})],
)


def refusal(wire, kind=Refused, plan=None, token=None):
    """The error of an attempt, on one line and without the token; the published state is untouched."""
    with pytest.raises(kind) as caught:
        released(wire, plan, token)
    told = str(caught.value)
    assert wire.forge.app_token not in told
    assert "\n" not in told
    assert told.isprintable()
    return caught.value


def asked(there, method, path, body=b""):
    """A request of a job that may write contents."""
    headers = {"authorization": f"Bearer {there.job_token}", "user-agent": "x", "content-type": "x/y"}
    path, _, query = path.partition("?")
    return ForgeRequest(method, f"/repos/{REPOSITORY}{path}", dict(parse_qsl(query)), headers, body)


def moved(there):
    """Somebody else made the tag, elsewhere."""
    there.tags.refs[TAG] = "b" * 40
