"""Any sequence of requests, clocks and operators: the service does over HTTP what a model of the specification does."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from life_model import DAY, HOUR, MINUTE, Ask, Lease, Licence, Model
from node import NOW, Node
from wire import NODE_ID, Device, b64u, ik, jcs, signed

from epochly_service import doctor
from epochly_service.settings import Policy

KEYS = 4  # to begin with; a rekey brings another one
LICENCES = (("node", 2, 200), ("floating", 1, 40), ("floating", 2, 300))  # kind, seats, days
NUMBER = st.integers(0, 7)  # a place in a list, modulo its length
FORK = st.sampled_from([0] * 17 + [-1, -2, 1, 9, 1_000_001])  # what a proof's `seq` is off by
ADVANCE = st.sampled_from(
    [1, MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, DAY - HOUR, DAY, 3 * DAY, 20 * DAY, 30 * DAY]
)
PATHS = {
    "register": "/v1/devices",
    "trial": "/v1/trial",
    "transfer": "/v1/transfer",
    "validate": "/v1/license/validate",
    "heartbeat": "/v1/devices/{}/heartbeat",
    "checkout": "/v1/devices/{}/checkout",
    "rekey": "/v1/devices/{}/rekey",
    "release": "/v1/devices/{}",
}


class Life(RuleBasedStateMachine):
    """A few keys, machines and licences, on a node that is there already."""

    node: Node

    @initialize()
    def begin(self):
        """Licences of one account, keys that nobody knows, machines of this run alone."""
        self.node.now = NOW
        self.model = Model(NOW)
        self.licence_ids, self.licence_keys = [], []
        account_id = None
        for seat, seats, days in LICENCES:
            key, id_ = self.node.issue(seat=seat, seats=seats, days=days, account_id=account_id)
            account_id = self.node.license(id_).account_id
            self.licence_keys.append(key)
            self.licence_ids.append(id_)
            self.model.licences.append(Licence(seat, seats, NOW + days * DAY))
        self.keys = [Device(self.node.wire) for _ in range(KEYS)]
        self.digests = [os.urandom(32).hex() for _ in range(3)]
        self.device_ids = []
        self.asked = []
        self.had = {}  # key -> sequence of its last lease, on whichever licence

    # --- requests

    @rule(key=NUMBER, licence=NUMBER, machine=NUMBER)
    def register(self, key, licence, machine):
        """A licence key is entered."""
        self.ask(
            Ask("register", self.a_key(key), ik(), self.a_licence(licence), digest=self.a_digest(machine))
        )

    @rule(key=NUMBER, machine=NUMBER)
    def trial(self, key, machine):
        """A trial is asked for."""
        self.ask(Ask("trial", self.a_key(key), ik(), digest=self.a_digest(machine)))

    @precondition(lambda self: self.device_ids)
    @rule(key=NUMBER, device=NUMBER, machine=NUMBER, lost=st.integers(0, 9))
    def transfer(self, key, device, machine, lost):
        """A seat is taken over; now and then under another licence's key."""
        source = self.a_device(device)
        licence = self.model.devices[source].licence if lost else lost
        if licence < len(LICENCES):  # a trial has no licence key
            what = Ask("transfer", self.a_key(key), ik(), licence, source, self.a_digest(machine))
            self.ask(what)

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER)
    def come_back(self, device):
        """The licence key is entered again where it was, or the trial asked for once more."""
        about = self.model.devices[self.a_device(device)]
        if about.licence < len(LICENCES):
            self.ask(Ask("register", about.key, ik(), about.licence, digest=about.digest))
        else:
            digest = self.model.licences[about.licence].trial_of
            self.ask(Ask("trial", about.key, ik(), digest=digest))

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, count=st.integers(1, 4))
    def hand_on(self, device, count):
        """A seat goes from one new key to the next."""
        at = self.a_device(device)
        for _ in range(count if self.model.devices[at].licence < len(LICENCES) else 0):
            about = self.model.devices[at]
            self.keys.append(Device(self.node.wire))
            asked = Ask("transfer", len(self.keys) - 1, ik(), about.licence, at, about.digest)
            if not isinstance(self.ask(asked), Lease):
                break
            at = len(self.device_ids) - 1

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, off=FORK, machine=st.sampled_from([0, 0, 0, 1, 2]), reenrol=st.booleans())
    def validate(self, device, off, machine, reenrol):
        """The next lease, from this machine or another one."""
        at = self.a_device(device)
        mine = self.digests.index(self.model.devices[at].digest)
        digest = self.digests[(mine + machine) % len(self.digests)]
        self.ask(self.of(at, Ask("validate", 0, ik(), digest=digest, reenrol=reenrol)), off)

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, off=FORK)
    def heartbeat(self, device, off):
        """The next lease."""
        self.ask(self.of(self.a_device(device), Ask("heartbeat", 0, ik())), off)

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, off=FORK, days=st.sampled_from([1, 2, 30]))
    def checkout(self, device, off, days):
        """A lease for days offline."""
        self.ask(self.of(self.a_device(device), Ask("checkout", 0, ik(), days=days)), off)

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, off=FORK, there=st.integers(0, 9))
    def rekey(self, device, off, there):
        """A new key for a device; now and then one that is there already."""
        if there >= len(self.keys):
            there = len(self.keys)
            self.keys.append(Device(self.node.wire))
        self.ask(self.of(self.a_device(device), Ask("rekey", 0, ik(), new_key=there)), off)

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER)
    def release(self, device):
        """A seat is given back."""
        self.ask(self.of(self.a_device(device), Ask("release", 0)))

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, key=NUMBER, kind=st.sampled_from(["heartbeat", "validate", "checkout", "release"]))
    def meddle(self, device, key, kind):
        """A request about a device by whatever key."""
        what = self.of(self.a_device(device), Ask(kind, 0, ik(), digest=self.digests[0], days=1))
        self.ask(replace(what, key=self.a_key(key)))

    @precondition(lambda self: self.asked)
    @rule(which=NUMBER, off=FORK)
    def repeat(self, which, off):
        """The answer was lost, or somebody sends a request again: the same bytes under a new proof."""
        self.ask(self.asked[-1 - which % len(self.asked)], off)

    @precondition(lambda self: self.asked)
    @rule(which=NUMBER, off=FORK)
    def reuse(self, which, off):
        """An idempotency key comes again with another request."""
        before = self.asked[-1 - which % len(self.asked)]
        what = Ask("checkout", before.key, before.ik, device=before.device, days=7)
        if before.device < 0:
            what = Ask("trial", before.key, before.ik, digest=self.a_digest(which))
        self.ask(what, off)

    # --- the clock and the operator

    @rule(seconds=ADVANCE)
    def wait(self, seconds):
        """Time goes by."""
        self.node.now += seconds
        self.model.now = self.node.now

    @precondition(lambda self: self.device_ids)
    @rule(device=NUMBER, early=st.booleans())
    def wait_for_a_seat(self, device, early):
        """Time goes on to the instant at which a seat ends, or to the second before."""
        about = self.model.devices[self.a_device(device)]
        end = max(about.seat_ends or 0, about.pinned) - early
        if end > self.node.now:
            self.wait(end - self.node.now)

    @rule(licence=NUMBER, suspended=st.sampled_from([False, False, True]))
    def suspend(self, licence, suspended):
        """An operator suspends a licence, or lets it go on."""
        at = self.a_licence(licence)
        self.model.licences[at].status = "suspended" if suspended else "active"
        self.node.set_license(self.licence_ids[at], status=self.model.licences[at].status)

    @rule(licence=NUMBER, days=st.sampled_from([400, 400, 1, 0]))
    def set_end(self, licence, days):
        """A licence ends now or tomorrow, or is renewed; not while a seat of it is checked out for longer."""
        at = self.a_licence(licence)
        ends = self.node.now + days * DAY
        if all(each.pinned <= ends for each in self.model.devices if each.licence == at):
            self.model.licences[at].ends = ends
            self.node.set_license(self.licence_ids[at], expires_at=ends)

    @precondition(lambda self: self.device_ids)
    @rule(count=st.integers(1, 3))
    def lose_rows(self, count):
        """The database is put back to before each device's last leases, as by a backup that is restored."""
        for at, id_ in enumerate(self.device_ids):
            about = self.model.devices[at]
            about.seq = max(1, about.seq - count)
            self.node.put_device(self.node.device(id_)._replace(lease_seq=about.seq))

    # --- how it is asked and compared

    def a_key(self, number):
        return number % len(self.keys)

    def a_digest(self, number):
        return self.digests[number % len(self.digests)]

    def a_licence(self, number):
        return number % len(LICENCES)

    def a_device(self, number):
        return number % len(self.device_ids)

    def of(self, at, what):
        """A request about a device, by its key."""
        return replace(what, device=at, key=self.model.devices[at].key)

    def ask(self, what, off=0):
        """Send it, ask the model, compare; gives what the model said."""
        seq = self.model.devices[what.device].seq if what.device >= 0 else self.had.get(what.key, 0)
        seq = max(0, seq + off)
        answer = self.send(what, seq)
        expected = self.model.does(what, seq)
        if isinstance(expected, Lease):
            assert answer.status == (201 if what.kind in ("register", "trial", "transfer") else 200), (
                answer.body
            )
            self.compare(answer, expected, self.keys[what.key].cn)
        else:
            got = "receipt" if answer.status == 200 else answer.code
            assert (got, what, seq) == (expected, what, seq)
            if got == "SEAT_LIMIT_REACHED":
                about = self.model.devices[what.device].licence if what.licence < 0 else what.licence
                seats = self.model.taken(about), self.model.licences[about].seats
                assert (answer.json["seats_used"], answer.json["seats_max"]) == seats
        if what.kind != "release":
            self.asked.append(what)
        return expected

    def send(self, what, seq):
        """One request of section 5, with a proof by its key."""
        key, about = self.keys[what.key], self.device_ids[what.device] if what.device >= 0 else ""
        path, nonce = PATHS[what.kind].format(about), self.node.service.nonce()
        body = self.body(what, about, nonce)
        sent = b"" if body is None else jcs(body)
        key.seq = seq
        method = "DELETE" if body is None else "POST"
        proof = key.proof(method, path, sent, pub=what.kind in ("register", "trial", "transfer"), nonce=nonce)
        headers = [("Epochly-Proof", proof), ("Content-Type", "application/json")]
        return self.node.wire.send(method, path, sent, headers)

    def body(self, what, about, nonce):
        """The members of a body."""
        machine = {"fp": {"digest": what.digest, "v": 1}}
        enrols = machine | {"node_id": NODE_ID, "client_version": "0.1.0", "ik": what.ik}
        key = self.licence_keys[what.licence] if what.licence >= 0 else ""
        match what.kind:
            case "register":
                return enrols | {"license_key": key}
            case "trial":
                return enrols
            case "transfer":
                return enrols | {"license_key": key, "from_device_id": about}
            case "validate":
                said = machine | {"device_id": about, "ik": what.ik}
                return said | ({"reenrol": True} if what.reenrol else {})
            case "heartbeat":
                return {"ik": what.ik}
            case "checkout":
                return {"ik": what.ik, "days": what.days}
            case "rekey":
                new, old = self.keys[what.new_key], self.keys[what.key]
                said = {"kid": new.kid, "pub": b64u(new.pub), "old": old.kid, "nonce": nonce, "iat": 1}
                return {"ik": what.ik, "new_proof": signed(new.key, "epochly-rekey+v1", said)}
        return None

    def compare(self, answer, expected, cn):
        """A lease with what the model gave."""
        device = self.keys[expected.key]
        device.cn, device.digest = cn, self.model.devices[expected.device].digest
        if expected.device == len(self.device_ids):
            self.device_ids.append(answer.json["device_id"])
        device.take(answer.json)
        lease = device.lease
        self.had[expected.key] = lease["seq"]
        assert lease["dev"] == self.device_ids[expected.device]
        got = (lease["seq"], lease["exp"], lease["refresh_after"], lease["grace_until"])
        assert got == (expected.seq, expected.exp, expected.refresh_after, expected.grace_until)

    @invariant()
    def seats_are_the_model_s(self):
        """Who has a seat, what each device is, and how many are counted: as in the model, after every step."""
        if not hasattr(self, "model"):
            return
        for at, id_ in enumerate(self.device_ids):
            row, expected = self.node.device(id_), self.model.devices[at]
            holds = bool(row.holds_seat) and (row.seat_until is None or row.seat_until > self.node.now)
            assert (row.status, row.lease_seq, holds) == (
                expected.status,
                expected.seq,
                expected.holds(self.node.now),
            )
        assert self.node.faults() == []


def live(node, examples, steps):
    """So many lives on a node, and then an examination of what they left."""
    here = type("Here", (Life,), {"node": node})
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(here, settings=chosen)
    node.now = NOW + 20 * 365 * DAY
    node.service.purge()
    checked = doctor.examine(doctor.Place(node.database, node.data, node.now))
    wanted = {"schema", "seats", "audit", "clock", "retention", "secrets", "file"}
    faults = {one.name: one.faults for one in checked if one.name in wanted and one.faults}
    assert faults == {}


@pytest.fixture
def lasting(database, tmp_path):
    """A node whose signing key outlives any of these lives."""
    made = Node(database, tmp_path / "data", policy=Policy(key_life_s=30 * 365 * DAY))
    yield made
    made.close()


def test_a_device_lives_as_the_specification_says(lasting):
    """Registers, renews, checks out, moves, changes keys, is copied, suspended and forgotten: codes, sequence and seats as in the model."""
    live(lasting, 12, 40)


@pytest.mark.slow
def test_many_devices_live_as_the_specification_says(lasting):
    """The same for many more lives."""
    live(lasting, 400, 60)
