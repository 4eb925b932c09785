"""Sending: the oldest batch that waits is looked through, written to the log, sent, and gone once the service's receipt for it is real.

One process of an installation does it at a time. It refuses to send what is not in the log, what its own registry does not have, and more or
sooner than the limits let it. Sections 2, 3 and 6 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly.net.messages import MessageError, Received, from_json
from epochly.telemetry import limits, log
from epochly.telemetry.batch import DAY_S, BatchError, canonical, digest_of, endpoint_of, parsed, scrubbed
from epochly.telemetry.files import LOG, SENDINGS, SPOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.telemetry.files import Files
    from epochly.telemetry.limits import Sendings

# What the service says of a batch that it will never take, as one of a newer registry; it is not sent again.
FOR_GOOD = {"UNKNOWN_FIELD", "SCHEMA", "MALFORMED", "TOO_LARGE", "MEDIA_TYPE"}
MOST_ANSWER_BYTES = 32_768  # a receipt and a keyset of 32 keys, with room
HALF_WRITTEN_S = 3_600  # after which nobody writes a file any more
IDLE_S = 60  # until somebody looks again, where nothing waits


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status and a body that nobody vouches for, and how many seconds it asks to wait."""

    status: int
    body: bytes
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What sending is given. `send` gives a reply, or why there is none; `judge` what is wrong with (keyset, known, receipt, body), or nothing."""

    files: Files
    base: str
    now: Callable[[], int]
    random: Callable[[], float]
    send: Callable[[str, bytes], Reply | str]
    judge: Callable[[str, str, str, bytes], str]
    fires_at: Callable[[Mapping[str, object]], str]


@dataclass(frozen=True, slots=True)
class Next:
    """The batch that goes out next: the file that it waits in, its endpoint and its exact bytes."""

    name: str
    endpoint: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it, in one line, and how many seconds to wait before the next. `sent` where the service's receipt is real."""

    said: str
    wait_s: int
    sent: bool = False


def sendings_in(files: Files) -> Sendings:
    """What is remembered of sending. Raises `OSError`."""
    data = files.read(SENDINGS)
    try:
        return limits.read(json.loads(data or b"null"))
    except (ValueError, RecursionError):
        return limits.Sendings()


def waiting_in(files: Files, now: int) -> tuple[list[str], list[str]]:
    """The files that wait, oldest first, and those that wait no longer: too old or too much. Raises `OSError`."""
    kept, old, much = limits.kept_of(files.inside(SPOOL).sizes(), now)
    return kept, [*old, *much]


def next_in(
    files: Files, fires_at: Callable[[Mapping[str, object]], str], now: int
) -> tuple[Next | None, list[str]]:
    """What goes out next, and files before it that hold nothing to send. Nothing is changed. Raises `OSError`."""
    spool = files.inside(SPOOL)
    useless: list[str] = []
    for name in waiting_in(files, now)[0]:
        try:
            body, _ = scrubbed(spool.read(name) or b"", fires_at)
        except BatchError:  # another version's, or not ours
            body = None
        if body is not None:
            return Next(name, endpoint_of(parsed(body)), body), useless
        useless.append(name)
    return None, useless


def send_next(world: World) -> Posted:
    """Send one batch, if one waits and the limits let it. Raises `OSError`."""
    with world.files.held() as held:
        if not held:
            return Posted("another process sends", IDLE_S)
        return _send(world)


def log_of(files: Files) -> list[tuple[str, bytes]]:
    """The log's files, oldest first. Raises `OSError`."""
    folder = files.inside(LOG)
    names = sorted(name for name in folder.sizes() if name.endswith(log.SUFFIX))
    return [(name, folder.read(name) or b"") for name in names]


