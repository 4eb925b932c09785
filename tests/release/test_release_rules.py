"""What a release is made of, as values: manifest, staged files, provenance, attestations, and which secrets it refuses."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from epochly_release.attestation import BUNDLE, PUBLISH, PUBLISHED, ToSign, kept, statement
from epochly_release.config import parse_config
from epochly_release.credentials import refuse_long_lived
from epochly_release.errors import InputError, Refused
from epochly_release.manifest import listed, manifest_of, parse_manifest
from epochly_release.memory import FakeWorld
from epochly_release.plan import Distribution, Plan
from epochly_release.provenance import claims_of_token, refuse_other_run, slsa_predicate
from epochly_release.rehearsal.oidc import Run
from epochly_release.staged import notes_of, parse_staged, staged_of, staged_to_bytes
from epochly_release.trusted_publishing import upload_token
from epochly_release.world import Response

CONFIG = parse_config(
    b"""\
[tool.epochly-release]
distributions = ["."]
version-file = "VERSION"
changelog = "CHANGES.md"
locks = { "build.txt" = "build.in" }
build-lock = "build.txt"
repository = "somebody/small-thing"
workflow = "release.yml"
environment = "pypi"
""",
    "release.toml",
)
COMMIT = "c" * 40
PLAN = Plan(
    COMMIT,
    1,
    "1.0",
    "v1.0",
    (Distribution(".", "a", "a-1.0.tar.gz", "a-1.0-"),),
    CONFIG,
    config_sha256="0" * 64,
)
FILES = {"a-1.0.tar.gz": b"sdist", "a-1.0-py3-none-any.whl": b"wheel", "buildinfo.json": b"{}"}
RUN = Run("somebody/small-thing", sha=COMMIT)


def token_of(claims):
    """A token that says so; who signed it is not looked at by those who only read it."""
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{middle}.AAAA"


def test_manifest_says_the_same_of_the_same_files():
    """The manifest is the same bytes each time, and reading it gives the files it was made of."""
    data = manifest_of(PLAN, FILES)
    assert data == manifest_of(PLAN, dict(reversed(FILES.items())))
    assert parse_manifest(data, "manifest.json", PLAN) == {name: listed(each) for name, each in FILES.items()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format": "epochly-manifest/1"', '"format": "epochly-manifest/2"'),
        ('"size": 5', '"size": "5"'),
        ('"size": 5', '"size": true'),
        ('"size": 5', '"more": 1, "size": 5'),
        ('"a-1.0.tar.gz"', '"../a-1.0.tar.gz"'),
        ('"a-1.0.tar.gz"', '".a"'),
        ('"epoch": 1', '"epoch": 1, "more": 1'),
        (f'"commit": "{COMMIT}"', f'"commit": "{"d" * 40}"'),
        ('"plan": "', '"plan": "0'),
        ("{", "["),
    ],
)
def test_manifest_that_was_changed_is_refused(old, new):
    """Unknown fields, other types, names with folders and another plan's manifest are not read."""
    text = manifest_of(PLAN, FILES).decode()
    assert old in text
    with pytest.raises(Refused, match="manifest"):
        parse_manifest(text.replace(old, new, 1).encode(), "manifest.json", PLAN)


def test_staged_files_name_what_leaves_and_its_notes():
    """Each wheel and sdist goes with its two attestations, and the notes are the version's own."""
    manifest = {name: listed(data) for name, data in FILES.items()}
    evidence = {
        f"{name}{ending}": listed(b"x")
        for name in FILES
        if name != "buildinfo.json"
        for ending in (".publish.attestation", ".slsa.attestation")
    }
    changelog = "# Changes\n\n## 1.1\n\nNew.\n\n## v1.0 (2026)\n\n- First.\n- Second.\n\n## 0.9\n\nOld.\n"
    staged = staged_of(PLAN, manifest, evidence, changelog)
    assert staged.body == "- First.\n- Second.\n"
    assert staged.uploads["a-1.0.tar.gz"] == (
        "a-1.0.tar.gz.publish.attestation",
        "a-1.0.tar.gz.slsa.attestation",
    )
    data = staged_to_bytes(staged, PLAN)
    assert parse_staged(data, "staged.json", PLAN) == staged
    for bad in (
        data + b" ",
        data.replace(b"sha256", b"sha512"),
        b"{}",
        b"[]",
        data.replace(b"v1.0", b"v1.1"),
    ):
        with pytest.raises(Refused, match="not what was staged"):
            parse_staged(bad, "staged.json", PLAN)
    del evidence["a-1.0.tar.gz.slsa.attestation"]
    with pytest.raises(Refused, match=r"has no `a-1\.0\.tar\.gz\.slsa\.attestation`"):
        staged_of(PLAN, manifest, evidence, changelog)


