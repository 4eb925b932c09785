"""Uploads: what the index takes, what it refuses, and what it shows afterwards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rehearsed import (
    PUBLISH,
    RUN,
    WHEEL,
    Clock,
    attestation,
    basic,
    new,
    sdist,
    token,
    upload,
    wheel,
)

from epochly_release.rehearsal.index import SIMPLE_JSON

SLSA = "https://slsa.dev/provenance/v1"
REFUSED = "Invalid attestations supplied during upload: "
UNVERIFIED = f"{REFUSED}Could not verify the uploaded artifact using the included attestation: "


@pytest.fixture
def clock():
    """A clock that stands."""
    return Clock()


@pytest.fixture
def instance(clock):
    """An instance under that clock."""
    return new(clock)


@pytest.fixture
def auth(instance):
    """A header with a token of the publisher."""
    return basic(token(instance))


def test_upload_with_attestations_is_shown_with_its_provenance(instance, auth):
    """A file with publish attestation and SLSA provenance is listed, can be fetched, and tells who published it."""
    content = wheel()
    attestations = [attestation(instance, content), attestation(instance, content, kind=SLSA)]
    reply = upload(instance, content, auth, attestations=attestations)
    assert (reply.status, reply.text) == (200, "")
    listed = instance.index.project("demo-pkg", SIMPLE_JSON).document
    (file,) = listed["files"]
    assert listed["meta"]["api-version"] == "1.4"
    assert instance.index.download(*file["url"].split("/packages/")[1].split("/")).body == content
    shown = instance.index.provenance("demo-pkg", "1.0", WHEEL)
    assert shown.media_type == "application/vnd.pypi.integrity.v1+json"
    (bundle,) = shown.document["attestation_bundles"]
    assert bundle["attestations"] == attestations
    assert bundle["publisher"] == {
        "kind": "GitHub",
        "repository": "acme/demo-pkg",
        "workflow": "release.yml",
        "environment": "pypi",
    }
    assert file["provenance"].endswith(f"/integrity/demo-pkg/1.0/{WHEEL}/provenance")


def test_pages_answer_in_the_form_asked_for(instance, auth):
    """HTML without a word, JSON when asked; other spellings of a name are sent to the normal one."""
    assert upload(instance, wheel(), auth, requires_python=">=3.11").status == 200
    assert 'data-requires-python="&gt;=3.11"' in instance.index.project("demo-pkg", "text/html").text
    assert instance.index.projects(SIMPLE_JSON).document["projects"] == [{"name": "demo-pkg"}]
    moved = instance.index.project("Demo_Pkg", "")
    assert (moved.status, moved.headers["Location"]) == (301, f"{instance.url}/simple/demo-pkg/")
    assert instance.index.project("absent", "").status == 404
    assert instance.index.provenance("demo-pkg", "1.0", WHEEL).status == 404
    assert instance.index.download("elsewhere", WHEEL).status == 404


@pytest.mark.parametrize(
    ("authorization", "start"),
    [
        ("", "Invalid or non-existent authentication information."),
        (basic("pypi-AgEIcHlwaS5vcmc"), "Invalid or non-existent authentication information."),
        (basic("secret", user="maintainer"), "Username/Password authentication is no longer supported."),
        ("Basic !", "Invalid or non-existent authentication information."),
        ("Bearer x", "Invalid or non-existent authentication information."),
    ],
)
def test_upload_refuses_static_tokens_and_passwords(instance, authorization, start):
    """Nobody but the holder of a fresh token uploads: 403."""
    reply = upload(instance, wheel(), authorization)
    assert (reply.status, reply.text[: len(start)]) == (403, start)


def test_upload_refuses_a_burned_or_expired_token(instance, auth, clock):
    """A token ends when it is burned, and fifteen minutes after it was minted: 403."""
    other = token(instance)
    assert instance.index.burn_token(json.dumps({"token": other}).encode()).status == 202
    assert upload(instance, wheel(), basic(other)).status == 403
    clock.advance(minutes=15)
    reply = upload(instance, wheel(), auth)
    assert (reply.status, reply.text) == (403, "Invalid API Token: token is expired")


def test_upload_refuses_another_project(instance, auth):
    """A token is for the publisher's projects only: 403."""
    reply = upload(instance, wheel(), auth, name="other")
    assert (reply.status, reply.text[:18]) == (403, "Invalid API Token:")


