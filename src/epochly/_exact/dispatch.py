"""The callable of a specialisation: guards, snapshot, machine code, boxing, in this order.

Machine code does all of it (`gate`). Where something is otherwise than compiled for, `Slow` looks again in Python: it
says what, or serves the call after all, since equal dtypes may be two objects. It refuses to compile, and knows nothing of
budgets. An exception that a signal handler raised passes through; any other one of machine code is a `Deopt`: arrays are
restored, and the interpreter raises its own, with its own message and traceback.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochly._exact import Deopt, gate
from epochly._exact.guards import MISSING, Watched
from epochly._exact.kinds import NP, Array, Items, Kind, Number, Reject, Sequence
from epochly._exact.layout import FLAG_BITS, WORD, dtype_word
from epochly._exact.snapshot import Snapshots, calm
from epochly._exact.values import boxed_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

MONITORING: Any = getattr(sys, "monitoring", None)  # Python 3.12+
TOOLS = (0, 1, 2)  # of `sys.monitoring`: debugger, coverage, profiler
WATCHING: tuple[tuple[Any, ...], ...] = ((sys.gettrace,), (sys.getprofile,))
if MONITORING is not None:
    WATCHING += tuple((MONITORING.get_tool, tool) for tool in TOOLS)


class Boxing(NamedTuple):
    """How a machine result becomes the object Python would have returned."""

    way: int = gate.NO_BOX  # it already is; `call(result)`; argument `position`; or `call(result, *args)`
    call: Callable[..., object] | None = None
    position: int = 0
    dtype: Any = None  # for scalars that the gate makes itself

    def of(self, result: object, args: tuple[Any, ...]) -> object:
        """That object."""
        if self.way == gate.BOX_ARGUMENT:
            return args[self.position]
        if self.call is None:
            return result
        return self.call(result, *args) if self.way == gate.BOX_ALL else self.call(result)


AS_IT_IS = Boxing()


def boxing_for(kind: Kind | None, machine_type: Any) -> Boxing:
    """How results of a kind are boxed."""
    if isinstance(kind, Number) and NP in kind.marks:
        scalar: Any = boxed_numpy(str(machine_type))
        dtype = np.dtype(scalar)
        way = gate.BOX_INT if dtype.kind in "iu" else gate.BOX_FLOAT if dtype.char == "d" else gate.BOX_RESULT
        return Boxing(way, scalar, dtype=dtype)
    if isinstance(kind, Array):
        (position,) = kind.roots
        if position < 0:  # memory of its own
            return Boxing(gate.BOX_RESULT, np.ndarray.copy)
        return Boxing(gate.BOX_ARGUMENT, None, position)
    if isinstance(kind, Sequence):
        (position,) = kind.roots
        if position >= 0:
            return Boxing(gate.BOX_ARGUMENT, None, position)
        if kind.item is None:
            return AS_IT_IS
        item = boxing_for(kind.item, getattr(machine_type, "dtype", machine_type))
        if item is AS_IT_IS:
            return item
        return Boxing(gate.BOX_RESULT, lambda result: [item.of(part, ()) for part in result])
    if isinstance(kind, Items):
        parts = [boxing_for(item, part) for item, part in zip(kind.items, tuple(machine_type), strict=True)]
        fresh = [
            place for place, item in enumerate(kind.items) if isinstance(item, Array) and min(item.roots) < 0
        ]
        if len(fresh) > 1:
            return Boxing(gate.BOX_ALL, lambda result, *args: _items(parts, fresh, result, args))
        if any(part is not AS_IT_IS for part in parts):
            return Boxing(
                gate.BOX_ALL,
                lambda result, *args: tuple(
                    part.of(each, args) for part, each in zip(parts, result, strict=True)
                ),
            )
    return AS_IT_IS


def _items(parts: list[Boxing], fresh: list[int], result: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tuple of several new arrays, of which two may be one and the same."""
    made = [part.of(each, args) for part, each in zip(parts, result, strict=True)]
    seen: dict[int, int] = {}
    for place in fresh:
        first = seen.setdefault(result[place].ctypes.data, place)
        made[place] = made[first]
    return tuple(made)


def array_guard(args: tuple[Any, ...]) -> tuple[tuple[int, Any, int, int], ...]:
    """Position, dtype, dimensions and flags of each array."""
    return tuple(
        (position, arg.dtype, arg.ndim, arg.flags.num & FLAG_BITS)
        for position, arg in enumerate(args)
        if type(arg) is np.ndarray
    )


class GaveUp:
    """What an entrance returns where machine code raised an exception of its own."""

    def __init__(self, error: BaseException) -> None:
        self.reason = reason_of(error)


def reason_of(error: BaseException) -> str:
    """Why machine code gave up, in words."""
    return error.reason if isinstance(error, Deopt) else f"machine code met {type(error).__name__}"


def give_up(error: BaseException, *_: object) -> object:
    """What a gate calls after machine code gave up and arrays were put back."""
    raise Deopt(reason_of(error)) from None