@pytest.mark.parametrize(
    ("changelog", "notes"),
    [
        ("## 1.0\n\nText.\n", "Text.\n"),
        ("1.0\n===\nText.\n\n0.9\n===\nOld.", "Text.\n"),
        ("## 1.0\n", ""),
        ("## 0.9\nOld", ""),
        ("", ""),
    ],
)
def test_notes_are_those_of_the_version(changelog, notes):
    """What stands below the version's heading, up to the next version, in Markdown or underlined."""
    assert notes_of(changelog, "1.0") == notes


def test_provenance_says_what_the_token_says():
    """Workflow, source, commit, trigger and run come from the claims, and from nowhere else."""
    claims = claims_of_token(token_of(RUN.claims()))
    refuse_other_run(PLAN, claims)
    predicate = slsa_predicate(claims, {"buildinfo.json": "0" * 64})
    definition, run = predicate["buildDefinition"], predicate["runDetails"]
    repository = "https://github.com/somebody/small-thing"
    assert definition["externalParameters"] == {
        "workflow": {
            "ref": "refs/heads/main",
            "repository": repository,
            "path": ".github/workflows/release.yml",
        }
    }
    (source,) = definition["resolvedDependencies"]
    assert source == {"uri": f"git+{repository}@refs/heads/main", "digest": {"gitCommit": COMMIT}}
    assert run["builder"]["id"] == f"{repository}/.github/workflows/release.yml@refs/heads/main"
    assert run["metadata"]["invocationId"] == f"{repository}/actions/runs/1/attempts/1"
    assert run["byproducts"] == [{"name": "buildinfo.json", "digest": {"sha256": "0" * 64}}]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"repository": "evil/small-thing"}, "repository"),
        ({"workflow": "ci.yml"}, "workflow"),
        ({"reusable": "evil/shared/.github/workflows/release.yml"}, "signing workflow"),
        ({"ref": "refs/heads/evil"}, "ref"),
        ({"event": "push"}, "trigger"),
        ({"sha": "d" * 40}, "commit"),
        ({"environment": ""}, "environment"),
        ({"environment": "staging"}, "environment"),
    ],
)
def test_token_of_another_run_signs_nothing(change, word):
    """A token of another repository, workflow, ref, trigger, commit or environment is refused by name."""
    claims = claims_of_token(token_of(replace(RUN, **change).claims()))
    with pytest.raises(Refused, match=f"the run's {word} is"):
        refuse_other_run(PLAN, claims)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "e30.e30.x", "e30.W10.x", "é.é.é"])
def test_token_of_something_else_is_no_identity(token):
    """Bytes that are no GitHub token are said to be none, never a crash."""
    with pytest.raises(InputError, match="no token of a workflow"):
        claims_of_token(token)


def test_attestation_is_the_bundle_in_the_form_of_an_index():
    """Certificate, log entries, statement and signature move over unchanged; a bundle stays a bundle."""
    bundle = {
        "verificationMaterial": {"certificate": {"rawBytes": "C"}, "tlogEntries": [{"logIndex": "7"}]},
        "dsseEnvelope": {"payload": "P", "payloadType": "t", "signatures": [{"sig": "S"}]},
    }
    said = statement("a", "0" * 64, PUBLISH, None)
    assert json.loads(said)["predicate"] is None
    data = kept(ToSign(f"a{PUBLISHED}", "a", "0" * 64, said, 1), json.dumps(bundle))
    assert json.loads(data) == {
        "version": 1,
        "verification_material": {"certificate": "C", "transparency_entries": [{"logIndex": "7"}]},
        "envelope": {"statement": "P", "signature": "S"},
    }
    assert json.loads(kept(ToSign(f"a{BUNDLE}", "a", "0" * 64), json.dumps(bundle))) == bundle
    for bad in ("", "{}", "[]", '{"verificationMaterial": 1, "dsseEnvelope": 2}'):
        with pytest.raises(InputError, match="no bundle"):
            kept(ToSign(f"a{PUBLISHED}", "a", "0" * 64, said, 1), bad)


