"""Sessions of operators: how they begin, how long they last, and what ends them."""

from __future__ import annotations

import os

import pytest
from filled import NOW
from sqlalchemy import select

from epochly_service.admin import operators, passwords
from epochly_service.audit_chain import read_head, read_rows
from epochly_service.pages.sessions import IDLE_S, LONGEST_S, Door, form_token, is_form_token
from epochly_service.schema import operator_sessions
from epochly_service.schema import operators as table

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Less work for a password, so that tests are about sessions."""
    monkeypatch.setattr(passwords, "N", 2)
    monkeypatch.setitem(passwords.make_hash.__kwdefaults__, "n", 2)


@pytest.fixture
def door(deployment):
    """A door with one operator, `kim`, before it."""
    operators.add(deployment.desk(now=NOW), "kim", PASSWORD, role="admin", account=None)
    return Door(deployment.database, os.urandom, lambda: 0.0)


def test_session_is_of_who_signed_in(door):
    """Name and password give a token, the token gives the operator, and the audit says so."""
    token = door.sign_in("kim", PASSWORD, NOW)
    assert door.visitor(token, NOW).name == "kim"
    last = list(read_rows(door.database, read_head(door.database)))[-1]
    assert (last["actor_kid"], last["action"]) == ("operator:kim", "sign-in")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("kim", "wrong horse battery"),
        ("KIM", PASSWORD),
        ("", ""),
        ("lee", PASSWORD),
        ("kim\0", "x"),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_session_is_not_for_a_wrong_name_or_password(door, name, password):
    """Nothing but the two together opens the door, and no session is left."""
    assert door.sign_in(name, password, NOW) is None
    assert door.database.read(lambda conn: conn.execute(select(operator_sessions)).all()) == []


def test_wrong_name_costs_as_much_as_a_wrong_password(door, monkeypatch):
    """Who is an operator cannot be told by the time it takes: one hash is checked either way, with the same numbers."""
    checked = []
    matches = passwords.matches

    def noted(password, stored):
        checked.append(stored.split("$")[:4])
        return matches(password, stored)

    monkeypatch.setattr(passwords, "matches", noted)
    monkeypatch.setattr(
        "epochly_service.pages.sessions.NOBODY", "scrypt$2$8$3$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
    )
    door.sign_in("kim", "wrong horse battery", NOW)
    door.sign_in("nobody", "wrong horse battery", NOW)
    assert checked[0] == checked[1]


def test_token_is_not_in_the_database(door):
    """Who reads the table of sessions can open none."""
    token = door.sign_in("kim", PASSWORD, NOW)
    held = door.database.read(lambda conn: [tuple(row) for row in conn.execute(select(operator_sessions))])
    assert len(held) == 1
    assert token not in repr(held)


def test_session_ends_when_it_is_not_used(door):
    """Half an hour after the last use it is over; each use keeps it."""
    token = door.sign_in("kim", PASSWORD, NOW)
    assert door.visitor(token, NOW + IDLE_S - 1)
    assert door.visitor(token, NOW + 2 * IDLE_S - 2)
    assert door.visitor(token, NOW + 3 * IDLE_S) is None


def test_session_ends_however_much_it_is_used(door):
    """After twelve hours one signs in again."""
    token = door.sign_in("kim", PASSWORD, NOW)
    for at in range(NOW, NOW + LONGEST_S, IDLE_S // 2):
        assert door.visitor(token, at)
    assert door.visitor(token, NOW + LONGEST_S) is None


@pytest.mark.parametrize("end", ["sign out", "disable", "passwd"])
def test_session_ends_with_what_it_was_given_for(door, deployment, end):
    """Signing out, being disabled and another password each end every session there was of it."""
    token = door.sign_in("kim", PASSWORD, NOW)
    if end == "sign out":
        door.sign_out(token)
    elif end == "disable":
        operators.set_status(deployment.desk(now=NOW), "kim", "disabled")
    else:
        operators.set_password(deployment.desk(now=NOW), "kim", "another horse battery")
    assert door.visitor(token, NOW) is None
    if end == "disable":
        assert door.sign_in("kim", PASSWORD, NOW) is None


def test_name_is_tried_no_more_than_so_often(door):
    """After thirty tries in a minute even the right password has to wait, from wherever it comes; a minute later it does."""
    for _ in range(30):
        door.sign_in("kim", "wrong horse battery", NOW)
    assert door.sign_in("kim", PASSWORD, NOW) is None
    door.monotonic = lambda: 60.0
    assert door.sign_in("kim", PASSWORD, NOW)


def test_outdated_hash_is_made_anew(door, monkeypatch):
    """A hash with old numbers is replaced when its password was given, and opens the door again."""
    monkeypatch.setattr(passwords, "N", 4)
    monkeypatch.setitem(passwords.make_hash.__kwdefaults__, "n", 4)
    assert door.sign_in("kim", PASSWORD, NOW)
    stored = door.database.read(lambda conn: conn.execute(select(table.c.password_hash)).scalar_one())
    assert stored.startswith("scrypt$4$")
    assert door.sign_in("kim", PASSWORD, NOW)


@pytest.mark.parametrize("token", ["", "x", "A" * 43 + "=", "\0" * 43, "A" * 44, "A" * 43])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_made_up_token_is_nobodys(door, token):
    """Text that is no token, and a token that was never given, open nothing."""
    assert door.visitor(token, NOW) is None


def test_form_token_is_of_one_session():
    """A form's token fits the cookie it was made for, and does not tell it."""
    assert is_form_token("one", form_token("one"))
    assert not is_form_token("other", form_token("one"))
    assert not is_form_token("one", "é\ud800")
    assert "one" not in form_token("one")
