"""The client of a forge against the rehearsed one, called without a socket: killed anywhere, misled, and refused."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from epochly_release.errors import InputError, Refused, ReleaseError
from epochly_release.forge import ReleasePlan, ensure_release, ensure_tag, forge_from_environment, get_json
from epochly_release.forge_api import MOST_JSON, MOST_PAGES, get_pages
from epochly_release.rehearsal.forge import Forge, ForgeRequest
from epochly_release.rehearsal.keys import seeded_sources
from epochly_release.world import FakeWorld, Response

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


@pytest.fixture
def there():
    """The rehearsed forge."""
    return a_forge()


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


def test_release_is_made_once(there):
    """Tag, draft, assets, publication; asked again, it is found done and nothing is sent."""
    wire = Wire(there)
    assert released(wire) == (True, True)
    assert state(there) == DONE
    assert released(wire) == (False, False)
    assert state(there) == DONE
    assert [method for method, _, _ in wire.requests[-5:]] == ["POST", "GET", "GET", "GET", "GET"]


def test_release_is_published_last(there):
    """Nobody sees a release that lacks an asset: publication is the last request, and a draft comes first."""
    wire = Wire(there)
    released(wire)
    methods = [method for method, _, _ in wire.requests]
    assert methods[-1] == "PATCH"
    assert methods.count("PATCH") == 1


def test_release_in_which_nothing_is_immutable_is_told(there):
    """A forge that lets a published release be changed is told to the reader, not passed over."""
    there.releases.immutable = False
    forge = client(Wire(there))
    ensure_tag(forge, TAG, COMMIT)
    ensure_release(forge, planned(), FILES.__getitem__)
    assert any("turn on immutable releases" in line for line in forge.world.told)


def run_on(wire):
    """A run that may end in a kill, or in the forge's own trouble; whether it came to its end."""
    try:
        released(wire)
    except (Killed, InputError):
        return False
    return True


def killed_at(number, late, digests, breaking):
    """A forge after a run that was killed at this request and then repeated; None if there are not so many."""
    there = a_forge()
    there.releases.gives_digests, there.releases.breaking_uploads = digests, breaking
    wire = Wire(there)
    wire.cut, wire.late = number, late
    run_on(wire)
    if len(wire.requests) < number:
        return None
    wire.cut = None
    for _ in range(1 + breaking):
        finished = run_on(wire)
    assert finished
    return there


@pytest.mark.parametrize("late", [False, True], ids=["request-lost", "answer-lost"])
@pytest.mark.parametrize("digests", [True, False], ids=["digests", "no-digests"])
@pytest.mark.parametrize("breaking", [0, 1, 2], ids=["whole", "one-breaks", "two-break"])
def test_release_survives_a_kill_at_every_request(late, digests, breaking):
    """Killed before or after any request the forge gets, a second run ends with the very same release."""
    ends = [killed_at(number, late, digests, breaking) for number in range(1, 25)]
    found = [state(there) for there in ends if there is not None]
    assert found == [DONE] * len(found)
    assert len(found) > 5
    assert ends[-1] is None


def test_half_uploaded_asset_is_sent_again(there):
    """What the forge holds of a broken upload bars its name, so it is removed first; whole ones are kept."""
    there.releases.breaking_uploads = 1
    wire = Wire(there)
    assert "answers 502" in str(refusal(wire, InputError))
    wire.requests.clear()
    assert released(wire) == (False, True)
    assert [method for method, _, _ in wire.requests].count("DELETE") == 1
    assert state(there) == DONE


def test_release_is_found_among_many(there):
    """A draft is found on whatever page of the list it stands."""
    wire = Wire(there)
    wire.cut = 5  # the draft is made, nothing is in it
    with pytest.raises(Killed):
        released(wire)
    wire.cut = None
    for number in range(230):
        body = json.dumps({"tag_name": f"x{number}", "draft": True}).encode()
        assert there.answer(_asked(there, "POST", "/releases", body)).status == 201
    released(wire)
    assert [one.draft for one in there.releases.held.values() if one.tag_name == TAG] == [False]


def _asked(there, method, path, body=b""):
    headers = {"authorization": f"Bearer {there.job_token}", "user-agent": "x", "content-type": "x/y"}
    path, _, query = path.partition("?")
    return ForgeRequest(method, f"/repos/{REPOSITORY}{path}", dict(parse_qsl(query)), headers, body)


