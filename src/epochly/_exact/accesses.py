"""One element of an array, read or stored, with as many checks as its index still needs.

Each axis has a letter: `w` wraps a negative index and checks, `c` checks one that is known not to be negative, `n` does neither.
What stands behind the letters is proved by `facts` or checked before the loop by `strips`; a wrong letter is a crash. It refuses
to raise: an index out of range deopts, and the interpreter raises its own error. Source: NumPy's indexing reference.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.np.arrayobj import load_item, make_array, store_item

from epochly._exact.lowering import INT, NONE, ZERO, Key, deopt_if, install, numba_types

WRAP, CHECK, TRUST = "w", "c", "n"
WHY = "an index is out of range"
_known: dict[str, Key] = {}


def of_array(name: str, result: Any, lower: Any) -> Key:
    """A key that takes an array and whatever else; `result` tells the result's type from the arguments' types."""

    def key(*_: object) -> None:
        raise AssertionError(f"`{name}` exists in machine code only")

    key.__name__ = key.__qualname__ = f"epochly_{name}"
    globals()[key.__name__] = key

    def generic(_self: Any, args: Any, _kws: Any) -> Any:
        return signature(result(args), *args)

    infer_global(key)(type(key.__name__, (AbstractTemplate,), {"key": key, "generic": generic}))
    lower_builtin(key, numba_types.Array, numba_types.VarArg(numba_types.Any))(lower)
    _known[name] = key
    return key


def loading(letters: str) -> Key:
    """The key that reads `array[indices]`, an axis a letter."""
    return _made(f"load_{letters}", lambda args: args[0].dtype, _load, letters)


def storing(letters: str) -> Key:
    """The key that stores: array, indices, value."""
    return _made(f"store_{letters}", lambda _: NONE, _store, letters)


def axis_length(axis: int) -> Key:
    """The key that gives the length of one axis."""
    return _made(f"length_{axis}", lambda _: INT, _length, axis)


def _made(name: str, result: Any, lower: Any, given: Any) -> Key:
    if name not in _known:
        of_array(name, result, lambda *rest: lower(given, *rest))
        install()
    return _known[name]


def _pointer(letters: str, context: Any, builder: Any, machine_type: Any, args: Any) -> Any:
    array = make_array(machine_type)(context, builder, args[0])
    lengths = cgutils.unpack_tuple(builder, array.shape, machine_type.ndim)
    indices = []
    for letter, index, length in zip(letters, args[1:], lengths, strict=False):
        where = index
        if letter == WRAP:
            negative = builder.icmp_signed("<", index, ZERO)
            where = builder.select(negative, builder.add(index, length), index)
        if letter != TRUST:  # a length is not negative, so what is below zero is too large without its sign
            outside = builder.icmp_unsigned(">=", where, length)
            deopt_if(context, builder, outside, WHY)
        indices.append(where)
    return cgutils.get_item_pointer(context, builder, machine_type, array, indices, wraparound=False)


def _load(letters: str, context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer = _pointer(letters, context, builder, sig.args[0], args)
    return load_item(context, builder, sig.args[0], pointer)


def _store(letters: str, context: Any, builder: Any, sig: Any, args: Any) -> Any:
    array = sig.args[0]
    pointer = _pointer(letters, context, builder, array, args)
    value = context.cast(builder, args[-1], sig.args[-1], array.dtype)
    store_item(context, builder, array, value, pointer)
    return context.get_dummy_value()


def _length(axis: int, context: Any, builder: Any, sig: Any, args: Any) -> Any:
    array = make_array(sig.args[0])(context, builder, args[0])
    return cgutils.unpack_tuple(builder, array.shape, sig.args[0].ndim)[axis]
