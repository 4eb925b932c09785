"""Telemetry, the service's end: batches in, receipts out; roots, proofs and charts of what was received.

It touches nothing of a licence and keeps no address. Signatures are made after the commit, by the keys that sign leases, over types
of their own.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from epochly_service.errors import Problem, ServiceError
from epochly_service.settings import DAY
from epochly_service.telemetry import batches, charts, ledger
from epochly_service.telemetry.clickhouse import ClickHouseSink, Client, parse_url
from epochly_service.telemetry.tables import database_sink

if TYPE_CHECKING:
    from epochly_service.engines import Database
    from epochly_service.keys import Keyring
    from epochly_service.service import Service
    from epochly_service.telemetry.batches import Batch
    from epochly_service.telemetry.merkle import Tree
    from epochly_service.telemetry.sinks import EventSink

RECEIPT, ROOT = "epochly-telemetry-receipt+v1", "epochly-telemetry-root+v1"
RETRY_S = 60  # what a client is told to wait
NOT_YET: Final = "there is none for this day, or the day has not ended"
Told = Callable[["Batch", bool], None]  # what is told of each batch that is taken, and whether it is new


def tell_nobody(_batch: Batch, _is_new: bool) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Telemetry:
    """One node's telemetry. What it holds in memory, another node would make again."""

    db: Database
    sink: EventSink
    public_url: str
    keyring: Callable[[], Keyring]
    clock: Callable[[], float]
    told: Told = tell_nobody
    _tree: tuple[int, list[bytes], Tree] | None = field(default=None, init=False)
    _tidied: int = field(default=-1, init=False)

    def take(self, endpoint: str, body: bytes) -> dict[str, Any]:
        """Keep the batch in a body, once, and say so under a signature.

        Raises:
            Problem, BusyError, ServiceError: it is refused whole, or cannot be kept or answered now.
        """
        batch = batches.read(body, endpoint)
        now = self._now()
        self._check_signer(now)
        kept = self.sink.keep(batch, now // DAY)
        self.told(batch, kept.is_new)
        claims = {"sha256": batch.sha256, "accepted": kept.accepted, "dropped": 0, "day": kept.day}
        return self._signed("receipt", RECEIPT, claims, now)

    def root(self, day: int) -> dict[str, Any]:
        """The root of a day.

        Raises:
            Problem: the day has not ended, or nothing was received on it.
        """
        now = self._now()
        self._check_signer(now)
        found = self._root(day, now)
        return self._signed("root", ROOT, {"day": found.day, "size": found.size, "root": found.root}, now)

    def proof(self, sha256: str) -> dict[str, Any]:
        """Where a batch is in the tree of its day, and the path up.

        Raises:
            Problem: it was not received or is not known any more, or its day has not ended.
            ServiceError: the day's digests are not those that its root was made of.
        """
        kept = self.db.read(partial(ledger.find, sha256=sha256))
        if kept is None:
            raise Problem("NOT_FOUND", "there is no such batch, or its day has not ended")
        root = self._root(kept.day, self._now())
        leaves, tree = self._leaves(root)
        index = bisect_left(leaves, bytes.fromhex(sha256))
        path = [one.hex() for one in tree.path(index)]
        return {"day": kept.day, "index": index, "size": root.size, "path": path}

    def charts(self) -> dict[str, Any]:
        """What is published today: made when it is first asked for, then the same on every node."""
        today = self._now() // DAY
        found = self.db.read(partial(ledger.chart_of, day=today))
        if found is None:
            made = charts.published(self.sink.tally(today - charts.DAYS, today - 1), today)
            body = json.dumps(made, separators=(",", ":"))
            found = self.db.write(partial(ledger.publish, day=today, body=body))
        value: dict[str, Any] = json.loads(found)
        return value

    def tidy(self) -> None:
        """Once a day: seal the days that have ended, forget what is past its time, make what the next days need, publish.

        Raises:
            BusyError: not all of it was done; call it again.
        """
        today = self._now() // DAY
        if today == self._tidied:
            return
        self.sink.prepare(today)
        for day in self.db.read(partial(ledger.days_to_seal, today=today)):
            self.db.write(partial(ledger.seal, day=day))
        self.sink.forget(today)
        self.db.write(partial(ledger.forget, today=today))
        self.charts()
        self._tidied = today

    def close(self) -> None:
        """Let go of the sink."""
        self.sink.close()

    def _now(self) -> int:
        return int(self.clock())

    def _root(self, day: int, now: int) -> ledger.Root:
        found = None
        if day < now // DAY:
            found = self.db.read(partial(ledger.root_of, day=day))
            if found is None and self.db.read(partial(ledger.has_batches, day=day)):
                found = self.db.write(partial(ledger.seal, day=day))
        if found is None:
            raise Problem("NOT_FOUND", NOT_YET)
        return found

    def _leaves(self, root: ledger.Root) -> tuple[list[bytes], Tree]:
        """Leaves and tree of a day; the last one that was asked for is kept, at most some 100 bytes a batch."""
        known = self._tree
        if known is None or known[0] != root.day:
            leaves, tree = self.db.read(partial(ledger.tree_of_day, day=root.day))
            if (tree.size, tree.head.hex()) != (root.size, root.root):
                raise ServiceError(
                    "telemetry-root",
                    f"day {root.day}",
                    "its batches are not those of its root",
                    "`admin doctor`",
                )
            known = self._tree = (root.day, leaves, tree)
        return known[1], known[2]

    def _check_signer(self, now: int) -> None:
        if self.keyring().signer(now) is None:
            raise Problem("MAINTENANCE", "the service has no signing key in use", retry_after=RETRY_S)

    def _signed(self, name: str, typ: str, claims: dict[str, Any], now: int) -> dict[str, Any]:
        ring = self.keyring()
        return {name: ring.sign(typ, {"iss": self.public_url, **claims}, now), "keyset": ring.keyset}


def open_sink(db: Database, url: str) -> EventSink:
    """The sink a URL names; without one, the database itself.

    Raises:
        ServiceError: it names none.
    """
    return ClickHouseSink(db, Client(parse_url(url))) if url else database_sink(db)


def telemetry_of(service: Service, told: Told = tell_nobody) -> Telemetry:
    """The telemetry of a node, over its database, its keys and the sink of its settings.

    Raises:
        ServiceError: the settings name no sink.
    """
    sink = open_sink(service.db, service.settings.telemetry_sink)
    return Telemetry(service.db, sink, service.settings.public_url, service.keyring, service.clock, told)
