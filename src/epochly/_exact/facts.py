"""What is certain about the ints of one function: between which bounds they are, and how they hang together.

Works on numba's typed representation while every name still has one assignment. An int is either a sum of other ints times
constants, exact because every operation on the way is checked, or a term of its own: an argument, a loop's variable, the
length of an axis. Bounds of terms are found by a fixed point over intervals; `certain` proves that a sum is not negative by
putting the bounds of terms into it. It refuses to learn from branches. Memory safety rests on this module: an operation that
is not listed is a term about which nothing is known but its type. Sources: Cousot and Cousot 1977 on intervals and widening.
This module is long because what an operation means for sums and for bounds has to be read side by side.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import ir

from epochly._exact.constructors import ABS, TO_PYTHON
from epochly._exact.lowering import BOOL, INT, numba_types, plain
from epochly._exact.machine import RANGE, WIDEST
from epochly._exact.mathematics import MAX, MIN
from epochly._exact.operators import INT_OPERATORS, INVERTED_INT, NEGATIVE_INT

if TYPE_CHECKING:
    from epochly._exact.plan import Plan

LEAST, MOST = -(2**63), 2**63 - 1
DEEPEST = 6  # substitutions in one proof
PATIENCE = 4  # rounds before a bound that still moves is given up to the next of `STOPS`
STOPS = (LEAST, -WIDEST, -(2**53), -(2**31), -1, 0, 1, 2**31, 2**53, WIDEST, MOST)
ROOM = 2**32  # beyond what is held true of a name is where bounds computed from it stop
MAKERS = (np.zeros, np.ones, np.empty, np.full)
TO_INT = TO_PYTHON[int][1]
LIKE = (np.zeros_like, np.ones_like, np.empty_like)

Bounds = tuple[int, int]
Axis = tuple[str, int]  # the length of this axis of the array of this name
Term = str | Axis
ANYTHING: Bounds = (LEAST, MOST)


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms times coefficients, and a constant."""

    terms: tuple[tuple[Term, int], ...]
    constant: int

    def plus(self, other: Sum, times: int = 1) -> Sum:
        """The sum of both, the other one taken several times."""
        found = dict(self.terms)
        for term, factor in other.terms:
            found[term] = found.get(term, 0) + times * factor
        kept = tuple(sorted(((t, f) for t, f in found.items() if f), key=repr))
        return Sum(kept, self.constant + times * other.constant)

    def factor(self, term: Term) -> int:
        """How often a term is in it."""
        return dict(self.terms).get(term, 0)


