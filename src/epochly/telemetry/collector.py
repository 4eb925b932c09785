"""Collects for one process: its session's figures and rare happenings become batches, which wait on disk until somebody sends them.

It belongs to the process that made it: in a forked child it does nothing. It refuses to send, to import what takes long, and to let any fault of
its own become the program's. Sections 2 and 6 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

from itertools import count

from epochly._versions import reading
from epochly.telemetry import batch, events, limits
from epochly.telemetry.counters import Counters
from epochly.telemetry.figures import Figures
from epochly.telemetry.files import SEED, SPOOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass
    from typing import Any, TypeVar

    from epochly._session import Session
    from epochly.telemetry.events import Fact, Fault
    from epochly.telemetry.files import Files

    Result = TypeVar("Result")
else:
    from epochly._records import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """What a collector is given: its files, a clock in s, random bytes, the process, versions, and what it can tell cheaply of itself."""

    files: Files
    now: Callable[[], float]
    rng: Callable[[int], bytes]
    pid: Callable[[], int]
    version: Callable[[], str]
    python: str
    platform: str
    processor: str
    memory_mib: Callable[[], float]
    threads: Callable[[], int]
    tier: Callable[[], str]


class Collector:
    """Of one session of one process. `gives_away` is the tripwire, once it was made."""

    __slots__ = (
        "_begun",
        "_day",
        "_figures",
        "_id",
        "_owner",
        "_process",
        "_seq",
        "counters",
        "gives_away",
        "run",
        "session",
    )

    def __init__(self, session: Session, process: Process) -> None:
        self.session, self._process = session, process
        self.counters, self._figures = Counters(), Figures(session)
        self._owner, self._begun = process.pid(), process.now()
        self._id = batch.random_id(process.rng(batch.ID_BYTES))
        self._seq, self._day = 0, -1
        self.run = False
        self.gives_away: Callable[[Fact], str] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process made it, and is no child that was forked since."""
        return self._process.pid() == self._owner

    def pooled(
        self, in_order: Callable[..., list[Result]], function: Any, items: Iterable[Any], workers: int
    ) -> list[Result]:
        """What a pool of threads gives, and that there was one: how large, whether it ended well."""
        given = count()
        failed = True
        try:
            told = map(lambda item, _: item, items, given)
            results = in_order(function, told, workers=workers)
            failed = False
        finally:
            if workers > 1:
                self.counters.add(events.worker(workers=workers, items=reading(given), failed=failed))
        return results

    def fault(self, part: Fault) -> None:
        """A part of ours switched itself off."""
        self.counters.add(events.fault(part=part))

    def look(self) -> None:
        """What takes some milliseconds to find out, on a thread of ours: the machine, the plan."""
        try:
            tier = self._process.tier()
        except Exception:  # noqa: BLE001 - a licence that cannot be looked at is a fault of ours, and nobody's licence
            self.fault("licence")
            tier = "community"
        for fact in self._figures.begun(self.session.machine(), tier, run=self.run):
            self.counters.add(fact)

    def collect(self, *, ending: bool = False, cache_bytes: int | None = None) -> None:
        """Put what is new into batches, and these among what waits. Raises `OSError`."""
        if not self.is_ours:
            return
        now = self._process.now()
        day = int(now // batch.DAY_S)
        for fact in self._figures.new(ending=ending):
            self.counters.add(fact)
        if day != self._day:
            self._day = day
            process = self._process
            for fact in self._figures.workload(now - self._begun, process.memory_mib(), process.threads()):
                self.counters.add(fact)
            for fact in () if cache_bytes is None else self._figures.allocator(cache_bytes):
                self.counters.add(fact)
        counts, lost = self.counters.take(self.gives_away)
        if counts:
            self._keep(counts, lost, day, int(now))
        else:
            for why, n in lost.items():
                self.counters.drop(why, n)

    def abandon(self) -> None:
        """In a forked child: nothing of this is ours."""
        self.counters.clear()

    def _keep(self, counts: dict[Fact, int], lost: dict[str, int], day: int, now: int) -> None:
        process, spool = self._process, self._process.files.inside(SPOOL)
        sender = batch.Sender(
            self._id,
            batch.install_id(seed_in(process.files, process.rng), day),
            batch.version_of(process.version()),
            process.python,
            batch.system_of(process.platform),
            batch.processor_of(process.processor),
        )
        waiting = spool.sizes()
        for _, body in batch.batches(counts, lost, sender, day, self._seq):
            name = limits.name_of(now, self._id, self._seq)
            self._seq += 1
            spool.write(name, body)
            waiting[name] = (len(body), now)
        _, old, much = limits.kept_of(waiting, now)
        for name in (*old, *much):
            spool.remove(name)
        self.counters.drop("old", len(old))
        self.counters.drop("full", len(much))


def seed_in(files: Files, rng: Callable[[int], bytes]) -> bytes:
    """The installation's random bytes, made where there are none. Raises `OSError`."""
    seed = files.read(SEED)
    if seed is None or len(seed) != batch.SEED_BYTES:
        files.write(SEED, rng(batch.SEED_BYTES))
        seed = files.read(SEED)
    if seed is None or len(seed) != batch.SEED_BYTES:
        raise OSError("the seed cannot be kept")
    return seed