def _moved(there):
    there.tags.refs[TAG] = "b" * 40


def _asset(there, change):
    released(Wire(there))
    (release,) = there.releases.held.values()
    change(release, next(iter(release.assets.values())))


@pytest.mark.parametrize("draft", [False, True], ids=["published", "draft"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _, a: setattr(a, "content", b"XXXXX"), "has another file as the asset"),
        (lambda _, a: setattr(a, "content", b"longer than it was"), "has another file as the asset"),
        (lambda _, a: setattr(a, "name", "evil.whl"), "has the asset 'evil.whl', which is not planned"),
        (lambda r, _: setattr(r, "name", "2.0"), "has another title"),
        (lambda r, _: setattr(r, "body", "Other"), "has another text"),
        (lambda r, _: setattr(r, "prerelease", True), "is a pre-release"),
    ],
)
@pytest.mark.parametrize("digests", [True, False])
def test_release_that_differs_is_refused(there, change, words, draft, digests):
    """Anything else than planned, in a draft or in public, is refused by name, and left as it is."""
    _asset(there, change)
    there.releases.gives_digests = digests
    (release,) = there.releases.held.values()
    release.draft = draft
    before = repr(state(there))
    error = refusal(Wire(there))
    assert (error.code, error.where) == ("release-differs", TAG)
    assert words in error.message
    assert "nothing was overwritten" in error.hint
    assert repr(state(there)) == before


def test_asset_of_another_size_is_refused(there):
    """Name, size and digest must all be right; a digest with another size is no answer to trust."""
    released(Wire(there))
    listed = json.loads(there.answer(_asked(there, "GET", "/releases/1/assets")).body)
    listed[0]["size"] += 1
    wire = Wire(there)
    wire.lies[5] = Response(200, json.dumps(listed).encode())
    assert "has another file as the asset" in refusal(wire).message


def test_published_release_that_lacks_an_asset_is_refused(there):
    """What was published without a file cannot get it any more, and is not called done."""
    _asset(there, lambda release, asset: release.assets.pop(asset.id))
    assert "lacks the asset" in refusal(Wire(there)).message


def test_published_release_with_a_half_asset_is_refused(there):
    """A published asset that never arrived whole is no asset."""
    _asset(there, lambda _, asset: setattr(asset, "state", "starter"))
    assert "half-uploaded" in refusal(Wire(there)).message


def test_two_releases_of_a_tag_are_refused(there):
    """Which of two drafts is meant is for a person to say."""
    for _ in range(2):
        there.answer(
            _asked(there, "POST", "/releases", json.dumps({"tag_name": TAG, "draft": True}).encode())
        )
    assert "has 2 releases of this tag" in refusal(Wire(there)).message


def test_asset_that_is_not_the_planned_file_is_not_sent(there):
    """A file that changed after the plan was made never leaves this machine."""
    wire = Wire(there)
    forge = client(wire)
    ensure_tag(forge, TAG, COMMIT)
    with pytest.raises(Refused, match="is not the file that was planned"):
        ensure_release(forge, planned(), lambda _: b"changed")
    assert not any("?name=" in url for _, url, _ in wire.requests)


def test_tag_at_another_commit_is_refused(there):
    """A tag is never moved: another commit under its name ends the release, published or not."""
    _moved(there)
    error = refusal(Wire(there))
    assert (error.code, error.message) == ("tag", f"is at commit `{'b' * 40}`, not at `{COMMIT}`")
    assert there.releases.held == {}


def test_tag_that_moved_after_it_was_made_stops_the_release(there):
    """The release looks at the tag itself, and makes none."""
    forge = client(Wire(there))
    with pytest.raises(Refused, match="is not there yet"):
        ensure_release(forge, planned(), FILES.__getitem__)
    _moved(there)
    with pytest.raises(Refused, match="is at commit"):
        ensure_release(forge, planned(), FILES.__getitem__)
    assert there.releases.held == {}


def test_tag_of_another_name_is_no_answer(there):
    """An answer about a tag that merely begins alike is not taken for ours."""
    wire = Wire(there)
    named = {"ref": "refs/tags/v1.0-rc1", "object": {"type": "commit", "sha": COMMIT}}
    wire.lies[1] = Response(201, json.dumps(named).encode())
    assert "answers with another reference" in refusal(wire, InputError).message


