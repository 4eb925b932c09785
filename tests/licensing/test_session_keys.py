"""Signing keys that change under a device: which keyset vouches for what, when another one is asked for, and none that goes back."""

from __future__ import annotations

from dataclasses import replace

from fake_service import KEY, Signer, held, may

from epochly.licensing.answers import Granted, NotReached


def test_keys_change_and_a_keyset_never_goes_back(machine, service):
    """A new signing key is known by the newer keyset; the older one, played again, is refused."""
    session = machine()
    session.activate(KEY)
    old = service.keyset()
    service.rotate("second")
    assert isinstance(session.refresh(), Granted)
    new = held(session).keyset
    assert new != old

    def older(request, reply):
        if request.endpoint.name != "validate":
            return reply
        return replace(reply, body=reply.body.replace(new.encode(), old.encode()))

    service.instead = older
    assert "goes back" in session.refresh().why
    assert held(session).keyset == new


def test_a_refusal_by_a_new_key_asks_for_the_keyset(machine, service):
    """Problems bring no keyset along: one more request finds the key, once."""
    session = machine()
    session.activate(KEY)
    service.rotate("second")
    service.licence.status = "suspended"
    assert session.refresh().code == "LICENSE_SUSPENDED"
    assert service.names()[-2:] == ["validate", "keyset"]
    first = machine("first")
    assert first.activate(KEY).code == "LICENSE_SUSPENDED"  # and where none is held at all
    service.signing = Signer("nobody's")
    assert isinstance(first.activate(KEY), NotReached)


def test_a_revoked_signing_key_counts_for_nothing(machine, service):
    """What it signed before is refused as soon as a keyset says so."""
    session = machine()
    session.activate(KEY)
    service.statuses[service.signing.kid] = "revoked"
    service.rotate("second")
    assert isinstance(session.refresh(), Granted)
    service.signing = service.known[0]
    assert isinstance(session.refresh(), NotReached)


def swapped_keyset(service, name, token):
    """Answers of an endpoint, with another keyset than the service's newest."""

    def instead(request, reply):
        if request.endpoint.name != name:
            return reply
        return replace(reply, body=reply.body.replace(service.keyset().encode(), token.encode()))

    return instead


def test_a_lease_by_a_key_that_its_keyset_does_not_know_asks_for_the_keyset_once(machine, service):
    """The keyset that came along is of before the rotation: the one that is fetched decides, and is held then."""
    session = machine()
    session.activate(KEY)
    older = service.keyset()
    service.rotate("second")
    service.instead = swapped_keyset(service, "validate", older)
    service.requests.clear()
    assert isinstance(session.refresh(), Granted)
    assert service.names() == ["validate", "keyset"]
    assert held(session).keyset == service.keyset()
    assert may(session)


def test_a_lease_by_a_key_that_is_revoked_asks_for_the_keyset_once_and_counts_for_nothing(machine, service):
    """Whoever has the revoked key gets one question for newer keys out of a machine, and no lease in."""
    session = machine()
    session.activate(KEY)
    before = held(session).lease
    service.rotate("second")
    service.statuses[service.signing.kid] = "revoked"
    service.requests.clear()
    assert session.refresh() == NotReached("what it signed is refused: the key it names is not known")
    assert service.names() == ["validate", "keyset"]
    assert held(session).lease == before
    assert may(session)


def test_a_keyset_that_was_asked_for_goes_back_no_more_than_one_that_came_along(machine, service):
    """Asked for because a key was not known, an older keyset is refused all the same, and nothing that was held changes."""
    session = machine()
    session.activate(KEY)
    older = service.keyset()
    service.rotate("second")
    assert isinstance(session.refresh(), Granted)
    before = held(session)
    service.licence.status = "suspended"
    service.signing = Signer("third")  # of which no keyset knows
    service.instead = swapped_keyset(service, "keyset", older)
    assert "the keyset goes back from version 2 to 1" in session.refresh().why
    assert replace(held(session), pending=None) == before
    assert may(session)
