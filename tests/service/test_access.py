"""Nobody gets at what is another's, and nobody learns whether it is there: every pair of keys and devices is tried."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import select
from wire import Device, b64u, ik, jcs, signed

from epochly_service import schema

UNKNOWN_DEVICE = "dev_AAAAAAAAAAAAAAAAAAAAAA"
OWN, FOREIGN, UNKNOWN = "own", "foreign", "unknown"
OTHER_DIGEST = "cd" * 32


def kept(node):
    """All that is stored, but for spent nonces."""
    tables = [table for table in schema.metadata.sorted_tables if table is not schema.pop_replay]

    def rows(conn):
        return {table.name: sorted(map(repr, conn.execute(select(table)))) for table in tables}

    return node.database.read(rows)


def said(answer):
    """An answer without what is new each time."""
    headers = {name: value for name, value in answer.headers.items() if name != "epochly-nonce"}
    told = {name: value for name, value in answer.json.items() if name not in ("request_id", "refusal")}
    return answer.status, headers, told


class Two:
    """Two accounts with two licences each, on each of which one key of the account is a device."""

    def __init__(self, node):
        self.node = node
        self.keys, self.devices, self.licences = {}, {}, {}
        for whose in (OWN, FOREIGN):
            key, license_id = node.issue()
            account_id = node.license(license_id).account_id
            self.licences[whose] = [key, node.issue(seat="floating", account_id=account_id)[0]]
            device = node.enrolled(self.licences[whose][0])
            first = device.device_id, device.seq
            device.seq = 0
            assert device.register(self.licences[whose][1]).status == 201
            self.keys[whose], self.devices[whose] = device, [first, (device.device_id, device.seq)]
        self.keys[UNKNOWN] = Device(node.wire)
        self.devices[UNKNOWN] = [(UNKNOWN_DEVICE, 1)]


def _rekey(device, id_):
    path, nonce = f"/v1/devices/{id_}/rekey", device.wire.nonce()
    new = Device(device.wire)
    claims = {"kid": new.kid, "pub": b64u(new.pub), "old": device.kid, "nonce": nonce, "iat": 1}
    body = {"ik": ik(), "new_proof": signed(new.key, "epochly-rekey+v1", claims)}
    return _post(device, path, body, nonce=nonce)


def _post(device, path, body, **changed):
    sent = jcs(body)
    headers = [
        ("Epochly-Proof", device.proof("POST", path, sent, **changed)),
        ("Content-Type", "application/json"),
    ]
    return device.wire.send("POST", path, sent, headers)


def _validate(device, id_):
    body = {"device_id": id_, "fp": {"digest": device.digest, "v": 1}, "ik": ik()}
    return _post(device, "/v1/license/validate", body)


REQUESTS = {
    "validate": _validate,
    "reenrol": lambda device, id_: _post(
        device,
        "/v1/license/validate",
        {"device_id": id_, "fp": {"digest": OTHER_DIGEST, "v": 1}, "ik": ik(), "reenrol": True},
    ),
    "heartbeat": lambda device, id_: _post(device, f"/v1/devices/{id_}/heartbeat", {"ik": ik()}),
    "checkout": lambda device, id_: _post(device, f"/v1/devices/{id_}/checkout", {"ik": ik(), "days": 3}),
    "rekey": _rekey,
    "release": lambda device, id_: device.ask("DELETE", f"/v1/devices/{id_}"),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_another_s_device_is_as_unknown_as_one_that_never_was(node, request_):
    """For each key that is not its device's, a foreign and an unknown device give the same answer, and nothing changes."""
    two, ask = Two(node), REQUESTS[request_]
    before = kept(node)
    for who, key in two.keys.items():
        answers = []
        for whose, at in product(two.devices, (0, 1)):
            id_, key.seq = two.devices[whose][at % len(two.devices[whose])]
            if whose != who or who == UNKNOWN:
                answers.append(said(ask(key, id_)))
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][2]["code"] == ("KEY_UNKNOWN" if who == UNKNOWN else "DEVICE_NOT_FOUND")
    assert kept(node) == before
    for whose, at in product((OWN, FOREIGN), (0, 1)):  # and all of them are there
        key = two.keys[whose]
        id_, key.seq = two.devices[whose][at]
        assert _validate(key, id_).status == 200


def test_own_devices_answer_their_own_key(node):
    """The same requests, by the key whose device it is, go through: what is refused above is refused for that."""
    for request_, ask in REQUESTS.items():
        two = Two(node)
        key = two.keys[OWN]
        id_, key.seq = two.devices[OWN][1]
        assert ask(key, id_).status == 200, request_


def test_a_seat_is_not_taken_over_from_another_licence(node):
    """By a licence key one gets at the devices of that licence: those of another one, of the same account or not, are unknown."""
    two, taker = Two(node), Device(node.wire, digest=OTHER_DIGEST)
    before = kept(node)
    for licence in (0, 1):
        others = [two.devices[OWN][1 - licence], *two.devices[FOREIGN], *two.devices[UNKNOWN]]
        answers = []
        for id_, _ in others:
            body = taker.machine(license_key=two.licences[OWN][licence], from_device_id=id_)
            answers.append(said(taker.ask("POST", "/v1/transfer", body, pub=True)))
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][2]["code"] == "DEVICE_NOT_FOUND"
    assert kept(node) == before


def test_a_key_is_shown_its_own_licences_alone(node):
    """What is listed names no licence and no device of another's; an unknown key is shown nothing."""
    two = Two(node)
    seen = {}
    for whose in (OWN, FOREIGN):
        licences = two.keys[whose].devices().json["licenses"]
        seen[whose] = {device["device_id"] for licence in licences for device in licence["devices"]}
        assert seen[whose] == {id_ for id_, _ in two.devices[whose]}
    assert not seen[OWN] & seen[FOREIGN]
    assert two.keys[UNKNOWN].devices().code == "KEY_UNKNOWN"


def test_an_idempotency_key_belongs_to_the_key_that_used_it(node):
    """What another key did under the same idempotency key is not told, and one's own request has its effect."""
    two, shared = Two(node), ik()
    told = []
    for whose in (OWN, FOREIGN):
        key = two.keys[whose]
        key.device_id, key.seq = two.devices[whose][0]
        assert key.heartbeat(ik=shared).status == 200
        told.append(key.lease)
    assert told[0]["dev"] != told[1]["dev"]
    assert [lease["seq"] for lease in told] == [2, 2]


def test_a_proof_of_one_key_is_worth_nothing_for_another(node):
    """A key that names another one's `kid` cannot sign for it, however much else it knows."""
    two = Two(node)
    own, foreign = two.keys[OWN], two.keys[FOREIGN]
    id_, seq = two.devices[OWN][0]
    before = kept(node)
    path = f"/v1/devices/{id_}/heartbeat"
    answer = foreign.ask("POST", path, {"ik": ik()}, kid=own.kid, seq=seq)
    assert answer.code == "PROOF_INVALID"
    assert kept(node) == before
