"""Rate limits: what one peer may ask, counted without keeping who it was."""

from __future__ import annotations

import json

import pytest
from asgi import Answering, ask
from hypothesis import given
from hypothesis import strategies as st

from epochly_service.limits import RULES, Limiter, Rate, RateLimits, Rule, canonical_peer

TWO = (Rule("all", "", "", Rate(per_minute=60, burst=2)),)


def limiter(rules=TWO, **more):
    """A limiter whose salts count up."""
    drawn = iter(range(256))
    return Limiter(lambda size: bytes([next(drawn)]) * size, rules, **more)


def test_limiter_lets_a_burst_through_and_then_the_rate():
    """Two at once, the third waits a second, and a second later one goes through."""
    ours = limiter()
    waits = [ours.wait_s("GET", "/", "192.0.2.1", now_s=0, at_s=at_s) for at_s in (0, 0, 0, 1, 1)]
    assert waits == [0, 0, 1, 0, 1]


def test_limiter_keeps_peers_apart():
    """One peer that asks too much costs another nothing."""
    ours = limiter()
    for _ in range(5):
        ours.wait_s("GET", "/", "192.0.2.1", now_s=0, at_s=0)
    assert ours.wait_s("GET", "/", "192.0.2.2", now_s=0, at_s=0) == 0


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_canonical_peer_is_what_one_customer_has(one, same):
    """A /64, an address written as IPv6, and an address with a zone are one peer each."""
    assert canonical_peer(one) == canonical_peer(same)


def test_canonical_peer_takes_any_text():
    """A peer that has no address, as behind a socket file, is a peer."""
    assert canonical_peer("") == ""
    assert canonical_peer("x" * 1000) == "x" * 64


def test_limiter_forgets_everybody_with_the_day():
    """A new day has a new salt: what was kept says nothing about what is kept now."""
    ours = limiter()
    for _ in range(3):
        ours.wait_s("GET", "/", "192.0.2.1", now_s=86_399, at_s=0)
    before = set(ours._buckets)
    assert ours.wait_s("GET", "/", "192.0.2.1", now_s=86_400, at_s=0) == 0
    assert not before & set(ours._buckets)


def test_limiter_keeps_no_address():
    """Nothing it holds has the address in it, as text or as bytes."""
    ours = limiter()
    ours.wait_s("GET", "/", "192.0.2.77", now_s=0, at_s=0)
    held = repr(ours).encode() + b"".join(ours._buckets)
    assert b"192.0.2.77" not in held
    assert bytes([192, 0, 2, 77]) not in held


def test_limiter_holds_no_more_peers_than_it_may():
    """A flood from many addresses costs bounded memory, and those unused longest are forgotten first."""
    ours = limiter(most_peers=10)
    for number in range(50):
        ours.wait_s("GET", "/", f"192.0.2.{number}", now_s=0, at_s=0)
    assert len(ours._buckets) == 10


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 600), st.integers(1, 50))
def test_limiter_never_lets_through_more_than_burst_and_rate(gaps, per_minute, burst):
    """However requests are spread, no more than `burst` plus the rate's share of the time go through."""
    ours = limiter((Rule("all", "", "", Rate(per_minute, burst)),))
    at_s, through = 0.0, 0
    for gap in gaps:
        at_s += gap
        through += ours.wait_s("GET", "/", "192.0.2.1", now_s=0, at_s=at_s) == 0
    assert through <= burst + at_s * per_minute / 60 + 1e-6


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/devices", "key"),
        ("POST", "/v1/trial", "key"),
        ("POST", "/v1/transfer", "key"),
        ("POST", "/v1/devices/dev_x/heartbeat", "device"),
        ("POST", "/v1/license/validate", "other"),
        ("POST", "/admin/login", "login"),
        ("GET", "/admin/licenses", "pages"),
        ("GET", "/healthz", "health"),
    ],
)
def test_rules_put_each_request_where_its_secret_is(method, path, name):
    """Where a licence key or a password can be guessed the limit is the lowest."""
    assert limiter(RULES)._rule(method, path).name == name


def test_rate_limits_answer_429_with_when_to_come_back():
    """Who asks too much gets a problem with `RATE_LIMITED` and `Retry-After`, and the application is not bothered."""
    ours = RateLimits(Answering(), limiter(), lambda: 0, lambda: 0)
    answers = [ask(ours, scope={"state": {"request_id": "req_1"}}) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert answers[2].headers["content-type"] == "application/problem+json"
    problem = json.loads(answers[2].body)
    assert (problem["code"], problem["retry_after"], problem["request_id"]) == ("RATE_LIMITED", 1, "req_1")


def test_rate_limits_never_count_health_checks():
    """A load balancer may ask as often as it likes."""
    ours = RateLimits(Answering(), limiter(RULES), lambda: 0, lambda: 0)
    assert {ask(ours, path="/healthz").status for _ in range(500)} == {200}
