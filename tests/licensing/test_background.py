"""Keeping a lease fresh: when to ask, and that nobody waits for it; and what the runtime is told meanwhile."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from fake_service import BEGIN, KEY, NODE_S
from hypothesis import given
from hypothesis import strategies as st

from epochly.licensing.answers import Granted, NotReached, Refused
from epochly.licensing.background import FIRST_S, LONGEST_S, MOST_RETRY_AFTER_S, keep_fresh, wait_s
from epochly.licensing.entitlement import Entitled
from epochly.licensing.licence import Licence
from epochly.licensing.standing import Standing


class Sleeper:
    """Sleeps by moving the service's clock, and ends after so many sleeps."""

    def __init__(self, service, sleeps):
        self.service, self.left, self.slept = service, sleeps, []

    def __call__(self, seconds):
        self.slept.append(seconds)
        self.service.now += int(seconds)
        self.left -= 1
        return self.left < 0


def run(session, service, sleeps):
    """The thread's work in this thread, for so many sleeps: what it slept and what it published."""
    sleeper, published = Sleeper(service, sleeps), []
    keep_fresh(session, published.append, sleeper, lambda: 0.0)
    return sleeper.slept, published


def test_a_lease_is_renewed_when_half_of_it_is_over(machine, service):
    """Nothing is asked before; the long wait is cut into hours, since clocks jump and others renew too."""
    session = machine()
    session.activate(KEY)
    slept, _ = run(session, service, NODE_S // 2 // LONGEST_S + 1)
    assert set(slept) == {LONGEST_S}
    assert service.names().count("validate") == 1


def test_a_service_that_is_down_is_asked_less_and_less(machine, service):
    """After a minute, two, four, up to an hour; never faster, and at once well again."""
    session = machine()
    session.activate(KEY)
    service.now += NODE_S // 2
    service.down = True
    slept, _ = run(session, service, 9)
    assert slept == [0.0, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    service.down = False
    _, published = run(session, service, 1)
    assert published[-1].lease.seq == 2


def test_a_lease_renewed_under_a_wrong_clock_is_not_renewed_at_once_again(machine, service):
    """A machine whose clock runs a week ahead asks at its service's pace, not in a loop."""
    clock = [BEGIN + 7 * 86400]
    session = machine(clock=lambda: clock[0])
    session.activate(KEY)
    slept, _ = run(session, service, 4)
    assert slept[0] == 0.0
    assert min(slept[1:]) == LONGEST_S


def test_retry_after_is_honoured_and_bounded():
    """An answer may ask for patience, up to six hours."""
    from epochly.licensing.held import Held

    standing = Standing(Held("https://x", "dev_" + "1" * 22))
    for asked, waited in ((None, FIRST_S), (10, FIRST_S), (5_000, 5_000), (10**9, MOST_RETRY_AFTER_S)):
        assert wait_s(standing, 0, NotReached("x", asked), 1, 0.0) == waited


@given(st.integers(0, 60), st.floats(0, 1), st.sampled_from([None, NotReached("x"), Refused("X", "x")]))
def test_a_wait_after_failures_is_never_short(failures, random, answer):
    """Whatever happens, there is a minute between two attempts that failed."""
    from epochly.licensing.held import Held

    for held in (
        Held("https://x", "dev_" + "1" * 22),
        Held("https://x", "dev_" + "1" * 22, dropped="LICENSE_SUSPENDED"),
    ):
        seconds = wait_s(Standing(held), 0, answer, failures, random)
        assert seconds == 0.0 if not failures and not held.dropped else seconds >= FIRST_S


@pytest.mark.parametrize("code", ["DEVICE_CLONED", "DEVICE_REVOKED"])
def test_a_device_that_is_gone_is_not_asked_for(machine, service, code):
    """Asking would not bring it back, and may count against it: the thread ends."""
    session = machine()
    session.activate(KEY)
    next(iter(service.devices.values())).status = "contended" if code == "DEVICE_CLONED" else "disabled"
    service.now += NODE_S // 2
    slept, published = run(session, service, 9)
    assert slept == [0.0]
    assert published[-1].lease is None
    assert run(session, service, 9)[0] == []


def test_files_that_cannot_be_used_end_in_patience(machine, service):
    """A key that is gone, a folder that others may write: asked again later, and told meanwhile."""
    session = machine()
    session.activate(KEY)
    os.chmod(session.world.state.path, 0o777)
    slept, published = run(session, service, 3)
    assert slept == []  # nothing can be read, so nothing is held
    assert "is writable by others" in published[-1].trouble
    os.chmod(session.world.state.path, 0o700)
    session.world.state.remove("device.key")
    slept, published = run(session, service, 3)
    assert slept == [0.0, 60, 120, 240]
    assert "missing" in published[-1].trouble


@pytest.fixture
def licence(machine):
    """Make a licence over a machine's files; `started` has the threads that would have been started."""

    def made(session=None, **more):
        session = session or machine()
        started = []
        return Licence(lambda: session, lambda *given: started.append(given), **more), started

    return made


def test_the_runtime_gets_a_yes_from_the_files(machine, licence):
    """With a lease that counts; the thread is started once, and only then."""
    session = machine()
    without, started = licence(session)
    assert without.entitled("gpu").reason == "no-licence"
    assert (without.tier(), started) == ("community", [])
    session.activate(KEY)
    with_one, started = licence(session)
    assert with_one.tier() == "professional"
    assert started == []
    assert isinstance(with_one.entitled("gpu"), Entitled)
    assert isinstance(with_one.entitled("gpu"), Entitled)
    assert with_one.entitled("cluster").reason == "not-in-plan"
    assert len(started) == 1


def test_the_runtime_waits_for_no_network(machine, service, licence):
    """Not even where the lease has ended and the service would give a new one."""
    session = machine()
    session.activate(KEY)
    service.now += 20 * 86400
    asked = len(service.requests)
    ours, _ = licence(session)
    assert ours.entitled("gpu").reason == "expired"
    assert ours.tier() == "community"
    assert len(service.requests) == asked


def test_the_runtime_sees_what_others_changed(machine, service, licence):
    """A licence that is activated, dropped or released meanwhile holds for programs that run."""
    session = machine()
    ours, _ = licence(session)
    assert not isinstance(ours.entitled("gpu"), Entitled)
    machine().activate(KEY)
    assert not isinstance(ours.entitled("gpu"), Entitled)  # looked at a moment ago
    service.now += 1
    assert isinstance(ours.entitled("gpu"), Entitled)
    service.licence.status = "suspended"
    machine().refresh()
    service.now += 1
    answer = ours.entitled("gpu")
    assert (answer.reason, answer.why) == ("dropped", "the licence is suspended")
    assert answer.way_out


def test_a_forked_child_has_a_session_of_its_own(machine):
    """Neither the nonce nor the thread of its parent is its own."""
    machine().activate(KEY)
    pid = [1]
    made, started = [], []
    ours = Licence(
        lambda: made.append(machine()) or made[-1], lambda *given: started.append(given), lambda: pid[0]
    )
    ours.entitled("gpu")
    pid[0] = 2
    ours.entitled("gpu")
    ours.entitled("gpu")
    assert len(made) == len(started) == 2
    assert started[0][0] is not started[1][0]


def test_trouble_with_files_is_a_no_with_a_way_out(machine, licence):
    """The runtime is told in the words of the problem, and nothing is raised."""
    session = machine()
    session.activate(KEY)
    os.chmod(os.path.join(session.world.state.path, "device.key"), 0o644)
    ours, _ = licence(session)
    answer = ours.entitled("gpu")
    assert "may be read or written by others" in answer.why
    assert answer.way_out.startswith("`chmod 600")
    broken = Licence(lambda: (_ for _ in ()).throw(_problem()), lambda *_: None)
    assert broken.entitled("gpu").why == "`x` is wrong"
    assert broken.tier() == "community"


def _problem():
    from epochly.licensing.state import StateProblem

    return StateProblem("x", "is wrong", "do this")


def test_the_thread_is_a_daemon_and_ends_with_nothing_to_do(machine):
    """It is named, holds no program up, and is gone at once where no licence is held."""
    from epochly.licensing import world

    seen = []
    world._started(machine(), lambda standing: seen.append((standing, threading.current_thread())))
    for thread in threading.enumerate():
        if thread.name == "epochly-licence":
            thread.join(5)
    (standing, thread), = seen  # fmt: skip
    assert thread.daemon
    assert standing == Standing()


def test_a_renewal_while_offline_leaves_the_lease(machine, service):
    """What the thread publishes after a failure is still the lease that is held."""
    session = machine()
    granted = session.activate(KEY)
    assert isinstance(granted, Granted)
    service.now += NODE_S
    service.down = True
    _, published = run(session, service, 2)
    assert {standing.lease for standing in published} == {granted.lease}
    assert replace(published[-1].held, pending=None) == replace(published[0].held, pending=None)
