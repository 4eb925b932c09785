"""Sums, products, extremes and the like of an array, in the order that NumPy or Python computes them.

NumPy's are run by its own loops, pairwise sums and all, so they end in the same bits; `any`, `all`, `argmin` and `argmax`
have one right answer and are loops here. Each use of a loop of NumPy's is compared with NumPy on many arrays before it is
offered. An array is walked as one row (see `rows`). It refuses axes, and dtypes that NumPy converts piece by piece.
Sources: NumPy's reduction.c, loops.c.src and `_methods.py`; the Python library reference (`sum`, `min`, `max`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact import list_code
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
    call_c,
    deopt_if,
    intrinsic,
    numba_types,
    overflowing,
    pinned,
)
from epochly._exact.numpy_loops import BYTES, announce, call_loop, loop_address, reduced_by_loop
from epochly._exact.rows import (
    ANY_ORDER,
    I8,
    ITERATORS,
    MACHINE,
    C,
    element,
    fits_buffer,
    in_place,
    row,
    walked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ONE, EIGHT = ir.Constant(I64, 1), ir.Constant(I64, 8)
LETTERS: dict[Any, str] = {FLOAT: "d", INT: "l", BOOL: "?"}
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
        for rows, columns in ((2, 3), (9, 9), (130, 20), (20, 130), (5, 45), (1, 300), (300, 1)):
            view = _sample(rng, dtype, 4 * rows * columns).reshape(2 * rows, 2 * columns)[:rows, ::2]
            for array in (view, view.T):
                theirs = ufunc.reduce(array, axis=None)
                ours = reduced_by_loop(ufunc, types, view.ravel(), IDENTITIES.get(ufunc))
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


# -- by NumPy's loops ----------------------------------------------------------------------------------------------------
def _by_loop(ufunc: np.ufunc) -> Implementation:
    """As `ufunc.reduce` does: from the identity, or from the first element where there is none."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, dtype = signature.args[0], signature.args[0].dtype
        out = cgutils.alloca_once(builder, MACHINE[dtype])
        order, fresh = (ITERATORS if dtype == FLOAT else ANY_ORDER), ufunc not in IDENTITIES
        with walked(context, builder, kind, args[0], order, not_empty=fresh) as (data, count, stride):
            if fresh:
                start, rest = element(builder, data, stride, ZERO, dtype), builder.sub(count, ONE)
                place = builder.gep(data, [stride])
            else:
                start, rest, place = ir.Constant(MACHINE[dtype], IDENTITIES[ufunc]), count, data
            builder.store(start, out)
            with builder.if_then(builder.icmp_signed(">", rest, ZERO)):
                call_loop(
                    builder, (ufunc, loop_types(dtype)), [out, place, out], [rest], [ZERO, stride, ZERO]
                )
        result = builder.load(out)
        return builder.icmp_unsigned("!=", result, ir.Constant(I8, 0)) if dtype == BOOL else result

    return lower


def _folded(step: Callable[..., Any], *, from_first: bool) -> Implementation:
    """A loop over a vector that carries one value; `step` gets (context, builder, dtype, carried, element)."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        data, count, stride = row(context, builder, signature.args[0], args[0])
        deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), "a reduction of nothing")
        first = element(builder, data, stride, ZERO, dtype)
        carried = cgutils.alloca_once_value(builder, first if from_first else ir.Constant(MACHINE[dtype], 0))
        with cgutils.for_range(builder, count, intp=I64) as loop:
            value = element(builder, data, stride, loop.index, dtype)
            builder.store(step(context, builder, dtype, builder.load(carried), value), carried)
        return builder.load(carried)

    return lower


def _sum(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    if signature.args[0].dtype != BOOL:
        return _by_loop(np.add)(context, builder, signature, args)
    total = cgutils.alloca_once(builder, I64)
    builder.store(ZERO, total)
    with (
        walked(context, builder, signature.args[0], args[0], ANY_ORDER) as (data, count, stride),
        cgutils.for_range(builder, count, intp=I64) as loop,
    ):
        true = _is_true(builder, BOOL, element(builder, data, stride, loop.index, BOOL))
        builder.store(builder.add(builder.load(total), builder.zext(true, I64)), total)
    return builder.load(total)


def _mean(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    count = array.nitems
    deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), "a mean of nothing")
    if signature.args[0].dtype != FLOAT:
        return _mean_of_whole(context, builder, signature, args)
    total = _by_loop(np.add)(context, builder, signature, args)
    return pinned(builder, builder.fdiv(total, builder.sitofp(count, F64)))


def _as_floats(
    context: Any, builder: Any, kind: Any, value: Any, change: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """A buffer with what `change` makes of each element, and how many there are; it is the caller's to free."""
    with walked(context, builder, kind, value, ITERATORS) as (data, count, stride):
        buffer = call_c(builder, "malloc", BYTES, builder.add(builder.mul(count, EIGHT), EIGHT))
        lost = cgutils.is_null(builder, buffer)
        amount = builder.select(lost, ZERO, count)
        with cgutils.for_range(builder, amount, intp=I64) as loop:
            result = change(element(builder, data, stride, loop.index, kind.dtype))
            place = builder.gep(buffer, [builder.mul(loop.index, EIGHT)])
            builder.store(result, builder.bitcast(place, F64.as_pointer()))
    deopt_if(context, builder, lost, "no memory for a copy")
    return buffer, count


