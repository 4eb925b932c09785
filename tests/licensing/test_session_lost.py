"""Answers that are lost, and keys that are copied: the one is never taken for the other."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from fake_service import KEY, FakeService, held, may
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochly.licensing.answers import Granted, NotReached, Refused
from epochly.licensing.state import State


@pytest.mark.parametrize("operation", ["activate", "trial", "refresh", "checkout", "rekey"])
def test_a_lost_answer_is_asked_for_again(machine, service, operation):
    """The same request has the same effect once: no second seat, no second lease, no clone."""
    session = machine()
    if operation not in {"activate", "trial"}:
        session.activate(KEY)
    asked = {
        "activate": lambda each: each.activate(KEY),
        "trial": lambda each: each.trial(),
        "refresh": lambda each: each.refresh(),
        "checkout": lambda each: each.checkout(3),
        "rekey": lambda each: each.rekey(),
    }[operation]
    service.lose = 2
    assert isinstance(asked(session), NotReached)
    assert isinstance(asked(machine()), NotReached)  # another process, of which only the files are the same
    seq = next(iter(service.devices.values())).seq
    answer = asked(machine())
    assert isinstance(answer, Granted)
    assert (answer.lease.seq, len(service.devices)) == (seq, 1)
    assert held(session).pending is None
    assert isinstance(machine().refresh(), Granted)


def test_a_lost_answer_is_asked_for_before_anything_else(machine, service):
    """Another request first would look like a second copy of the key."""
    session = machine()
    session.activate(KEY)
    for first, then in (
        ("checkout", "refresh"),
        ("refresh", "checkout"),
        ("refresh", "rekey"),
        ("rekey", "refresh"),
    ):
        operations = {
            "checkout": lambda: session.checkout(2),
            "refresh": session.refresh,
            "rekey": session.rekey,
        }
        service.lose = 1
        assert isinstance(operations[first](), NotReached)
        assert isinstance(operations[then](), Granted), (first, then)
    assert {device.status for device in service.devices.values()} == {"active"}


OPERATIONS = ("refresh", "checkout", "rekey", "list", "activate")
FATES = ("good", "lost", "down", "lost twice")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(FATES)), max_size=6))
def test_one_machine_is_never_taken_for_two(steps, tmp_path_factory, request):
    """Whatever is lost on the way, in any order, a machine that tells the truth is no clone and keeps one seat."""
    service = FakeService()
    machine = request.getfixturevalue("machine")
    session = machine("m")
    session.world = replace(
        session.world,
        send=service.send,
        state=State(str(tmp_path_factory.mktemp("m"))),
        now=lambda: service.now,
    )
    session.activate(KEY)
    for operation, fate in steps:
        service.now += 50
        service.lose, service.down = {"lost": 1, "lost twice": 2}.get(fate, 0), fate == "down"
        try:
            answer = {
                "refresh": session.refresh,
                "checkout": lambda: session.checkout(1),
                "rekey": session.rekey,
                "list": session.devices,
                "activate": lambda: session.activate(KEY),
            }[operation]()
        finally:
            service.lose, service.down = 0, False
        assert not isinstance(answer, Refused), answer
    assert isinstance(session.refresh(), Granted)
    assert [device.status for device in service.devices.values()] == ["active"]
    assert may(session)


def test_a_copied_key_is_found_out(machine):
    """Two folders with one key and one lease: the second to refresh is seen, both drop, the owner activates again."""
    session = machine()
    session.activate(KEY)
    copy = machine("copy", seen=session.world.seen())
    for name in os.listdir(session.world.state.path):
        if name != "lock":
            copy.world.state.write(name, session.world.state.read(name))
    assert isinstance(session.refresh(), Granted)
    assert copy.refresh() == Refused("DEVICE_CLONED", "because of DEVICE_CLONED")
    assert session.refresh().code == "DEVICE_CLONED"
    assert not may(session)
    assert "two copies of this device's key" in session.standing().trouble
    assert isinstance(session.activate(KEY), Granted)
    assert may(session)


def test_an_activation_that_was_not_answered_is_repeated_by_the_user(machine, service):
    """Only the user has the licence key; until it is given again nothing else is asked, which would look like a clone."""
    session = machine()
    session.activate(KEY)
    next(iter(service.devices.values())).status = "contended"
    session.refresh()
    service.lose = 1
    assert isinstance(session.activate(KEY), NotReached)
    asked = len(service.requests)
    assert "was not answered; hint: " in session.refresh().why
    assert len(service.requests) == asked
    assert isinstance(session.activate(KEY), Granted)
    assert isinstance(session.refresh(), Granted)
