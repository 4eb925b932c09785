"""The published root: what the service cannot prove is told, and its word alone counts for nothing."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from epochly.telemetry import events, online
from epochly.telemetry.batch import digest_of
from epochly.telemetry.post import Reply, log_of, send_next


def leaf(body):
    """A leaf's hash."""
    return sha256(b"\0" + sha256(body).digest()).digest()


def node(left, right):
    """A node's hash."""
    return sha256(b"\1" + left + right).digest()


@pytest.fixture
def two(collector, world, receiver, monkeypatch, environ):
    """Two batches that were received, and a service that answers for their day from `answers`."""
    for allowed in (True, False):
        collector.it.counters.add(events.gpu(asked=True, allowed=allowed))
        collector.it.collect()
        assert send_next(world).sent
        receiver.now += 60
    bodies = sorted(receiver.received, key=lambda body: sha256(body).digest())
    day = receiver.now // 86_400
    root = node(*map(leaf, bodies)).hex()
    answers = {
        digest_of(body): {"day": day, "index": number, "size": 2, "path": [leaf(bodies[1 - number]).hex()]}
        for number, body in enumerate(bodies)
    }
    answers[str(day)] = {"root": receiver.head(2, root), "keyset": receiver.keyset()}

    def sent(_endpoint, _body, _environ, *, place):
        found = answers.get(place)
        return Reply(404, b"{}") if found is None else Reply(200, json.dumps(found).encode())

    monkeypatch.setattr("epochly.telemetry.world.sent", sent)
    return answers, lambda: online.included(log_of(world.files), environ), bodies, day


def test_batches_in_the_published_root_are_found(two):
    """Both are in, by paths that are computed."""
    _, asked, _, _ = two
    assert asked() == ("2 batches are in the published roots of their days, 0 not told yet, 0 are not", 0)


def test_a_root_without_a_batch_is_told(two, receiver):
    """Another root, another size, a path that leads elsewhere: that batch is not in."""
    answers, asked, bodies, day = two
    answers[digest_of(bodies[0])] |= {"path": ["0" * 64]}
    assert asked()[1] == 1
    answers[digest_of(bodies[1])] |= {"size": 3}
    assert asked()[1] == 2
    answers[str(day)] = {"root": receiver.head(2, "0" * 64), "keyset": receiver.keyset()}
    assert asked() == ("0 batches are in the published roots of their days, 0 not told yet, 2 are not", 2)


def test_what_is_not_told_is_not_known(two, receiver):
    """A day that has not ended, a root that does not verify or is another day's: neither in nor out."""
    answers, asked, bodies, day = two
    del answers[digest_of(bodies[0])]
    assert asked() == ("1 batch is in the published roots of their days, 1 not told yet, 0 are not", 0)
    answers[str(day)]["root"] = receiver.head(2, "0" * 64, day=1)
    assert asked()[0].startswith("0 batches are in the published roots of their days, 2 not told yet")
