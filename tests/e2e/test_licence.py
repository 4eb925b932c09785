"""A licence from end to end: the real command, a real service in a process of its own, TLS between them, and what may go wrong there."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from licensed import DAY_S, HOUR_S, WAIT_S, Machine, Service, joined, problem, split

from epochly.licensing.canonical import b64u, canonical, from_b64u

PROGRAM = """
import epochly
epochly.set_level(4)
double = epochly.optimize(lambda x: 2 * x)
print(double(21), epochly.get_status()["tier"])
"""


def test_a_first_service_serves_machines_and_is_not_missed_when_it_is_killed(tmp_path):
    """As its own words say: trial, licence, checkout; killed, each lease goes on for as long as it says, and no longer."""
    service = Service(tmp_path / "data").start()
    try:
        one, two = Machine(service, tmp_path / "one"), Machine(service, tmp_path / "two", "runner-2")
        code, out, err = one.run("license", "trial")
        assert (code, err) == (0, "")
        assert re.search(r"^plan +trial$", out, re.MULTILINE)
        assert re.search(r"^good until .*\(in [23] days\)$", out, re.MULTILINE)
        code, out, _ = one.start("-c", PROGRAM)
        assert (code, out) == (0, "42 trial\n")
        key, _ = service.issue(seats=2)
        code, out, err = one.run("license", "activate", typed=key)
        assert (code, key[8:] in out + err) == (0, False)
        assert re.fullmatch(
            r"epochly: the seat of `dev_\S+` is still taken; hint: `epochly license release .*\n", err
        )
        two.activate(key)
        code, out, err = one.run("license", "checkout", "14")
        assert (code, err) == (0, "")
        assert re.search(r"\(in 1[34] days\)$", out, re.MULTILINE)
        code, out, err = one.run("license", "release")
        assert (code, out) == (1, "")
        assert "the seat is checked out, so nobody frees it before its end; hint: wait for that" in err
    finally:
        service.kill()
    code, out, err = one.run("license", "status")
    assert (code, err) == (0, "")
    assert re.search(r"^state +good$", out, re.MULTILINE)
    code, out, _ = one.start("-c", PROGRAM)
    assert (code, out) == (0, "42 professional\n")
    assert one.status(13 * DAY_S)["state"] == "good"
    late = one.status(15 * DAY_S)
    assert late["plan"] == "community"
    assert "the lease has expired and could not be renewed; hint: " in late["said"]
    late = two.status(4 * DAY_S)
    assert late["state"] == "in grace: it could not be renewed"
    assert re.search(
        r"not reached: no connection to `localhost:\d+`: connection refused; hint: try again; "
        r"what is held here goes on until it ends\n",
        late["said"],
    )
    assert two.status(16 * DAY_S)["plan"] == "professional"
    assert two.status(18 * DAY_S)["plan"] == "community"


def test_a_seat_is_limited_released_and_transferred(service, machine):
    """The second machine is told who has the seat and how to get it; both ways out work."""
    key, license_id = service.issue()
    one, two = machine("one"), machine("two")
    first = one.activate(key)
    code, out, err = two.run("license", "activate", typed=key)
    assert (code, out) == (1, "")
    assert "all seats of the licence are taken (1 of 1); hint: `epochly license release`" in err
    assert two.run("license", "transfer", first, typed=key)[0] == 0
    code, _, err = one.here("license", "activate", typed=key)
    assert code == 1
    assert one.status()["plan"] == "community"
    assert "is still taken" not in err
    assert f"{license_id}  professional, node, 1 of 1 seats" in two.here("license", "devices")[1]
    code, out, _ = two.run("license", "release")
    assert (code, out) == (0, "the seat is free, and nothing is held here any more\n")
    one.activate(key)
    assert one.status()["state"] == "good"


def test_a_lease_is_renewed_from_its_middle_on(service, machine, road):
    """Before it nobody is asked; after it one round trip with a proof that was never seen brings the next in sequence."""
    key, _ = service.issue()
    one = machine()
    one.activate(key)
    road.passed.clear()
    assert one.status(35 * HOUR_S)["state"] == "good"
    assert road.lines() == []
    assert one.status(37 * HOUR_S)["state"] == "good"
    assert road.lines() == ["POST /v1/nonce", "POST /v1/license/validate"]


def test_a_floating_seat_beats_and_is_named_so(service, machine, road):
    """Ten minutes on it is a heartbeat that renews it."""
    key, _ = service.issue("--seat", "floating")
    one = machine()
    device = one.activate(key)
    shown = one.status()
    assert (shown["seat"], "without the service" in shown) == ("floating", False)
    road.passed.clear()
    assert one.status(11 * 60)["state"] == "good"
    assert road.lines() == ["POST /v1/nonce", f"POST /v1/devices/{device}/heartbeat"]


def test_two_copies_of_one_key_are_found_out(service, machine):
    """A copied folder serves nobody: both copies fall to the community level, and activating makes one of them the one again."""
    key, _ = service.issue()
    one, copy = machine(), machine("copy")
    copy.environ = one.environ | {"EPOCHLY_STATE_DIR": str(copy.state)}
    one.activate(key)
    shutil.copytree(one.state, copy.state)
    one.activate(key)
    code, _, err = copy.run("license", "activate", typed=key)
    line = (
        "epochly: two copies of this device's key are in use; hint: `epochly license activate` here "
        "makes this device the one; copies need seats of their own\n"
    )
    assert (code, err) == (1, line)
    for each in (copy, one):
        shown = each.status(37 * HOUR_S)
        assert (shown["plan"], shown["said"]) == ("community", line)
    code, out, err = one.start("-c", PROGRAM)
    assert (code, out) == (0, "42 community\n")
    assert "two copies of this device's key are in use" in err
    one.activate(key)
    assert one.status()["state"] == "good"


def test_a_suspended_licence_counts_at_once_and_comes_back(service, machine):
    """The next answer takes the lease, in the service's own signed words; programs go on; resumed, it is asked for again."""
    key, license_id = service.issue()
    one = machine()
    one.activate(key)
    service.admin("license", "suspend", license_id)
    line = "epochly: the licence is suspended; hint: ask who issued it\n"
    shown = one.status(37 * HOUR_S)
    assert (shown["plan"], shown["said"]) == ("community", line)
    code, out, err = one.start("-c", PROGRAM)
    assert (code, out) == (0, "42 community\n")
    assert "epochly: level 4 acts as level 3: the licence is suspended; hint: ask who issued it\n" in err
    assert one.run("license", "status")[::2] == (1, line)
    service.admin("license", "resume", license_id)
    shown = one.status()
    assert (shown["state"], shown["said"]) == ("good", "")


