"""Next leases that are asked for at the same time: one transaction for all, and each gets its own answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from wire import Device, ik, jcs

from epochly_service import renewals, scripts, store, together
from epochly_service.errors import BusyError
from epochly_service.proofs import Call
from epochly_service.scene import Renewal

DEVICES = 6


@pytest.fixture
def devices(node):
    """Devices of one licence, whose keys the node knows."""
    key, _ = node.issue(seats=DEVICES)
    found = [node.enrolled(key, digest=f"{number:064x}") for number in range(DEVICES)]
    for device in found:
        assert device.heartbeat().status == 200
    return found


def heartbeat(device, **proof):
    """A request for a next lease, as `Wire.send_all` takes it."""
    path, body = f"/v1/devices/{device.device_id}/heartbeat", jcs({"ik": ik()})
    headers = [
        ("Epochly-Proof", device.proof("POST", path, body, **proof)),
        ("Content-Type", "application/json"),
    ]
    return "POST", path, body, headers


def begun(node, device):
    """The same as far as it needs no database."""
    method, path, body, headers = heartbeat(device)
    asked = node.service.begin_at_once(
        Call(method, path, body, headers[0][1]), Renewal(device.device_id, ik())
    )
    assert asked is not None
    return asked


def looks(seen):
    """How many of these statements look for devices."""
    return sum(text.startswith("SELECT") for text in seen)


def kept(node):
    """How much is kept of proofs, of what requests did, and of the devices' sequences."""
    return node.count("pop_replay"), node.count("idempotency")


def seqs(node, devices):
    """The sequence of each."""
    return [node.device(device.device_id).lease_seq for device in devices]


def test_leases_that_are_asked_for_meanwhile_are_one_batch(node, devices):
    """The first goes at once, and all that come while it is out go together; each device gets its own lease."""
    requests = [heartbeat(device) for device in devices]
    with node.statements() as seen:
        answers = node.wire.send_all(requests)
    for device, answer in zip(devices, answers, strict=True):
        assert answer.status == 200
        lease = answer.json["lease"]
        assert lease.startswith("v4.public.")
        assert answer.json["device_id"] == device.device_id
    assert looks(seen) == 2
    assert seqs(node, devices) == [3] * DEVICES
    assert node.faults() == []


def test_no_batch_is_longer_than_it_may_be(node, devices, monkeypatch):
    """What is more waits for the next."""
    monkeypatch.setattr(together, "MOST", 2)
    sizes, renewed = [], scripts.renew_at_once

    def noted(line, *, asked):
        sizes.append(len(asked))
        return renewed(line, asked=asked)

    monkeypatch.setattr(scripts, "renew_at_once", noted)
    answers = node.wire.send_all([heartbeat(device) for device in devices])
    assert [answer.status for answer in answers] == [200] * DEVICES
    assert sizes == [1, 2, 2, 1]


def test_each_of_a_batch_gets_its_own_answer(node, devices):
    """Leases, a repeat, a used nonce, a stranger's device, a clone, a device that is gone: none has a part in another's answer."""
    good, replayed, stranger, clone, gone, last = devices
    nonce = node.wire.nonce()
    assert replayed.ask("GET", "/v1/devices", nonce=nonce).status == 200
    node.put_device(node.device(gone.device_id)._replace(status="released", holds_seat=0))
    clone.seq = 1
    of_other = heartbeat(stranger)
    of_other = (*of_other[:1], of_other[1].replace(stranger.device_id, good.device_id), *of_other[2:])
    path, body = of_other[1], of_other[2]
    of_other[3][0] = ("Epochly-Proof", stranger.proof("POST", path, body))
    answers = node.wire.send_all(
        [
            heartbeat(last),
            heartbeat(good),
            heartbeat(replayed, nonce=nonce),
            of_other,
            heartbeat(clone),
            heartbeat(gone),
        ]
    )
    codes = ["lease" if answer.status == 200 else answer.code for answer in answers]
    assert codes == [
        "lease",
        "lease",
        "PROOF_REPLAYED",
        "DEVICE_NOT_FOUND",
        "DEVICE_CLONED",
        "DEVICE_REVOKED",
    ]
    assert [answers[0].json["device_id"], answers[1].json["device_id"]] == [last.device_id, good.device_id]


def test_a_device_that_asks_twice_at_once_is_told_apart_from_its_copy(node, devices):
    """Two requests of one sequence in one batch: one gets the lease, the other is a clone's, as if they had come one by one."""
    first, *_, twice = devices
    answers = node.wire.send_all([heartbeat(first), heartbeat(twice), heartbeat(twice)])
    codes = ["lease" if answer.status == 200 else answer.code for answer in answers]
    assert (codes[0], sorted(codes[1:])) == ("lease", ["DEVICE_CLONED", "lease"])


