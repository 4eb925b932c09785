"""Answers of others: a portal, a recording, hostile bytes. They neither grant nor revoke, and raise nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fake_service import KEY, held, kid_here, may
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochly.licensing.answers import SIGNED, Granted, NotReached, Refused, Told
from epochly.licensing.operations import Reply
from epochly.net.messages import Listed


def unsigned(code, status):
    """An answer as the service would give it, but by nobody."""
    return lambda _request, _reply: Reply(
        status, json.dumps({"code": code, "detail": "x", "refusal": ""}).encode()
    )


PORTAL = b"<html><body>Please sign in</body></html>"


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(lambda _q, _r: Reply(200, PORTAL), id="fake 200 page"),
        pytest.param(lambda _q, _r: Reply(403, PORTAL), id="fake 403 page"),
        pytest.param(lambda _q, _r: Reply(302, b""), id="redirect"),
        pytest.param(lambda _q, _r: Reply(500, PORTAL), id="500"),
        pytest.param(lambda _q, _r: Reply(204, b""), id="204"),
        pytest.param(lambda _q, r: replace(r, body=r.body[:-1]), id="cut off"),
        pytest.param(lambda _q, r: replace(r, status=202), id="another 2xx"),
        pytest.param(unsigned("LICENSE_SUSPENDED", 403), id="unsigned 403"),
        pytest.param(unsigned("DEVICE_CLONED", 409), id="unsigned 409"),
        pytest.param(unsigned("LICENSE_NOT_FOUND", 404), id="unsigned 404"),
        pytest.param(unsigned("MALFORMED", 400), id="unsigned 400"),
        pytest.param(unsigned("RATE_LIMITED", 429), id="429"),
        pytest.param(unsigned("NONCE_EXPIRED", 401), id="nonce without end"),
    ],
)
def test_what_nobody_signed_changes_nothing(machine, service, instead):
    """A captive portal can neither revoke nor grant; what is held stays, and what was asked is asked again later."""
    session = machine()
    session.activate(KEY)
    before = held(session)
    service.instead = instead
    answer = session.refresh()
    assert isinstance(answer, NotReached | Told)
    assert replace(held(session), pending=None) == before
    assert may(session)
    service.instead = None
    assert isinstance(session.refresh(), Granted)


def test_a_refusal_of_another_request_or_device_is_none(machine, service):
    """A signed refusal that was recorded cannot be played to anybody else, nor a second time."""
    victim, other = machine(), machine("two")
    service.licence.seats_max = 2
    victim.activate(KEY)
    other.activate(KEY)
    kept = []
    service.instead = lambda _q, reply: kept.append(reply) or reply
    next(device for device in service.devices.values() if device.kid == kid_here(other)).status = "disabled"
    assert isinstance(other.refresh(), Refused)
    refusal = kept[-1]
    service.instead = lambda request, reply: refusal if request.endpoint.name == "validate" else reply
    assert isinstance(victim.refresh(), NotReached)
    assert may(victim)


def test_a_refusal_says_what_its_problem_says(machine, service):
    """The service signed another code than the one that is told: nobody knows which, so neither counts."""
    session = machine()
    session.activate(KEY)
    service.licence.ends = service.now

    def swapped(request, reply):
        body = reply.body.replace(b'"code":"LICENSE_EXPIRED"', b'"code":"LICENSE_SUSPENDED"')
        return replace(reply, body=body) if request.endpoint.name == "validate" else reply

    service.instead = swapped
    assert session.refresh() == NotReached("the refusal is of another code than the problem")
    assert held(session).dropped == ""


@pytest.mark.parametrize("code", sorted(SIGNED))
def test_a_code_that_is_signed_is_nothing_without_its_signature(machine, service, code):
    """It is not even shown as the service's word."""
    session = machine()
    session.activate(KEY)
    service.instead = unsigned(code, 403)
    assert session.refresh() == NotReached(f"nobody signed the answer {code}")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("RATE_LIMITED", 429, "it is asked too often from here (RATE_LIMITED)"),
        ("MAINTENANCE", 503, "it has no time for this at the moment (MAINTENANCE)"),
        ("INTERNAL", 500, "it failed (INTERNAL)"),
        ("SOMETHING", 500, "it answers otherwise (SOMETHING)"),
    ],
)
def test_a_service_that_is_busy_is_one_that_was_not_reached(machine, service, code, status, said):
    """In words, with the time to wait where it says one; what is held stays."""
    session = machine()
    session.activate(KEY)
    busy = Reply(status, json.dumps({"code": code}).encode(), retry_after_s=120)
    for asked in ({"nonce"}, {"validate"}):
        service.instead = lambda request, reply, asked=asked: (
            busy if request.endpoint.name in asked else reply
        )
        assert machine().refresh() == NotReached(said, 120)
    assert may(session)


def test_a_lease_that_was_recorded_cannot_be_played_again(machine, service):
    """An answer is bound to the client's own nonce: yesterday's `yes` is no answer to today's question."""
    session = machine()
    session.activate(KEY)
    replies = []
    service.instead = lambda _q, reply: replies.append(reply) or reply
    session.refresh()
    recorded = next(reply for reply in reversed(replies) if b"lease" in reply.body)
    service.licence.status = "suspended"
    service.instead = lambda request, reply: recorded if request.endpoint.name == "validate" else reply
    answer = session.refresh()
    assert answer == NotReached("it answers another request")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 201, 400, 401, 403, 404, 409, 429, 500, 503]),
    body=st.binary(max_size=80)
    | st.dictionaries(
        st.sampled_from(
            ["code", "detail", "refusal", "lease", "keyset", "device_id", "nonce", "receipt", "licenses"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.lists(st.integers(), max_size=2),
    ).map(lambda value: json.dumps(value).encode()),
    nonce=st.text(max_size=10),
)
def test_any_answer_is_an_answer(machine, service, status, body, nonce):
    """Hostile bytes end in a value and one printable line; they raise nothing and change nothing."""
    session = machine("hostile")
    service.instead = None
    if held(session) is None:
        session.activate(KEY)
    before = replace(held(session), pending=None)
    service.instead = lambda _q, _r: Reply(status, body, nonce)
    for ask in (session.refresh, session.release, session.devices, lambda: session.checkout(1)):
        answer = ask()
        assert isinstance(answer, NotReached | Told | Listed)
        line = answer.why if isinstance(answer, NotReached) else getattr(answer, "detail", "")
        assert line.isprintable()
    assert replace(held(session), pending=None) == before
