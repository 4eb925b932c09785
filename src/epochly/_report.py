"""The one report of a run: what ran where, calls, time saved net of everything, deopts with reasons, compile time.

Values in, text out: for terminals, as HTML or as JSON. It refuses to print, and to show a saving that nobody measured.
"""

from __future__ import annotations

from collections import Counter

from epochly._stats import metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import asdict, dataclass
    from typing import Literal

    from epochly._stats import FunctionStats

    Form = Literal["term", "html", "json"]
else:
    from epochly._records import asdict, dataclass

    Form = str
LEAST_MS = 5.0  # ms of a refusal that are worth a word
FORMS: tuple[Form, ...] = ("term", "html", "json")


@dataclass(frozen=True, slots=True)
class Left:
    """A hot function that got no wrapper, and why."""

    name: str
    file: str
    line: int
    share: float
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `wall_ms` is from the program's start to its end, `samples` what the sampler saw.

    `started` has what started most in the first half second, where that was listened to (`_starts`); the last two say what
    went wrong with the cache and with sampling.
    """

    program: str
    level: int
    mode: str
    wall_ms: float
    samples: int
    functions: tuple[FunctionStats, ...]
    left: tuple[Left, ...]
    lines: tuple[tuple[str, str, int, float], ...]
    started: tuple[tuple[str, int], ...] = ()
    trouble: str = ""
    sampling: str = ""


def renderer(form: Form) -> Callable[[Report], str]:
    """What writes a report in one of its forms. Loads now what that needs: a program may have modules of the same names."""
    if form == "json":
        from json import dumps  # noqa: PLC0415 - what a form needs is for who asks for it

        return lambda report: dumps(_whole(report), indent=2, sort_keys=True) + "\n"
    if form == "html":
        from html import escape  # noqa: PLC0415

        return lambda report: _as_html(report, escape)
    return _as_text


def _whole(report: Report) -> dict[str, object]:
    return {"version": 1, **asdict(report), "totals": metrics(report.functions)}


def _as_text(report: Report) -> str:
    totals = metrics(report.functions)
    head = f"level {report.level}, mode {report.mode}, {report.wall_ms / 1e3:.2f} s, {report.samples} samples"
    text = [f"epochly: {report.program}: {head}"]
    for each in report.functions:
        text.append(f"  {each.status:<11} {each.name}  ({_short(each.file)}:{each.line})")
        text.append(
            f"              {each.calls:,} calls seen, {each.compiled_calls:,} compiled{_saving(each)}"
        )
        if each.reason and each.status != "compiled":
            where = f"line {each.blocked_line}: " if each.blocked_line is not None else ""
            fix = f"; hint: {each.fix}" if each.fix else ""
            text.append(f"              {where}{each.reason}{fix}")
        text.extend(
            f"              gave up {count} calls: {reason}" for reason, count in _reasons(each.deopts)
        )
    for left in report.left:
        text.append(f"  interpreted {left.name}  ({_short(left.file)}:{left.line})")
        text.append(f"              {left.share:.0%} of samples; {left.reason}")
    if not report.functions and not report.left:
        text.append("  nothing of the program's own ran long enough to be worth a look")
    for file, name, line, share in report.lines[:3]:
        text.append(f"  {share:>4.0%} of samples in {_short(file)}:{line} ({name})")
    text.append(
        f"  saved {totals['saved_time_ms'] / 1e3:.2f} s net, estimated from timed calls of both versions,"
        f" after {totals['compile_time_ms'] / 1e3:.2f} s of compiling and loading,"
        f" {totals['built_time_ms'] / 1e3:.2f} s of compiling beside it and {totals['cache_hits']:.0f} cache hits"
    )
    if report.trouble:
        text.append(f"  nothing new is kept for the next run: {report.trouble}")
    if report.sampling:
        text.append(f"  {report.sampling}")
    return "\n".join(text) + "\n"


def _saving(each: FunctionStats) -> str:
    if each.compile_ms < LEAST_MS and not each.compiled_calls:
        return ""
    beside = f" and {each.built_ms / 1e3:.2f} s beside it" if each.built_ms else ""
    what = "loading" if each.cache_hits or each.built_ms else "compiling"
    return f", {each.compile_ms / 1e3:.2f} s of {what}{beside}, saved {each.saved_ms / 1e3:.2f} s net"


def _reasons(deopts: tuple[str, ...]) -> list[tuple[str, int]]:
    return Counter(deopts).most_common()


def _short(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]


def _as_html(report: Report, escape: Callable[[str], str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.name)}<td>{each.status}<td>{each.calls:,}<td>{each.compiled_calls:,}"
        f"<td>{each.compile_ms:.0f}<td>{each.saved_ms:.0f}<td>{len(each.deopts)}<td>{escape(each.reason)}"
        for each in report.functions
    )
    rows += "".join(
        f"<tr><td>{escape(left.name)}<td>interpreted<td><td><td><td><td><td>{escape(left.reason)}"
        for left in report.left
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>epochly</title>'
        "<style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left}"
        "tr:nth-child(even){background:#eee}</style>"
        f"<h1>{escape(report.program)}</h1><p>level {report.level}, mode {report.mode}, "
        f"{report.wall_ms / 1e3:.2f} s, {report.samples} samples</p><table><tr><th>function<th>runs"
        "<th>calls<th>compiled calls<th>compile ms<th>saved ms, net<th>deopts<th>why"
        f"{rows}</table></html>\n"
    )
