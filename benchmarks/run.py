"""Every benchmark, one after the other, and one table of what they found; then the tables of the exact compiler."""

from __future__ import annotations

import os
import platform
import sys
import zlib

import batch
import record
import signed
import startup
from side_by_side import parser, show


def main() -> None:
    """Measure all and print."""
    made = parser(__doc__, rounds=7)
    made.add_argument("--artifacts", type=int, default=200, metavar="N", help="of the batch (default: 200)")
    made.add_argument(
        "--scale", type=float, default=1.0, metavar="F", help="size of the large wheels (default: 1)"
    )
    options = made.parse_args()
    turns = {"rounds": options.rounds, "warm_ups": options.warm_ups}
    answers = []
    for name, measured in (
        ("signed", lambda: signed.measure(**turns)),
        ("startup", lambda: startup.measure(**turns)),
        ("batch", lambda: batch.measure(**turns, artifacts=options.artifacts, jobs=(1, 2))),
        ("record", lambda: record.measure(**turns, scale=options.scale)),
    ):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        answers += measured()
    print(
        f"CPython {platform.python_version()}, {platform.machine()}, {_cores()} cores, zlib {zlib.ZLIB_RUNTIME_VERSION}\n"
    )
    show(answers)
    _runtime_overhead(turns)
    _exact_kernels(options.rounds)


def _runtime_overhead(turns: dict[str, int]) -> None:
    """Imported late as well."""
    import runtime_overhead

    show(runtime_overhead.compare(**turns))


def _exact_kernels(rounds: int) -> None:
    """Last, and imported late: numba stays out of the process while the others are measured."""
    import exact_kernels
    from exact_tables import report, summary

    rows, yielding = exact_kernels.measure(rounds=rounds)
    print(f"\n{report(rows, yielding, exact_kernels.where())}")
    if summary(rows, yielding)["wrong"]:
        sys.exit("a result has other bits than CPython's")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
