"""`epochly run`: the program, watched from its start to its end, and then one report.

The program behaves as without us: its threads, forks, exits and errors are its own. It refuses to report from a forked
child, and to hold the program up if the report cannot be written.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

from epochly import _program
from epochly._finder import Finder, own_files
from epochly._monitor import Sampler
from epochly._report import Left, Report
from epochly._starts import starts_for
from epochly._stats import all_stats
from epochly._tracebacks import ours, without_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Any

    from epochly._program import Program
    from epochly._session import Session
else:
    from epochly._records import dataclass

INTERVAL_S = (
    0.01  # seconds between two looks at first; up to `_monitor.SLOWEST` times that while nothing is new
)
FEWEST_SHARE = 0.05  # of all samples; what takes less is not worth a line in the report


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asked for."""

    target: str
    is_module: bool
    arguments: tuple[str, ...]


def run(asked: Asked, session: Session, deliver: Callable[[Report], None]) -> None:
    """Run the program; `deliver` gets the report when the process ends. Raises what the program raises."""
    _program.prepare_path(os.getcwd() if asked.is_module else os.path.dirname(os.path.realpath(asked.target)))
    arguments = list(asked.arguments)
    if session.config.enabled:
        gc.freeze()  # the program's collections need not look at some thousand objects of ours
    try:
        program = _program.module(asked.target) if asked.is_module else _program.script(asked.target)
        if session.telemetry is not None:
            session.telemetry.run = True
        if session.config.enabled:
            _watch(program, asked.target, session, deliver)
        _program.execute(program, arguments)
    except (SystemExit, _program.ProgramError):
        raise
    except BaseException:
        sys.excepthook = _hook_without_us(sys.excepthook)
        raise


def _watch(program: Program, name: str, session: Session, deliver: Callable[[Report], None]) -> None:
    folder = os.path.dirname(os.path.realpath(program.file))
    own = own_files(folder, *([] if program.spec is None else [os.getcwd()]))
    pid, clock = os.getpid(), session.outside.clock
    begun = clock()
    finder = Finder(session, own, begun_ns=begun)
    starts = starts_for(own, accelerates=session.config.compiles)
    sink = finder.add if starts is None else starts.until_known(finder.add)
    sampler = Sampler(sink, interval_s=INTERVAL_S, steady=False)

    def end() -> None:
        gc.unfreeze()  # what hangs on what was there before the program is finalised as it would be without us
        sampler.stop()
        if starts is not None:
            starts.stop()
        if session.telemetry is not None and sampler.trouble:
            session.telemetry.fault("sampler")
        if os.getpid() == pid:  # a forked child that ends in the usual way comes here too
            counts = {} if starts is None else dict(starts.counts)
            deliver(
                report_of(name, session, finder, (clock() - begun) / 1e6, counts, trouble=sampler.trouble)
            )

    import threading  # noqa: F401, PLC0415 - up to Python 3.12 the thread that imports it first is "main" to it, and is waited for

    atexit.register(end)  # first in, so last out: after the program's own
    if starts is not None:
        starts.start()
    sampler.start()


def report_of(
    name: str,
    session: Session,
    finder: Finder,
    wall_ms: float,
    counts: dict[Any, int],
    *,
    trouble: str = "",
) -> Report:
    """The report of what a finder saw; `counts` are starts of functions."""
    total = max(1, finder.hot.samples)
    left = [
        Left(
            code.co_qualname, code.co_filename, code.co_firstlineno, finder.hot.by_code[code] / total, reason
        )
        for code, reason in finder.left.items()
        if not ours(code) and reason != "decorated already"
    ]
    left += [
        Left(
            code.co_qualname,
            code.co_filename,
            code.co_firstlineno,
            finder.hot.by_code[code] / total,
            "was not called again after it was found; hint: put what it repeats into a function",
        )
        for code, sites in finder.sites.items()
        if not any(site is None or site.calls for site in (each() for each in sites))
    ]
    most = sorted(((code.co_qualname, seen) for code, seen in counts.items()), key=lambda each: -each[1])
    return Report(
        program=name,
        level=session.config.level,
        mode=session.config.mode,
        wall_ms=wall_ms,
        samples=finder.hot.samples,
        functions=all_stats(session),
        left=tuple(sorted((e for e in left if e.share >= FEWEST_SHARE), key=lambda each: -each.share)),
        lines=tuple(line for line in finder.hot.lines() if finder.own(line[0])),
        started=tuple(most[:10]),
        trouble=session.trouble(),
        sampling=trouble,
    )


def _hook_without_us(before: Callable[..., Any]) -> Callable[..., Any]:
    """The program's own hook for uncaught errors, shown a traceback without our frames."""

    def hook(kind: type[BaseException], error: BaseException, _traceback: Any) -> Any:
        without_us(error)
        return before(kind, error, error.__traceback__)

    return hook
