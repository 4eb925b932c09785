"""New vectors made of old ones: `np.cumsum` and `np.cumprod` of a vector.

Sums and products so far are built up one by one, as NumPy's `accumulate` must. It refuses more dimensions, axes, and bools.
Source: NumPy's ufunc_object.c (`accumulate`).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.np.arrayobj import _empty_nd_impl as empty_array

from epochly._exact.kinds import Reject
from epochly._exact.lowering import FLOAT, I64, INT, ZERO, Key, array_primitive, numba_types, pinned
from epochly._exact.numpy_loops import BYTES
from epochly._exact.rows import MACHINE, element, row

ITEM = ir.Constant(I64, 8)  # bytes of an int64 and of a float64


def _new(context: Any, builder: Any, kind: Any, count: Any) -> tuple[Any, Any]:
    made = empty_array(context, builder, kind, [count])
    return made, builder.bitcast(made.data, BYTES)


def _put(builder: Any, data: Any, index: Any, value: Any) -> None:
    place = builder.gep(data, [builder.mul(index, ITEM)])
    builder.store(value, builder.bitcast(place, value.type.as_pointer()))


def _so_far(operation: str) -> Any:
    """Sums or products of the first elements, the first itself at the start."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, dtype = signature.args[0], signature.args[0].dtype
        data, count, stride = row(context, builder, kind, args[0])
        made, out = _new(context, builder, signature.return_type, count)
        carried = cgutils.alloca_once(builder, MACHINE[dtype])
        with cgutils.for_range(builder, count, intp=I64) as loop:
            value, held = element(builder, data, stride, loop.index, dtype), builder.load(carried)
            if dtype == FLOAT:
                grown = pinned(builder, getattr(builder, f"f{operation}")(held, value))
            else:
                grown = getattr(builder, operation)(held, value)
            first = builder.icmp_signed("==", loop.index, ZERO)
            result = builder.select(first, value, grown)
            builder.store(result, carried)
            _put(builder, out, loop.index, result)
        return made._getvalue()  # noqa: SLF001 - numba's way to it

    return lower


def _vector(kind: Any) -> Any:
    return numba_types.Array(getattr(kind, "dtype", FLOAT), 1, "C")


CUMSUM: Key = array_primitive("cumsum", 1, _vector, _so_far("add"))
CUMPROD: Key = array_primitive("cumprod", 1, _vector, _so_far("mul"))
SEQUENCES: dict[Key, str] = {CUMSUM: "cumsum", CUMPROD: "cumprod"}


def refusal(key: Key, kind: Any) -> Reject | None:
    """Why a sequence made of an array of this type is not exact, if it is not."""
    if not isinstance(kind, numba_types.Array) or kind.dtype not in (INT, FLOAT):
        return Reject(f"`{SEQUENCES[key]}` of something that is no array of ints or floats")
    if kind.ndim != 1:
        return Reject(f"`{SEQUENCES[key]}` of {kind.ndim} dimensions")
    return None
