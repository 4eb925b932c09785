"""Sums, products, extremes and the like of an array, in the order that NumPy or Python computes them.

NumPy's are run by its own loops, pairwise sums and all, so they end in the same bits; `any`, `all`, `argmin` and `argmax`
have one right answer and are loops here. Each use of a loop of NumPy's is compared with NumPy on many arrays before it is
offered. An array is walked as one row: one of one dimension, or of more without gaps, which NumPy's iterator walks as one row
too. It refuses views with gaps of two dimensions and more, axes, and dtypes that NumPy converts piece by piece.
Sources: NumPy's reduction.c, loops.c.src and `_methods.py`; the Python library reference (`sum`, `min`, `max`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact.kinds import Reject
from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I1,
    I64,
    INT,
    ZERO,
    Implementation,
    Key,
    array_primitive,
    deopt_if,
    numba_types,
    overflowing,
    pinned,
)
from epochly._exact.numpy_loops import BYTES, announce, call_loop, loop_address, reduced_by_loop

if TYPE_CHECKING:
    from collections.abc import Callable

I8 = ir.IntType(8)
ONE = ir.Constant(I64, 1)
EMPTY = "a reduction of nothing"
LETTERS: dict[Any, str] = {FLOAT: "d", INT: "l", BOOL: "?"}
MACHINE: dict[Any, Any] = {FLOAT: F64, INT: I64, BOOL: I8}
IDENTITIES: dict[np.ufunc, int] = {np.add: 0, np.multiply: 1}
LOOPS: dict[np.ufunc, tuple[Any, ...]] = {
    np.add: (FLOAT, INT),
    np.multiply: (FLOAT, INT),
    np.minimum: (FLOAT, INT, BOOL),
    np.maximum: (FLOAT, INT, BOOL),
}


# -- which loops of NumPy's are what we take them for --------------------------------------------------------------------
def loop_types(dtype: Any) -> str:
    """How `ufunc.types` spells a reduction's loop."""
    return f"{LETTERS[dtype] * 2}->{LETTERS[dtype]}"


@cache
def offered(ufunc: np.ufunc, dtype: Any) -> bool:
    """Whether a loop reduces as NumPy does; compared with it bit by bit, once."""
    types = loop_types(dtype)
    if loop_address(ufunc, types) is None:
        return False
    rng = np.random.default_rng(11)
    with np.errstate(all="ignore"):
        for size in (1, 2, 3, 7, 8, 9, 31, 127, 128, 129, 300, 1000, 5000, 20000):
            for step in (1, 2, 3, -1, -2):
                array = _sample(rng, dtype, size * abs(step))[::step]
                theirs = ufunc.reduce(array)
                start = IDENTITIES.get(ufunc)
                ours = reduced_by_loop(ufunc, types, array, start)
                if ours.tobytes() != theirs.tobytes():
                    return False
    return True


def _sample(rng: np.random.Generator, dtype: Any, size: int) -> np.ndarray[Any, Any]:
    if dtype == BOOL:
        return rng.random(size) < 0.5
    if dtype == INT:
        return rng.integers(-(2**62), 2**62, size)
    array = rng.normal(size=size) * 10.0 ** rng.integers(-9, 9, size)
    array[rng.random(size) < 0.2] *= 0.0  # zeros of both signs
    return array


# -- walking an array ----------------------------------------------------------------------------------------------------
def row(context: Any, builder: Any, kind: Any, value: Any) -> tuple[Any, Any, Any]:
    """Where an array begins, how many elements it has, and the bytes from one to the next."""
    array = context.make_array(kind)(context, builder, value)
    data = builder.bitcast(array.data, BYTES)
    if kind.ndim == 1:
        return data, builder.extract_value(array.shape, 0), builder.extract_value(array.strides, 0)
    return data, array.nitems, array.itemsize


def element(builder: Any, data: Any, stride: Any, index: Any, dtype: Any) -> Any:
    """The value of one element; a bool as a byte."""
    place = builder.gep(data, [builder.mul(index, stride)])
    return builder.load(builder.bitcast(place, MACHINE[dtype].as_pointer()))


