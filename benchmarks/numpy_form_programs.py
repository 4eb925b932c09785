"""What does the overlay do with programs in NumPy form: compile them, or leave them alone, and at what cost and gain?

Each kernel of `numpy_forms/` runs untouched and through `epochly.optimize` until that has decided, in turns and in one
process. Told for each: compiled or why not, seconds to decide, the ratio of the two in steady state, whether every bit is
the same, and how many calls were given up.

    python benchmarks/numpy_form_programs.py [--only NAME ...] [--rounds 7] [--json]
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from side_by_side import parser

if TYPE_CHECKING:
    from kernels.kernel import Kernel

SETTLE = 24  # calls after which the regression guard has judged
SLOWER = 0.97  # of NumPy's speed; less is told as slower


@dataclass(frozen=True, slots=True)
class Row:
    """One kernel."""

    kernel: str
    compiled: bool
    why: str
    decided_s: float
    ratio: float  # untouched time over optimised time
    numpy_ms: float
    same_bits: bool
    deopts: int


def _once(function: Any, args: tuple[Any, ...]) -> float:
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def measured(kernel: Kernel, *, rounds: int) -> Row:
    """One kernel, from the first call to steady state."""
    from kernels.outcome import outcome

    import epochly

    right = outcome(kernel.function, kernel.make(kernel.large)).digest
    before = {id(each) for each in _sites()}
    optimised = epochly.optimize(mode="aggressive")(kernel.function)
    (site,) = [each for each in _sites() if id(each) not in before]
    spent, calls = 0.0, 0
    while calls < SETTLE and spent < 60.0:
        spent += _once(optimised, kernel.make(kernel.large))
        calls += 1
    versions = list(site.versions.values())
    version = versions[0] if versions else None
    plain, ours = [], []
    for turn in range(rounds):
        sides = [(kernel.function, plain), (optimised, ours)]
        for function, times in sides if turn % 2 else sides[::-1]:
            times.append(min(_once(function, kernel.make(kernel.large)) for _ in range(2)))
    same = outcome(optimised, kernel.make(kernel.large)).digest == right
    compiled = version is not None and version.call is not None
    why = "" if compiled else (version.reason if version else site.decision.reason)
    line = getattr(version, "line", None)
    if not compiled and line:
        why = f"line {line - kernel.function.__code__.co_firstlineno + 1}: {why}"
    return Row(
        kernel.name,
        compiled,
        why,
        version.compile_ns * 1e-9 if version else 0.0,
        min(plain) / min(ours),
        min(plain) * 1e3,
        same,
        len(version.deopts) if version else 0,
    )


def _sites() -> list[Any]:
    from epochly._api import session

    return list(session().sites())


def geomean(values: list[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else 1.0


def main() -> int:
    """Measure and print; exit code 1 when any bit differs."""
    made = parser(__doc__, rounds=7)
    made.add_argument("--json", action="store_true")
    made.add_argument("--only", nargs="*", default=())
    options = made.parse_args()
    from numpy_forms import KERNELS

    rows = []
    for kernel in KERNELS:
        if options.only and kernel.name not in options.only:
            continue
        row = measured(kernel, rounds=options.rounds)
        rows.append(row)
        bits = "" if row.same_bits else "  OTHER BITS"
        print(
            f"{row.kernel:24} {'compiled' if row.compiled else 'left':8} {row.ratio:7.2f}x {row.numpy_ms:8.2f} ms"
            f" decided in {row.decided_s:5.2f} s  deopts {row.deopts}{bits}  {row.why}",
            flush=True,
        )
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    compiled = [row.ratio for row in rows if row.compiled]
    print(f"{len(compiled)} of {len(rows)} compiled, geomean of those {geomean(compiled):.2f}x")
    print(f"geomean of all {geomean([row.ratio for row in rows]):.2f}x")
    print(
        "slower:", ", ".join(f"{row.kernel} {row.ratio:.2f}" for row in rows if row.ratio < SLOWER) or "none"
    )
    return 0 if all(row.same_bits for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
