"""Identity tokens for upload tokens: who gets one, and what the index says to everybody else."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from rehearsed import PUBLISHER, RUN, Clock, minted, new


def code(reply):
    """Status and the code of the only error."""
    (error,) = reply.document["errors"]
    return reply.status, error["code"]


def asked(instance, identity):
    """The reply to a given identity token."""
    return instance.index.mint_token(json.dumps({"token": identity}).encode())


def test_token_request_serves_the_job_only():
    """The runner's endpoint wants the job's own bearer token, in either spelling of `bearer`."""
    issuer = new().issuer
    for scheme in ("bearer", "Bearer"):
        reply = issuer.token_request("sigstore", f"{scheme} {issuer.request_token}")
        assert (reply.status, reply.document["value"].count(".")) == (200, 2)
    assert issuer.token_request("sigstore", "bearer guessed").status == 401


def test_mint_token_serves_the_registered_workflow():
    """A token of the registered workflow becomes an upload token of fifteen minutes."""
    clock = Clock()
    reply = minted(new(clock))
    assert (reply.status, reply.document["success"]) == (200, True)
    assert reply.document["token"].startswith("pypi-")
    assert reply.document["expires"] - int(clock().timestamp()) == 900


def test_mint_token_refuses_a_replayed_token():
    """An identity token works once."""
    instance = new()
    identity = instance.issuer.issue("pypi")
    assert asked(instance, identity).status == 200
    reply = asked(instance, identity)
    assert code(reply) == (422, "invalid-reuse-token")
    assert reply.document["message"] == "Token request failed"


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "evil/demo-pkg"},
        {"repository": "acme/other"},
        {"owner_id": "43"},
        {"workflow": "ci.yml"},
        {"environment": "staging"},
        {"environment": ""},
        {"reusable": "acme/shared/.github/workflows/release.yml"},
        {"event": "pull_request_target"},
    ],
    ids=lambda change: "-".join(f"{key}={value}" for key, value in change.items()),
)
def test_mint_token_refuses_another_run(change):
    """Another repository, owner, workflow or environment, and a reusable workflow, are no publisher."""
    instance = new(run=replace(RUN, **change))
    assert code(minted(instance)) == (422, "invalid-publisher")


def test_mint_token_refuses_a_workflow_from_another_ref():
    """The workflow file must come from the ref that the token is about."""
    elsewhere = "acme/demo-pkg/.github/workflows/release.yml@refs/heads/evil"
    reply = minted(new(), job_workflow_ref=elsewhere)
    assert code(reply) == (422, "invalid-publisher")
    assert "refs/heads/evil" in reply.text


def test_mint_token_ignores_the_case_of_names():
    """Repository and environment are compared as the forge does."""
    run = replace(RUN, repository="Acme/Demo-Pkg", environment="PyPI")
    assert minted(new(run=run)).status == 200


def test_mint_token_takes_any_environment_where_none_is_registered():
    """A publisher without environment is the fallback of one with."""
    loose = replace(PUBLISHER, environment="")
    assert minted(new(run=replace(RUN, environment="staging"), publishers=[PUBLISHER, loose])).status == 200


@pytest.mark.parametrize(
    "more", [{"aud": "sigstore"}, {"aud": ["pypi", "x"]}, {"exp": 1}, {"iat": 9e9}, {"nbf": "soon"}]
)
def test_mint_token_refuses_another_audience_or_time(more):
    """A token for somebody else, for several, expired, or from the future is invalid."""
    assert code(minted(new(), **more)) == (422, "invalid-token")


def test_mint_token_refuses_an_expired_token():
    """Five minutes and the leeway after it was issued a token is worth nothing."""
    clock = Clock()
    instance = new(clock)
    identity = instance.issuer.issue("pypi")
    clock.advance(seconds=331)
    assert code(asked(instance, identity)) == (422, "invalid-token")


def test_mint_token_refuses_a_foreign_or_unsigned_token():
    """Another issuer's key, no signature, changed claims: none is believed."""
    instance, other = new(), new(seed=b"other")
    header, claims, signature = instance.issuer.issue("pypi").split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"rehearsal-1"}').rstrip(b"=").decode()
    _, changed, _ = other.issuer.issue("pypi", repository="evil/evil").split(".")
    for identity in (f"{none}.{claims}.", f"{header}.{changed}.{signature}", f"{header}.{claims}.AAAA"):
        assert code(asked(instance, identity)) == (422, "invalid-token")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b"{}", b'{"token": 1}', b'{"token": "x"}', b'{"token": "a.b.c"}']
)
def test_mint_token_refuses_what_is_no_request(body):
    """Any other bytes are an invalid payload."""
    assert code(new().index.mint_token(body)) == (422, "invalid-payload")


def test_mint_token_refuses_an_unknown_issuer():
    """A token that names another provider is not looked at further."""
    assert code(minted(new(), iss="https://evil.example")) == (422, "invalid-payload")


def test_issuer_publishes_the_key_it_signs_with():
    """Discovery leads to a key set that holds the key named in the token's header."""
    instance = new()
    assert instance.issuer.configuration().document["jwks_uri"].startswith(instance.url)
    (key,) = instance.issuer.key_set().document["keys"]
    header = instance.issuer.issue("pypi").partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] == key["kid"]
