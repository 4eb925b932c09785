"""Whose word counts: two pinned keys, or those in a file of the user's; nobody's where neither is there."""

from __future__ import annotations

import os
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_service import BASE, SEEN, Signer

from epochly.licensing import roots, world
from epochly.licensing.answers import NotReached
from epochly.licensing.held import Held, written
from epochly.licensing.operations import Request
from epochly.licensing.standing import Standing
from epochly.licensing.state import StateProblem
from epochly.net import gateway
from epochly.net.base_url import DEFAULT, parse
from epochly.net.endpoints import COMPATIBILITY, VALIDATE

ONE_LINE = re.compile(r"`[^`\n]+` [^\n]+; hint: [^\n]+")


def pem(*keys):
    """Public keys as PEM text."""
    return b"".join(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys)


def public(name):
    """The public key of a name."""
    return Signer(name).private.public_key()


def reading(data):
    """A file of this content."""

    def read(path):
        if data is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return data

    return read


def test_a_build_without_roots_believes_nobody_and_says_so():
    """The public service cannot be told from anybody else yet, so nothing it says counts."""
    assert roots.PINNED == ()
    with pytest.raises(StateProblem, match="pins no root key of it; hint: ") as caught:
        roots.roots_for(DEFAULT, DEFAULT, {}, reading(b""))
    assert ONE_LINE.fullmatch(str(caught.value))


def test_pinned_roots_count_for_the_public_service_alone(monkeypatch):
    """Another URL without a root of its own is refused: who changes the one may not keep the other's trust."""
    keys = (Signer("current").public, Signer("next").public)
    monkeypatch.setattr(roots, "PINNED", keys)
    assert list(roots.roots_for(DEFAULT, DEFAULT, {}, reading(None)).values()) == list(keys)
    with pytest.raises(StateProblem, match="is not the public service"):
        roots.roots_for(BASE, DEFAULT, {}, reading(None))


@pytest.mark.parametrize("base", [BASE, DEFAULT])
def test_a_file_of_roots_takes_the_place_of_the_pinned_ones(base):
    """One key or two, with text around them."""
    for names in (("a",), ("a", "b")):
        data = b"# root\n" + pem(*map(public, names))
        found = roots.roots_for(base, DEFAULT, {"EPOCHLY_ROOT_KEY": "/k.pem"}, reading(data))
        assert found == {Signer(name).kid: Signer(name).public for name in names}


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"no key",
        pem(public("a"))[:-30],
        pem(public("a"), public("b"), public("c")),
        pem(generate_private_key(SECP256R1()).public_key()),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + pem(public("a")),
        pem(Ed25519PublicKey.from_public_bytes(b"\1" + bytes(31))),
        pem(public("a"), Ed25519PublicKey.from_public_bytes(bytes(32))),
        pem(public("a")) + b" " * 10_000,
        b"\xff" * 100,
    ],
)
def test_a_file_that_holds_no_roots_is_one_line(data):
    """No file, cut off, too many, another curve, a key that anybody signs for, a private one: refused, and nobody is believed instead."""
    with pytest.raises(StateProblem) as caught:
        roots.roots_for(BASE, DEFAULT, {"EPOCHLY_ROOT_KEY": "/k.pem"}, reading(data))
    assert ONE_LINE.fullmatch(str(caught.value))


@pytest.mark.parametrize(
    "environ",
    [
        {"EPOCHLY_STATE_DIR": "relative"},
        {},
        {"EPOCHLY_STATE_DIR": "/d", "EPOCHLY_API_URL": "http://licence.example"},
        {"EPOCHLY_STATE_DIR": "/d", "EPOCHLY_API_URL": "https://user:secret@licence.example"},
    ],
)
def test_a_world_that_makes_no_sense_is_one_line(environ):
    """Where the folder or the service cannot be told, that is said, and no part of a password with it."""
    with pytest.raises(StateProblem) as caught:
        world.session_here(environ)
    assert ONE_LINE.fullmatch(str(caught.value))
    assert "secret" not in str(caught.value)


def test_the_real_world_is_the_process_s_own(tmp_path):
    """Its folder, the machine it runs on; without a root nobody is asked to grant anything."""
    session = world.session_here({"EPOCHLY_STATE_DIR": str(tmp_path / "s")})
    assert session.world.base_url == DEFAULT
    assert session.world.state.path == str(tmp_path / "s")
    assert session.world.seen().system == SEEN.system or os.name == "nt"
    assert session.standing() == Standing()
    with pytest.raises(StateProblem, match="pins no root key"):
        session.trial()
    session.world.state.write("licence.json", written(Held(DEFAULT, "dev_" + "1" * 22, "lease", "keyset")))
    assert session.standing().lease is None


@pytest.mark.parametrize(
    ("headers", "later"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "soon"}, None),
        ({}, None),
        ({"retry-after": "9" * 20}, None),
    ],
)
def test_an_answer_of_the_gateway_is_a_reply(monkeypatch, headers, later):
    """Status, body, nonce, and a wait in seconds where one can be read."""
    sent = []

    def send(request, base, environ, version):
        sent.append((request, str(base), environ, version))
        return gateway.Answer(200, headers | {"epochly-nonce": "n"}, b"{}", "http://proxy:1080")

    monkeypatch.setattr(gateway, "send", send)
    asked = Request(VALIDATE, None, b"{}", "token")
    reply = world.send(asked, parse(BASE), {}, "1.0")
    assert (reply.status, reply.body, reply.nonce, reply.retry_after_s) == (200, b"{}", "n", later)
    assert reply.via_proxy == "http://proxy:1080"
    assert sent[0][0].headers == {"Epochly-Proof": "token"}
    world.send(Request(COMPATIBILITY), parse(BASE), {}, "1.0")
    assert sent[1][0].headers == {}


def test_offline_mode_asks_nobody():
    """The user's own setting is the reason told."""
    answer = world.send(Request(COMPATIBILITY), parse(BASE), {"EPOCHLY_OFFLINE_MODE": "1"}, "1.0")
    assert isinstance(answer, NotReached)
    assert "EPOCHLY_OFFLINE_MODE" in answer.why