def test_a_new_signing_key_is_taken_and_an_old_keyset_is_not(service, machine, road):
    """Rotated, leases by the old key count on and new ones are taken; whoever plays the old keyset again is not the service."""
    key, _ = service.issue()
    one, two = machine("one"), machine("two")
    one.activate(key)
    old = json.loads(split(road.passed[-1][1])[1])["keyset"]
    before = service.admin("keys", "list")
    assert service.admin("keys", "rotate")["v"] > 1
    assert service.admin("keys", "list") != before
    assert one.status()["state"] == "good"

    def stale(request, on):
        head, body = split(on(request))
        found = json.loads(body)
        return (
            joined(head, json.dumps(found | {"keyset": old}).encode())
            if "keyset" in found
            else head + b"\r\n\r\n" + body
        )

    late = time.monotonic() + WAIT_S  # the server looks for new keys once in a while
    while json.loads(split(road.passed[-1][1])[1]).get("keyset", old) == old:
        assert time.monotonic() < late
        one.activate(key)
    kept = one.status()
    with road.held_by(stale):
        shown = one.status(37 * HOUR_S)
        assert "not reached: the keyset goes back from version " in shown["said"]
        assert shown["state"] == "good"
        assert two.here("license", "activate", typed=key)[0] == 1
    assert one.status()["good until"] == kept["good until"]