def constant(value: int) -> Sum:
    """A sum without terms."""
    return Sum((), value)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a `for` over a range counts: its variable is from `start` on, never reaches `stop`."""

    start: Sum
    stop: Sum
    step: Sum
    iterator: str

    @property
    def forwards(self) -> bool | None:
        """Its direction, if it is known."""
        return self.step.constant > 0 if not self.step.terms and self.step.constant else None

    @property
    def passes(self) -> int | None:
        """How many there are, if the text says so."""
        parts = (self.start, self.stop, self.step)
        if any(part.terms for part in parts) or not self.step.constant:
            return None
        return len(range(*(part.constant for part in parts)))

    @property
    def lowest(self) -> Sum | None:
        """What its variable is never below."""
        if self.forwards is None:
            return None
        return self.start if self.forwards else self.stop.plus(constant(1))

    @property
    def highest(self) -> Sum | None:
        """What its variable is never above."""
        if self.forwards is None:
            return None
        return self.stop.plus(constant(-1)) if self.forwards else self.start


class Facts:
    """Everything known about one function whose plan is made."""

    def __init__(self, blocks: Any, typemap: dict[str, Any], plan: Plan) -> None:
        self.typemap = typemap
        self.values: Any = {}  # by name, what is assigned to it
        self.home: dict[str, int] = {}
        self.read_otherwise: set[str] = set()  # names that statements other than assignments read
        for label, block in blocks.items():
            for statement in block.body:
                if isinstance(statement, ir.Assign):
                    self.values[statement.target.name] = statement.value
                    self.home[statement.target.name] = label
                else:
                    self.read_otherwise |= {var.name for var in statement.list_vars()}
        by_key = {id(key): function for function, key in INT_OPERATORS.items()}
        by_key |= {id(NEGATIVE_INT): operator.neg, id(INVERTED_INT): operator.invert}
        self.functions = {
            id(swap.expression): by_key[id(swap.key)] for swap in plan.swaps if id(swap.key) in by_key
        }
        self.sums: dict[str, Sum] = {}
        self.assumed: dict[str, Bounds] = {}  # of loop-carried names, held true by checks at run time
        self.bounds: dict[str, Bounds] = {}
        self.proved: dict[Sum, bool] = {}
        self.settle()

    # -- names -----------------------------------------------------------------------------------------------------
    def root(self, name: str) -> str:
        """The name that a name is a copy of."""
        value = self.values.get(name)
        while True:
            if isinstance(value, ir.Expr) and value.op == "cast" and self.is_same(name, value.value.name):
                name = value.value.name
            elif isinstance(value, ir.Var) and self.is_same(name, value.name):
                name = value.name
            else:
                return name
            value = self.values.get(name)

    @staticmethod
    def read_by(value: Any) -> set[str]:
        """The names that an assigned value is made from."""
        if isinstance(value, ir.Expr):
            return {var.name for var in value.list_vars() if var is not ir.UNDEFINED}
        return {value.name} if isinstance(value, ir.Var) else set()

    def is_same(self, one: str, other: str) -> bool:
        """Whether two names are of one machine type."""
        return bool(plain(self.typemap[one]) == plain(self.typemap[other]))

    def is_int(self, name: str) -> bool:
        """Whether it is an int of 64 bits, the only one that is followed."""
        return bool(plain(self.typemap[name]) == INT)

    def called(self, value: Any) -> Any:
        """The function that is called, by numba's key."""
        if not isinstance(value, ir.Expr) or value.op != "call" or value.kws or value.vararg is not None:
            return None
        return getattr(self.typemap[value.func.name], "typing_key", None)

    def counted(self, name: str) -> Counted | None:
        """The range that a loop's variable runs over."""
        value = self.values.get(self.root(name))
        if not isinstance(value, ir.Expr) or value.op != "pair_first":
            return None
        drawn = self.values.get(self.root(value.value.name))
        if not isinstance(drawn, ir.Expr) or drawn.op != "iternext":
            return None
        return self.range_of(drawn.value.name)

    def range_of(self, iterator: str) -> Counted | None:
        """The range behind an iterator."""
        iterator = self.root(iterator)
        started = self.values.get(iterator)
        if not isinstance(started, ir.Expr) or started.op != "getiter":
            return None
        call = self.values.get(self.root(started.value.name))
        if self.called(call) is not RANGE or not all(self.is_int(arg.name) for arg in call.args):
            return None
        sums = [self.sum_of(arg.name) for arg in call.args]
        if len(sums) == 1:
            sums = [constant(0), *sums]
        start, stop, step = (*sums, constant(1))[:3]
        return Counted(start, stop, step, iterator)

    # -- sums ------------------------------------------------------------------------------------------------------
    def sum_of(self, name: str) -> Sum:
        """An int as a sum of terms."""
        name = self.root(name)
        if name not in self.sums:
            self.sums[name] = Sum(((name, 1),), 0)  # for a name that is met again on the way
            self.sums[name] = self._sum_of(name)
        return self.sums[name]

    def _sum_of(self, name: str) -> Sum:
        value, alone = self.values.get(name), Sum(((name, 1),), 0)
        if not self.is_int(name):
            return alone
        literal = self.literal(value)
        if literal is not None:
            return constant(literal)
        if not isinstance(value, ir.Expr):
            return alone
        if value.op in ("binop", "inplace_binop", "unary"):
            return self._sum_of_operation(value, alone)
        if value.op == "call":
            key = self.called(value)
            if key is len and isinstance(self.typemap[value.args[0].name], numba_types.Array):
                return self.length(value.args[0].name, 0)
            if key is TO_INT and self.is_int(value.args[0].name):
                return self.sum_of(value.args[0].name)
        if value.op == "static_getitem" and type(value.index) is int and value.index >= 0:
            whole = self.values.get(self.root(value.value.name))
            if isinstance(whole, ir.Expr) and whole.op == "exhaust_iter":
                whole = self.values.get(self.root(whole.value.name))
            if self._is_of_array(whole, "shape"):
                return self.length(whole.value.name, value.index)
        if self._is_of_array(value, "size") and self.typemap[value.value.name].ndim == 1:
            return self.length(value.value.name, 0)
        return alone

    def _is_of_array(self, value: Any, attribute: str) -> bool:
        return (
            isinstance(value, ir.Expr)
            and value.op == "getattr"
            and value.attr == attribute
            and isinstance(self.typemap[value.value.name], numba_types.Array)
        )

    @staticmethod
    def literal(value: Any) -> int | None:
        """The value of a constant int."""
        if isinstance(value, ir.Const | ir.Global | ir.FreeVar) and type(value.value) is int:
            return value.value if LEAST <= value.value <= MOST else None
        return None

    def _sum_of_operation(self, value: Any, alone: Sum) -> Sum:
        function = self.functions.get(id(value))
        names = [value.value.name] if value.op == "unary" else [value.lhs.name, value.rhs.name]
        if function is None or not all(self.is_int(name) for name in names):
            return alone
        sums = [self.sum_of(name) for name in names]
        if function is operator.neg:
            return constant(0).plus(sums[0], -1)
        if function is operator.add:
            return sums[0].plus(sums[1])
        if function is operator.sub:
            return sums[0].plus(sums[1], -1)
        if function is operator.mul:
            for one, other in (sums, sums[::-1]):
                if not one.terms:
                    return constant(0).plus(other, one.constant)
        return alone

    def length(self, array: str, axis: int) -> Sum:
        """The length of an axis; an array made here has the length it was made with."""
        array = self.root(array)
        value = self.values.get(array)
        is_call = isinstance(value, ir.Expr) and value.op == "call"
        key = getattr(self.typemap[value.func.name], "typing_key", None) if is_call else None
        if key in MAKERS:  # the checker allows no keyword but `dtype`
            shape = value.args[0]
            built = self.values.get(self.root(shape.name))
            if self.is_int(shape.name) and axis == 0:
                return self.sum_of(shape.name)
            if isinstance(built, ir.Expr) and built.op == "build_tuple" and axis < len(built.items):
                return self.sum_of(built.items[axis].name)
        if key in LIKE:
            return self.length(value.args[0].name, axis)
        return Sum((((array, axis), 1),), 0)

    # -- bounds ----------------------------------------------------------------------------------------------------
    def assume(self, name: str, bounds: Bounds) -> None:
        """Take for true what a check at run time makes true; `settle` draws conclusions."""
        self.assumed[name] = bounds

    def settle(self) -> None:
        """The fixed point."""
        self.bounds, self.proved = {}, {}
        ends = {end for low, high in self.assumed.values() for end in (low - ROOM, high + ROOM)}
        stops = {*STOPS, *(end for end in ends if LEAST < end < MOST)}
        ints = [name for name in self.values if self.is_int(name)]
        for turn in range(64 * PATIENCE):
            moved = False
            for name in ints:
                found = self._computed(name)
                if found is None:
                    continue
                before = self.bounds.get(name)
                if before is not None:
                    found = (min(found[0], before[0]), max(found[1], before[1]))
                    if turn >= PATIENCE and found != before:
                        low = max(stop for stop in stops if stop <= found[0])
                        high = min(stop for stop in stops if stop >= found[1])
                        found = (
                            found[0] if found[0] == before[0] else low,
                            found[1] if found[1] == before[1] else high,
                        )
                if name in self.assumed:
                    low, high = self.assumed[name]
                    found = (max(found[0], low), min(found[1], high))
                if found != before:
                    self.bounds[name], moved = found, True
            if not moved:
                return
        self.bounds = {}

    def of(self, name: str) -> Bounds:
        """The bounds of a name."""
        name = self.root(name)
        if self.is_int(name):
            return self.bounds.get(name, self.assumed.get(name, ANYTHING))
        return (0, 1) if plain(self.typemap[name]) == BOOL else ANYTHING

    def _known(self, name: str) -> Bounds | None:
        """The bounds found so far; None while a name has not been reached."""
        name = self.root(name)
        if self.is_int(name) and name in self.values:
            return self.bounds.get(name)
        return (0, 1) if plain(self.typemap[name]) == BOOL else ANYTHING

    def of_sum(self, given: Sum) -> Bounds:
        """The bounds of a sum, beyond 64 bits if need be."""
        low = high = given.constant
        for term, factor in given.terms:
            least, most = (0, MOST) if isinstance(term, tuple) else self.of(term)
            ends = (factor * least, factor * most)
            low, high = low + min(ends), high + max(ends)
        return low, high

    def _computed(self, name: str) -> Bounds | None:
        value = self.values[name]
        literal = self.literal(value)
        if literal is not None:
            return literal, literal
        if isinstance(value, ir.Var):
            return self._known(value.name)
        if not isinstance(value, ir.Expr):
            return ANYTHING
        if value.op == "phi":
            every = [self._known(var.name) for var in value.incoming_values if var is not ir.UNDEFINED]
            found = [bounds for bounds in every if bounds is not None]
            return (min(low for low, _ in found), max(high for _, high in found)) if found else None
        if value.op == "cast":
            return self._known(value.value.name)
        if value.op == "pair_first":
            return self._bounds_of_counted(name)
        if value.op in ("binop", "inplace_binop", "unary"):
            return self._bounds_of_operation(value)
        if value.op == "call":
            return self._bounds_of_call(value)
        given = self.sum_of(name)
        if any(isinstance(term, tuple) for term, _ in given.terms) or self._is_of_array(value, "size"):
            return 0, MOST
        return ANYTHING

    def _bounds_of_counted(self, name: str) -> Bounds:
        counted = self.counted(name)
        if counted is None:
            return ANYTHING
        ends = [self.of_sum(end) for end in (counted.lowest, counted.highest) if end is not None]
        if not ends:  # either direction
            start, stop = self.of_sum(counted.start), self.of_sum(counted.stop)
            ends = [(min(start[0], stop[0]), 0), (0, max(start[1], stop[1]))]
        return max(ends[0][0], -WIDEST), max(min(ends[1][1], WIDEST), -WIDEST)

    def _bounds_of_operation(self, value: Any) -> Bounds | None:
        function = self.functions.get(id(value))
        if function is None:
            return ANYTHING
        names = [value.value.name] if value.op == "unary" else [value.lhs.name, value.rhs.name]
        known = [self._known(name) for name in names]
        operands = [bounds for bounds in known if bounds is not None]
        if len(operands) < len(names):
            return None
        low, high = computed_bounds(function, operands)
        return max(low, LEAST), min(high, MOST)  # what leaves 64 bits is not computed

    def _bounds_of_call(self, value: Any) -> Bounds | None:
        key = self.called(value)
        if key is len:
            return 0, MOST
        if key not in (MIN, MAX, ABS, TO_INT):
            return ANYTHING
        known = [self._known(arg.name) for arg in value.args]
        every = [bounds for bounds in known if bounds is not None]
        if len(every) < len(known):
            return None
        if not all(self.is_int(arg.name) for arg in value.args):
            return ANYTHING
        lows, highs = [low for low, _ in every], [high for _, high in every]
        if key is MIN:
            return min(lows), min(highs)
        if key is MAX:
            return max(lows), max(highs)
        if key is ABS:
            low, high = every[0]
            least = 0 if low <= 0 <= high else min(abs(low), abs(high))
            return least, min(max(abs(low), abs(high)), MOST)
        return every[0]

    # -- proofs ----------------------------------------------------------------------------------------------------
    def certain(self, given: Sum, depth: int = DEEPEST) -> bool:
        """Whether a sum is never negative, wherever all its terms have their values."""
        if self.of_sum(given)[0] >= 0:
            return True
        if depth == 0:
            return False
        if given not in self.proved or depth == DEEPEST:
            self.proved[given] = False
            self.proved[given] = any(
                self.certain(given.plus(Sum(((term, 1),), 0), -factor).plus(other, factor), depth - 1)
                for term, factor in given.terms
                for other in self._ends(term, lower=factor > 0)
            )
        return self.proved[given]

    def _ends(self, term: Term, *, lower: bool) -> list[Sum]:
        """Sums that a term is never below, or never above."""
        if isinstance(term, tuple):
            return []
        counted = self.counted(term)
        if counted is not None:
            end = counted.lowest if lower else counted.highest
            return [] if end is None else [end]
        value = self.values.get(term)
        key = self.called(value)
        if key is (MAX if lower else MIN) and all(self.is_int(arg.name) for arg in value.args):
            return [self.sum_of(arg.name) for arg in value.args]
        if not lower and self.functions.get(id(value)) is operator.mod:
            divisor = (
                value.rhs.name
            )  # zero is not computed, so the remainder is below a divisor that is not negative
            if self.is_int(divisor) and self.of(divisor)[0] >= 0:
                return [self.sum_of(divisor).plus(constant(-1))]
        return []


