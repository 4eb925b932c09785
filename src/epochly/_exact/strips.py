"""Innermost loops over ranges, run in strips: before each strip, what would cost too much in the loop is done for all of it.

A strip is at most `STRIP` passes of the loop itself, which then has neither a look for signals nor, where that can be, checks
of indices: those are done for the first and the last pass of the strip, between which an index that is a sum moves evenly.
That is right only for a loop that ends nowhere but at its range's end and for accesses that no condition skips: then an index
that would leave its array means an error on some pass, unless the interpreter takes over before. Other loops count their
passes and look every so often. It refuses loops whose iterator it cannot follow. Source: Gupta 1993 on hoisting bound checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact.accesses import CHECK, TRUST, WRAP
from epochly._exact.facts import LEAST, MOST, Counted, Facts, Sum, Term, constant, drift
from epochly._exact.lowering import numba_types
from epochly._exact.machine import MOST_TERMS, STEADY, STRIP
from epochly._exact.unchecked import leave_out_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly._exact.plan import Plan


SLOW = 2**40  # by how much an int may change on one pass; `STRIP` of them are little beside `STEADY`
BRIEF = 64  # passes that are not worth a strip, nor a look for signals


@dataclass(slots=True)
class Limit:
    """Before each strip: `below - index` is positive, for every value the loop's variable takes in the strip."""

    index: Sum
    below: Sum
    variable: Term  # of the loop, or nothing
    fits: bool = False  # into 64 bits

    def same_terms(self, other: Limit) -> bool:
        """Whether two differ by constants only."""
        return (self.below, self.index.terms) == (other.below, other.index.terms)

    @property
    def difference(self) -> Sum:
        """What is not negative where the index is in range."""
        return self.below.plus(constant(-1)).plus(self.index, -1)


@dataclass(slots=True)
class Strip:
    """A loop that is to be run in strips."""

    header: int
    entry: int  # the only block that jumps to it from outside
    end: int  # where it goes when the range is used up
    body: frozenset[int]
    counted: Counted
    brief: bool  # all its passes are one strip
    whole: bool  # it ends at its range's end, or in the interpreter
    limits: list[Limit] = field(default_factory=list)
    steady: list[str] = field(
        default_factory=list
    )  # ints that have to be small enough at the start of a strip


@dataclass(frozen=True, slots=True)
class Access:
    """One element that is read or stored."""

    statement: Any
    array: str
    indices: tuple[Any, ...]  # variables, or ints written in a tuple
    stores: bool


