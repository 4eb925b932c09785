"""Sixteen clients race for the last seat, fifty times: one gets it, nobody is told an error, and the count is right."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from node import Node, renewed
from racing import Balancer
from serving import serving
from wire import Device

from epochly_service import store
from epochly_service.errors import Problem
from epochly_service.proofs import Call
from epochly_service.scene import Enrolment, Renewal
from epochly_service.service import SignedProblem

CLIENTS, ROUNDS = 16, 50
PROGRAM = Path(__file__).with_name("racing.py")
DIGEST = "ab" * 32


def calls_for(node, key):
    """One registration a client, its proof made before the race."""
    made = []
    for _ in range(CLIENTS):
        device = Device(node.wire)
        proof = device.proof("POST", "/v1/devices", b"", pub=True, nonce=node.service.nonce())
        enrolment = Enrolment(DIGEST, 1, "3f2b8c1e-9a4d-4c6e-8f10-2b7d5e9a1c34", "0.1.0", device.cn)
        made.append((Call("POST", "/v1/devices", b"", proof), key, enrolment))
    return made


def test_the_last_seat_is_sold_once(node):
    """Of sixteen that ask at the same moment one gets a lease and fifteen the signed refusal, in every round."""
    services = [node.service, node.another()]  # two nodes, no state between them but the database
    start = threading.Barrier(CLIENTS)
    outcomes, licenses = [], []

    def ask(number, call, key, enrolment):
        start.wait(30)
        try:
            services[number % 2].register(call, key, enrolment)
        except SignedProblem as problem:
            return problem.problem.code if problem.refusal else "unsigned"
        except Problem as problem:
            return problem.code
        return "lease"

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            key, license_id = node.issue(seats=1)
            licenses.append(license_id)
            asked = [pool.submit(ask, number, *call) for number, call in enumerate(calls_for(node, key))]
            outcomes.append(sorted(one.result(60) for one in asked))
    assert outcomes == [["SEAT_LIMIT_REACHED"] * (CLIENTS - 1) + ["lease"]] * ROUNDS
    assert [node.license(license_id).seats_used for license_id in licenses] == [1] * ROUNDS
    assert node.faults() == []


def test_the_statement_alone_sells_no_seat_twice(node):
    """Taking a seat is right by itself: sixteen that take one at once, with nothing locked before, get what there is."""
    _, license_id = node.issue(seats=3)
    row = node.license(license_id)
    start = threading.Barrier(CLIENTS)

    def take(_):
        start.wait(30)
        return node.database.write(lambda conn: store.take_seat(conn, row))

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sum(pool.map(take, range(CLIENTS))) == 3
    assert node.license(license_id).seats_used == 3


def test_one_nonce_is_good_for_one_of_sixteen(node):
    """The same request sent sixteen times at once has one effect; the others are told that it was used."""
    key, license_id = node.issue(seats=2)
    call, _, enrolment = calls_for(node, key)[0]
    services = [node.service, node.another()]
    start = threading.Barrier(CLIENTS)

    def ask(number):
        start.wait(30)
        try:
            services[number % 2].register(call, key, enrolment)
        except Problem as problem:
            return problem.code
        except SignedProblem as problem:
            return problem.problem.code
        return "lease"

    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = sorted(pool.map(ask, range(CLIENTS)))
    assert outcomes == ["PROOF_REPLAYED"] * (CLIENTS - 1) + ["lease"]
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])


def test_a_repeat_that_races_its_first_try_has_no_second_effect(node):
    """The same idempotency key under sixteen nonces at once takes one seat, and every answer is a lease."""
    key, license_id = node.issue(seats=5)
    device = Device(node.wire)
    body = b""
    enrolment = Enrolment(DIGEST, 1, "3f2b8c1e-9a4d-4c6e-8f10-2b7d5e9a1c34", "0.1.0", "A" * 22)
    calls = [
        Call("POST", "/v1/devices", body, device.proof("POST", "/v1/devices", body, pub=True))
        for _ in range(CLIENTS)
    ]
    services = [node.service, node.another()]
    start = threading.Barrier(CLIENTS)

    def ask(number):
        start.wait(30)
        return services[number % 2].register(calls[number], key, enrolment)["device_id"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = set(pool.map(ask, range(CLIENTS)))
    assert len(ids) == 1
    row = node.device(ids.pop())
    assert (row.lease_seq, node.license(license_id).seats_used, node.faults()) == (1, 1, [])


def test_of_two_copies_that_ask_at_the_same_moment_one_is_told(node):
    """Two renewals with one sequence at once are a fork, however close: one gets the lease, the other learns of it."""
    services = [node.service, node.another()]
    outcomes = []
    for _ in range(10):
        device = node.enrolled(node.issue(seats=1)[0])
        path = f"/v1/devices/{device.device_id}/heartbeat"
        calls = [Call("POST", path, b"", device.proof("POST", path)) for _ in range(2)]
        start = threading.Barrier(2)

        def ask(number, calls=calls, start=start, device=device):
            start.wait(30)
            try:
                renewed(services[number], calls[number], Renewal(device.device_id, f"{number}" * 22))
            except SignedProblem as problem:
                return problem.problem.code
            return "lease"

        with ThreadPoolExecutor(2) as pool:
            outcomes.append(sorted(pool.map(ask, range(2))))
    assert outcomes == [["DEVICE_CLONED", "lease"]] * 10


def test_two_machines_that_race_for_one_trial_get_one(node):
    """Two keys on one fingerprint at the same moment: one trial, one refusal, and no half-made account."""
    made = []
    for _ in range(2):
        device = Device(node.wire)
        proof = device.proof("POST", "/v1/trial", b"", pub=True)
        made.append((Call("POST", "/v1/trial", b"", proof), Enrolment(DIGEST, 1, "n", "0.1.0", device.cn)))
    services = [node.service, node.another()]
    start = threading.Barrier(2)

    def ask(number):
        start.wait(30)
        try:
            services[number].trial(*made[number])
        except SignedProblem as problem:
            return problem.problem.code
        return "lease"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == ["TRIAL_USED", "lease"]
    assert (node.count("accounts"), node.count("licenses"), node.count("devices")) == (1, 1, 1)
    assert node.faults() == []


def raced(database, url, folder, *, servers, rounds):
    """What came of so many rounds, counted: clients that are processes, and a server or two that share a database."""
    node, balancer = Node(database, folder / "data", now=int(time.time())), Balancer()
    options = (
        "--database-url",
        url,
        "--no-rate-limits",
        "--public-url",
        f"https://localhost:{balancer.port}",
    )
    with ExitStack() as stack:
        stack.callback(node.close)
        stack.callback(balancer.close)
        running = [stack.enter_context(serving(node.data, *options)) for _ in range(servers)]
        balancer.begin([port for _, port, _ in running])
        environ = {
            "EPOCHLY_API_URL": f"https://localhost:{balancer.port}",
            "EPOCHLY_ROOT_KEY": f"{node.data}/root-key/root.pub.pem",
            "SSL_CERT_FILE": f"{node.data}/tls/ca.pem",
        }
        command = [sys.executable, str(PROGRAM), str(CLIENTS), str(folder), json.dumps(environ)]
        racers = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        issued, outcomes = [node.issue(seats=1) for _ in range(rounds)], []
        for key, _ in issued:
            racers.stdin.write(key + "\n")
            racers.stdin.flush()
            outcomes.append(Counter(json.loads(racers.stdout.readline())))
        racers.stdin.close()
        assert racers.wait(60) == 0
        assert [node.license(license_id).seats_used for _, license_id in issued] == [1] * rounds
        assert node.faults() == []
    return outcomes


@pytest.mark.parametrize("rounds", [2, pytest.param(ROUNDS, marks=pytest.mark.slow)])
def test_the_last_seat_is_sold_once_to_processes(database, engine_url, engine_name, tmp_path, rounds):
    """Sixteen real clients, each a process on a machine of its own, ask servers over TLS: one lease, fifteen refusals, no error, each time."""
    servers = 1 if engine_name == "sqlite" else 2
    outcomes = raced(database, engine_url, tmp_path, servers=servers, rounds=rounds)
    assert outcomes == [{"lease": 1, "SEAT_LIMIT_REACHED": CLIENTS - 1}] * rounds
