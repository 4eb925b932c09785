"""Every code of the specification's section 7: a request reaches it, with its status, and signed where the table says so."""

from __future__ import annotations

import dataclasses
import re

import pytest
from node import Node
from wire import NODE_ID, Device, ik, jcs

from epochly_service.errors import PROBLEMS, BusyError, Problem
from epochly_service.limits import Limiter, Rate, RateLimits, Rule
from epochly_service.settings import Policy

OTHER_DIGEST = "cd" * 32
SCENARIOS = {}


def reaches(code):
    """Say which code a scenario ends with: a function of (node, device with a seat, its licence key)."""

    def note(scenario):
        SCENARIOS[code] = scenario
        return scenario

    return note


def post(device, body, *, path="/v1/license/validate", media="application/json", **more):
    """A request with a proof over these bytes."""
    headers = [("Epochly-Proof", device.proof("POST", path, body)), ("Content-Type", media)]
    return device.wire.send("POST", path, body, headers, **more)


def asked(device):
    """The body of a good validation."""
    return {"device_id": device.device_id, "fp": {"digest": device.digest, "v": 1}, "ik": ik()}


@reaches("MALFORMED")
def _(_node, device, _key):
    return post(device, jcs(asked(device)) + b" ")


@reaches("UNKNOWN_FIELD")
def _(_node, device, _key):
    return device.validate(license_key="EPOCHLY-0")


@reaches("SECRET_IN_QUERY")
def _(_node, device, key):
    return post(device, jcs(asked(device)), query=f"license_key={key}".encode())


@reaches("FP_FORMAT")
def _(_node, device, _key):
    return device.validate(fp={"digest": "AB" * 32, "v": 1})


@reaches("NONCE_REQUIRED")
def _(_node, device, _key):
    return device.ask("POST", "/v1/license/validate", asked(device), nonce="A" * 55)


@reaches("NONCE_EXPIRED")
def _(node, device, _key):
    nonce = node.wire.nonce()
    node.now += 121
    return device.ask("POST", "/v1/license/validate", asked(device), nonce=nonce)


@reaches("PROOF_INVALID")
def _(_node, device, _key):
    stranger = Device(device.wire)
    return stranger.ask("POST", "/v1/license/validate", asked(device), kid=device.kid)


@reaches("PROOF_MISMATCH")
def _(_node, device, _key):
    return device.ask("POST", "/v1/license/validate", asked(device), htm="GET")


@reaches("PROOF_REPLAYED")
def _(node, device, _key):
    nonce = node.wire.nonce()
    device.ask("POST", "/v1/license/validate", asked(device), nonce=nonce)
    return device.ask("POST", "/v1/license/validate", asked(device), nonce=nonce)


@reaches("KEY_UNKNOWN")
def _(node, device, _key):
    return Device(node.wire).ask("POST", "/v1/license/validate", asked(device))


@reaches("LICENSE_SUSPENDED")
def _(node, device, _key):
    node.set_license(device.lease["lic"], status="suspended")
    return device.validate()


@reaches("LICENSE_EXPIRED")
def _(node, device, _key):
    node.set_license(device.lease["lic"], expires_at=node.now)
    return device.validate()


@reaches("DEVICE_REVOKED")
def _(_node, device, _key):
    device.release()
    return device.validate()


@reaches("TRIAL_USED")
def _(node, device, _key):
    Device(node.wire).trial()
    return device.trial()


@reaches("FEATURE_NOT_ENTITLED")
def _(_node, device, _key):
    device.trial()
    return device.checkout(1)


@reaches("LICENSE_NOT_FOUND")
def _(_node, device, _key):
    return device.register("EPOCHLY-00000-00000-00000-00000-00000")


@reaches("DEVICE_NOT_FOUND")
def _(_node, device, _key):
    return device.validate(device_id="dev_AAAAAAAAAAAAAAAAAAAAAA")


