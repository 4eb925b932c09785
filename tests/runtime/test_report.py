"""The report says what was measured, in three forms, and an error's traceback holds no frame of ours."""

from __future__ import annotations

import json
import traceback

import pytest

from epochly._report import Left, Report, renderer
from epochly._stats import FunctionStats, metrics
from epochly._tracebacks import without_us
from epochly._wrap import wrap

FAST = FunctionStats(
    name="__main__.fast<1>",
    file="/a/b/script.py",
    line=3,
    status="compiled",
    reason="types",
    calls=1000,
    compiled_calls=900,
    mean_ms=10.0,
    compile_ms=500.0,
    saved_ms=8000.0,
    deopts=("too big", "too big"),
    errors=0,
    fix="",
    blocked_line=None,
    cache_hits=1,
    compared=0,
    built_ms=0.0,
)
SLOW = FunctionStats(
    name="__main__.slow",
    file="/a/b/script.py",
    line=9,
    status="rejected",
    reason="`s` is int, then float",
    calls=10,
    compiled_calls=0,
    mean_ms=1.0,
    compile_ms=100.0,
    saved_ms=-100.0,
    deopts=(),
    errors=2,
    fix="start with 0.0",
    blocked_line=11,
    cache_hits=0,
    compared=0,
    built_ms=0.0,
)
REPORT = Report(
    program="script.py",
    level=2,
    mode="balanced",
    wall_ms=9000.0,
    samples=1500,
    functions=(FAST, SLOW),
    left=(Left("gen", "/a/b/script.py", 20, 0.25, "a generator is left alone"),),
    lines=(("/a/b/script.py", "slow", 11, 0.5),),
)


def test_report_for_terminals_tells_each_function_and_the_sum():
    """Calls, net saving, deopts with their reason and count, what blocks and the fix stand in it."""
    text = renderer("term")(REPORT)
    for part in (
        "1,000 calls seen, 900 compiled, 0.50 s of loading, saved 8.00 s net",
        "gave up 2 calls: too big",
        "line 11: `s` is int, then float; hint: start with 0.0",
        "25% of samples; a generator is left alone",
        "50% of samples in script.py:11 (slow)",
        "saved 7.90 s net, estimated from timed calls of both versions, after 0.60 s of compiling and loading",
    ):
        assert part in text


def test_report_as_json_holds_every_figure():
    """Programs read all of it, with a version number."""
    read = json.loads(renderer("json")(REPORT))
    assert read["version"] == 1
    assert read["functions"][0]["deopts"] == ["too big", "too big"]
    assert read["totals"]["saved_time_ms"] == pytest.approx(7900)


def test_report_as_html_escapes_names():
    """A function's name cannot become markup."""
    page = renderer("html")(REPORT)
    assert "fast&lt;1&gt;" in page
    assert "fast<1>" not in page


def test_metrics_count_interpreted_time_of_interpreted_calls_only():
    """The mean is over the calls that the interpreter answered."""
    sums = metrics([FAST, SLOW])
    assert sums["interpreted_time_ms"] == pytest.approx(100 * 10.0 + 10 * 1.0)
    assert sums["mean_time_ms"] == pytest.approx(1010 / 110)
    assert (sums["error_count"], sums["deopts"], sums["cache_hits"]) == (2, 2, 1)


def test_tracebacks_lose_our_frames_and_keep_the_programs(world):
    """Wrapper frames go, in the error and in what it is chained to; the program's frames and the message stay."""

    def inner(x):
        return 1 / x

    world.session.change(level=0)
    wrapped = wrap(inner, world.session)

    def outer(x):
        try:
            wrapped(x)
        except ZeroDivisionError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError, match="outer") as caught:
        wrap(outer, world.session)(0)
    error = caught.value
    without_us(error)
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][1:] == ["outer"]
    assert [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)] == ["outer", "inner"]