def test_annotated_tag_is_followed_to_its_commit(there):
    """A tag object at this commit is the tag; one at another commit, at no commit, or at itself is not."""
    there.tags.refs[TAG] = "c" * 40
    forge = client(Wire(there))
    there.tags.objects["c" * 40] = {"object": {"type": "tag", "sha": "d" * 40}}
    there.tags.objects["d" * 40] = {"object": {"type": "commit", "sha": COMMIT}}
    assert ensure_tag(forge, TAG, COMMIT) is False
    there.tags.objects["d" * 40] = {"object": {"type": "commit", "sha": "e" * 40}}
    with pytest.raises(Refused, match="is at commit"):
        ensure_tag(forge, TAG, COMMIT)
    there.tags.objects["d" * 40] = {"object": {"type": "tree", "sha": COMMIT}}
    with pytest.raises(Refused, match="names a 'tree'"):
        ensure_tag(forge, TAG, COMMIT)
    there.tags.objects["d" * 40] = {"object": {"type": "tag", "sha": "c" * 40}}
    with pytest.raises(InputError, match="leads to no commit"):
        ensure_tag(forge, TAG, COMMIT)


def test_tag_of_a_foreign_token_is_refused_in_the_forges_words(there):
    """Only the App makes release tags, and why it cannot be made is said in one quoted clause."""
    error = refusal(Wire(there), token=there.job_token)
    assert error.code == "tag"
    assert 'the forge says "Repository rule violations found' in error.message
    assert there.tags.refs == {}


def test_release_needs_no_right_to_tag(there):
    """A job that may write contents finishes the release of a tag that the App made."""
    wire = Wire(there)
    ensure_tag(client(wire), TAG, COMMIT)
    assert ensure_release(client(wire, there.job_token), planned(), FILES.__getitem__) is True


def test_unknown_token_is_an_error_and_not_a_verdict(there):
    """401 says nothing about the release."""
    error = refusal(Wire(there), InputError, token="unknown")
    assert error.code == "forge-token"
    assert "unknown" not in str(error)


def test_immutable_release_refuses_the_forges_way(there):
    """A release that is published between our look and our upload is refused, not overwritten."""
    wire = Wire(there)
    plan = planned()
    ensure_tag(client(wire), TAG, COMMIT)

    def read(name):
        next(iter(there.releases.held.values())).draft = False
        return FILES[name]

    with pytest.raises(Refused, match='refused by the forge: "Assets of an immutable release'):
        ensure_release(client(wire), plan, read)


