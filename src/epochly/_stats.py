"""What was measured, as values: one a function, and the sums. Saved time is net and sampled, never guessed.

It refuses to add time it did not see: a function without timed calls of both versions has saved nothing, and one that was
compiled in vain has cost its compile time.
"""

from __future__ import annotations

from epochly._call import WATCHED
from epochly._config import HIGHEST_BUILT, LEVELS
from epochly._decide import too_early
from epochly._rights import tier_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import dataclass
    from typing import Any

    from epochly._call import Site
    from epochly._session import Session
else:
    from epochly._records import dataclass


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """One watched function: calls counted, milliseconds estimated from timed calls, deopts with their reasons."""

    name: str
    file: str
    line: int
    status: str
    reason: str
    calls: int
    compiled_calls: int
    mean_ms: float
    compile_ms: float
    saved_ms: float
    deopts: tuple[str, ...]
    errors: int
    fix: str
    blocked_line: int | None
    cache_hits: int
    compared: int
    built_ms: float


def function_stats(site: Site) -> FunctionStats:
    """The figures of one site."""
    versions = list(site.versions.values())
    live = [version for version in versions if version.call is not None]
    ended = [version for version in versions if version.status not in {"watched", "compiled"}]
    status = "compiled" if live else ended[-1].status if ended else "interpreted"
    reason = "; ".join(live[0].guards) if live else ended[-1].reason if ended else _why(site)
    tried = [version for version in versions if version.compile_ns]
    return FunctionStats(
        name=site.facts.name,
        file=site.facts.file,
        line=site.facts.line,
        status=status,
        reason=reason,
        calls=site.calls,
        compiled_calls=sum(version.calls for version in versions),
        mean_ms=(site.history.mean_ns or max((each.usual_ns for each in versions), default=0)) / 1e6,
        compile_ms=sum(version.compile_ns for version in versions) / 1e6,
        saved_ms=sum(version.saved_ns for version in tried) / 1e6,
        deopts=tuple(reason for version in versions for reason in version.deopts),
        errors=site.errors,
        fix=ended[-1].fix if ended and not live else "",
        blocked_line=ended[-1].line if ended and not live else None,
        cache_hits=sum(version.cached for version in versions),
        compared=sum(version.compared for version in versions),
        built_ms=sum(version.built_ns for version in versions) / 1e6,
    )


def _why(site: Site) -> str:
    if site.decision is WATCHED and site.calls:
        return (too_early(site.settings(), site.history) or WATCHED).reason
    return site.decision.reason


def all_stats(session: Session) -> tuple[FunctionStats, ...]:
    """Every watched function that was called, those with the most time first."""
    found = [function_stats(site) for site in session.sites() if site.calls]
    return tuple(sorted(found, key=lambda each: (-each.calls * each.mean_ms, each.name)))


def metrics(stats: Iterable[FunctionStats]) -> dict[str, float]:
    """The sums over functions."""
    stats = tuple(stats)
    calls = sum(each.calls for each in stats)
    spent = sum(_spent_ms(each) for each in stats)
    return {
        "functions": len(stats),
        "total_calls": calls,
        "compiled_calls": sum(each.compiled_calls for each in stats),
        "interpreted_time_ms": spent,
        "mean_time_ms": spent / max(1, calls - sum(each.compiled_calls for each in stats)),
        "error_count": sum(each.errors for each in stats),
        "saved_time_ms": sum(each.saved_ms for each in stats),
        "compile_time_ms": sum(each.compile_ms for each in stats),
        "built_time_ms": sum(each.built_ms for each in stats),
        "deopts": sum(len(each.deopts) for each in stats),
        "cache_hits": sum(each.cache_hits for each in stats),
    }


def status(session: Session) -> dict[str, Any]:
    """Settings and machine, for a person to read."""
    config, machine = session.config, session.machine()
    return {
        "enabled": config.enabled,
        "enhancement_level": config.level,
        "level_name": LEVELS[config.level],
        "mode": config.mode,
        "max_workers": config.max_workers,
        "verify_every": session.verify_every,
        "python": ".".join(map(str, machine.python)),
        "cores": machine.cores,
        "numba": machine.numba,
        "numpy": machine.numpy,
        "acts_as_level": min(config.level, HIGHEST_BUILT),
        "tier": tier_in(session.outside.rights),
        "cache": kept_in(session),
    }


def kept_in(session: Session) -> str:
    """Where compiled code is kept, or why it is not, or why no more of it is."""
    compiler = session.compiler()
    if isinstance(compiler, str):
        return f"off: {compiler}"
    folder, trouble = getattr(compiler.store, "folder", None), getattr(compiler.store, "trouble", "")
    if folder is None:
        return f"off: {getattr(compiler.store, 'reason', 'there is none')}"
    return f"not written any more: {trouble}" if trouble else str(folder)


def _spent_ms(each: FunctionStats) -> float:
    return each.mean_ms * (each.calls - each.compiled_calls)
