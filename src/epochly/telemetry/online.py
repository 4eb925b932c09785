"""`epochly telemetry verify --online`: whether each batch in the log is in the tree whose head the service published for its day.

It refuses to take the service's word for it: the path is computed. Section 4 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly.licensing.acceptance import NotAccepted
from epochly.net.messages import DayRoot, Inclusion, MessageError, from_json
from epochly.telemetry import log, receipts, world
from epochly.telemetry.batch import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_ASKED = 50  # batches, the newest; each is two requests at most


def included(logged: Sequence[tuple[str, bytes]], environ: Mapping[str, str]) -> tuple[str, int]:
    """Ask for each batch that has a receipt: what came of it in one line, and how many are not in. Raises `StateProblem`."""
    base, roots = world.believed(environ)
    service = receipts.Service(str(base), roots)
    bodies = {
        digest_of(body): body
        for _, to, _, body, received in log.bodies(logged)
        if received and to == str(base)
    }
    heads: dict[int, receipts.Root | str] = {}
    known, inside, open_, bad = log.last_keyset(logged), 0, 0, 0
    for digest, body in list(bodies.items())[-MOST_ASKED:]:
        reply = world.sent("telemetry-proof", b"", environ, place=digest)
        if isinstance(reply, str) or reply.status != 200:
            open_ += 1
            continue
        try:
            where = from_json(Inclusion, reply.body)
        except MessageError:
            bad += 1
            continue
        if where.day not in heads:
            heads[where.day] = _head(service, environ, known, where.day)
        head = heads[where.day]
        if isinstance(head, str):
            open_ += 1
        elif where.size == head.size and receipts.is_in(head, body, where.index, where.path):
            inside += 1
        else:
            bad += 1
    told = f"{inside} {'batch is' if inside == 1 else 'batches are'} in the published roots of their days, {open_} not told yet, {bad} {'is' if bad == 1 else 'are'} not"
    return told, bad


def _head(service: receipts.Service, environ: Mapping[str, str], known: str, day: int) -> receipts.Root | str:
    reply = world.sent("telemetry-root", b"", environ, place=str(day))
    if isinstance(reply, str) or reply.status != 200:
        return "not told"
    try:
        answer = from_json(DayRoot, reply.body)
        return receipts.accepted_root(service, answer.keyset, known, answer.root, day)
    except (MessageError, NotAccepted) as error:
        return str(error)