HOSTILE = {
    "no-json": b"<html>",
    "not-utf-8": b"\xff\xfe",
    "list": b"[]",
    "list-of-lists": b"[[]]",
    "object": b"{}",
    "null": b"null",
    "number": b"1",
    "deep": b"[" * 5000,
    "twice": b'{"id": 1, "id": 2}',
    "types": b'{"id": "1", "ref": 3, "object": [], "tag_name": null, "draft": 0, "name": 7, "state": {}}',
    "escape": b'{"ref": "refs/tags/v1.0", "object": {"type": "\\u001b[31m\\n", "sha": "' + b"a" * 40 + b'"}}',
    "no-sha": b'{"ref": "refs/tags/v1.0", "object": {"type": "commit", "sha": "HEAD"}}',
    "truth-as-number": b'[{"id": true, "name": "x", "state": "uploaded", "size": true}]',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answer_is_one_clear_error(body):
    """Any answer replaced by anything ends in an error of ours, or in the release as planned; never in between."""
    number = 0
    while True:
        number += 1
        there = a_forge()
        wire = Wire(there)
        wire.lies[number] = Response(200 if number > 1 else 201, body)
        try:
            released(wire)
        except ReleaseError as error:
            told = str(error)
            assert (told.isprintable(), "; hint: " in told, there.app_token in told) == (True, True, False)
        else:
            assert state(there) == DONE
        if number > len(wire.requests):
            break
    assert number > 1


def test_huge_answer_is_refused(there):
    """An answer of more than the largest page is not read as JSON at all."""
    wire = Wire(there)
    wire.lies[1] = Response(200, b" " * (MOST_JSON + 1))
    with pytest.raises(InputError, match=f"longer than {MOST_JSON} bytes"):
        get_json(client(wire), "/x")


def test_endless_pages_are_refused():
    """A list whose every page promises another ends after as many as the forge itself gives."""
    asked = []

    def answers(url, *_):
        asked.append(url)
        return Response(200, b"[]", {"link": '<https://evil.example/?page=2>; rel="next"'})

    world = FakeWorld({"GITHUB_API_URL": f"{URL}/forge", "GH_TOKEN": "t"}, answers=answers)
    with pytest.raises(InputError, match="has more than"):
        list(get_pages(forge_from_environment(world, REPOSITORY), "/x"))
    assert len(asked) == MOST_PAGES
    assert all(url.startswith(f"{URL}/forge/x?") for url in asked)


def test_refusal_is_quoted_safely(there):
    """The forge's words come on one line, without escapes, quotes or our token, and not at any length."""
    said = f'Bad \x1b[31m{there.app_token}\n"`x`" \u202e' + "y" * 9000
    wire = Wire(there)
    wire.lies[1] = Response(403, json.dumps({"message": said, "errors": [{"code": 7}, 1]}).encode())
    there.tags.refs.clear()
    wire.lies[2] = Response(404)
    error = refusal(wire)
    assert len(str(error)) < 500
    assert '"Bad [31m*** x yyy' in error.message


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (403, {"x-ratelimit-remaining": "0"}, "forge-limit"),
        (403, {"retry-after": "60"}, "forge-limit"),
        (429, {}, "forge-limit"),
        (404, {}, "forge-rights"),
        (500, {}, "forge"),
        (301, {"location": "https://evil.example/"}, "forge"),
    ],
)
def test_trouble_at_the_forge_is_no_verdict(there, status, headers, code):
    """A limit, a fault, a move or missing rights are errors of their own; none is a refusal or a success."""
    wire = Wire(there)
    wire.lies[1] = Response(status, b"{}", headers)
    assert refusal(wire, InputError).code == code


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/repos/acme/demo-pkg/releases/1/assets",
        "https://localhost:4443.evil.example/repos/acme/demo-pkg/releases/1/assets",
        "https://localhost@evil.example/repos/acme/demo-pkg/releases/1/assets",
        "https://localhost:4444/repos/acme/demo-pkg/releases/1/assets",
        "http://localhost:4443/repos/acme/demo-pkg/releases/1/assets",
        "https://localhost:4443/elsewhere",
        "https://localhost:4443/repos/acme/demo-pkg/releases/2/assets",
        "//evil.example/releases/1/assets",
        "https://[",
        "",
    ],
)
def test_upload_to_a_strange_address_is_refused(there, address):
    """A token is not sent where an answer would like to have it."""
    wire = Wire(there)
    ensure_tag(client(wire), TAG, COMMIT)
    draft = {"id": 1, "tag_name": TAG, "name": "1.0", "body": "Text", "draft": True, "prerelease": False}
    wire.lies[4] = Response(201, json.dumps(draft | {"upload_url": address + "{?name,label}"}).encode())
    with pytest.raises(InputError, match="upload_url"):
        ensure_release(client(wire), planned(), FILES.__getitem__)
    assert not any("?name=" in url for _, url, _ in wire.requests)


@pytest.mark.parametrize(
    ("api", "host"),
    [
        ("https://api.github.com", "uploads.github.com"),
        ("https://api.octo.ghe.com", "uploads.octo.ghe.com"),
        ("https://forge.example/api/v3", "forge.example"),
        ("http://127.0.0.1:8000/forge", "127.0.0.1:8000"),
    ],
)
def test_upload_host_that_belongs_to_the_api_is_accepted(api, host):
    """The public forge, its tenants and enterprise servers each have their own upload address."""
    sent = []
    made = {"id": 1, "tag_name": TAG, "name": "1.0", "body": "Text", "draft": True, "prerelease": False}

    def answers(url, method, headers, _body):
        if "?name=" in url:
            sent.append((url, headers["Authorization"]))
            return Response(500)
        if "/git/ref/" in url:
            named = {"ref": f"refs/tags/{TAG}", "object": {"type": "commit", "sha": COMMIT}}
            return Response(200, json.dumps(named).encode())
        if method == "POST":
            scheme = api.partition(":")[0]
            address = f"{scheme}://{host}/repos/{REPOSITORY}/releases/1/assets{{?name,label}}"
            return Response(201, json.dumps(made | {"upload_url": address}).encode())
        return Response(200, b"[]")

    world = FakeWorld({"GITHUB_API_URL": api, "GH_TOKEN": "t"}, answers=answers)
    with pytest.raises(InputError, match="answers 500"):
        ensure_release(forge_from_environment(world, REPOSITORY), planned(), FILES.__getitem__)
    ((url, authorization),) = sent
    assert urlsplit(url).netloc == host
    assert authorization == "Bearer t"