def test_upload_takes_the_same_file_twice_and_no_other(instance, auth):
    """The same bytes again are no news; other bytes under the name are refused: 400, file already exists."""
    assert upload(instance, wheel(), auth).status == 200
    assert upload(instance, wheel(), auth).status == 200
    reply = upload(instance, wheel(text="x = 2\n"), auth)
    assert (reply.status, reply.text[:22]) == (400, "File already exists ('")


def test_upload_refuses_a_zip_with_duplicate_entries(instance, auth):
    """A name that stands twice is read differently by different readers: 400."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = wheel(twice=["demo_pkg.py"])
    reply = upload(instance, content, auth)
    start = "Invalid distribution file. ZIP archive not accepted: "
    assert (reply.status, reply.text[: len(start)]) == (400, start)
    assert "demo_pkg.py" in reply.text


@pytest.mark.parametrize("tail", [b"x", b"PK\5\6" + bytes(18)])
def test_upload_refuses_bytes_after_the_zip(instance, auth, tail):
    """Data behind the end of the archive is hidden from some readers: 400."""
    reply = upload(instance, wheel() + tail, auth)
    assert (reply.status, "ZIP archive not accepted" in reply.text) == (400, True)


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "RECORD"])
def test_upload_refuses_a_wheel_without_its_files(instance, auth, name):
    """METADATA, WHEEL and RECORD must be there: 400."""
    reply = upload(instance, wheel(without=[name]), auth)
    assert (reply.status, f"required {name} file" in reply.text) == (400, True)


def test_upload_refuses_a_licence_file_that_is_not_there(instance, auth):
    """What METADATA names as licence file must lie in the wheel: 400."""
    reply = upload(instance, wheel(licence="LICENSE"), auth)
    assert (reply.status, reply.text[:12]) == (400, "License-File")


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"sha256_digest": "0" * 64}, "The digest supplied does not match"),
        ({"protocol_version": "2"}, "Unknown protocol version."),
        ({":action": "submit"}, "Unknown action."),
        ({"filetype": "sdist"}, "Unknown type of file."),
        ({"version": "1.1"}, "Version in filename should be '1.1' not '1.0'."),
        ({"version": "x"}, "'x' is an invalid value for Version."),
        ({"filename": "demo_pkg.whl"}, "Invalid filename: "),
        ({"filename": "other-1.0-py3-none-any.whl"}, "Start filename for 'demo-pkg'"),
    ],
)
def test_upload_refuses_a_form_that_does_not_fit(instance, auth, fields, start):
    """Form, file name and content must agree: 400."""
    reply = upload(instance, wheel(), auth, **fields)
    assert (reply.status, reply.text[: len(start)]) == (400, start)


def test_upload_takes_one_sdist_a_release(instance, auth):
    """An sdist is taken beside a wheel, and only one of them."""
    as_sdist = {"filetype": "sdist", "pyversion": "source"}
    assert upload(instance, wheel(), auth).status == 200
    first = upload(instance, sdist(), auth, filename="demo_pkg-1.0.tar.gz", **as_sdist)
    assert (first.status, first.text) == (200, "")
    second = upload(instance, sdist(), auth, filename="demo_pkg-1.0.0.tar.gz", **as_sdist)
    assert (second.status, second.text) == (400, "Only one sdist may be uploaded per release.")


@pytest.mark.parametrize(
    ("filename", "content", "word"),
    [
        ("demo-pkg-1.0.tar.gz", sdist("demo-pkg-1.0"), "normalized project name"),
        ("demo_pkg-1.0.tar.gz", sdist(metadata=""), "PKG-INFO not found"),
        (
            "demo_pkg-1.0.tar.gz",
            sdist(metadata="Metadata-Version: 2.4\nName: demo-pkg\nVersion: 1.0\nLicense-File: COPYING\n"),
            "License-File COPYING",
        ),
        ("demo_pkg-1.0.tar.gz", b"no archive", "Invalid distribution file. TAR archive not accepted"),
    ],
    ids=["name", "metadata", "licence", "archive"],
)
def test_upload_refuses_an_sdist_with_a_fault(instance, auth, filename, content, word):
    """Name, PKG-INFO, licence files and container of an sdist are looked at too: 400."""
    reply = upload(instance, content, auth, filename=filename, filetype="sdist")
    assert (reply.status, word in reply.text) == (400, True), reply.text


def test_upload_refuses_a_file_for_an_old_release(clock):
    """Two weeks after its first file a release takes no more: 400."""
    instance = new(clock)
    assert upload(instance, wheel(), basic(token(instance))).status == 200
    clock.advance(days=15)
    late = "demo_pkg-1.0-1-py3-none-any.whl"
    reply = upload(instance, wheel(), basic(token(instance)), filename=late)
    assert (reply.status, "14 days" in reply.text) == (400, True)


def test_attestation_refuses_a_wheel_changed_after_signing(instance, auth):
    """What was signed is not what is uploaded: 400, and nothing is kept."""
    made = attestation(instance, wheel())
    reply = upload(instance, wheel(text="x = 'evil'\n"), auth, attestations=[made])
    assert (reply.status, reply.text[: len(UNVERIFIED)]) == (400, UNVERIFIED)
    assert "subject-digest-mismatch" in reply.text
    assert instance.index.files == {}


def test_attestation_refuses_one_for_another_file(instance, auth):
    """An attestation is about the file it names: 400."""
    made = attestation(instance, wheel(), "demo_pkg-1.1-py3-none-any.whl")
    reply = upload(instance, wheel(), auth, attestations=[made])
    assert (reply.status, "subject-name-mismatch" in reply.text) == (400, True)


def test_attestation_refuses_an_expired_certificate(instance, auth, clock):
    """Logged eleven minutes after the certificate was issued, a signature proves nothing: 400."""
    made = attestation(instance, wheel(), pause=lambda: clock.advance(minutes=11))
    reply = upload(instance, wheel(), auth, attestations=[made])
    assert (reply.status, reply.text[: len(UNVERIFIED)]) == (400, UNVERIFIED)
    assert "certificate" in reply.text


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"repository": "evil/demo-pkg"}, "repository"),
        ({"workflow": "ci.yml"}, "workflow"),
        ({"reusable": "acme/shared/.github/workflows/release.yml"}, "reusable workflow"),
    ],
)
def test_attestation_refuses_another_signer(instance, auth, change, word):
    """The signer must be the publisher who uploads: 400."""
    made = attestation(instance, wheel(), run=replace(RUN, **change))
    reply = upload(instance, wheel(), auth, attestations=[made])
    assert (reply.status, reply.text[: len(UNVERIFIED)]) == (400, UNVERIFIED)
    assert word in reply.text


def test_attestation_refuses_one_of_another_instance(instance, auth):
    """Certificates and entries of a foreign authority and log are not trusted: 400."""
    made = attestation(new(seed=b"other"), wheel())
    reply = upload(instance, wheel(), auth, attestations=[made])
    assert (reply.status, reply.text[: len(UNVERIFIED)]) == (400, UNVERIFIED)


def test_attestation_refuses_too_many_unknown_and_repeated_kinds(instance, auth):
    """One of each known kind, at least one and at most two: 400."""
    content = wheel()
    publish, again = attestation(instance, content), attestation(instance, content)
    unknown = attestation(instance, content, kind="https://example.com/other/v1")
    for attestations, word in (
        ([], "empty attestation set"),
        ([publish, again], "Multiple attestations"),
        ([publish] * 3, "A maximum of 2"),
        ([unknown], "unsupported predicate type"),
        (["x"], "Malformed attestations"),
        ({}, "Malformed attestations"),
        ([{}], "Could not verify"),
    ):
        reply = upload(instance, content, auth, attestations=attestations)
        assert (reply.status, reply.text[: len(REFUSED)]) == (400, REFUSED)
        assert word in reply.text


def test_attestation_kind_is_that_of_the_specification():
    """The predicate type of publish attestations is fixed by the index."""
    from epochly_release.rehearsal import attested

    assert attested.PUBLISH == PUBLISH
