"""What `exact_kernels.py` found, a row a kernel, and how it is summed up and printed. Pure; it measures nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import geometric_mean, median, quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDTH = 100  # characters of a reason in the table
PLAIN, OURS = "CPython", "epochly"
SAME, TYPE, OTHER = "same", "type", "OTHER"  # as CPython's; equal numbers of another type; other bits
GOAL_OF_NJIT, GOAL_GAIN = 0.9, 50.0


@dataclass(frozen=True, slots=True)
class Found:
    """What one side did with one kernel: seconds of its turns, none where it does not run; bits, "" where not compared."""

    turns: tuple[float, ...] = ()
    bits: str = ""
    why: str = ""  # it does not compile, or left machine code
    build_s: float | None = None

    @property
    def least(self) -> float:
        """The shortest turn."""
        return min(self.turns)

    @property
    def middle(self) -> float:
        """The median turn."""
        return median(self.turns)

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median."""
        if len(self.turns) < 2:
            return 0.0
        low, _, high = quantiles(self.turns, n=4, method="inclusive")
        return (high - low) / self.middle


@dataclass(frozen=True, slots=True)
class Row:
    """One kernel under all sides; `compile_s` is ours, or the time until we refused."""

    kernel: str
    family: str
    compile_s: float
    sides: dict[str, Found] = field(default_factory=dict)

    @property
    def ours(self) -> Found:
        """Our side."""
        return self.sides[OURS]

    @property
    def accepted(self) -> bool:
        """Whether ours is machine code."""
        return bool(self.ours.bits)

    def speed(self, side: str, over: str, *, usual: bool = False) -> float | None:
        """How many times as fast as `over` a side is, where both ran."""
        one, other = self.sides.get(side), self.sides.get(over)
        if one is None or other is None or not one.turns or not other.turns:
            return None
        return other.middle / one.middle if usual else other.least / one.least

    @property
    def calls_to_pay_back(self) -> float:
        """Calls of the measured size until compiling has paid."""
        saved = self.sides[PLAIN].least - self.ours.least
        return self.compile_s / saved if saved > 0 else float("inf")


def mean_speed(rows: Iterable[Row], side: str, over: str, *, usual: bool = False) -> float | None:
    """The geometric mean over kernels that both run."""
    speeds = [speed for row in rows if (speed := row.speed(side, over, usual=usual)) is not None]
    return geometric_mean(speeds) if speeds else None


def tools(rows: Sequence[Row]) -> list[str]:
    """The sides beside CPython, ours first."""
    names = dict.fromkeys(name for row in rows for name in row.sides if name not in (PLAIN, OURS))
    return [OURS, *names]


def counted(rows: Sequence[Row], side: str) -> dict[str, float | None]:
    """The head figures of one side."""
    found = [row.sides[side] for row in rows if side in row.sides]
    right = [row for row in rows if row.sides.get(side, Found()).bits == SAME]
    builds = [each.build_s for each in found if each.build_s is not None and each.bits]
    return {
        "kernels": len(found),
        "compiles": sum(bool(each.bits) for each in found),
        SAME: sum(each.bits == SAME for each in found),
        TYPE: sum(each.bits == TYPE for each in found),
        OTHER: sum(each.bits == OTHER for each in found),
        "over_cpython": mean_speed(rows, side, PLAIN),
        "over_cpython_usual": mean_speed(rows, side, PLAIN, usual=True),
        "ours_over_it": mean_speed(rows, OURS, side) if side != OURS else None,
        "ours_over_it_usual": mean_speed(rows, OURS, side, usual=True) if side != OURS else None,
        "ours_over_it_where_exact": mean_speed(right, OURS, side) if side != OURS else None,
        "spread": median([each.spread for each in found if each.turns] or [0.0]),
        "build_ms_median": 1000 * median(builds) if builds else None,
        "build_ms_most": 1000 * max(builds) if builds else None,
    }


def summary(rows: Sequence[Row], yielding: Sequence[Row]) -> dict[str, object]:
    """The head figures of all sides, and of the expressions."""
    accepted = [row for row in rows if row.accepted and row.ours.turns]
    said: dict[str, object] = {
        "kernels": len(rows),
        "accepted": sum(row.accepted for row in rows),
        "wrong": sum(row.ours.bits not in ("", SAME) for row in (*rows, *yielding)),
        "gain_accepted": mean_speed(accepted, OURS, PLAIN),
        "gain_all": geometric_mean([row.speed(OURS, PLAIN) or 1.0 for row in rows]) if rows else None,
        "pays_back_after_median": median(row.calls_to_pay_back for row in accepted) if accepted else None,
        "sides": {side: counted(rows, side) for side in tools(rows)},
        "yielding": len(yielding),
        "yielding_left_alone": sum(not row.accepted for row in yielding),
    }
    if yielding:
        said["refusal_ms_most"] = 1000 * max(row.compile_s for row in yielding)
        said["untouched_over_ours"] = mean_speed(yielding, OURS, PLAIN)
    return said


def heads(rows: Sequence[Row]) -> dict[str, float]:
    """The figures that stand for all, by their names in the table of all Pythons."""
    found: dict[str, float | None] = {
        "kernels compiled": sum(row.accepted for row in rows),
        "results unlike CPython's": sum(row.ours.bits not in ("", SAME) for row in rows),
        "x CPython, geomean": mean_speed(rows, OURS, PLAIN),
    }
    for side in tools(rows)[1:]:
        found[f"x {side}, geomean"] = mean_speed(rows, OURS, side)
    return {name: value for name, value in found.items() if value is not None}