def test_download_elsewhere_gets_no_token(there):
    """Where the forge keeps an asset, our token does not go; a store that is no https address is not asked."""
    there.releases.gives_digests = False
    wire = Wire(there)
    released(wire)
    stores = [headers for _, url, headers in wire.requests if "/objects/" in url]
    assert len(stores) == len(FILES)
    assert all("Authorization" not in headers for headers in stores)
    wire.requests.clear()
    wire.lies[6] = Response(302, b"", {"location": "http://evil.example/x"})
    assert "lies at no https address" in refusal(wire, InputError).message


def test_download_that_fails_does_not_show_where_from(there):
    """The address that the forge gives for an asset opens it to anybody, so no error shows it."""
    there.releases.gives_digests = False
    released(Wire(there))

    class Unreachable(Wire):
        def __call__(self, url, *rest):
            if "/objects/" in url:
                raise InputError("unreachable", url, f"cannot be reached: {url}", "x")
            return super().__call__(url, *rest)

    error = refusal(Unreachable(there), InputError)
    assert error.message == "cannot be fetched from the forge"
    assert "/objects/" not in str(error)


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "no-forge-token"),
        ({"GH_TOKEN": "two words"}, "no-forge-token"),
        ({"GH_TOKEN": "secret\r\nX-Evil: 1"}, "no-forge-token"),
        ({"GH_TOKEN": "sécret"}, "no-forge-token"),
        ({"GITHUB_API_URL": ""}, "forge"),
        ({"GITHUB_API_URL": "http://api.github.com"}, "forge"),
        ({"GITHUB_API_URL": "http://localhost.evil.example"}, "forge"),
        ({"GITHUB_API_URL": "https://user:secret@api.github.com"}, "forge"),
        ({"GITHUB_API_URL": "https://api.github.com/?x"}, "forge"),
        ({"GITHUB_API_URL": "https://api.github.com/#x"}, "forge"),
        ({"GITHUB_API_URL": "https://api.github.com:port"}, "forge"),
        ({"GITHUB_API_URL": "https://["}, "forge"),
        ({"GITHUB_API_URL": "ftp://localhost"}, "forge"),
    ],
)
def test_forge_needs_a_token_and_a_safe_address(environ, code):
    """No token, one that is none, or an address that would leak it: an error that shows neither."""
    known = {"GITHUB_API_URL": "https://api.github.com", **environ}
    with pytest.raises(InputError) as caught:
        forge_from_environment(FakeWorld(known | ({"GH_TOKEN": "t"} if code == "forge" else {})), REPOSITORY)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["", "acme", "acme/demo/x", "../demo", "acme/..", "acme/de mo", "acme/a?b"])
def test_forge_needs_the_name_of_a_repository(name):
    """A name that would lead a path elsewhere is refused."""
    world = FakeWorld({"GITHUB_API_URL": "https://api.github.com", "GH_TOKEN": "t"})
    with pytest.raises(InputError, match="names no repository"):
        forge_from_environment(world, name)


def test_forge_does_not_show_its_token(there):
    """Not in a trace, not in a report: the value has a representation without it."""
    assert there.app_token not in repr(client(Wire(there)))


@pytest.mark.parametrize(
    "more",
    [
        {"tag": "../x"},
        {"tag": "v1..2"},
        {"tag": "-v1"},
        {"tag": "v1.lock"},
        {"tag": "v 1"},
        {"commit": "main"},
        {"commit": "A" * 40},
        {"assets": {"a b": ("0" * 64, 1)}},
        {"assets": {".hidden": ("0" * 64, 1)}},
        {"assets": {"x": ("0" * 63, 1)}},
        {"assets": {"x": ("0" * 64, 0)}},
    ],
)
def test_release_plan_refuses_what_a_forge_would_change(more):
    """A tag git would not take, a commit that is no full id, an asset under a name the forge rewrites: our misuse."""
    with pytest.raises(ValueError, match=r"no tag at a commit|cannot be an asset"):
        planned(**more)
