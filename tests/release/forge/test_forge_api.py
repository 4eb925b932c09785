"""What the client believes of a forge, where it sends its token, and what its errors say."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from wired import (
    COMMIT,
    DONE,
    FILES,
    REPOSITORY,
    TAG,
    URL,
    Wire,
    a_forge,
    client,
    planned,
    refusal,
    released,
    state,
)

from epochly_release.errors import InputError, ReleaseError
from epochly_release.forge import ensure_release, ensure_tag, forge_from_environment, get_json
from epochly_release.forge_api import MOST_JSON, MOST_PAGES, get_pages
from epochly_release.memory import FakeWorld
from epochly_release.world import Response


def test_unknown_token_is_an_error_and_not_a_verdict(there):
    """401 says nothing about the release."""
    error = refusal(Wire(there), InputError, token="unknown")
    assert error.code == "forge-token"
    assert "unknown" not in str(error)


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
