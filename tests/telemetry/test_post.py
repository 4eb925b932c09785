"""Sending: in the log before it goes out, gone once the receipt is real, kept otherwise; never more or sooner than the limits say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from posted import verified, waiting
from receiver import Signer

from epochly.telemetry import batch, events, log, post
from epochly.telemetry.batch import digest_of
from epochly.telemetry.files import LOG, SPOOL
from epochly.telemetry.post import Reply, log_of, next_in, send_next, sendings_in

DAY_S = 86_400
pytestmark = pytest.mark.usefixtures("filled")


def test_batches_go_out_oldest_first_once_each(world, receiver):
    """All that waits is received, byte for byte, one a minute; then nothing is left, and the log says so."""
    bodies = waiting(world.files)
    assert len(bodies) == 3
    for number in range(3):
        assert send_next(world).sent
        assert post.send_next(world).said == "the limits let nothing out yet"
        assert len(receiver.received) == number + 1
        receiver.now += 60
    assert receiver.received == bodies
    assert waiting(world.files) == []
    assert send_next(world).said == "nothing waits"
    found = verified(world)
    assert (found.batches, found.receipts, found.wrong) == (3, 3, "")
    assert [body for _, _, _, body, received in log.bodies(log_of(world.files)) if received] == bodies


def test_what_is_sent_is_in_the_log_already(world, receiver):
    """At the moment the service hears of a batch, its bytes are on this machine's disk."""
    seen = []
    world = replace(
        world, send=lambda _, body: seen.append((body, log_of(world.files))) or receiver.send("", body)
    )
    assert send_next(world).sent
    ((body, logged),) = seen
    assert [each[3] for each in log.bodies(logged)] == [body]


def test_preview_is_the_next_request(world, receiver):
    """What is shown is what is sent then, byte for byte, and showing changes nothing."""
    for _ in range(3):
        shown, _ = next_in(world.files, world.fires_at, receiver.now)
        before = waiting(world.files)
        assert next_in(world.files, world.fires_at, receiver.now)[0] == shown
        assert waiting(world.files) == before
        assert send_next(world).sent
        assert receiver.received[-1] == shown.body
        receiver.now += 60


LIES = {
    "no answer": lambda _r, _b: "no connection",
    "an error": lambda _r, _b: Reply(500, b"oops"),
    "a page to sign in": lambda _r, _b: Reply(200, b"<html>"),
    "nothing": lambda _r, _b: Reply(200, b""),
    "another status": lambda r, b: Reply(202, r.answer(b)[1]),
    "no receipt": lambda r, _b: Reply(200, json.dumps({"receipt": "", "keyset": r.keyset()}).encode()),
    "a receipt for other bytes": lambda r, b: told(
        r, r.receipt(b + b" ".replace(b" ", b""), sha256="0" * 64)
    ),
    "of another service": lambda r, b: told(r, r.receipt(b, iss="https://other.example")),
    "of another day": lambda r, b: told(r, r.receipt(b, day=1)),
    "with one claim more": lambda r, b: told(r, r.receipt(b, x=1)),
    "by a key of nobody's": lambda r, _b: told(
        r, Signer("nobody").sealed("epochly-telemetry-receipt+v1", {"iss": r.base})
    ),
    "of another type": lambda r, _b: told(r, r.signing.sealed("epochly-receipt+v1", {"iss": r.base})),
    "keys by another root": lambda r, b: Reply(
        200,
        json.dumps({"receipt": r.receipt(b), "keyset": replace(r, root=Signer("other")).keyset()}).encode(),
    ),
    "a very long answer": lambda r, b: Reply(200, b" " * 40_000 + r.answer(b)[1]),
}


def told(receiver, receipt):
    """An answer with this receipt."""
    return Reply(200, json.dumps({"receipt": receipt, "keyset": receiver.keyset()}).encode())


@pytest.mark.parametrize("lie", LIES)
def test_without_a_real_receipt_nothing_was_received(world, receiver, lie):
    """Whatever a service answers but a receipt that verifies: the batch stays, three times, then there is quiet for six hours."""
    bodies = waiting(world.files)
    lying = replace(world, send=lambda _, body: LIES[lie](receiver, body))
    for _ in range(3):
        assert not send_next(lying).sent
        receiver.now += 60
    receiver.received.clear()
    assert send_next(world).said == "the limits let nothing out yet"
    assert waiting(world.files) == bodies
    receiver.now += 6 * 3_600
    assert send_next(world).sent
    assert receiver.received == bodies[:1]
    assert verified(world).wrong == ""


def test_a_batch_that_will_never_be_taken_is_given_up(world, receiver):
    """A service that does not know an event says so for good: the next batch gets its turn."""
    refused = Reply(422, b'{"code":"UNKNOWN_FIELD"}')
    before = waiting(world.files)
    assert send_next(replace(world, send=lambda *_: refused)).said == "the service does not know such events"
    assert waiting(world.files) == before[1:]
    receiver.now += 60
    assert (
        send_next(replace(world, send=lambda *_: Reply(429, b'{"code":"RATE_LIMITED"}', 1_000))).wait_s
        == 1_000
    )
    assert waiting(world.files) == before[1:]


def test_what_lies_in_the_folder_and_is_no_batch_is_removed(world, receiver):
    """A file that somebody put there, or another version left, is not sent, and is not in the way."""
    spool = world.files.inside(SPOOL)
    spool.write("000000000000-x.json", b'{"user":"alice"}')
    spool.write("000000000001-x.json", waiting(world.files)[1].replace(b'"linux"', b'"Linux"'))
    assert send_next(world).sent
    assert len(waiting(world.files)) == 2
    assert b"alice" not in receiver.received[0]