@reaches("NOT_FOUND")
def _(node, _device, _key):
    return node.wire.send("GET", "/v1/nothing")


@reaches("METHOD_NOT_ALLOWED")
def _(node, _device, _key):
    answer = node.wire.send("PUT", "/v1/keyset")
    assert answer.headers["allow"] == "GET"
    return answer


@reaches("DEVICE_CLONED")
def _(_node, device, _key):
    device.seq -= 1
    return device.validate()


@reaches("SEAT_LIMIT_REACHED")
def _(node, _device, key):
    node.enrolled(key, digest=OTHER_DIGEST)
    return Device(node.wire).register(key)


@reaches("FINGERPRINT_CHANGED")
def _(_node, device, _key):
    return device.validate(fp={"digest": OTHER_DIGEST, "v": 1})


@reaches("IDEMPOTENCY_MISMATCH")
def _(_node, device, key):
    again = ik()
    device.register(key, ik=again)
    return device.register(key, ik=again, client_version="0.2.0")


@reaches("TRANSFER_LIMIT")
def _(node, device, key):
    for _ in range(3):
        taker = Device(node.wire)
        taker.transfer(key, device)
        device = taker
    return Device(node.wire).transfer(key, device)


@reaches("SEAT_CHECKED_OUT")
def _(_node, device, _key):
    device.checkout(1)
    return device.release()


@reaches("TOO_LARGE")
def _(_node, device, _key):
    return post(device, b" " * 16_385)


@reaches("MEDIA_TYPE")
def _(_node, device, _key):
    return post(device, jcs(asked(device)), media="application/x-www-form-urlencoded")


@reaches("SCHEMA")
def _(_node, device, _key):
    return device.validate(ik="short")


@reaches("CLIENT_TOO_OLD")
def _(node, device, _key):
    node.service.settings = dataclasses.replace(node.service.settings, policy=Policy(min_client="0.2.0"))
    return device.validate()


@reaches("RATE_LIMITED")
def _(node, _device, _key):
    rules = (Rule("none", "", "", Rate(per_minute=1, burst=0)),)
    limited = RateLimits(node.wire.app, Limiter(bytes, rules), lambda: 0.0, lambda: 0.0)
    return node.wire_to(limited).send("GET", "/v1/keyset")


@reaches("INTERNAL")
def _(node, device, _key):
    def fail(_work):
        raise RuntimeError("a secret that nobody may hear of")

    failing = {"write": staticmethod(fail), "at_once": staticmethod(fail)}
    failing |= {"read": node.database.read, "threads": node.database.threads}
    node.service.db = type("Broken", (), failing)()
    return device.validate()


@reaches("MAINTENANCE")
def _(node, device, _key):
    def fail(_work):
        raise BusyError("locked")

    failing = {"write": staticmethod(fail), "at_once": staticmethod(fail)}
    failing |= {"read": node.database.read, "threads": node.database.threads}
    node.service.db = type("Busy", (), failing)()
    return device.validate()


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_code_is_reached_with_its_status_and_signature(tmp_path, sqlite_database, code):
    """Each code of the table comes from a request, in the form RFC 9457 has, and a device gets it signed where it should."""
    node = Node(sqlite_database, tmp_path / "data")
    key, _ = node.issue()
    device = node.enrolled(key)
    answer = SCENARIOS[code](node, device, key)
    kind, problem = PROBLEMS[code], answer.json
    assert (answer.status, problem["code"], problem["status"]) == (kind.status, code, kind.status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["title"]) == (f"urn:epochly:problem:{code}", kind.title)
    assert problem["detail"]
    assert "secret that nobody" not in answer.body.decode()
    assert re.fullmatch("req_[A-Za-z0-9_-]{22}", problem["request_id"]) or code == "RATE_LIMITED"
    assert ("refusal" in problem) == kind.signed
    assert ("retry-after" in answer.headers) == (code in {"RATE_LIMITED", "MAINTENANCE"})
    node.close()


