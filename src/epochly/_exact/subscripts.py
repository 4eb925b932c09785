"""Indexing, slicing, looping over and building containers: what comes out, and what a store may touch.

It refuses indices that are neither ints nor slices, stores that change a value, and tuples whose items only run time could
tell apart. Sources: NumPy's indexing reference, the Python language reference 6.3.2 and 6.3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly._exact import elementwise, iteration, list_code, lists
from epochly._exact.conversion import conversion
from epochly._exact.kinds import NUMPY, Array, Items, Iterator, Kind, Number, joined, words
from epochly._exact.lowering import FLOAT, INT, NONE, numba_types, plain
from epochly._exact.promotion import COMPLEXES, SCALARS, SIGNED, SINGLE, UNSIGNED

if TYPE_CHECKING:
    from epochly._exact.check import Checker

BITS = 64  # of an index in machine code
INDICES = (INT, *SIGNED, *(kind for kind in UNSIGNED if kind.bitwidth < BITS))
FLAGGED = (FLOAT, SINGLE, *COMPLEXES)


def store(checker: Checker, target: Any, index: Any, value: Any) -> None:
    """`array[index] = value`."""
    array, what = checker.type_of(target), checker.type_of(value)
    if list_code.accepted(array):
        lists.store(checker, target, index, value)
        return
    if not isinstance(array, numba_types.Array):
        raise checker.reject("a store into something that is no array")
    if not picks_one(checker, array, index):
        elementwise.store(checker, target, value)
    elif what != array.dtype and not (array.dtype == FLOAT and what == INT):
        if what not in SCALARS or (what in COMPLEXES and array.dtype not in COMPLEXES):
            raise checker.reject(f"{words(what)} is stored into an array of {array.dtype}")
        checker.not_literal(value)
        checker.cast(checker.statement, conversion(what, array.dtype), array.dtype)
        checker.plan.uses_flags |= checker.final and what in FLAGGED
    kind = checker.kind_of(target)
    if isinstance(kind, Array):
        checker.plan.written |= kind.roots


def picks_one(checker: Checker, array: Any, index: Any) -> bool:
    """Whether an index picks one element; refuses what is no int and no slice."""
    parts = [plain(part) for part in (index if isinstance(index, numba_types.BaseTuple) else (index,))]
    new_axes = parts.count(NONE)
    parts = [part for part in parts if part != NONE]
    if any(part not in INDICES and not isinstance(part, numba_types.SliceType) for part in parts):
        raise checker.reject("an index that is no int and no slice")
    if len(parts) > array.ndim:
        raise checker.reject(f"an array of {array.ndim} dimensions is indexed with {len(parts)} ints")
    return not new_axes and len(parts) == array.ndim and all(part in INDICES for part in parts)


def getitem(checker: Checker, source: Any, index: Any, static: Any) -> Kind | None:
    """`array[index]` or `tuple[index]`."""
    kind, container = checker.kind_of(source), checker.type_of(source)
    if list_code.accepted(container):
        return lists.getitem(checker, source, index)
    if isinstance(container, numba_types.Array):
        if picks_one(checker, container, index):
            return NUMPY
        return kind.part if isinstance(kind, Array) else None
    if isinstance(container, numba_types.BaseTuple) and plain(index) == INT:
        if not isinstance(kind, Items):
            return None
        if type(static) is int:
            item: Kind | None = kind.items[static]
        else:
            item = None
            for each in kind.items:
                item = joined(item, each)
        if checker.final and isinstance(item, Number) and item.mixed:
            raise checker.reject("a tuple holds both Python's and NumPy's numbers")
        return item
    raise checker.reject(f"an index into {words(container)}")


def getiter(checker: Checker, source: Any) -> Kind | None:
    """What a `for` draws from."""
    item = iteration.drawn(checker, source)
    return None if item is None else Iterator(item)


def build_tuple(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """`(a, b)`."""
    of = checker.kind_of if target.name in checker.index_only else checker.settled
    items = [of(item) for item in expr.items]
    return None if None in items else Items(tuple(item for item in items if item is not None))