def test_what_two_of_a_batch_share_is_the_first_ones(node, devices):
    """A proof that is sent twice, an idempotency key for two devices of one key: the second is refused, and no batch breaks of it."""
    first, once, *_ = devices
    key, _ = node.issue(account_id=node.device(once.device_id).account_id)
    other = Device(node.wire, key=once.key)
    assert other.register(key).status == 201
    sent, said = heartbeat(first), jcs({"ik": ik()})
    shared = []
    for device in (once, other):
        path = f"/v1/devices/{device.device_id}/heartbeat"
        proof = ("Epochly-Proof", device.proof("POST", path, said))
        shared.append(("POST", path, said, [proof, ("Content-Type", "application/json")]))
    with node.statements() as seen:
        answers = node.wire.send_all([heartbeat(devices[-1]), sent, sent, *shared])
    codes = ["lease" if answer.status == 200 else answer.code for answer in answers]
    assert codes == ["lease", "lease", "PROOF_REPLAYED", "lease", "IDEMPOTENCY_MISMATCH"]
    change = renewals._CHANGE
    assert sum(text in {change.sqlite[0], change.postgresql} for text in seen) == 2
    assert node.faults() == []


def test_a_batch_that_breaks_changes_nothing_and_each_is_tried_alone(node, devices, monkeypatch):
    """A nonce that somebody uses between look and change breaks the whole transaction; the others get their leases all the same."""
    asked = [begun(node, device) for device in devices]
    look = renewals.look

    def looked(line, said):
        found = look(line, said)
        monkeypatch.setattr(renewals, "look", look)
        node.database.write(lambda conn: store.insert_replay(conn, asked[3].spent, node.now + 9))
        return found

    before = kept(node)
    monkeypatch.setattr(renewals, "look", looked)
    assert node.service.renewed(asked) is None
    assert (kept(node), seqs(node, devices)) == ((before[0] + 1, before[1]), [2] * DEVICES)
    answers = together._answers(node.service, asked)
    assert [answer is None for answer in answers] == [False] * 3 + [True] + [False] * 2
    assert seqs(node, devices) == [3, 3, 3, 2, 3, 3]
    assert kept(node) == (before[0] + DEVICES, before[1] + DEVICES - 1)


@pytest.mark.parametrize(
    ("error", "code"), [(BusyError("locked"), "MAINTENANCE"), (RuntimeError("a bug"), "INTERNAL")]
)
def test_a_batch_that_fails_tells_each_and_the_node_goes_on(node, devices, monkeypatch, error, code):
    """Whatever the database does, every request is answered, its nonce is used up, and the next batch goes out."""

    def fail(*_, **__):
        raise error

    requests = [heartbeat(device) for device in devices]
    before = kept(node)
    monkeypatch.setattr(scripts, "renew_at_once", fail)
    assert [answer.code for answer in node.wire.send_all(requests)] == [code] * DEVICES
    monkeypatch.undo()
    assert kept(node) == (before[0] + DEVICES, before[1])
    assert [answer.code for answer in node.wire.send_all(requests)] == ["PROOF_REPLAYED"] * DEVICES
    assert [device.heartbeat().status for device in devices] == [200] * DEVICES


def test_a_client_that_is_too_old_breaks_no_batch(node, devices, monkeypatch):
    """It alone is refused; the others of its batch have theirs in one transaction."""
    old, *others = devices
    node.service.settings = replace(node.service.settings, policy=replace(node.policy, min_client="0.2"))
    sizes, renew = [], scripts.renew_at_once

    def noted(line, *, asked):
        sizes.append(len(asked))
        return renew(line, asked=asked)

    monkeypatch.setattr(scripts, "renew_at_once", noted)
    answers = node.wire.send_all([*(heartbeat(each, cv="0.2.0") for each in others), heartbeat(old)])
    assert [answer.code for answer in answers] == [200] * len(others) + ["CLIENT_TOO_OLD"]
    assert sizes == [1, DEVICES - 1]


def test_a_lease_is_signed_without_the_database(node, devices):
    """Also where the keyring has gone out of date since the request came: the event loop waits for nothing."""
    asked = begun(node, devices[0])
    (outcome,) = node.service.renewed([asked])
    node.now += 60
    with node.statements() as seen:
        assert node.service.lease(asked.caller, outcome)["device_id"] == devices[0].device_id
    assert seen == []


def test_a_node_that_ends_answers_what_waits(node, devices):
    """A request that comes when the threads are gone is answered, and none is left waiting."""
    requests = [heartbeat(device) for device in devices]
    node.database.threads.shutdown()
    assert [answer.code for answer in node.wire.send_all(requests)] == ["INTERNAL"] * DEVICES


def test_a_key_that_the_node_has_not_met_is_looked_up_outside(node):
    """A first request, a keyring that is out of date and a client that is too old go to a thread, with the same answer."""
    device = node.enrolled(node.issue()[0])
    service = node.another()
    wire = node.wired(service)
    device.wire = wire
    request = heartbeat(device)
    call, asked = Call(*request[:3], request[3][0][1]), Renewal(device.device_id, ik())
    assert service.begin_at_once(call, asked) is None  # no keyring was read yet
    assert wire.send_all([request])[0].status == 200
    device.seq += 1
    request = heartbeat(device)
    assert service.begin_at_once(Call(*request[:3], request[3][0][1]), asked) is not None
    node.now += 60
    assert service.begin_at_once(Call(*request[:3], request[3][0][1]), asked) is None
    assert wire.send_all([request])[0].status == 200
    other = Device(wire, digest="ef" * 32)
    other.device_id = device.device_id
    assert wire.send_all([heartbeat(other)])[0].code == "KEY_UNKNOWN"
