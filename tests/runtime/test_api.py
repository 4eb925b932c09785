"""The public names, over a session of the test's own."""

from __future__ import annotations

import pytest

import epochly


def test_every_public_name_is_there_and_listed():
    """`__all__`, `dir` and the attributes agree."""
    assert set(epochly.__all__) <= set(dir(epochly))
    assert all(callable(getattr(epochly, name)) for name in epochly.__all__)
    with pytest.raises(AttributeError, match="absent"):
        _ = epochly.absent


def test_optimize_takes_settings_of_its_own(public, world):
    """A function's own level and mode come before those of the process."""
    quiet = public.optimize(level=0)(lambda x: x)
    waiting = public.optimize(mode="conservative")(lambda x: x)
    eager = public.optimize(lambda x: x)
    assert [f(1) for f in (quiet, waiting, eager)] == [1, 1, 1]
    assert len(world.compiler.asked) == 1
    for wrong in ({"level": 7}, {"mode": "fast"}):
        with pytest.raises(ValueError, match="; hint: "):
            public.optimize(**wrong)


def test_configure_changes_what_it_is_given(public):
    """What is left out stays, and `get_status` tells the result."""
    public.configure(level=1, mode="conservative")
    public.configure(max_workers=3)
    public.set_level(2)
    status = public.get_status()
    assert (status["enhancement_level"], status["mode"], status["max_workers"]) == (2, "conservative", 3)
    assert status["enabled"] is True
    with pytest.raises(ValueError, match="; hint: "):
        public.configure(max_workers=0)


def test_get_metrics_sums_over_functions(public):
    """Calls are counted over all functions, and nothing was saved by what was not compiled."""
    public.set_level(0)
    one, two = public.optimize(lambda x: x), public.optimize(lambda x: -x)
    for i in range(70):
        one(i), two(i)
    metrics = public.get_metrics()
    assert metrics["total_calls"] == 140
    assert metrics["functions"] == 2
    assert metrics["saved_time_ms"] == metrics["compiled_calls"] == metrics["error_count"] == 0
    assert [each.calls for each in public.stats()] == [70, 70]


def test_cache_is_chosen_for_what_is_compiled_from_now_on(public, world):
    """`configure(cache=...)` lets the compiler be found again, with the new folder."""
    world.session.compiler()
    public.configure(cache=False)
    assert world.session._compiler is None
    assert world.session.config.cache is False
    public.configure(cache="/a/folder")
    assert world.session.config.cache == "/a/folder"
    public.configure(cache=True)
    assert world.session.config.cache is None
    with pytest.raises(ValueError, match="`cache` is 'here'"):
        public.configure(cache="here")