def answer(status, body, kind=b"text/html", more=b""):
    """The bytes of an answer."""
    lines = [b"HTTP/1.1 " + status, b"Content-Type: " + kind, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n" + more + b"\r\n" + body


FAKE = {"type": "urn:epochly:problem:LICENSE_SUSPENDED", "title": "Suspended", "status": 403, "code": "LICENSE_SUSPENDED",
        "detail": "pay", "request_id": "req_AAAAAAAAAAAAAAAAAAAAAA"}  # fmt: skip
PORTALS = {
    "a page": answer(b"200 OK", b"<h1>Welcome to the lounge</h1>"),
    "a page that forbids": answer(b"403 Forbidden", b"<h1>Sign in</h1>"),
    "a redirect": answer(b"302 Found", b"", more=b"Location: https://login.example/\r\n"),
    "a refusal that nobody signed": answer(
        b"403 Forbidden", json.dumps(FAKE).encode(), b"application/problem+json"
    ),
    "all is well": answer(b"200 OK", b'{"valid": true, "plan": "enterprise"}', b"application/json"),
}


@pytest.mark.parametrize("what", PORTALS)
def test_a_portal_in_between_neither_grants_nor_revokes(service, machine, road, what):
    """Whoever answers in the service's place, with a certificate even, is taken for nobody: what is held stays, nothing comes."""
    key, _ = service.issue()
    one, two = machine("one"), machine("two")
    one.activate(key)
    for between in (
        lambda _request, _on: PORTALS[what],
        lambda request, on: on(request) if b" /v1/nonce " in request else PORTALS[what],
    ):
        with road.held_by(between):
            shown = one.status(37 * HOUR_S)
            assert (shown["plan"], shown["state"]) == ("professional", "good")
            assert re.fullmatch(
                r"epochly: the licence service was not reached: .*; hint: .*\n", shown["said"]
            )
            code, out, err = two.here("license", "trial")
            assert (code, out) == (1, "")
            assert re.fullmatch(r"epochly: the licence service was not reached: .*; hint: .*\n", err)
            assert two.status()["plan"] == "community"
    assert one.status(37 * HOUR_S)["said"] == ""


def test_a_clock_that_moves_gains_nothing_and_costs_no_honest_user_anything(service, machine, road):
    """Set back, it allows nothing until it is right or the service is asked; far ahead, the service's own time counts."""
    key, _ = service.issue()
    one = machine()
    one.activate(key)
    with road.held_by(lambda _request, _on: b""):
        shown = one.status(-10 * 60)
        assert shown["plan"] == "community"
        assert (
            "epochly: the clock was set back by 10 minutes; hint: set the clock right, or run"
            in shown["said"]
        )
        assert one.status(-4 * 60)["state"] == "good"
        assert one.status()["state"] == "good"
        assert one.status(18 * DAY_S)["plan"] == "community"
    shown = one.status(
        18 * DAY_S
    )  # the service answers, whatever a machine's clock says, and its lease is of its own time
    assert shown["plan"] == "community"
    assert "the lease has expired" in shown["said"]
    assert "not reached" not in shown["said"]
    shown = one.status()
    assert (shown["state"], shown["said"]) == ("good", "")
    assert one.here("license", "activate", typed=key, later_s=-3 * DAY_S)[0] == 0
    assert one.status()["state"] == "good"


def test_a_request_that_was_recorded_or_changed_is_refused(service, machine, road):
    """The service takes a proof once, for its own body and nonce: each change has its code, and nothing else happens."""
    key, _ = service.issue()
    one = machine()
    one.activate(key)
    one.activate(key)
    request, _ = road.passed[-1]
    assert problem(road.on(request)) == (401, "PROOF_REPLAYED")
    tried = []

    def swapped(request, on):
        if b" /v1/nonce " in request:
            return on(request)
        head, body = split(request)
        found = json.loads(body)
        other = joined(
            head, json.dumps(found | {"ik": "A" * 22}, sort_keys=True, separators=(",", ":")).encode()
        )
        tried.append(problem(on(other)))
        token = re.search(rb"(?i)epochly-proof: (\S+)", head)[1].decode()
        nonce = json.loads(split(on(FRESH))[1])["nonce"]
        tried.append(problem(on(request.replace(token.encode(), renonced(token, nonce).encode()))))
        return on(request)

    with road.held_by(swapped):
        one.activate(key)
    assert tried == [(401, "PROOF_MISMATCH"), (401, "PROOF_INVALID")]
    assert one.status()["state"] == "good"


FRESH = b"POST /v1/nonce HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def renonced(token, nonce):
    """A proof with another nonce under the old signature."""
    data = from_b64u(token.removeprefix("v4.public."))
    claims = json.loads(data[:-64]) | {"nonce": nonce}
    return "v4.public." + b64u(canonical(claims) + data[-64:])


def test_a_lease_that_was_changed_recorded_or_anothers_is_not_taken(service, machine, road):
    """The machine takes a lease by the service's key, for this request and this device alone, and goes on with the one it has."""
    key, _ = service.issue(seats=2)
    one, two = machine("one"), machine("two")
    one.activate(key)
    recorded = json.loads(split(road.passed[-1][1])[1])
    two.activate(key)
    foreign = json.loads(split(road.passed[-1][1])[1])
    token = recorded["lease"]
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    richer = b64u(from_b64u(token.split(".")[2]).replace(b'"professional"', b'"enterprise"'))
    leases = {
        changed: "what it signed is refused",
        f"v4.public.{richer}.{token.split('.')[3]}": "what it signed is refused",
        token: "it answers another request",
        foreign["lease"]: "it is for another device's key",
        foreign["lease"].rsplit(".", 1)[0]: "what it signed is refused",
    }
    for lease, why in leases.items():

        def forged(request, on, lease=lease):
            head, body = split(on(request))
            found = json.loads(body)
            return joined(head, json.dumps(found | {"lease": lease}).encode() if "lease" in found else body)

        with road.held_by(forged):
            shown = one.status(37 * HOUR_S)
            assert (shown["plan"], shown["state"]) == ("professional", "good")
            assert f"epochly: the licence service was not reached: {why}" in shown["said"]
    assert one.status(37 * HOUR_S)["said"] == ""


def test_the_service_keeps_no_key_and_no_fingerprint(service, machine):
    """Neither its database nor its log holds a licence key, a fingerprint, a private key or a machine's name, as text or bytes."""
    key, _ = service.issue(seats=2)
    one = machine()
    device = one.activate(key)
    one.status(37 * HOUR_S)
    out = one.here("device", "show")[1]
    digest = re.search(r"^digest, which is sent +([0-9a-f]{64})$", out, re.MULTILINE)[1]
    private = load_pem_private_key(next(one.state.rglob("device.key")).read_bytes(), None).private_bytes_raw()
    kept = b"".join(path.read_bytes() for path in Path(service.folder).glob("service.db*"))
    kept += service.logged().encode()
    assert device.encode() in kept  # it is looked for in the right place
    spelled = key.removeprefix("EPOCHLY-")
    for secret in (spelled, spelled.replace("-", ""), digest, one.environ["EPOCHLY_NODE_ID"]):
        assert secret.lower().encode() not in kept.lower()
    for raw in (bytes.fromhex(digest), private):
        assert raw not in kept
        assert b64u(raw).encode() not in kept
        assert raw.hex().encode() not in kept


def test_a_trial_is_had_once_and_a_released_device_is_told(service, machine):
    """Given back it goes on, and installed anew the machine gets none; what an operator freed is gone with the next answer."""
    one = machine()
    assert one.here("license", "trial")[0] == 0
    trial = one.status()["licence"]
    assert one.here("license", "release")[0] == 0
    assert one.here("license", "trial")[0] == 0
    assert one.status()["licence"] == trial
    shutil.rmtree(one.state)
    code, out, err = one.here("license", "trial")
    line = "epochly: this machine has had its trial; hint: `epochly license activate` takes a licence key\n"
    assert (code, out, err) == (1, "", line)
    key, _ = service.issue()
    service.admin("device", "release", one.activate(key))
    shown = one.status(37 * HOUR_S)
    line = (
        "epochly: this device was released or disabled; hint: `epochly license activate` takes a seat again\n"
    )
    assert (shown["plan"], shown["said"]) == ("community", line)
    one.activate(key)
    assert one.status()["state"] == "good"
