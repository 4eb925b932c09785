"""The part of the applier that puts a loop into a loop over its strips.

Unless there is no pass at all, the block before the loop goes to a new one, which takes the next strip, looks for signals, and checks the limits of the strip
for its first and last pass; a second new block stands where the range is used up, and goes back while passes are left. It
refuses nothing; what may be done so is decided in `strips`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core import ir

from epochly._exact.accesses import axis_length
from epochly._exact.lowering import BOOL, INT, NONE
from epochly._exact.machine import (
    ANY_LEFT,
    FEWER,
    FIRST_OF_STRIP,
    LAST_OF_STRIP,
    LIMIT,
    NEXT_STRIP,
    PASSES_LEFT,
    STEADY_INT,
    WIDE_LIMIT,
)

if TYPE_CHECKING:
    from epochly._exact.apply import Applier
    from epochly._exact.facts import Term
    from epochly._exact.strips import Limit, Strip


def cut(applier: Applier, strip: Strip) -> None:
    """Run one loop in strips."""
    blocks = applier.blocks
    entry, header = blocks[strip.entry], blocks[strip.header]
    scope, loc = header.scope, header.loc
    iterator = ir.Var(scope, strip.counted.iterator, loc)
    before, after = max(blocks) + 1, max(blocks) + 2
    blocks[before], blocks[after] = ir.Block(scope, loc), ir.Block(scope, loc)

    applier.out = []
    left = applier.call(entry, loc, PASSES_LEFT, (iterator,), INT)
    if strip.brief:
        start: Any = ir.Jump(before, loc)
    else:
        none = max(blocks) + 1
        blocks[none] = ir.Block(scope, loc)
        blocks[none].body = [*_at_the_end(header), ir.Jump(strip.end, loc)]
        start = ir.Branch(applier.call(entry, loc, ANY_LEFT, (left,), BOOL), before, none, loc)
    entry.body = [*entry.body[:-1], *applier.out, start]

    if strip.brief:
        del blocks[after]
        applier.out = []
        _limits(applier, strip, blocks[before], left)
        blocks[before].body = [*applier.out, ir.Jump(strip.header, loc)]
        return

    applier.out = []
    passes = applier.call(blocks[before], loc, NEXT_STRIP, (iterator, left), INT)
    fewer = applier.call(blocks[before], loc, FEWER, (left, passes), INT)
    applier.out.append(ir.Assign(fewer, left, loc))
    for name in strip.steady:
        applier.call(blocks[before], loc, STEADY_INT, (ir.Var(scope, name, loc),), NONE)
    _limits(applier, strip, blocks[before], passes)
    blocks[before].body = [*applier.out, ir.Jump(strip.header, loc)]

    applier.out = []
    more = applier.call(blocks[after], loc, ANY_LEFT, (left,), BOOL)
    blocks[after].body = [*applier.out, ir.Branch(more, before, strip.end, loc)]

    last = header.body[-1]
    header.body[-1] = ir.Branch(last.cond, last.truebr, after, last.loc)


def _at_the_end(header: Any) -> list[Any]:
    """What a loop's header hands to what follows it, without drawing from the iterator."""
    drawn: set[str] = set()
    kept = []
    for statement in header.body[:-1]:
        value = statement.value if isinstance(statement, ir.Assign) else None
        reads = {var.name for var in value.list_vars()} if isinstance(value, ir.Expr) else set()
        if isinstance(value, ir.Var):
            reads = {value.name}
        if reads & drawn or (isinstance(value, ir.Expr) and value.op == "iternext"):
            drawn.add(statement.target.name)
        else:
            kept.append(statement)
    return kept


def _limits(applier: Applier, strip: Strip, block: Any, passes: Any) -> None:
    """Check every limit of a strip."""
    iterator = ir.Var(block.scope, strip.counted.iterator, block.loc)
    for limit in strip.limits:
        for end in _ends(strip, limit):
            drawn = None if end is None else applier.call(block, block.loc, end, (iterator, passes), INT)
            _check(applier, block, limit, passes, drawn)


def _ends(strip: Strip, limit: Limit) -> tuple[Any, ...]:
    """On which passes of a strip the index may be greatest: one if the direction is known, else either."""
    factor = limit.index.factor(limit.variable)
    if factor == 0:
        return (None,)
    if strip.counted.forwards is None:
        return FIRST_OF_STRIP, LAST_OF_STRIP
    return (LAST_OF_STRIP,) if strip.counted.forwards == (factor > 0) else (FIRST_OF_STRIP,)


def _check(applier: Applier, block: Any, limit: Limit, passes: Any, drawn: Any) -> None:
    """Deopt unless the index is below its limit on one pass."""
    loc, difference = block.loc, limit.difference
    parts = [passes, applier.constant(block, loc, difference.constant)]
    for term, factor in difference.terms:
        value = drawn if term == limit.variable else _value(applier, block, term)
        parts += [applier.constant(block, loc, factor), value]
    applier.call(block, loc, LIMIT if limit.fits else WIDE_LIMIT, tuple(parts), NONE)


def _value(applier: Applier, block: Any, term: Term) -> Any:
    if isinstance(term, tuple):
        array, axis = term
        return applier.call(
            block, block.loc, axis_length(axis), (ir.Var(block.scope, array, block.loc),), INT
        )
    return ir.Var(block.scope, term, block.loc)