def drift(facts: Facts, name: str, carried: str, inside: frozenset[int]) -> Bounds | None:
    """By how much an int of a pass is more than `carried` was at its start, if it is that plus something bounded."""
    name = facts.root(name)
    if name == carried:
        return 0, 0
    value = facts.values.get(name)
    if facts.home.get(name) not in inside or not isinstance(value, ir.Expr):
        return None
    if value.op == "phi":
        if any(var is ir.UNDEFINED for var in value.incoming_values):
            return None
        found = [drift(facts, var.name, carried, inside) for var in value.incoming_values]
        known = [each for each in found if each is not None]
        return (
            (min(low for low, _ in known), max(high for _, high in known))
            if len(known) == len(found)
            else None
        )
    function = facts.functions.get(id(value))
    if function not in (operator.add, operator.sub):
        return None
    for one, other in ((value.lhs, value.rhs), (value.rhs, value.lhs)):
        so_far = drift(facts, one.name, carried, inside)
        if so_far is not None and not (function is operator.sub and one is value.rhs):
            return computed_bounds(function, [so_far, facts.of(other.name)])
    return None


def computed_bounds(function: Any, operands: list[Bounds]) -> Bounds:
    """The bounds of an operation's exact result; of a division or shift, where it has one."""
    low, high = operands[0]
    if function is operator.neg:
        return -high, -low
    if function is operator.invert:
        return ~high, ~low
    least, most = operands[1]
    if function is operator.add:
        return low + least, high + most
    if function is operator.sub:
        return low - most, high - least
    if function is operator.mul:
        ends = [one * other for one in (low, high) for other in (least, most)]
        return min(ends), max(ends)
    if function is operator.mod:
        if least >= 0:  # zero is not computed
            return 0, min(high, most - 1) if low >= 0 else most - 1
        return min(least + 1, 0), max(most - 1, 0)
    if function is operator.floordiv and least >= 0:
        divisors = (max(least, 1), max(most, 1))
        ends = [one // other for one in (low, high) for other in divisors]
        return min(ends), max(ends)
    if function is operator.and_:
        if low >= 0 or least >= 0:
            tops = [top for bottom, top in operands if bottom >= 0]
            return 0, min(tops)
        return LEAST, max(high, most, -1)
    if function in (operator.or_, operator.xor) and low >= 0 and least >= 0:
        return 0, (1 << max(high, most).bit_length()) - 1
    if function is operator.rshift and least >= 0:
        ends = [one >> min(other, 63) for one in (low, high) for other in (least, most)]
        return min(ends), max(ends)
    if function is operator.lshift and least >= 0 and most < 63:
        ends = [one << other for one in (low, high) for other in (least, most)]
        return min(ends), max(ends)
    return ANYTHING