def test_a_refusal_is_for_the_device_that_was_refused(node):
    """The signed half of a problem names the caller's key, its nonce and the code."""
    key, _ = node.issue(seats=1)
    node.enrolled(key)
    device = Device(node.wire)
    answer = device.register(key)
    claims = device.refusal(answer)
    assert set(claims) == {"typ", "iss", "aud", "cn", "jti", "code", "iat", "srv_time"}
    assert (claims["code"], claims["iat"]) == ("SEAT_LIMIT_REACHED", node.now)


def test_the_same_is_said_of_an_unknown_and_a_foreign_device(node):
    """Another account's device and one that never was give the same answer but for the request's id."""
    mine, theirs = node.enrolled(node.issue()[0]), node.enrolled(node.issue()[0])
    for ask in (
        lambda id_: mine.validate(device_id=id_),
        lambda id_: mine.ask("POST", f"/v1/devices/{id_}/heartbeat", {"ik": ik()}),
        lambda id_: mine.ask("POST", f"/v1/devices/{id_}/checkout", {"ik": ik(), "days": 1}),
        lambda id_: mine.ask("DELETE", f"/v1/devices/{id_}"),
    ):
        answers = [ask(id_) for id_ in (theirs.device_id, "dev_AAAAAAAAAAAAAAAAAAAAAA")]
        said = [{k: v for k, v in answer.json.items() if k != "request_id"} for answer in answers]
        assert said[0] == said[1]
        assert said[0]["code"] == "DEVICE_NOT_FOUND"
    assert theirs.validate().status == 200


def test_the_same_is_done_for_an_unknown_and_a_foreign_device(node):
    """The two take the same statements of the database, so that how long they take says nothing either."""
    mine, theirs = node.enrolled(node.issue()[0]), node.enrolled(node.issue()[0])
    mine.validate()  # the node knows the key from now on
    done = []
    for id_ in (theirs.device_id, "dev_AAAAAAAAAAAAAAAAAAAAAA"):
        with node.statements() as seen:
            assert mine.validate(device_id=id_).code == "DEVICE_NOT_FOUND"
        done.append(seen)
    assert done[0] == done[1]
    for typed in ("EPOCHLY-00000-00000-00000-00000-00000", "EPOCHLY-00000-00000-00000-00000-00001"):
        with node.statements() as seen:
            assert mine.register(typed).code == "LICENSE_NOT_FOUND"
        done.append(seen)
    assert done[2] == done[3]


def test_the_same_is_said_of_a_licence_key_with_a_typing_error_and_one_that_never_was(node):
    """How a licence key is wrong is not told."""
    device = Device(node.wire)
    answers = [
        device.register(typed)
        for typed in ("EPOCHLY-00000-00000-00000-00000-00000", "EPOCHLY-00000-00000-00000-00000-00001", "x")
    ]
    assert {answer.code for answer in answers} == {"LICENSE_NOT_FOUND"}
    assert len({answer.json["detail"] for answer in answers}) == 1


def test_a_problem_must_be_in_the_table():
    """No answer has a code that the specification does not know."""
    with pytest.raises(ValueError, match="not in the table"):
        Problem("TEAPOT", "short and stout")


def test_details_repeat_nothing_of_what_was_sent(node):
    """What a caller wrote does not come back in an answer, so that nothing is reflected anywhere."""
    device = node.enrolled(node.issue()[0])
    for answer in (
        device.validate(**{"<script>alert": 1}),
        device.validate(fp={"digest": "<script>", "v": 1}),
        device.validate(ik="<script>"),
        node.wire.send("GET", "/v1/<script>"),
        node.wire.send("GET", "/v1/keyset", query=b"<script>"),
        device.register("<script>"),
        device.register("x", node_id=NODE_ID + "<script>"),
    ):
        assert answer.status in {400, 404, 422}
        assert b"script" not in answer.body
