"""What a session's own figures say, as facts: read when a batch is made, so that nothing is counted while the user's functions run.

Of a function it takes why it is where it is, and how compiling it ended, each once for every answer; never its name. It refuses to
measure anything that the runtime has not measured for itself.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from epochly._call import WATCHED
from epochly._config import GPU, LEVELS
from epochly._decide import too_early
from epochly._machine import TESTED_NUMBA
from epochly._versions import mean
from epochly.telemetry import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from epochly._call import Site
    from epochly._machine import Machine
    from epochly._session import Session
    from epochly._versions import Version
    from epochly.telemetry.events import Fact, Outcome, Support

OUTCOMES: dict[str, Outcome] = {
    "compiled": "compiled",
    "rejected": "rejected",
    "not faster": "not_faster",
    "gave up": "gave_up",
    "differs": "differs",
}
LEAST_NUMPY = 2  # its major version; what epochly asks for


class Figures:
    """Of one session, and what of it was told already."""

    __slots__ = ("_once", "_session", "_told")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: WeakKeyDictionary[Site, set[Any]] = WeakKeyDictionary()
        self._once: set[Any] = set()

    def new(self, *, ending: bool = False) -> Iterator[Fact]:
        """What was not told before. A version that is still being measured waits, but not for longer than the program lives."""
        for site in self._session.sites():
            told = self._told.setdefault(site, set())
            yield from self._fresh(told, _decisions(site))
            for version in list(site.versions.values()):
                if ending or version.call is None or not version.learning:
                    yield from self._fresh(told, _compiled(version))
        yield from self._fresh(self._once, self._of_the_session())

    def begun(self, machine: Machine, tier: str, *, run: bool) -> Iterator[Fact]:
        """What a session is like, once the machine was looked at."""
        yield from self._fresh(self._once, _begun(self._session, machine, tier, run=run))

    def workload(self, seconds: float, memory_mib: float, threads: int) -> Iterator[Fact]:
        """What kind of program this is, by what it took so far; once a day."""
        sites = [site for site in self._session.sites() if site.calls]
        compiled = sum(version.calls for site in sites for version in site.versions.values())
        calls = sum(site.calls for site in sites)
        yield events.workload(
            seconds=seconds,
            memory=memory_mib,
            functions=len(sites),
            compiled=min(1.0, compiled / calls) if calls else 0,
            threads=threads,
        )

    def allocator(self, cache_bytes: int) -> Iterator[Fact]:
        """What compiled code takes on disk and in memory; once a day."""
        live = sum(
            version.call is not None for site in self._session.sites() for version in site.versions.values()
        )
        yield events.allocator(cache_bytes=cache_bytes, versions=live)

    def _of_the_session(self) -> Iterator[tuple[Any, Fact]]:
        session = self._session
        if session.config.level == GPU:
            yield "gpu", events.gpu(asked=True, allowed=not session.denied)
        if session.trouble():
            yield "cache", events.fault(part="cache")
        if isinstance(session.known_compiler(), str):
            yield "compiler", events.fault(part="compiler")
        if any(errands is not None and errands.troubled for errands in session.known_errands()):
            yield "builder", events.fault(part="builder")

    def _fresh(self, told: set[Any], found: Iterator[tuple[Any, Fact]]) -> Iterator[Fact]:
        for key, fact in found:
            if key not in told:
                told.add(key)
                yield fact


def _decisions(site: Site) -> Iterator[tuple[Any, Fact]]:
    decision = site.decision
    if decision is WATCHED and site.calls:
        decision = too_early(site.settings(), site.history) or WATCHED
    code: Any = decision.code
    yield ("why", code), events.routing_decision(level=level_of(decision.level), why=code)


def _compiled(version: Version) -> Iterator[tuple[Any, Fact]]:
    outcome = OUTCOMES.get(version.status)
    if outcome is None:
        return
    speed = version.usual_ns / mean(version.samples) if version.samples else 0.0
    yield (
        ("jit", version.key, outcome),
        events.jit(
            outcome=outcome,
            origin="cache" if version.cached else "builder" if version.built_ns else "in_process",
            compile_ms=(version.built_ns or version.compile_ns) / 1e6,
            speed=10 * speed,
            deopts=len(version.deopts),
        ),
    )
    if outcome == "differs":
        yield ("differs", version.key), events.differs(level="jit")


def _begun(session: Session, machine: Machine, tier: str, *, run: bool) -> Iterator[tuple[Any, Fact]]:
    config = session.config
    plan: Any = tier if tier in events.TIER else "community"
    yield (
        "begun",
        events.session_start(
            level=level_of(config.level),
            mode=config.mode,
            tier=plan,
            cores=machine.cores,
            run=run,
            numba=support_of_numba(machine.numba) == "supported",
        ),
    )
    numba, numpy = leading(machine.numba), leading(machine.numpy)
    yield (
        "compatibility",
        events.compatibility(
            numba=support_of_numba(machine.numba),
            numba_minor=numba[1],
            numpy="missing"
            if machine.numpy is None
            else "too_old"
            if numpy[0] < LEAST_NUMPY
            else "supported",
            numpy_major=numpy[0],
            numpy_minor=numpy[1],
        ),
    )


def support_of_numba(version: str | None) -> Support:
    """Whether a version of numba is one that the compiler was made for."""
    if version is None:
        return "missing"
    found = leading(version)
    return "supported" if found in TESTED_NUMBA else "too_old" if found < min(TESTED_NUMBA) else "too_new"


def leading(version: str | None) -> tuple[int, int]:
    """Major and minor version, 0 for what is none."""
    parts = [*(version or "").split(".")[:2], "0", "0"][:2]
    numbers = [int(part[:9]) if part.isascii() and part.isdigit() else 0 for part in parts]
    return numbers[0], numbers[1]


def level_of(level: int) -> Any:
    """A level's name in the registry."""
    return LEVELS[level]


def peak_memory_mib(platform: str) -> float:
    """The largest resident size of the process; 0 where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 - POSIX's
    except ImportError:  # pragma: no cover - Windows
        return 0.0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1_048_576 if platform == "darwin" else 1_024)  # bytes there, KiB elsewhere
