"""`epochly.check`: a function's two versions, called with examples and with edge values, held together bit by bit.

The interpreter goes first and under a limit of lines, so that an edge value which makes a loop endless ends the attempt
and not the check. It refuses to change the examples: every call gets copies.
"""

from __future__ import annotations

import math
import sys
from copy import deepcopy
from dataclasses import dataclass
from dis import get_instructions
from typing import TYPE_CHECKING, Any

from epochly._compare import Outcome, difference, outcome, outcomes_differ
from epochly._compiler import Compiler
from epochly._machine import why_no_compiler
from epochly._versions import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FunctionType

    from epochly._compiler import Compiled, Rejected
    from epochly._session import Session

MOST_CALLS = 500  # calls per check; edge values of each argument in turn, over all examples
MOST_LINES = 200_000  # lines of Python a call may run; about a tenth of a second
INTS = (0, 1, -1, 2, 3)
BIG_INTS = (2**53 + 1, 2**63 - 1, -(2**63), 2**63)
# What takes for ever inside one line when an int is huge; such functions get small edge values only.
SLOW_OPERATORS = {"**", "**=", "<<", "<<="}
SLOW_NAMES = {
    "sum",
    "any",
    "all",
    "min",
    "max",
    "sorted",
    "set",
    "dict",
    "list",
    "tuple",
    "pow",
    "factorial",
    "comb",
}
FLOATS = (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 2.0**53)


class _TooLongError(BaseException):
    """An edge value made the function run on and on."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Arguments with which compiled code came to something else."""

    arguments: str
    what: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How many calls were compared, how many of them compiled code answered, and what differed."""

    calls: int
    served: int
    too_long: int
    differences: tuple[Difference, ...]
    rejected: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.calls} calls compared, {self.served} answered by compiled code, {len(self.differences)} differ"
        lines = [f"  {each.arguments}: {each.what}" for each in self.differences]
        lines += [f"  not compiled: {reason}" for reason in self.rejected]
        return "\n".join([head, *lines])


def check_function(function: FunctionType, examples: Iterable[Any], session: Session) -> CheckReport:
    """Compare; `ValueError` where there is no compiler to compare with."""
    compiler = why_no_compiler(session.machine()) or session.compiler()
    if not isinstance(compiler, Compiler):
        raise ValueError(compiler)  # noqa: TRY004 - it is a line that says why
    versions: dict[Any, Compiled | Rejected] = {}
    calls = served = too_long = 0
    differences: list[Difference] = []
    tried = [example if isinstance(example, tuple) else (example,) for example in examples]
    for args in _with_edges(tried, INTS if _slow(function) else INTS + BIG_INTS):
        expected_args, actual_args = deepcopy(args), deepcopy(args)
        expected = _bounded(function, expected_args)
        if expected is None:
            too_long += 1
            continue
        key = key_of(args)
        version = versions.get(key)
        if version is None:
            version = versions[key] = compiler.attempt(function, args)
        calls += 1
        call = getattr(version, "call", None)
        if call is None:
            continue
        actual = outcome(call, actual_args)
        if isinstance(actual.error, compiler.deopt):
            what = difference(actual_args, args)  # a call that was given up has to leave arrays as they were
        else:
            served += 1
            what = outcomes_differ(actual, expected) or difference(actual_args, expected_args)
        if what is not None:
            differences.append(Difference(repr(args), what))
    reasons = {each.reason for each in versions.values() if getattr(each, "call", None) is None}  # type: ignore[union-attr]
    return CheckReport(calls, served, too_long, tuple(differences), tuple(sorted(reasons)))


def _slow(function: FunctionType) -> bool:
    return bool(SLOW_NAMES & set(function.__code__.co_names)) or any(
        instruction.argrepr in SLOW_OPERATORS for instruction in get_instructions(function)
    )


def _with_edges(examples: list[tuple[Any, ...]], ints: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """The examples, then each with one argument at a time replaced, up to `MOST_CALLS`."""
    left = MOST_CALLS
    yield from examples[:left]
    for args in examples:
        for place, value in enumerate(args):
            for other in _edges(value, ints):
                left -= 1
                if left < 0:
                    return
                yield (*args[:place], other, *args[place + 1 :])


def _edges(value: Any, ints: tuple[int, ...]) -> Iterator[Any]:
    kind = type(value)
    if kind is bool:
        yield not value
    elif kind is int:
        yield from ints
        yield from (value - 1, value + 1)
    elif kind is float:
        yield from FLOATS
    elif kind is list:
        yield []
        yield value[:1]
    numpy = sys.modules.get("numpy")
    if numpy is None or kind is not numpy.ndarray:
        return
    yield value[:0]
    yield value[::2]
    yield value[::-1]
    if value.dtype.kind == "f":
        for special in (math.nan, math.inf, -0.0):
            edged = value.copy()
            edged.flat[:1] = special
            yield edged
    elif value.dtype.kind in "iu":
        for special in (numpy.iinfo(value.dtype).max, numpy.iinfo(value.dtype).min):
            edged = value.copy()
            edged.flat[:1] = special
            yield edged


def _bounded(function: FunctionType | Callable[..., Any], args: tuple[Any, ...]) -> Outcome | None:
    """What the interpreter makes of a call; None if it runs for too many lines."""
    left = MOST_LINES

    def trace(_frame: Any, _event: str, _argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooLongError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return outcome(function, args)
    except _TooLongError:
        return None
    finally:
        sys.settrace(before)