def rows_from(kept: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows from their JSON."""
    return [
        Row(
            each["kernel"],
            each["family"],
            each["compile_s"],
            {
                side: Found(**found | {"turns": tuple(found["turns"])})
                for side, found in each["sides"].items()
            },
        )
        for each in kept
    ]


def shown(value: object, form: str = "{:.2f}") -> str:
    """A figure, or a dash."""
    return "-" if value is None else form.format(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = [
        f"{cell:<{width}}" if not i else f"{cell:>{width}}"
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return " ".join([first, *rest]).rstrip()


def table(rows: Sequence[Row]) -> str:
    """The kernels, one a line: each side's speed over CPython's, with `t` for another type, `!` for other bits."""
    sides = tools(rows)
    widths = [20, 11, 6, *([13] * len(sides)), 9]
    lines = [_line(["times CPython's speed", "CPython ms", "+-", *sides, "of njit"], widths)]
    lines.append("-" * len(lines[0]))
    notes = []
    for row in rows:
        plain = row.sides[PLAIN]
        cells = [row.kernel, f"{plain.middle * 1000:.1f}", f"{plain.spread:.0%}"]
        for side in sides:
            found = row.sides.get(side, Found())
            mark = {SAME: " ", TYPE: "t", OTHER: "!"}.get(found.bits, " ")
            cells.append(f"{shown(row.speed(side, PLAIN), '{:.1f}')}{mark}")
            if found.why:
                notes.append(f"{row.kernel}, {side}: {_cut(found.why)}")
        lines.append(_line([*cells, shown(row.speed(OURS, "njit"))], widths))
    if notes:
        lines += ["", "not compiled, or not always:", *(f"  {note}" for note in notes)]
    return "\n".join(lines)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def yielding_table(rows: Sequence[Row]) -> str:
    """The expressions, one a line."""
    widths = [20, 10, 11, 13, 4]
    lines = [_line(["NumPy expression", "left alone", "x untouched", "refused in ms", "bits"], widths)]
    lines.append("-" * len(lines[0]))
    for row in rows:
        speed = shown(row.speed(OURS, PLAIN))
        bits = row.ours.bits or SAME
        lines.append(
            _line(
                [row.kernel, "no" if row.accepted else "yes", speed, f"{row.compile_s * 1000:.0f}", bits],
                widths,
            )
        )
    return "\n".join(lines)


ROWS: tuple[tuple[str, Callable[[dict[str, float | None]], str]], ...] = (
    ("kernels that compile", lambda side: f"{side['compiles']:.0f} of {side['kernels']:.0f}"),
    ("exactly CPython's result", lambda side: shown(side[SAME], "{:.0f}")),
    ("equal numbers, other type", lambda side: shown(side[TYPE], "{:.0f}")),
    ("other bits", lambda side: shown(side[OTHER], "{:.0f}")),
    ("geomean x CPython", lambda side: shown(side["over_cpython"], "{:.1f}")),
    ("  by medians", lambda side: shown(side["over_cpython_usual"], "{:.1f}")),
    ("epochly's speed over it", lambda side: shown(side["ours_over_it"])),
    ("  by medians", lambda side: shown(side["ours_over_it_usual"])),
    ("  where it is exact", lambda side: shown(side["ours_over_it_where_exact"])),
    ("spread of its turns", lambda side: shown(side["spread"], "{:.1%}")),
    ("compile ms, median", lambda side: shown(side["build_ms_median"], "{:.0f}")),
    ("compile ms, most", lambda side: shown(side["build_ms_most"], "{:.0f}")),
)


def sides_table(said: dict[str, object]) -> str:
    """The head figures, a column a side."""
    sides = said["sides"]
    assert isinstance(sides, dict)
    widths = [26, *([13] * len(sides))]
    lines = [_line(["", *sides], widths)]
    lines.append("-" * len(lines[0]))
    lines += [_line([name, *(show(side) for side in sides.values())], widths) for name, show in ROWS]
    return "\n".join(lines)


def spoken(said: dict[str, object]) -> str:
    """The goals, as sentences."""
    sides = said["sides"]
    assert isinstance(sides, dict)
    gain, of_njit = said["gain_accepted"], sides.get("njit", {}).get("ours_over_it")
    coverage = f"{said['accepted']} of {said['kernels']} kernels run as machine code"
    over_all = f"{shown(said['gain_all'], '{:.1f}x')} over all kernels, rejected ones as 1x"
    lines = [
        f"coverage: {coverage}; results that differ from CPython's: {said['wrong']}",
        f"over CPython: {shown(gain, '{:.1f}x')} where accepted{_goal(gain, GOAL_GAIN)}, {over_all}",
        f"over njit: {shown(of_njit, '{:.2f}x')} its speed{_goal(of_njit, GOAL_OF_NJIT)}",
        f"compiling is paid back after {shown(said['pays_back_after_median'], '{:.1f}')} calls of the measured size (median)",
    ]
    if said["yielding"]:
        lines.append(
            f"left alone: {said['yielding_left_alone']} of {said['yielding']} expressions, at "
            f"{shown(said['untouched_over_ours'], '{:.2f}x')} their untouched speed; slowest refusal "
            f"{shown(said['refusal_ms_most'], '{:.0f}')} ms"
        )
    return "\n".join(lines)


def _goal(value: object, goal: float) -> str:
    if not isinstance(value, float):
        return ""
    return f" (goal at least {goal:g}x: {'met' if value >= goal else 'NOT met'})"


def report(rows: Sequence[Row], yielding: Sequence[Row], where: str = "") -> str:
    """All tables, and the goals under them."""
    said = summary(rows, yielding)
    parts = [table(rows), *([yielding_table(yielding)] if yielding else []), sides_table(said), spoken(said)]
    return "\n\n".join([*parts[:-1], "\n".join(filter(None, (parts[-1], where)))])
