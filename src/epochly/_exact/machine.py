"""Primitives of the machinery itself: floating-point status flags, run-time tags, ranges, and looking for signals.

NumPy warns by the processor's status flags, and so do we: they are cleared at entry and read before each return, and any
flag means that the interpreter runs the call, with whatever `numpy.errstate` and warning filters then say. Underflow is
ignored by NumPy unless somebody asked for it, so NumPy is asked where it happened. It refuses ranges beyond 62 bits, whose length numba miscounts.
Sources: ISO C 7.6, IEEE 754 clause 7, numba's range implementation.
"""

from __future__ import annotations

import ctypes
import platform
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from epochly._exact.lowering import (
    I32,
    I64,
    INT,
    NONE,
    ZERO,
    Key,
    call_c,
    deopt_if,
    opaque_symbol,
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
SELDOM = (
    2**16
)  # passes of a loop without inner loops between two looks for a signal; a few hundred microseconds
OFTEN = 2**4  # passes of one with inner loops
WIDEST = 2**62  # a range's bound; sums of two of them still fit


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


@ctypes.CFUNCTYPE(ctypes.c_int)
def _underflow_matters() -> int:
    """Whether NumPy does anything at all about an underflow, here and now."""
    return int(np.geterr()["under"] != "ignore")


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


def _signals(context: Any, builder: Any, passes: int) -> Any:
    """Every so many passes, run Python's signal handlers; what they raise leaves machine code as it is."""
    counter = cgutils.alloca_once(builder, I64)  # zero at entry
    count = builder.add(builder.load(counter), ir.Constant(I64, 1))
    builder.store(count, counter)
    due = builder.icmp_signed("==", builder.and_(count, ir.Constant(I64, passes - 1)), ZERO)
    with builder.if_then(due, likely=False):
        raised = call_c(builder, "PyErr_CheckSignals", I32)
        with builder.if_then(builder.icmp_signed("!=", raised, ir.Constant(I32, 0)), likely=False):
            context.call_conv.return_exc(builder)
    return context.get_dummy_value()


def _narrow_enough(context: Any, builder: Any, args: Any) -> None:
    for arg in args:
        shifted = builder.add(arg, ir.Constant(I64, WIDEST))
        wide = builder.icmp_unsigned(">", shifted, ir.Constant(I64, 2 * WIDEST))
        deopt_if(context, builder, wide, "a range is wider than 62 bits")


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


for _name in ("feclearexcept", "fetestexcept"):
    opaque_symbol(_name)
llvmlite.binding.add_symbol(
    "epochly_c_PyErr_CheckSignals",
    ctypes.cast(ctypes.pythonapi.PyErr_CheckSignals, ctypes.c_void_p).value,
)

llvmlite.binding.add_symbol(
    "epochly_c_underflow_matters", ctypes.cast(_underflow_matters, ctypes.c_void_p).value
)

CLEAR_FLAGS: Key = primitive("clear_flags", {(): (NONE, _clear)})
TEST_FLAGS: Key = primitive("test_flags", {(): (NONE, _test)})
TAG_IS: Key = primitive("tag_is", {(INT, INT): (NONE, _tag_is)})
TAG_IS_NOT: Key = primitive("tag_is_not", {(INT, INT): (NONE, _tag_is_not)})
JOINED_TAG: Key = primitive("joined_tag", {(INT, INT): (INT, _joined_tag)})
SIGNALS_SELDOM: Key = primitive(
    "signals_seldom", {(): (NONE, lambda context, builder, _s, _a: _signals(context, builder, SELDOM))}
)
SIGNALS_OFTEN: Key = primitive(
    "signals_often", {(): (NONE, lambda context, builder, _s, _a: _signals(context, builder, OFTEN))}
)
RANGE: Key = primitive(
    "range", {(INT,) * count: (types.range_state64_type, _range(count)) for count in (1, 2, 3)}
)
ARANGE: Key = primitive(
    "arange",
    {(INT,) * count: (types.Array(INT, 1, "C"), _arange) for count in (1, 2)},
)