@pytest.mark.parametrize(
    "environ",
    [
        {"TWINE_PASSWORD": "x"},
        {"TWINE_USERNAME": "me"},
        {"UV_PUBLISH_TOKEN": "x"},
        {"HATCH_INDEX_AUTH": "x"},
        {"FLIT_PASSWORD": "x"},
        {"POETRY_PYPI_TOKEN_PYPI": "x"},
        {"PYPI_API_TOKEN": "x"},
        {"ANYTHING": "pypi-AgEIcHlwaS5vcmcCJGFhYWFhYWFhLWFhYWEtYWFhYQ"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_credential_in_sight_is_refused_by_name(environ):
    """A password or token for uploads in the environment ends every step, and its value is not shown."""
    (name,) = environ
    with pytest.raises(Refused, match=f"`{name}`: holds a credential") as refused:
        refuse_long_lived(environ, [])
    assert environ[name] == "x" or environ[name] not in str(refused.value)


def test_no_credential_in_sight_is_no_fault():
    """Empty variables, and values that merely begin alike, are none; a `.pypirc` is."""
    refuse_long_lived({"TWINE_PASSWORD": "", "NAME": "pypi-publish", "PATH": "/usr/bin"}, [])
    with pytest.raises(Refused, match=r"`~/.pypirc`"):
        refuse_long_lived({}, [".pypirc"])


def network(**replies):
    """A world whose index answers as told, by the last part of the address; every request is kept."""
    asked = []

    def answers(url, method, _headers, body):
        asked.append((method, url, body))
        return replies[url.rpartition("/")[2].replace("-", "_")]

    return FakeWorld(answers=answers, identity=lambda audience: f"token for {audience}"), asked


AUDIENCE = Response(200, b'{"audience": "pypi"}')
MINTED = Response(200, b'{"success": true, "token": "pypi-secret", "expires": 1}')


def test_upload_token_is_burned_however_the_upload_ends():
    """The exchange asks for the index's own audience; the token is burned after a failed upload too."""
    world, asked = network(audience=AUDIENCE, mint_token=MINTED, burn_token=Response(202, b"{}"))
    with pytest.raises(ZeroDivisionError), upload_token(world, "https://up.example/legacy/") as token:
        assert len(token) // 0  # whatever goes wrong in the middle
    assert [(method, url.rpartition("/")[2]) for method, url, _ in asked] == [
        ("GET", "audience"),
        ("POST", "mint-token"),
        ("POST", "burn-token"),
    ]
    assert json.loads(asked[1][2]) == {"token": "token for pypi"}
    assert json.loads(asked[2][2]) == {"token": "pypi-secret"}
    assert world.told == ["publish: the upload token was burned"]
    assert not any("secret" in url for _, url, _ in asked)


def test_upload_token_that_cannot_be_burned_is_said():
    """An index that burns no tokens is named as such: the token lives on for its minutes."""
    world, _ = network(audience=AUDIENCE, mint_token=MINTED, burn_token=Response(404))
    with upload_token(world, "https://up.example/legacy/"):
        pass
    assert "expires by itself" in world.told[0]


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"audience": Response(404)}, "offers no trusted publishing"),
        ({"audience": Response(200, b"<html>")}, "offers no trusted publishing"),
        (
            {
                "audience": AUDIENCE,
                "mint_token": Response(
                    422, b'{"errors": [{"code": "invalid-publisher", "description": "no publisher"}]}'
                ),
            },
            "invalid-publisher: no publisher",
        ),
        ({"audience": AUDIENCE, "mint_token": Response(200, b'{"token": 1}')}, "no reason given"),
        ({"audience": AUDIENCE, "mint_token": Response(500, b'{"errors": 7}')}, "no upload token"),
    ],
)
def test_index_that_gives_no_token_is_said_in_one_line(replies, words):
    """No trusted publishing, no publisher, or an answer that is none: one line with the index's own reason."""
    world, _ = network(**replies)
    with (
        pytest.raises((Refused, InputError), match=words) as refused,
        upload_token(world, "https://up.example/"),
    ):
        pass
    assert "\n" not in str(refused.value)
    assert "hint: " in str(refused.value)


@pytest.mark.parametrize("url", ["http://up.example/legacy/", "https://me:pw@up.example/", "ftp://x", "x"])
def test_upload_address_is_https_without_credentials(url):
    """A token goes over TLS, to an address that holds no secret."""
    with pytest.raises(InputError, match="no https address"), upload_token(FakeWorld(), url):
        pass
