"""Breaks the exact compiler on purpose, one way at a time: a fuzzer that cannot fail is no evidence.

Each mutant is planted before the compiler's modules load, in a process of its own, and is found when a program ends otherwise
than in the interpreter. It refuses to be planted twice, or where the piece it breaks is no longer there.
"""

from __future__ import annotations

import dataclasses

import numba

from epochly._exact import lowering


def without_deopt(*parts):
    """Machine code goes on where it should have given up."""

    def plant():
        deopt_if = lowering.deopt_if

        def broken(context, builder, condition, why):
            if not any(part in why for part in parts):
                deopt_if(context, builder, condition, why)

        lowering.deopt_if = broken

    return plant


def with_primitive(name, change):
    """A primitive computes something else; `change` makes the new implementation of the old one."""

    def plant():
        primitive = lowering.primitive

        def broken(its_name, cases):
            if its_name == name:
                cases = {args: (result, change(old)) for args, (result, old) in cases.items()}
            return primitive(its_name, cases)

        lowering.primitive = broken

    return plant


def unpinned():
    """LLVM may drop a float operation whose result nobody uses, and its warning with it."""
    lowering.pinned = lambda _builder, value: value


def unbounded():
    """Arrays are indexed without looking at their bounds."""
    without_deopt("an index is out of range")()
    njit = numba.njit
    numba.njit = lambda *args, **kwargs: njit(
        *args, **(kwargs | ({"boundscheck": False} if "boundscheck" in kwargs else {}))
    )


def unrestored():
    """No array is copied before it is stored to, so the stores of a call that was given up stay."""
    from epochly._exact import entry

    assert entry.Snapshots
    entry.Snapshots = lambda *_, **__: None


def unguarded():
    """A global that was rebound is not noticed."""
    from epochly._exact import entry

    watched = entry.watched
    entry.watched = lambda *args: dataclasses.replace(watched(*args), names=())


def unboxed():
    """NumPy's numbers come back as Python's."""
    from epochly._exact import dispatch, entry
    from epochly._exact.kinds import Number

    boxing_for = entry.boxing_for

    def broken(kind, *rest):
        return dispatch.AS_IT_IS if isinstance(kind, Number) else boxing_for(kind, *rest)

    entry.boxing_for = dispatch.boxing_for = broken


def overlapping():
    """Array expressions go straight into memory that they still read."""
    from epochly._exact import elements, layouts

    assert elements.clash
    elements.clash = lambda *_: layouts.FALSE


def unread():
    """Beside a comprehension, what nobody reads is dropped, as numba does."""
    from numba.core import inline_closurecall

    from epochly._exact import closures

    assert closures.drop_closures
    closures.drop_closures = inline_closurecall.dead_code_elimination


def truncating(_old):
    """The remainder of C."""
    return lambda _context, builder, _signature, args: builder.srem(*args)


def unordered(_old):
    """`min` that lets NaN win."""

    def lower(_context, builder, _signature, args):
        return builder.select(builder.fcmp_unordered("<", args[1], args[0]), args[1], args[0])

    return lambda *given: (
        lower(*given) if given[3][0].type == lowering.F64 and len(given[3]) == 2 else _old(*given)
    )


def unsigned_zero(old):
    """A remainder that loses the sign of its zero."""

    def lower(context, builder, signature, args):
        return builder.fadd(old(context, builder, signature, args), lowering.ir.Constant(lowering.F64, 0.0))

    return lower


MUTANTS = {
    "ints wrap": without_deopt("does not fit into 64 bits"),
    "ints are compared as floats": without_deopt("is compared with a float"),
    "ints are divided as floats": without_deopt("beyond 2**53 is rounded"),
    "NumPy never warns": without_deopt("may have to warn"),
    "an int start is forgotten": without_deopt("still the int it started as", "has another type than on"),
    "functions of math return infinity": without_deopt("is not finite here"),
    "powers are infinite": without_deopt("a power is not a finite float"),
    "shifts wrap": without_deopt("a shift count"),
    "floats are truncated to any int": without_deopt("a float is no"),
    "float operations are dropped": unpinned,
    "no bounds": unbounded,
    "no undo": unrestored,
    "names are frozen": unguarded,
    "Python's numbers for NumPy's": unboxed,
    "narrow ints wrap": without_deopt("leaves the width of NumPy's type"),
    "nothing is reduced": without_deopt("a reduction of nothing", "a mean of nothing"),
    "names are always bound": without_deopt("a name is unbound"),
    "overlaps are not seen": overlapping,
    "what is not read is dropped": unread,
    "the remainder has C's sign": with_primitive("mod", truncating),
    "min prefers NaN": with_primitive("min", unordered),
    "the remainder has no sign of zero": with_primitive("mod_float", unsigned_zero),
}