def _folded(step: Callable[..., Any], start: Any) -> Implementation:
    """A loop over all elements that carries one value; `step` gets (context, builder, dtype, carried, element)."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        carried = cgutils.alloca_once_value(builder, start)
        with cgutils.for_range(builder, count, intp=I64) as loop:
            value = element(builder, data, stride, loop.index, dtype)
            builder.store(step(context, builder, dtype, builder.load(carried), value), carried)
        return builder.load(carried)

    return lower


# -- by NumPy's loops ----------------------------------------------------------------------------------------------------
def _by_loop(ufunc: np.ufunc) -> Implementation:
    """As `ufunc.reduce` does: from the identity, or from the first element where there is none."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        if ufunc in IDENTITIES:
            start = ir.Constant(MACHINE[dtype], IDENTITIES[ufunc])
        else:
            deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), EMPTY)
            start = builder.load(builder.bitcast(data, MACHINE[dtype].as_pointer()))
            data, count = builder.gep(data, [stride]), builder.sub(count, ONE)
        out = cgutils.alloca_once(builder, MACHINE[dtype])
        builder.store(start, out)
        with builder.if_then(builder.icmp_signed(">", count, ZERO)):
            call_loop(builder, (ufunc, loop_types(dtype)), [out, data, out], [count], [ZERO, stride, ZERO])
        result = builder.load(out)
        return builder.icmp_unsigned("!=", result, ir.Constant(I8, 0)) if dtype == BOOL else result

    return lower


def _count_true(_context: Any, builder: Any, _dtype: Any, carried: Any, value: Any) -> Any:
    return builder.add(carried, builder.zext(builder.icmp_unsigned("!=", value, ir.Constant(I8, 0)), I64))


def _sum(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    lower = _folded(_count_true, ZERO) if signature.args[0].dtype == BOOL else _by_loop(np.add)
    return lower(context, builder, signature, args)


def _mean(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    _, count, _ = row(context, builder, signature.args[0], args[0])
    deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), EMPTY)
    total = _by_loop(np.add)(context, builder, signature, args)
    return pinned(builder, builder.fdiv(total, builder.sitofp(count, F64)))


# -- with one right answer -----------------------------------------------------------------------------------------------
def _is_true(builder: Any, dtype: Any, value: Any) -> Any:
    if dtype == FLOAT:
        return builder.fcmp_unordered("!=", value, ir.Constant(F64, 0.0))
    return builder.icmp_unsigned("!=", value, ir.Constant(value.type, 0))


def _searched(wanted: bool) -> Implementation:
    """Whether an element is true (`any`), or whether none is false (`all`)."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        answer = cgutils.alloca_once_value(builder, ir.Constant(I1, not wanted))
        with cgutils.for_range(builder, count, intp=I64) as loop:
            true = _is_true(builder, dtype, element(builder, data, stride, loop.index, dtype))
            with builder.if_then(true if wanted else builder.not_(true)):
                builder.store(ir.Constant(I1, wanted), answer)
                loop.do_break()
        return builder.load(answer)

    return lower


def _place(sign: str) -> Implementation:
    """The index of the first extreme; of the first NaN, if there is one."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), EMPTY)
        place = cgutils.alloca_once_value(builder, ZERO)
        best = cgutils.alloca_once_value(builder, element(builder, data, stride, ZERO, dtype))
        with cgutils.for_range(builder, count, intp=I64) as loop:
            value, held = element(builder, data, stride, loop.index, dtype), builder.load(best)
            if dtype == FLOAT:
                nan = builder.fcmp_unordered("uno", value, value)
                better = builder.or_(nan, builder.fcmp_ordered(sign, value, held))
            elif dtype == BOOL:
                nan, better = None, builder.icmp_unsigned(sign, value, held)
            else:
                nan, better = None, builder.icmp_signed(sign, value, held)
            with builder.if_then(better):
                builder.store(value, best)
                builder.store(loop.index, place)
            if nan is not None:
                with builder.if_then(nan, likely=False):
                    loop.do_break()
        return builder.load(place)

    return lower


# -- Python's own --------------------------------------------------------------------------------------------------------
def _add_as_python(context: Any, builder: Any, dtype: Any, carried: Any, value: Any) -> Any:
    if dtype == FLOAT:
        return pinned(builder, builder.fadd(carried, value))
    total, overflow = overflowing(builder, "sadd", carried, value)
    deopt_if(context, builder, overflow, "NumPy warns of an overflow")
    return total


def _python_sum(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    _, count, _ = row(context, builder, signature.args[0], args[0])
    deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), "a sum that is the int it starts from")
    start = ir.Constant(MACHINE[signature.args[0].dtype], 0)
    return _folded(_add_as_python, start)(context, builder, signature, args)