def _send(world: World) -> Posted:
    now, files = world.now(), world.files
    sendings = sendings_in(files)
    for folder in (files, files.inside(SPOOL), files.inside(LOG)):
        folder.sweep(now - HALF_WRITTEN_S)
    found, useless = next_in(files, world.fires_at, now)
    for name in (*useless, *waiting_in(files, now)[1]):
        files.inside(SPOOL).remove(name)
    wait = limits.wait_s(sendings, now)
    if wait:
        return Posted("the limits let nothing out yet", wait)
    if found is None:
        return Posted("nothing waits", IDLE_S)
    mended = _mended(files, sendings)
    if mended != sendings:
        _keep(files, mended)
        sendings = mended
    writer = _Log(files, now, sendings.head or log.BEGIN)
    if not writer.has_room(len(found.body)):
        return Posted("the log of today is full", DAY_S - now % DAY_S)
    writer.write("batch", base=world.base, body=found.body.decode(), endpoint=found.endpoint)
    sendings = limits.begun(sendings, now, world.random(), writer.head)
    _keep(files, sendings)
    reply = world.send(found.endpoint, found.body)
    said = _wrong(world, files, writer, found, reply)
    if said == "":
        files.inside(SPOOL).remove(found.name)
        sendings = limits.succeeded(sendings, writer.head)
    else:
        later = reply.retry_after_s if isinstance(reply, Reply) else None
        sendings = limits.failed(sendings, world.now(), later)
    _keep(files, sendings)
    return Posted(said or "sent", max(1, limits.wait_s(sendings, world.now())), sent=said == "")


def _mended(files: Files, sendings: Sendings) -> Sendings:
    """What is remembered, after a process was ended between a line of the log and that; half a line at the end is taken away. Raises `OSError`."""
    folder = files.inside(LOG)
    logged = [
        (name, folder.read(name) or b"")
        for name in sorted(name for name in folder.sizes() if name.endswith(log.SUFFIX))[-2:]
    ]
    name, data = logged[-1] if logged else ("", b"")
    whole = data[: data.rfind(b"\n") + 1]
    if 0 < len(data) - len(whole) < log.MOST_LINE_BYTES:
        logged[-1] = name, whole
        folder.write(name, whole)
    head = log.end_of(logged, sendings.head)
    return sendings if not logged else limits.followed(sendings, head)


def _wrong(world: World, files: Files, writer: _Log, found: Next, reply: Reply | str) -> str:
    """Why the batch was not received, as far as can be told; empty where the receipt is real, which is noted."""
    if isinstance(reply, str):
        return reply
    if reply.status != 200 or len(reply.body) > MOST_ANSWER_BYTES:
        if _code(reply) in FOR_GOOD:
            files.inside(SPOOL).remove(found.name)
            return "the service does not know such events"
        return f"the service answers with {reply.status}"
    try:
        answer = from_json(Received, reply.body)
    except MessageError:
        return "the service answers with no receipt"
    logged = log_of(files)
    known = log.last_keyset(logged)
    wrong = world.judge(answer.keyset, known, answer.receipt, found.body)
    if wrong:
        return f"the receipt {wrong}"
    if answer.keyset != log.last_keyset(logged[-1:]):  # each day's file can be checked by itself
        writer.write("keyset", keyset=answer.keyset)
    writer.write("receipt", receipt=answer.receipt, sha256=digest_of(found.body))
    return ""


def _code(reply: Reply) -> object:
    try:
        problem = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    code = problem.get("code") if isinstance(problem, dict) else None
    return code if isinstance(code, str) else None


def _keep(files: Files, sendings: Sendings) -> None:
    files.write(SENDINGS, canonical(sendings.members()))


class _Log:
    """The end of the log, and the hash of its last line."""

    def __init__(self, files: Files, now: int, head: str) -> None:
        self._folder, self._now, self.head = files.inside(LOG), now, head
        self._name = log.file_of(now)

    def has_room(self, size: int) -> bool:
        """Whether a batch of this size, a receipt and a keyset fit into the day's file."""
        sizes = self._folder.sizes()
        if self._name not in sizes:
            for name in log.too_many(sizes):
                self._folder.remove(name)
        return sizes.get(self._name, (0, 0))[0] + 2 * size + MOST_ANSWER_BYTES <= log.MOST_BYTES

    def write(self, kind: str, **members: str) -> None:
        """One line more."""
        written = log.line(kind, self._now, self.head, **members)
        self._folder.append(self._name, written)
        self.head = log.hash_of(written)
