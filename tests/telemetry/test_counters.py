"""Counting: bounded, the oldest dropped first, never an error."""

from __future__ import annotations

import threading

from epochly.telemetry import events
from epochly.telemetry.counters import MOST_EVENTS, Counters


def distinct(number):
    """A fact that no other number gives."""
    return events.jit(
        outcome="compiled", origin="cache", compile_ms=2 ** (number % 60), speed=2 ** (number // 60), deopts=0
    )


def test_counting_adds_up():
    """The same fact is one entry, with how often it was."""
    counters = Counters()
    for _ in range(5):
        counters.add(distinct(1))
    counters.add(distinct(2), 7)
    counts, lost = counters.take()
    assert counts == {distinct(1): 5, distinct(2): 7}
    assert lost == {"full": 0, "pii": 0, "old": 0}
    assert counters.take()[0] == {}


def test_what_is_not_registered_is_not_counted():
    """A word that is not listed, a number that is none of the field's, an event that is none: nothing happens."""
    counters = Counters()
    for fact in (
        ("gpu", "alice", True),
        ("who", 1),
        (),
        ("gpu", True),
        ("worker", 64, 0, False),
        (["gpu"], True, True),
    ):
        counters.add(fact)
    counters.add(distinct(1), 0)
    assert len(counters) == 0


def test_the_oldest_go_first_and_are_counted():
    """At most 1,024 distinct facts wait; those that had to go are told by their number."""
    counters = Counters()
    for number in range(MOST_EVENTS + 10):
        counters.add(distinct(number), 2)
    counts, lost = counters.take()
    assert len(counts) == MOST_EVENTS == 1_024
    assert distinct(9) not in counts
    assert distinct(10) in counts
    assert lost["full"] == 20


def test_a_fact_that_gives_somebody_away_is_lost():
    """The tripwire takes whole facts, and their number is told."""
    counters = Counters()
    counters.add(distinct(1), 3)
    counters.add(distinct(2))
    counts, lost = counters.take(lambda fact: "the user" if fact == distinct(1) else "")
    assert (counts, lost["pii"]) == ({distinct(2): 1}, 3)


def test_threads_lose_nothing():
    """Eight threads that count at once count all of it."""
    counters = Counters()
    threads = [
        threading.Thread(target=lambda: [counters.add(distinct(n % 50)) for n in range(2_000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counters.take()[0].values()) == 16_000
