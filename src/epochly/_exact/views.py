"""`numpy.flip` of a vector: the same memory, read backwards.

What comes out shares memory with its argument, so a store into it is a store into that. It refuses more dimensions and axes.
Source: NumPy's `flip`, which is `m[::-1]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core.imputils import impl_ret_borrowed
from numba.np.arrayobj import populate_array

from epochly._exact.kinds import Array, Kind
from epochly._exact.lowering import I64, Key, array_primitive, numba_types
from epochly._exact.rows import row

if TYPE_CHECKING:
    from epochly._exact.check import Checker


def flipped(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """A view of a vector from its last element to its first."""
    kind, result = signature.args[0], signature.return_type
    array = context.make_array(kind)(context, builder, args[0])
    view = context.make_array(result)(context, builder)
    data, count, stride = row(context, builder, kind, args[0])
    last = builder.gep(data, [builder.mul(builder.sub(count, ir.Constant(I64, 1)), stride)])
    empty = builder.icmp_signed("==", count, ir.Constant(I64, 0))
    populate_array(
        view,
        data=builder.bitcast(builder.select(empty, data, last), array.data.type),
        shape=array.shape,
        strides=[builder.neg(stride)],
        itemsize=array.itemsize,
        meminfo=array.meminfo,
        parent=array.parent,
    )
    return impl_ret_borrowed(context, builder, result, view._getvalue())  # noqa: SLF001 - numba's way to it


def _backwards(kind: Any) -> Any:
    vector = isinstance(kind, numba_types.Array) and kind.ndim == 1
    return kind.copy(layout="A") if vector else None


FLIP: Key = array_primitive("flip", 1, _backwards, flipped)


def flip(checker: Checker, expr: Any) -> Kind | None:
    """The kind of `np.flip(vector)`."""
    kind = checker.kind_of(expr.args[0])
    return kind.part if isinstance(kind, Array) else None