def _mean_of_buffer(builder: Any, buffer: Any, count: Any) -> Any:
    """The pairwise sum of a buffer, which is freed, through how many there are."""
    out = cgutils.alloca_once(builder, F64)
    builder.store(ir.Constant(F64, 0.0), out)
    call_loop(builder, (np.add, "dd->d"), [out, buffer, out], [count], [ZERO, EIGHT, ZERO])
    call_c(builder, "free", ir.VoidType(), buffer)
    return pinned(builder, builder.fdiv(builder.load(out), builder.sitofp(count, F64)))


def _mean_of_whole(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Ints and bools become floats in the iterator's buffer, so a larger array deopts."""
    kind = signature.args[0]
    fits_buffer(context, builder, context.make_array(kind)(context, builder, args[0]).nitems)
    convert = builder.sitofp if kind.dtype == INT else builder.uitofp
    buffer, count = _as_floats(context, builder, kind, args[0], lambda value: convert(value, F64))
    return _mean_of_buffer(builder, buffer, count)


def _variance(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The mean of the squared distances from the mean, as `_methods._var` computes it."""
    mean = _mean(context, builder, signature, args)

    def squared(value: Any) -> Any:
        distance = builder.fsub(value, mean)
        return builder.fmul(distance, distance)

    return _mean_of_buffer(builder, *_as_floats(context, builder, signature.args[0], args[0], squared))


def _deviation(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    variance = _variance(context, builder, signature, args)
    return pinned(builder, intrinsic(builder, "llvm.sqrt.f64", F64, variance))


# -- with one right answer -----------------------------------------------------------------------------------------------
def _is_true(builder: Any, dtype: Any, value: Any) -> Any:
    if dtype == FLOAT:
        return builder.fcmp_unordered("!=", value, ir.Constant(F64, 0.0))
    return builder.icmp_unsigned("!=", value, ir.Constant(value.type, 0))


def _searched(wanted: bool) -> Implementation:
    """Whether an element is true (`any`), or whether none is false (`all`)."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, dtype = signature.args[0], signature.args[0].dtype
        answer = cgutils.alloca_once(builder, I1)
        builder.store(ir.Constant(I1, not wanted), answer)
        with (
            walked(context, builder, kind, args[0], ANY_ORDER) as (data, count, stride),
            cgutils.for_range(builder, count, intp=I64) as loop,
        ):
            true = _is_true(builder, dtype, element(builder, data, stride, loop.index, dtype))
            with builder.if_then(true if wanted else builder.not_(true)):
                builder.store(ir.Constant(I1, wanted), answer)
                loop.do_break()
        return builder.load(answer)

    return lower


def _place(sign: str) -> Implementation:
    """The index of the first extreme; of the first NaN, if there is one."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, dtype = signature.args[0], signature.args[0].dtype
        place, best = cgutils.alloca_once(builder, I64), cgutils.alloca_once(builder, MACHINE[dtype])
        builder.store(ZERO, place)
        with walked(context, builder, kind, args[0], C, not_empty=True) as (data, count, stride):
            builder.store(element(builder, data, stride, ZERO, dtype), best)
            with cgutils.for_range(builder, count, intp=I64) as loop:
                value, held = element(builder, data, stride, loop.index, dtype), builder.load(best)
                nan = builder.fcmp_unordered("uno", value, value) if dtype == FLOAT else None
                better = _beyond(builder, dtype, sign, value, held)
                with builder.if_then(better if nan is None else builder.or_(nan, better)):
                    builder.store(value, best)
                    builder.store(loop.index, place)
                if nan is not None:
                    with builder.if_then(nan, likely=False):
                        loop.do_break()
        return builder.load(place)

    return lower


def _beyond(builder: Any, dtype: Any, sign: str, value: Any, held: Any) -> Any:
    if dtype == FLOAT:
        return builder.fcmp_ordered(sign, value, held)
    return (builder.icmp_unsigned if dtype == BOOL else builder.icmp_signed)(sign, value, held)


# -- Python's own --------------------------------------------------------------------------------------------------------
def _add_as_python(context: Any, builder: Any, dtype: Any, carried: Any, value: Any) -> Any:
    if dtype == FLOAT:
        return pinned(builder, builder.fadd(carried, value))
    total, overflow = overflowing(builder, "sadd", carried, value)
    deopt_if(context, builder, overflow, "NumPy warns of an overflow")
    return total


def _python_extreme(sign: str) -> Implementation:
    def better(_context: Any, builder: Any, dtype: Any, carried: Any, value: Any) -> Any:
        return builder.select(_beyond(builder, dtype, sign, value, carried), value, carried)

    return _folded(better, from_first=True)


# -- keys ----------------------------------------------------------------------------------------------------------------
def _dtype(kind: Any) -> Any:
    return kind.dtype if isinstance(kind, numba_types.Array) else FLOAT  # to be refused in words


def _summed(kind: Any) -> Any:
    return INT if _dtype(kind) == BOOL else _dtype(kind)


def _always(result: Any) -> Callable[[Any], Any]:
    return lambda _: result


def _of_items(name: str) -> Callable[[Any], Any]:
    def result(kind: Any) -> Any:
        return _dtype(kind) if isinstance(kind, numba_types.Array) else list_code.folds(name, kind)

    return result


def _on_items(name: str, of_array: Implementation) -> Implementation:
    """Python's own function, of an array or of a list, tuple or range."""
    other = list_code.fold(name)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        of = of_array if isinstance(signature.args[0], numba_types.Array) else other
        return of(context, builder, signature, args)

    return lower


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
VAR = array_primitive("var", 1, _always(FLOAT), _variance)
STD = array_primitive("std", 1, _always(FLOAT), _deviation)
PYTHON_ANY = array_primitive("python_any", 1, _always(BOOL), _searched(wanted=True))
PYTHON_ALL = array_primitive("python_all", 1, _always(BOOL), _searched(wanted=False))
PYTHON_SUM = array_primitive(
    "python_sum", 1, _of_items("sum"), _on_items("sum", _folded(_add_as_python, from_first=False))
)
PYTHON_MIN = array_primitive("python_min", 1, _of_items("min"), _on_items("min", _python_extreme("<")))
PYTHON_MAX = array_primitive("python_max", 1, _of_items("max"), _on_items("max", _python_extreme(">")))

# what each takes, and the loop of NumPy's that it needs for it
REDUCTIONS: dict[Key, tuple[str, tuple[Any, ...], np.ufunc | None]] = {
    SUM: ("sum", ALL_THREE, np.add),
    PROD: ("prod", NUMBERS, np.multiply),
    MEAN: ("mean", ALL_THREE, np.add),
    VAR: ("var", (FLOAT,), np.add),
    STD: ("std", (FLOAT,), np.add),
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
OF_ITEMS = (PYTHON_SUM, PYTHON_MIN, PYTHON_MAX)
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
    if kind.ndim > 1 and key in ONE_DIMENSION:
        return Reject(f"Python's `{name}` of an array of {kind.ndim} dimensions")
    if kind.ndim > 2 and not in_place(kind, C if key in IN_C_ORDER else ANY_ORDER):
        return Reject(f"`{name}` of {kind.ndim} dimensions whose elements are not one row in memory")
    if key is MEAN and kind.dtype != FLOAT and not (in_place(kind, ANY_ORDER) and offered(np.add, FLOAT)):
        return Reject("`mean` of a view of whole numbers")
    if ufunc is not None and kind.dtype in LOOPS[ufunc] and not offered(ufunc, kind.dtype):
        return Reject(f"NumPy's own `{name}` cannot be reached in NumPy {np.__version__}")
    return None
