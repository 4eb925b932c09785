"""A tag at the rehearsed forge: made once by those who may, followed to its commit, never moved."""

from __future__ import annotations

import json

import pytest
from wired import COMMIT, FILES, TAG, Wire, client, moved, planned, refusal

from epochly_release.errors import InputError, Refused
from epochly_release.forge import ensure_release, ensure_tag
from epochly_release.world import Response


def test_tag_at_another_commit_is_refused(there):
    """A tag is never moved: another commit under its name ends the release, published or not."""
    moved(there)
    error = refusal(Wire(there))
    assert (error.code, error.message) == ("tag", f"is at commit `{'b' * 40}`, not at `{COMMIT}`")
    assert there.releases.held == {}


def test_tag_that_moved_after_it_was_made_stops_the_release(there):
    """The release looks at the tag itself, and makes none."""
    forge = client(Wire(there))
    with pytest.raises(Refused, match="is not there yet"):
        ensure_release(forge, planned(), FILES.__getitem__)
    moved(there)
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
