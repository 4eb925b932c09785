"""When a batch may go out: the specification's numbers, under any clock."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.telemetry import limits
from epochly.telemetry.limits import Sendings, begun, failed, kept_of, pause_s, read, succeeded, wait_s

NOW = 1_800_000_000
DAY_S = 86_400


def test_a_pause_is_a_minute_and_up_to_half_as_long_again():
    """Both before the first and between two."""
    assert (pause_s(0.0), pause_s(1.0)) == (60, 90)
    after = begun(Sendings(), NOW, 0.5, "h")
    assert wait_s(after, NOW) == 75
    assert wait_s(after, NOW + 75) == 0


def test_fifty_a_day_and_not_one_more():
    """Whoever asks after the fiftieth waits for the next day (UTC), and then begins to count anew."""
    sendings, now = Sendings(), NOW - NOW % DAY_S
    for _ in range(50):
        assert wait_s(sendings, now) == 0
        sendings = succeeded(begun(sendings, now, 0.0, "h"), "h")
        now += 60
    assert wait_s(sendings, now) == DAY_S - now % DAY_S
    assert begun(sendings, now + DAY_S, 0.0, "h").sent == 1


def test_three_failures_close_for_six_hours():
    """Two may be chance; the third is not. A success in between starts anew."""
    sendings = Sendings()
    for _ in range(2):
        sendings = failed(begun(sendings, NOW, 0.0, "h"), NOW, None)
        assert wait_s(sendings, NOW) == 60
    assert wait_s(failed(sendings, NOW, None), NOW) == 6 * 3_600
    assert wait_s(failed(succeeded(sendings, "h"), NOW, None), NOW) == 60


def test_retry_after_is_honoured_up_to_a_day():
    """A service may ask for patience, and not for ever."""
    for asked, waited in ((None, 60), (5, 60), (500, 500), (10**9, DAY_S)):
        assert wait_s(failed(begun(Sendings(), NOW, 0.0, "h"), NOW, asked), NOW) == waited


def test_a_clock_that_was_ahead_closes_for_a_day_at_most():
    """What was kept under a clock of another year does not silence an installation for that long."""
    assert wait_s(Sendings(next_at=NOW * 2), NOW) == DAY_S


def test_what_is_kept_is_read_back_or_is_nothing():
    """A file of another form is as if there was none."""
    sendings = Sendings(1, 2, 3, 4, "head")
    assert read(sendings.members()) == sendings
    members = sendings.members()
    for changed in (
        None,
        [],
        members | {"v": 2},
        members | {"x": 1},
        members | {"sent": "2"},
        members | {"sent": -1},
        members | {"sent": True},
    ):
        assert read(changed) == Sendings()


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(1, 300_000), st.integers(-10, 8 * DAY_S)), max_size=30))
def test_what_waits_is_bounded_by_size_and_age(entries):
    """At most 1 MiB and 7 days; nothing is both kept and not, and the newest stay."""
    waiting = {
        f"{NOW - age:012d}-x-{number}.json" if number % 2 else f"{number}": (size, NOW - age)
        for number, (size, age) in enumerate(entries)
    }
    kept, old, much = kept_of(waiting, NOW)
    assert sorted([*kept, *old, *much]) == sorted(waiting)
    assert sum(waiting[name][0] for name in kept) <= limits.MOST_WAITING_BYTES
    assert all(NOW - waiting[name][1] > 7 * DAY_S for name in old)
    assert all(NOW - waiting[name][1] <= 7 * DAY_S for name in kept)
    assert max((waiting[name][1] for name in much), default=0) <= min(
        (waiting[name][1] for name in kept), default=NOW * 2
    )