def test_the_tripwire_looks_at_what_waits(world, receiver):
    """An event that gives somebody away is taken out before it is shown or sent; where that was all, nothing is."""
    world = replace(world, fires_at=lambda event: "the host" if event["e"] in {"gpu", "fault"} else "")
    shown, _ = next_in(world.files, world.fires_at, receiver.now)
    assert send_next(world).sent
    assert receiver.received == [shown.body]
    assert json.loads(shown.body)["lost"]["pii"] == 1
    receiver.now += 60
    assert send_next(world).sent
    assert json.loads(receiver.received[1])["events"][0]["e"] == "compatibility"


def test_each_guard_holds_without_the_others(world, receiver, filled, files, monkeypatch):
    """With the types' guard taken out, the tripwire drops what names the user; with the tripwire taken out too, a batch's own reading does."""
    bad = ("gpu", "alice", True)
    filled.counters.add(bad)
    assert bad not in filled.counters.take()[0]
    monkeypatch.setattr("epochly.telemetry.counters.is_registered", lambda *_: True)
    filled.gives_away = lambda fact: world.fires_at(batch.as_event(fact, 1))
    filled.counters.add(bad, 3)
    filled.fault("builder")
    filled.collect()
    newest = files.inside(SPOOL).read(max(files.inside(SPOOL).sizes()))
    assert b"alice" not in newest
    assert b'"pii":3' in newest
    filled.gives_away = None
    filled.counters.add(bad, 3)
    filled.collect()
    assert b"alice" in files.inside(SPOOL).read(max(files.inside(SPOOL).sizes()))
    for _ in range(9):
        send_next(replace(world, fires_at=lambda _event: ""))
        receiver.now += 60
    assert receiver.received
    assert not any(b"alice" in body for body in receiver.received)
    assert not any(b"alice" in data for _, data in log_of(files))


def test_one_process_sends_at_a_time(world):
    """Another one that holds the folder is not waited for."""
    with world.files.held() as held:
        assert held
        assert send_next(world) == post.Posted("another process sends", post.IDLE_S)
    assert send_next(world).sent


def test_a_full_day_is_the_end_of_the_day(world, receiver):
    """What does not fit into the day's log is not sent that day."""
    world.files.inside(LOG).append(log.file_of(receiver.now), b"x" * (1_048_576 - 20_000))
    said = send_next(world)
    assert (said.said, said.wait_s) == ("the log of today is full", DAY_S - receiver.now % DAY_S)
    assert receiver.received == []


def test_the_log_has_seven_days(world, receiver, filled):
    """The oldest file goes when an eighth day begins, and the log is still whole."""
    for _ in range(9):
        filled.counters.add(events.gpu(asked=True, allowed=True))
        filled.collect()
        assert send_next(world).sent
        receiver.now += DAY_S
    assert len(log_of(world.files)) == log.MOST_FILES
    assert verified(world).wrong == ""


def test_every_changed_byte_is_found(world, receiver):
    """One byte changed anywhere in the log, a line gone, added or moved: `verify` names the line."""
    for _ in range(2):
        assert send_next(world).sent
        receiver.now += 60
    ((name, data),) = log_of(world.files)
    head, judge = (
        sendings_in(world.files).head,
        lambda _b, keyset, receipt, body: world.judge(keyset, "", receipt, body),
    )
    assert log.verify([(name, data)], head, judge).wrong == ""
    for place in range(0, len(data), 7):
        for flip in (1, 32):
            changed = data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
            found = log.verify([(name, changed)], head, judge)
            assert found.wrong, place
            line = data[:place].count(b"\n") + 1
            assert (
                f"{name}, line {line}" in found.wrong
                or f"{name}, line {line + 1}" in found.wrong
                or "the end of the log" in found.wrong
            )
    lines = data.splitlines(keepends=True)
    for changed in (lines[:-1], lines[1:] + lines[:1], [*lines, lines[-1]], lines[:2] + lines[3:], []):
        assert log.verify([(name, b"".join(changed))], head, judge).wrong
    assert log.verify([(name, data.rstrip(b"\n"))], head, judge).wrong


def test_a_receipt_is_checked_against_what_was_sent(world):
    """A receipt in the log that is real and for something else does not pass."""
    assert send_next(world).sent
    ((name, data),) = log_of(world.files)
    strict = log.verify([(name, data)], "", lambda *_: "is for other bytes")
    assert strict.wrong == f"{name}, line 3: the receipt is for other bytes"


def test_the_same_batch_again_has_its_receipt(world, receiver):
    """Where an answer was lost, the same bytes are sent again; the log counts one batch."""
    body = waiting(world.files)[0]
    assert not send_next(replace(world, send=lambda _, sent: receiver.send("", sent) and "lost")).sent
    receiver.now += 60
    assert send_next(world).sent
    assert receiver.received == [body, body]
    found = verified(world)
    assert (found.batches, found.receipts) == (1, 1)
    assert digest_of(body)


def test_keys_that_go_back_are_refused(world, receiver):
    """A keyset of a lower version than the log has is no keyset."""
    receiver.version = 3
    assert send_next(world).sent
    receiver.now += 60
    receiver.version = 2
    assert "goes back" in send_next(world).said
