"""Primitives of the machinery itself: floating-point status flags, run-time tags, ranges, and looking for signals.

NumPy warns by the processor's status flags, and so do we: they are cleared at entry and read before each return, and any
flag means that the interpreter runs the call, with whatever `numpy.errstate` and warning filters then say. Underflow is
ignored by NumPy unless somebody asked for it, so NumPy is asked where it happened (`arena`). It refuses ranges beyond 62 bits, whose length numba miscounts.
Sources: ISO C 7.6, IEEE 754 clause 7, numba's range implementation.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from epochly._exact.lowering import (
    BOOL,
    FLOAT,
    FLOAT_REGISTER,
    I32,
    I64,
    INT,
    NONE,
    ZERO,
    Key,
    call_c,
    deopt_if,
    numba_types,
    primitive,
)

# invalid, divide by zero, overflow, underflow: <fenv.h> of each processor
FLAGS = {
    "x86_64": 1 | 4 | 8 | 16,
    "AMD64": 1 | 4 | 8 | 16,
    "aarch64": 1 | 2 | 4 | 8,
    "arm64": 1 | 2 | 4 | 8,
}.get(platform.machine(), 0)
UNDERFLOW = 16 if platform.machine() in {"x86_64", "AMD64"} else 8
STRIP = 2**16  # passes of loops between two looks for a signal; a millisecond or a few
WIDEST = 2**62 - 1  # a range's bound, either way: how far two are apart still fits
STEADY = 2**62  # an int that small can grow for a whole strip
MOST_TERMS = 6  # of a limit
ITERATOR = numba_types.range_iter64_type


def _clear(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
    call_c(builder, "feclearexcept", I32, ir.Constant(I32, FLAGS))
    return context.get_dummy_value()


def _test(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
    why = "a NumPy operation may have to warn"
    raised = call_c(builder, "fetestexcept", I32, ir.Constant(I32, FLAGS))
    grave = builder.and_(raised, ir.Constant(I32, FLAGS & ~UNDERFLOW))
    deopt_if(context, builder, builder.icmp_signed("!=", grave, ir.Constant(I32, 0)), why)
    with builder.if_then(builder.icmp_signed("!=", raised, ir.Constant(I32, 0)), likely=False):
        matters = call_c(builder, "underflow_matters", I32)
        deopt_if(context, builder, builder.icmp_signed("!=", matters, ir.Constant(I32, 0)), why)
    return context.get_dummy_value()


def _tag_is(context: Any, builder: Any, _: Any, args: Any) -> Any:
    differs = builder.icmp_signed("!=", args[0], args[1])
    deopt_if(context, builder, differs, "a value has another type than on the paths compiled for")
    return context.get_dummy_value()


def _tag_is_not(context: Any, builder: Any, _: Any, args: Any) -> Any:
    same = builder.icmp_signed("==", args[0], args[1])
    deopt_if(context, builder, same, "a value is still the int it started as")
    return context.get_dummy_value()


def _joined_tag(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.and_(builder.or_(*args), ir.Constant(I64, 1))


def _passed(context: Any, builder: Any, passes: Any) -> None:
    """Add passes to the function's count; when it is full, run Python's signal handlers.

    What they raise leaves machine code as it is.
    """
    counter = getattr(builder.function, "epochly_passes", None)
    if counter is None:
        counter = builder.function.epochly_passes = cgutils.alloca_once(builder, I64)  # zero at entry
    count = builder.add(builder.load(counter), passes)
    builder.store(count, counter)
    due = builder.icmp_unsigned(">", count, ir.Constant(I64, STRIP))
    with builder.if_then(due, likely=False):
        builder.store(ZERO, counter)
        raised = call_c(builder, "look", I32)
        with builder.if_then(builder.icmp_signed("!=", raised, ir.Constant(I32, 0)), likely=False):
            context.call_conv.return_exc(builder)


def _one_pass(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
    _passed(context, builder, ir.Constant(I64, 1))
    return context.get_dummy_value()


def _iterator(context: Any, builder: Any, value: Any) -> Any:
    return context.make_helper(builder, ITERATOR, value)


def _passes_left(context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.load(_iterator(context, builder, args[0]).count)


def _next_strip(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """Let the iterator give no more than a strip of what is left, at least one pass; how much that is.

    It is written so that LLVM sees at once that it is not zero, or it would not unroll the loop.
    """
    one, most = ir.Constant(I64, 1), ir.Constant(I64, STRIP - 1)
    but_one = builder.sub(args[1], one, flags=("nuw", "nsw"))
    passes = builder.select(builder.icmp_unsigned("<", but_one, most), but_one, most)
    passes = builder.add(passes, one, flags=("nuw", "nsw"))
    builder.store(passes, _iterator(context, builder, args[0]).count)
    _passed(context, builder, passes)
    return passes


def _first_of_strip(context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.load(_iterator(context, builder, args[0]).iter)


def _last_of_strip(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """The value on the last pass; of an empty strip, one that nothing is done with."""
    iterator = _iterator(context, builder, args[0])
    steps = builder.sub(args[1], ir.Constant(I64, 1))
    return builder.add(builder.load(iterator.iter), builder.mul(steps, iterator.step))


def _fewer(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.sub(*args)


def _any_left(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.icmp_signed(">", args[0], ZERO)


def _limit(bits: int) -> Any:
    """`passes`, then the constants and factors with their terms: below is more than the index, or no pass is made.

    Factors and constants are constants in machine code, so most products vanish.
    """
    wide = ir.IntType(bits)

    def total(builder: Any, parts: Any) -> Any:
        found = builder.sext(parts[0], wide) if bits > 64 else parts[0]
        for factor, term in zip(parts[1::2], parts[2::2], strict=True):
            one, other = (builder.sext(each, wide) if bits > 64 else each for each in (factor, term))
            found = builder.add(found, builder.mul(one, other))
        return found

    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        # the sum below - 1 - index, all in one: passes, constant, factor, term, factor, term, ...
        short = builder.icmp_signed("<", total(builder, args[1:]), ir.Constant(wide, 0))
        some = builder.icmp_signed(">", args[0], ZERO)
        deopt_if(context, builder, builder.and_(some, short), "an index is out of range")
        return context.get_dummy_value()

    return lower


def _steady(context: Any, builder: Any, _: Any, args: Any) -> Any:
    shifted = builder.add(args[0], ir.Constant(I64, STEADY))
    large = builder.icmp_unsigned(">", shifted, ir.Constant(I64, 2 * STEADY))
    deopt_if(context, builder, large, "an int is near the end of 64 bits")
    return context.get_dummy_value()


def _narrow_enough(context: Any, builder: Any, args: Any) -> None:
    for arg in args:
        shifted = builder.add(arg, ir.Constant(I64, WIDEST))
        wide = builder.icmp_unsigned(">", shifted, ir.Constant(I64, 2 * WIDEST))
        deopt_if(context, builder, wide, "a range is wider than 62 bits")


def _barrier(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
    """What was stored before is in memory here; LLVM thinks that somebody may look."""
    builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], side_effect=True)
    return context.get_dummy_value()


def _keep(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """The float has been computed here."""
    kind = ir.FunctionType(ir.VoidType(), [args[0].type])
    builder.asm(kind, "", str(FLOAT_REGISTER), [args[0]], side_effect=True)
    return context.get_dummy_value()


def _range(count: int) -> Any:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _narrow_enough(context, builder, args)
        function = context.typing_context.resolve_value_type(range)
        plain = function.get_call_type(context.typing_context, (INT,) * count, {})
        return context.get_function(function, plain)(builder, args)

    return lower


def _arange(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """NumPy's `arange` of ints; numba's has no error for a length beyond 63 bits."""
    _narrow_enough(context, builder, args)

    def up_to(stop: Any) -> Any:
        return np.arange(0, stop)

    def between(start: Any, stop: Any) -> Any:
        return np.arange(start, stop)  # a function of its own, as `compile_internal` wants one

    return context.compile_internal(builder, up_to if len(args) == 1 else between, signature, args)


CLEAR_FLAGS: Key = primitive("clear_flags", {(): (NONE, _clear)})
TEST_FLAGS: Key = primitive("test_flags", {(): (NONE, _test)})
TAG_IS: Key = primitive("tag_is", {(INT, INT): (NONE, _tag_is)})
TAG_IS_NOT: Key = primitive("tag_is_not", {(INT, INT): (NONE, _tag_is_not)})
JOINED_TAG: Key = primitive("joined_tag", {(INT, INT): (INT, _joined_tag)})
BARRIER: Key = primitive("barrier", {(): (NONE, _barrier)})
KEEP: Key = primitive("keep", {(FLOAT,): (NONE, _keep)})
ONE_PASS: Key = primitive("one_pass", {(): (NONE, _one_pass)})
PASSES_LEFT: Key = primitive("passes_left", {(ITERATOR,): (INT, _passes_left)})
NEXT_STRIP: Key = primitive("next_strip", {(ITERATOR, INT): (INT, _next_strip)})
FIRST_OF_STRIP: Key = primitive("first_of_strip", {(ITERATOR, INT): (INT, _first_of_strip)})
LAST_OF_STRIP: Key = primitive("last_of_strip", {(ITERATOR, INT): (INT, _last_of_strip)})
FEWER: Key = primitive("fewer", {(INT, INT): (INT, _fewer)})
ANY_LEFT: Key = primitive("any_left", {(INT,): (BOOL, _any_left)})
STEADY_INT: Key = primitive("steady", {(INT,): (NONE, _steady)})
LIMIT, WIDE_LIMIT = (
    primitive(
        f"limit_{bits}", {(INT,) * (2 + 2 * count): (NONE, _limit(bits)) for count in range(MOST_TERMS + 1)}
    )
    for bits in (64, 128)
)
RANGE: Key = primitive(
    "range", {(INT,) * count: (types.range_state64_type, _range(count)) for count in (1, 2, 3)}
)
ARANGE: Key = primitive(
    "arange",
    {(INT,) * count: (types.Array(INT, 1, "C"), _arange) for count in (1, 2)},
)
