"""What `exact_kernels.py` found, a row a kernel, and how it is summed up and printed. Pure; it measures nothing."""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 58  # characters of a reason in the table


@dataclass(frozen=True, slots=True)
class Row:
    """What was found about one kernel; times are the shortest turns, in seconds, `None` where there is no such side."""

    kernel: str
    family: str
    accepted: bool
    why: str  # it was rejected, or left machine code
    compile_s: float  # or until it was rejected
    same_bits: bool
    cpython_s: float
    ours_s: float | None
    njit_s: float | None
    njit_compile_s: float | None
    njit_same_bits: bool | None
    njit_why: str
    usual: dict[str, float]  # medians of the same turns, by side

    @property
    def gain(self) -> float:
        """How many times as fast as CPython; what is rejected, or wrong, is CPython."""
        return self.cpython_s / self.ours_s if self.accepted and self.ours_s else 1.0

    @property
    def calls_to_pay_back(self) -> float:
        """Calls of the measured size until compiling has paid."""
        saved = self.cpython_s - (self.ours_s or self.cpython_s)
        return self.compile_s / saved if saved > 0 else float("inf")

    @property
    def over_njit(self) -> float | None:
        """Our time over njit's, where both ran."""
        return self.ours_s / self.njit_s if self.accepted and self.ours_s and self.njit_s else None


def summary(rows: Sequence[Row], yielding: Sequence[Row]) -> dict[str, float]:
    """The head figures; geometric means over ratios of shortest turns."""
    accepted = [row for row in rows if row.accepted and row.same_bits]
    both = [row for row in accepted if row.over_njit is not None]
    said = {
        "kernels": len(rows),
        "accepted": sum(row.accepted for row in rows),
        "wrong": sum(not row.same_bits for row in (*rows, *yielding)),
        "njit_runs": sum(row.njit_s is not None for row in rows),
        "njit_other_bits": sum(row.njit_same_bits is False for row in rows),
        "gain_all": geometric_mean([row.gain for row in rows]),
        "yielding": len(yielding),
        "yielding_left_alone": sum(not row.accepted for row in yielding),
    }
    if accepted:
        said["gain_accepted"] = geometric_mean([row.gain for row in accepted])
        said["gain_accepted_usual"] = geometric_mean(
            [row.usual["CPython"] / row.usual["ours"] for row in accepted]
        )
        said["calls_to_pay_back_median"] = median(row.calls_to_pay_back for row in accepted)
        said["compile_ms_median"] = 1000 * median(row.compile_s for row in accepted)
    if both:
        said["njit_gain"] = geometric_mean([row.cpython_s / row.njit_s for row in both if row.njit_s])
        said["time_over_njit"] = geometric_mean([row.over_njit for row in both if row.over_njit])
        said["time_over_njit_usual"] = geometric_mean([row.usual["ours"] / row.usual["njit"] for row in both])
        said["compile_over_njit"] = geometric_mean(
            [row.compile_s / row.njit_compile_s for row in both if row.njit_compile_s]
        )
    if yielding:
        said["untouched_over_ours"] = geometric_mean(
            [row.cpython_s / row.ours_s for row in yielding if row.ours_s]
        )
        said["refusal_ms_most"] = 1000 * max(row.compile_s for row in yielding)
    return said


def _bits(same: bool | None) -> str:
    return {True: "yes", False: "NO", None: "-"}[same]


def _shown(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def table(rows: Sequence[Row]) -> str:
    """The kernels, one a line."""
    head = f"{'kernel':<20} {'machine code':<12} {'x CPython':>9} {'of njit':>8} {'compile ms':>10} {'bits':>4} {'njit bits':>9}"
    lines = [head, "-" * len(head)]
    for row in rows:
        gain = f"{row.gain:.1f}" if row.accepted and row.ours_s else "-"
        njit = "-" if row.over_njit is None else f"{row.over_njit:.2f}"
        state = ("yes" if not row.why else "deopts") if row.accepted else "no"
        lines.append(
            f"{row.kernel:<20} {state:<12} {gain:>9} {njit:>8} {row.compile_s * 1000:>10.0f} "
            f"{_bits(row.same_bits):>4} {_bits(row.njit_same_bits):>9}"
        )
        if row.why:
            lines.append(f"{'':<20}   {_shown(row.why)}")
        if row.njit_why:
            lines.append(f"{'':<20}   njit: {_shown(row.njit_why)}")
    return "\n".join(lines)


def yielding_table(rows: Sequence[Row]) -> str:
    """The expressions, one a line."""
    head = f"{'expression':<20} {'left alone':<12} {'x untouched':>11} {'refused in ms':>13} {'bits':>4}"
    lines = [head, "-" * len(head)]
    for row in rows:
        lines.append(
            f"{row.kernel:<20} {'no' if row.accepted else 'yes':<12} {row.cpython_s / (row.ours_s or 1e9):>11.2f} "
            f"{row.compile_s * 1000:>13.0f} {_bits(row.same_bits):>4}"
        )
        lines.append(f"{'':<20}   {_shown(row.why)}")
    return "\n".join(lines)


def spoken(said: dict[str, float]) -> str:
    """The head figures as sentences."""
    accepted, kernels = said["accepted"], said["kernels"]
    lines = [f"coverage: {accepted} of {kernels} kernels run as machine code ({accepted / kernels:.0%})"]
    if "gain_accepted" in said:
        lines.append(
            f"geomean over CPython: {said['gain_accepted']:.1f}x where accepted "
            f"(by medians {said['gain_accepted_usual']:.1f}x), {said['gain_all']:.1f}x over all kernels"
        )
    if "time_over_njit" in said:
        lines.append(
            f"geomean of njit's time, same kernels: {said['time_over_njit']:.2f}x "
            f"(by medians {said['time_over_njit_usual']:.2f}x); njit alone is {said['njit_gain']:.1f}x CPython"
        )
        lines.append(
            f"compiling: median {said['compile_ms_median']:.0f} ms, geomean {said['compile_over_njit']:.2f}x njit's, "
            f"paid back by {said['calls_to_pay_back_median']:.1f} calls of the measured size (median)"
        )
    lines.append(
        f"other bits than CPython's: ours {said['wrong']} of {kernels + said['yielding']}, "
        f"njit {said['njit_other_bits']} of {said['njit_runs']}"
    )
    if said["yielding"]:
        lines.append(
            f"left alone: {said['yielding_left_alone']} of {said['yielding']} expressions, at "
            f"{said['untouched_over_ours']:.2f}x their untouched speed; slowest refusal {said['refusal_ms_most']:.0f} ms"
        )
    return "\n".join(lines)


def _others() -> str:
    """Compilers ahead of time would be a third side where they are installed; they need a C compiler too."""
    here = {name: importlib.util.find_spec(name) is not None for name in ("Cython", "pythran")}
    return "; ".join(
        f"{name}: {'here, not measured' if found else 'not here'}" for name, found in here.items()
    )


def report(rows: Sequence[Row], yielding: Sequence[Row]) -> str:
    """Both tables, and the head figures under them."""
    parts = [table(rows), yielding_table(yielding)] if yielding else [table(rows)]
    where = f"CPython {platform.python_version()}, {platform.machine()}; {_others()}"
    return "\n\n".join([*parts, f"{spoken(summary(rows, yielding))}\n{where}"])