class Loops:
    """The loops of a function."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = blocks
        self.graph = compute_cfg_from_blocks(blocks)
        self.loops = list(self.graph.loops().values())
        self.dominators = self.graph.dominators()
        self.headers = {loop.header for loop in self.loops}

    def strips(self, facts: Facts) -> list[Strip]:
        """Those that can be run in strips."""
        found = [self._strip(loop, facts) for loop in self.loops]
        return [strip for strip in found if strip is not None]

    def brief(self, facts: Facts) -> set[int]:
        """Headers of loops that are over so soon, with all loops in them, that nobody needs to count their passes."""
        found: dict[int, int] = {}
        for loop in sorted(self.loops, key=lambda loop: len(loop.body)):
            inner = [other.header for other in self.loops if other is not loop and other.header in loop.body]
            passes = self._passes(loop, facts)
            if passes is not None and all(header in found for header in inner):
                passes *= max([1, *(found[header] for header in inner)]) * max(1, len(inner))
                if passes <= BRIEF:
                    found[loop.header] = passes
        return set(found)

    def _passes(self, loop: Any, facts: Facts) -> int | None:
        """How many passes a loop makes at most, if its text says so."""
        cond = getattr(self.blocks[loop.header].terminator, "cond", None)
        valid = None if cond is None else facts.values.get(facts.root(cond.name))
        if not isinstance(valid, ir.Expr) or valid.op != "pair_second":
            return None
        drawn = facts.values.get(facts.root(valid.value.name))
        counted = facts.range_of(drawn.value.name) if isinstance(drawn, ir.Expr) else None
        outside = [label for label, _ in self.graph.predecessors(loop.header) if label not in loop.body]
        if counted is None or outside != [facts.home[counted.iterator]]:
            return None
        return counted.passes

    def _strip(self, loop: Any, facts: Facts) -> Strip | None:
        if any(other is not loop and other.header in loop.body for other in self.loops):
            return None
        header, last = self.blocks[loop.header], self.blocks[loop.header].terminator
        if not isinstance(last, ir.Branch):
            return None
        drawn = [
            each.value
            for each in header.body
            if isinstance(each, ir.Assign) and isinstance(each.value, ir.Expr) and each.value.op == "iternext"
        ]
        valid = facts.values.get(facts.root(last.cond.name))
        if len(drawn) != 1 or not isinstance(valid, ir.Expr) or valid.op != "pair_second":
            return None
        if facts.values.get(facts.root(valid.value.name)) is not drawn[0]:
            return None
        counted = facts.range_of(drawn[0].value.name)
        outside = [label for label, _ in self.graph.predecessors(loop.header) if label not in loop.body]
        if counted is None or outside != [facts.home[counted.iterator]]:
            return None
        if not isinstance(self.blocks[outside[0]].terminator, ir.Jump):
            return None
        if last.truebr not in loop.body or last.falsebr in loop.body:
            return None
        body = frozenset(loop.body)
        return Strip(
            loop.header,
            outside[0],
            last.falsebr,
            body,
            counted,
            brief=counted.passes is not None and counted.passes <= BRIEF,
            whole=self._ends_at_its_end(loop),
        )

    def _ends_at_its_end(self, loop: Any) -> bool:
        leaving = (
            target
            for label in loop.body
            if label != loop.header
            for target, _ in self.graph.successors(label)
            if target not in loop.body
        )
        return all(isinstance(self.blocks[target].terminator, ir.StaticRaise) for target in leaving)

    def available(self, term: Term, strip: Strip, facts: Facts) -> bool:
        """Whether a term has its value before the loop starts, and keeps it."""
        name = term[0] if isinstance(term, tuple) else term
        home = facts.home.get(name)
        return home is not None and home not in strip.body and home in self.dominators[strip.header]


def accesses(blocks: Any, facts: Facts, swapped: set[int]) -> Iterator[tuple[int, Access]]:
    """Every access of one element by ints, with the block it is in; those that the plan has other ideas for are left out."""
    for label, block in blocks.items():
        for statement in block.body:
            found = _access(statement, facts)
            if found is not None and not {id(statement), id(getattr(statement, "value", None))} & swapped:
                yield label, found


def _access(statement: Any, facts: Facts) -> Access | None:
    value, stores = getattr(statement, "value", None), False
    if isinstance(statement, ir.SetItem):
        array, index, stores = statement.target, statement.index, True
    elif isinstance(statement, ir.StaticSetItem) and statement.index_var is not None:
        array, index, stores = statement.target, statement.index_var, True
    elif (
        isinstance(statement, ir.Assign)
        and isinstance(value, ir.Expr)
        and value.op in ("getitem", "static_getitem")
    ):
        array, index = value.value, value.index if value.op == "getitem" else value.index_var
    else:
        return None
    machine_type = facts.typemap[array.name]
    if not isinstance(machine_type, numba_types.Array) or index is None:
        return None
    parts = _parts(index, facts)
    if parts is None or len(parts) != machine_type.ndim:
        return None
    return Access(statement, array.name, parts, stores)


def _parts(index: Any, facts: Facts) -> tuple[Any, ...] | None:
    if facts.is_int(index.name):
        return (index,)
    built = facts.values.get(facts.root(index.name))
    if isinstance(built, ir.Expr) and built.op == "build_tuple":
        items = tuple(built.items)
        return items if all(facts.is_int(item.name) for item in items) else None
    if isinstance(built, ir.Const) and isinstance(built.value, tuple):
        return built.value if all(type(item) is int for item in built.value) else None
    return None


def _steady(strip: Strip, blocks: Any, facts: Facts) -> list[str]:
    """Ints that each pass changes by little: small at the start of a strip, they stay within 64 bits until its end."""
    found = []
    for statement in [] if strip.brief else blocks[strip.header].body:
        name = statement.target.name if isinstance(statement, ir.Assign) else ""
        value = getattr(statement, "value", None)
        if not name or not isinstance(value, ir.Expr) or value.op != "phi" or not facts.is_int(name):
            continue
        changes = [
            drift(facts, var.name, name, strip.body)
            for var, label in zip(value.incoming_values, value.incoming_blocks, strict=True)
            if label in strip.body
        ]
        if all(change is not None and change[0] >= -SLOW and change[1] <= SLOW for change in changes):
            found.append(name)
            facts.assume(name, (-STEADY - STRIP * SLOW, STEADY + STRIP * SLOW))
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """An axis of an access whose index a strip could check for all its passes."""

    label: int
    strip: Strip
    limit: Limit


def plan_strips(blocks: Any, typemap: dict[str, Any], plan: Plan) -> None:
    """Add to a plan which loops run in strips, and what every access still needs."""
    facts, loops = Facts(blocks, typemap, plan), Loops(blocks)
    plan.strips = loops.strips(facts)
    plan.brief = loops.brief(facts)
    for strip in plan.strips:
        strip.steady = _steady(strip, blocks, facts)
    facts.settle()
    swapped = {id(swap.expression) for swap in plan.swaps} | set(plan.elements) | set(plan.array_stores)
    every = list(accesses(blocks, facts, swapped))
    needs = {}
    for label, access in every:
        place = label, next((strip for strip in plan.strips if label in strip.body and strip.whole), None)
        axes = range(len(access.indices))
        needs[id(access)] = [_need(place, access, axis, facts, loops) for axis in axes]
    wishes = [need for found in needs.values() for need in found if isinstance(need, Wish)]
    for _, access in every:
        letters = ""
        for need in needs[id(access)]:
            if isinstance(need, Wish):
                granted = _on_every_pass(need, wishes, loops)
                letters += TRUST if granted else CHECK
                if granted:
                    _keep(need)
            else:
                letters += need
        plan.reached[id(access.statement)] = (access, letters)
    for strip in plan.strips:
        for limit in strip.limits:
            limit.fits = _fits(limit, facts)
    leave_out_checks(plan, facts)


def _need(
    place: tuple[int, Strip | None], access: Access, axis: int, facts: Facts, loops: Loops
) -> str | Wish:
    """What an axis still needs where the access is, if no strip helps; or how one could."""
    part = access.indices[axis]
    index = constant(part) if isinstance(part, int) else facts.sum_of(part.name)
    length = facts.length(access.array, axis)
    if not facts.certain(index):
        return WRAP
    if facts.certain(length.plus(constant(-1)).plus(index, -1)):
        return TRUST
    label, strip = place
    limit = None if strip is None else _limit(index, length, strip, facts, loops)
    return CHECK if strip is None or limit is None else Wish(label, strip, limit)


def _limit(index: Sum, length: Sum, strip: Strip, facts: Facts, loops: Loops) -> Limit | None:
    """What the strip would have to check, if it can be computed before it."""
    own = [
        term
        for term, _ in index.terms
        if isinstance(term, str)
        and (counted := facts.counted(term)) is not None
        and counted.iterator == strip.counted.iterator
    ]
    others = [term for term, _ in (*index.terms, *length.terms) if term not in own]
    if len(own) > 1 or not all(loops.available(term, strip, facts) for term in others):
        return None
    limit = Limit(index, length, own[0] if own else "")
    return limit if len(limit.difference.terms) <= MOST_TERMS else None


def _on_every_pass(wish: Wish, wishes: list[Wish], loops: Loops) -> bool:
    """Whether each pass, whichever way it goes, makes an access whose index is as large."""
    covering = {
        other.label
        for other in wishes
        if other.strip is wish.strip
        and other.limit.same_terms(wish.limit)
        and other.limit.index.constant >= wish.limit.index.constant
    }
    seen, waiting = set(covering), [loops.blocks[wish.strip.header].terminator.truebr]
    while waiting:
        label = waiting.pop()
        if label == wish.strip.header:
            return False
        if label not in seen and label in wish.strip.body:
            seen.add(label)
            waiting += [target for target, _ in loops.graph.successors(label)]
    return True


def _keep(wish: Wish) -> None:
    """Have the strip check it, or more."""
    for position, other in enumerate(wish.strip.limits):
        if other.same_terms(wish.limit):
            if other.index.constant < wish.limit.index.constant:
                wish.strip.limits[position] = wish.limit
            return
    wish.strip.limits.append(wish.limit)


def _fits(limit: Limit, facts: Facts) -> bool:
    """Whether the difference cannot leave 64 bits, added up in any order."""
    difference = limit.difference
    low = high = difference.constant
    for term, factor in difference.terms:
        least, most = (0, MOST) if isinstance(term, tuple) else facts.of(term)
        low, high = low + min(factor * least, factor * most, 0), high + max(factor * least, factor * most, 0)
    return low >= LEAST and high <= MOST
