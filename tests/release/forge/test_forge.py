"""A release at the rehearsed forge: made once, killed anywhere, and never written over."""

from __future__ import annotations

import json

import pytest
from wired import (
    COMMIT,
    DONE,
    FILES,
    TAG,
    Killed,
    Wire,
    a_forge,
    asked,
    client,
    planned,
    refusal,
    released,
    state,
)

from epochly_release.errors import InputError, Refused
from epochly_release.forge import ensure_release, ensure_tag
from epochly_release.world import Response


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
        assert there.answer(asked(there, "POST", "/releases", body)).status == 201
    released(wire)
    assert [one.draft for one in there.releases.held.values() if one.tag_name == TAG] == [False]


def _asset(there, change):
    """A release that was published, and then changed."""
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
    listed = json.loads(there.answer(asked(there, "GET", "/releases/1/assets")).body)
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
        there.answer(asked(there, "POST", "/releases", json.dumps({"tag_name": TAG, "draft": True}).encode()))
    assert "has 2 releases of this tag" in refusal(Wire(there)).message


def test_asset_that_is_not_the_planned_file_is_not_sent(there):
    """A file that changed after the plan was made never leaves this machine."""
    wire = Wire(there)
    forge = client(wire)
    ensure_tag(forge, TAG, COMMIT)
    with pytest.raises(Refused, match="is not the file that was planned"):
        ensure_release(forge, planned(), lambda _: b"changed")
    assert not any("?name=" in url for _, url, _ in wire.requests)


def test_release_needs_no_right_to_tag(there):
    """A job that may write contents finishes the release of a tag that the App made."""
    wire = Wire(there)
    ensure_tag(client(wire), TAG, COMMIT)
    assert ensure_release(client(wire, there.job_token), planned(), FILES.__getitem__) is True


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