class Dispatcher:
    """One specialisation; `call` takes positional arguments and is exact or raises `Deopt`.

    `entry` unboxes without looking: numba's own dispatcher, told not to compile, takes arrays of any layout for the only one
    it has code for, read-only ones too. So dtype, dimensions and flags are compared before it.
    """

    def __init__(
        self,
        entry: Callable[..., Any],
        args: tuple[Any, ...],
        watched: Watched,
        snapshots: Snapshots | None,
        boxing: Boxing,
    ) -> None:
        if len(args) > gate.MOST_ARGUMENTS:
            raise Reject(f"it has more than {gate.MOST_ARGUMENTS} parameters")
        self.entry, self.watched, self.snapshots, self.boxing = entry, watched, snapshots, boxing
        self.exact_types = (*map(type, args),)
        self.arrays = array_guard(args)
        self.defaults = [(each, each.__defaults__, each.__kwdefaults__) for each, _ in watched.functions[1:]]
        self.enter = gate.builtin("entrance", (None, entry, None, GaveUp))
        self.copied: dict[int, int] = {}  # where in the table the record of an argument's copy is
        self.table = np.array(self._words(args), np.int64)
        self.tally, nobodys = np.zeros(1, np.int64), np.zeros(1, np.int64)
        self.call = self._gate(self.slow, give_up, nobodys)

    def joined(self, slow: Callable[..., Any], after: Callable[..., Any]) -> Callable[..., Any]:
        """A gate that leaves to `slow(*args)` what it has no code for, and to `after(reason, *args)` what was given up."""
        return self._gate(slow, lambda error, *args: after(reason_of(error), *args), self.tally)

    @property
    def answered(self) -> int:
        """How many calls joined gates answered themselves."""
        return int(self.tally[0])

    def slow(self, *given: Any) -> object:
        """One call without the gate."""
        self._look(given)
        snapshots = self.snapshots
        copies = {} if snapshots is None else snapshots.taken(given)
        result = self.enter(*given)
        if type(result) is GaveUp:
            Snapshots.restore(given, copies)
            raise Deopt(result.reason)
        if copies and snapshots is not None and not self.table[gate.BUSY]:
            for position, buffer in snapshots.grown(given).items():
                at = self.copied[position]
                self.table[at : at + 2] = buffer.ctypes.data, buffer.nbytes
        return self.boxing.of(result, given)

    def _look(self, given: tuple[Any, ...]) -> None:
        """Every guard, in Python; raises `Deopt` with the one that does not hold."""
        if (*map(type, given),) != self.exact_types:
            raise Deopt("guard: the arguments have other types")
        for position, dtype, ndim, flags in self.arrays:
            array = given[position]
            same = array.dtype is dtype or (array.dtype == dtype and array.dtype.num == dtype.num)
            if not same or array.ndim != ndim or array.flags.num & FLAG_BITS != flags:
                raise Deopt("guard: an array has another dtype, dimensions or layout")
        for space, name, value in self.watched.names:
            if space.get(name, MISSING) is not value:
                raise Deopt(f"guard: `{name}` means something else now")
        for cell, value in self.watched.cells:
            try:
                now = cell.cell_contents
            except ValueError:
                now = MISSING
            if now is not value:
                raise Deopt("guard: a closure cell holds something else now")
        for index, (function, code) in enumerate(self.watched.functions):
            if function.__code__ is not code:
                raise Deopt(f"guard: {'a' if index else 'the'} function has other code now")
        for function, values, keywords in self.defaults:
            if function.__defaults__ is not values or function.__kwdefaults__ is not keywords:
                raise Deopt("guard: a function has other defaults now")
        if any(ask(*about) is not None for ask, *about in WATCHING):
            raise Deopt("guard: a debugger, profiler or coverage tool is watching")

    def _gate(self, slow: Callable[..., Any], after: Callable[..., Any], tally: Any) -> Callable[..., Any]:
        way, box, _, dtype = self.boxing
        if way in (gate.BOX_FLOAT, gate.BOX_INT):
            box = dtype
        return gate.builtin("gate", (self.table, self.entry, slow, after, box, calm, tally, self))

    def _words(self, args: tuple[Any, ...]) -> list[int]:
        """The gate's table: see there."""
        words = [len(args), 0, self.boxing.way, self.boxing.position, *map(id, self.exact_types)]
        words.append(len(self.arrays))
        for position, dtype, ndim, flags in self.arrays:
            words += (position, dtype_word(dtype), ndim, flags, dtype.itemsize)
        self._copies(words, args)
        words.append(len(self.watched.names))
        for space, name, value in self.watched.names:
            words += (id(space), id(name), 0 if value is MISSING else id(value))
        for pairs in (self.watched.cells, self.watched.functions):
            words.append(len(pairs))
            for holder, value in pairs:
                words += (id(holder), id(value))
        for index in (1, 2):
            words.append(len(self.defaults))
            for each in self.defaults:
                words += (id(each[0]), 0 if each[index] is None else id(each[index]))
        words.append(len(WATCHING))
        for each in WATCHING:
            words += gate.hook(*each)
        return words

    def _copies(self, words: list[int], args: tuple[Any, ...]) -> None:
        """The part of the table that says which arrays are copied, and whereto."""
        snapshots = self.snapshots
        words.append(0 if snapshots is None else len(snapshots.positions))
        if snapshots is None:
            return
        spared = gate.FREE_IF_CALM if snapshots.uses_flags else gate.FREE
        for position in snapshots.positions:
            buffer, array = snapshots.buffers[position], args[position]
            room = buffer.nbytes if array.flags.forc else -1
            mode = spared if position in snapshots.only_stored else gate.COPY
            self.copied[position] = len(words) + gate.BUFFER // WORD
            words += (position, mode, array.itemsize, buffer.ctypes.data, room, 0, 0, 0)