def _python_extreme(sign: str) -> Implementation:
    def better(_context: Any, builder: Any, dtype: Any, carried: Any, value: Any) -> Any:
        compare = builder.fcmp_ordered if dtype == FLOAT else builder.icmp_signed
        return builder.select(compare(sign, value, carried), value, carried)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), EMPTY)
        return _folded(better, element(builder, data, stride, ZERO, dtype))(context, builder, signature, args)

    return lower


# -- keys ----------------------------------------------------------------------------------------------------------------
def _dtype(kind: Any) -> Any:
    return kind.dtype if isinstance(kind, numba_types.Array) else None


def _summed(kind: Any) -> Any:
    return INT if _dtype(kind) == BOOL else _dtype(kind)


def _always(result: Any) -> Callable[[Any], Any]:
    return lambda kind: result if isinstance(kind, numba_types.Array) else None


ALL_THREE, NUMBERS = (FLOAT, INT, BOOL), (FLOAT, INT)
SUM = array_primitive("sum", 1, _summed, _sum)
PROD = array_primitive("prod", 1, _dtype, _by_loop(np.multiply))
MEAN = array_primitive("mean", 1, _always(FLOAT), _mean)
LEAST_OF = array_primitive("least", 1, _dtype, _by_loop(np.minimum))
MOST_OF = array_primitive("most", 1, _dtype, _by_loop(np.maximum))
ANY = array_primitive("any", 1, _always(BOOL), _searched(wanted=True))
ALL = array_primitive("all", 1, _always(BOOL), _searched(wanted=False))
ARGMIN = array_primitive("argmin", 1, _always(INT), _place("<"))
ARGMAX = array_primitive("argmax", 1, _always(INT), _place(">"))
PYTHON_ANY = array_primitive("python_any", 1, _always(BOOL), _searched(wanted=True))
PYTHON_ALL = array_primitive("python_all", 1, _always(BOOL), _searched(wanted=False))
PYTHON_SUM = array_primitive("python_sum", 1, _dtype, _python_sum)
PYTHON_MIN = array_primitive("python_min", 1, _dtype, _python_extreme("<"))
PYTHON_MAX = array_primitive("python_max", 1, _dtype, _python_extreme(">"))

# what each takes, and the loop of NumPy's that it needs for it
REDUCTIONS: dict[Key, tuple[str, tuple[Any, ...], np.ufunc | None]] = {
    SUM: ("sum", ALL_THREE, np.add),
    PROD: ("prod", NUMBERS, np.multiply),
    MEAN: ("mean", (FLOAT,), np.add),
    LEAST_OF: ("min", ALL_THREE, np.minimum),
    MOST_OF: ("max", ALL_THREE, np.maximum),
    ANY: ("any", ALL_THREE, None),
    ALL: ("all", ALL_THREE, None),
    ARGMIN: ("argmin", ALL_THREE, None),
    ARGMAX: ("argmax", ALL_THREE, None),
    PYTHON_ANY: ("any", ALL_THREE, None),
    PYTHON_ALL: ("all", ALL_THREE, None),
    PYTHON_SUM: ("sum", NUMBERS, None),
    PYTHON_MIN: ("min", NUMBERS, None),
    PYTHON_MAX: ("max", NUMBERS, None),
}
IN_C_ORDER = (ARGMIN, ARGMAX)  # count by the order of C whatever the memory's is
ONE_DIMENSION = (PYTHON_ANY, PYTHON_ALL, PYTHON_SUM, PYTHON_MIN, PYTHON_MAX)
PYTHON_ANSWERS = (PYTHON_ANY, PYTHON_ALL)

for _ufunc, _dtypes in LOOPS.items():
    for _one in _dtypes:
        announce(_ufunc, loop_types(_one))


def refusal(key: Key, kind: Any) -> Reject | None:
    """Why a reduction of an array of this type is not exact, if it is not."""
    name, dtypes, ufunc = REDUCTIONS[key]
    if not isinstance(kind, numba_types.Array):
        return Reject(f"`{name}` of something that is no array")
    if kind.dtype not in dtypes:
        return Reject(f"`{name}` of an array of {kind.dtype}")
    if kind.ndim > 1 and (key in ONE_DIMENSION or kind.layout not in ("C" if key in IN_C_ORDER else "CF")):
        return Reject(f"`{name}` of {kind.ndim} dimensions whose elements are not one row in memory")
    if ufunc is not None and kind.dtype in LOOPS[ufunc] and not offered(ufunc, kind.dtype):
        return Reject(f"NumPy's own `{name}` cannot be reached in NumPy {np.__version__}")
    return None
