"""The thread: does what is due, ends when it is told to or has nothing to do, pauses around a fork, and is not in the child."""

from __future__ import annotations

import os
import threading
import time

import pytest

from epochly import _forks
from epochly.telemetry import sender
from epochly.telemetry.sender import Sender


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No sender of another test is there."""
    monkeypatch.setattr(_forks, "_WATCHED", [])


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_task_is_called_when_it_is_due():
    """Each at its own time, again after as many seconds as it said, within a second and an hour."""
    clock, called = Clock(), []
    waits = {"a": [60, 10**9, 60], "b": [0, None]}

    def task(name):
        return lambda: (called.append((name, clock.now)), waits[name].pop(0))[1]

    made = Sender([(5, task("a")), (60, task("b"))], lambda: None, clock)
    while len(called) < 5:
        clock.now += made.step()
    assert called == [("a", 5), ("b", 60), ("b", 61), ("a", 65), ("a", 3_665)]


def test_a_task_that_fails_is_asked_again_much_later():
    """An error ends nothing and nobody hears of it; what kind it was is noted."""
    clock = Clock()
    made = Sender([(0, lambda: 1 // 0)], lambda: None, clock)
    assert made.step() == sender.LONGEST_S
    assert made.trouble == "ZeroDivisionError"


def test_the_thread_ends_where_there_is_nothing_to_do():
    """A sender whose tasks are over has no thread any more; one that is told to stop has none soon."""
    done = threading.Event()
    made = Sender([(0, done.set)], lambda: None)
    before = threading.active_count()
    assert made.start()
    assert done.wait(10)
    assert threading.active_count() == before  # no `threading.Thread`
    deadline = time.monotonic() + 10
    while made.alive and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not made.alive
    other = Sender([(3_600, lambda: None)], lambda: None)
    assert other.start()
    assert not other.start()  # one at a time
    assert other.stop(10)
    assert not other.alive


def test_a_thread_that_cannot_be_started_is_none(monkeypatch):
    """Where the system gives no thread, nothing is sent, and nothing is raised."""

    def none(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sender, "start_new_thread", none)
    made = Sender([(0, lambda: None)], lambda: None)
    assert not made.start()
    assert not made.alive


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests' threads may be there
def test_a_forked_child_has_no_thread_and_no_tasks():
    """The parent's goes on; in the child nothing is due, nothing starts, and what was counted is gone."""
    abandoned = []
    made = Sender([(3_600, lambda: None)], lambda: abandoned.append(os.getpid()))
    made.start()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        good = not made.alive and made.step() is None and not made.start() and abandoned == [os.getpid()]
        os.write(writer, b"y" if good else b"n")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"y"
    deadline = time.monotonic() + 10
    while not made.alive and time.monotonic() < deadline:
        time.sleep(0.001)
    assert made.alive
    assert abandoned == []
    assert made.stop(10)


def test_a_thread_that_was_asked_to_end_in_the_middle_goes_on():
    """Where a fork did not wait for a task that takes long, the thread is not lost afterwards."""
    begun, go_on, again = threading.Event(), threading.Event(), threading.Event()

    def task():
        if begun.is_set():
            again.set()
            return None
        begun.set()
        go_on.wait(10)
        return 1.0

    made = Sender([(0, task)], lambda: None)
    assert made.start()
    assert begun.wait(10)
    assert not made.stop(0.01)
    assert made.start()
    go_on.set()
    assert again.wait(10)
