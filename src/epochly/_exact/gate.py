"""The way into machine code: a builtin that compares, in machine code, all that must still hold, copies, and calls.

A gate works down a table: exact types of the arguments; dtype object, dimensions and flags of arrays; copies of those that
are stored to; names, closure cells and code, by identity; hooks that have to answer `None`. If something is otherwise it
calls `slow` with the same arguments, which looks again in Python and knows the words. If machine code gives up, arrays are
put back and `after(exception, *arguments)` answers for it. An exception of a signal handler passes, arrays as they are. An
entrance is the same without looking and copying; it returns what `after(exception)` makes of giving up.

Only addresses are compared, and the gate keeps alive what is there. It refuses builds of Python or NumPy whose objects look
otherwise than it expects, and those without the interpreter's lock. Sources: Python's C interface (vectorcall), NumPy's C
interface (`PyArrayObject`), against which extension modules are compiled.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core.compiler_lock import global_compiler_lock

from epochly._exact.arena import DECREF, VOID, Arena, c_address, caught, publish, raised_by_handler
from epochly._exact.kinds import Reject
from epochly._exact.layout import (
    DATA,
    DIMS,
    DTYPE,
    DTYPE_WORD,
    FLAG_BITS,
    FLAGS,
    HEAD,
    ITEMS,
    NDIM,
    PYARRAY_SCALAR,
    STRIDES,
    TYPE,
    WORD,
    numpy_function,
)
from epochly._exact.words import I32, I64, Function, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARITY, BUSY, BOXING, BOX_POSITION, LISTS = range(5)  # words of a table before its lists
NO_BOX, BOX_RESULT, BOX_ARGUMENT, BOX_ALL, BOX_FLOAT, BOX_INT = range(6)
TABLE, ENTRY, SLOW, AFTER, BOX, CALM, TALLY = range(
    7
)  # items of a gate's tuple; what follows is only kept alive
COPY, FREE, FREE_IF_CALM = range(3)  # what is done about an array that is stored to
SMALL_BYTES = 2**16  # copying so little takes less time than asking whether it is needed
ARRAY_WORDS, SNAPSHOT_WORDS, NAME_WORDS, PAIR_WORDS, HOOK_WORDS = 5, 8, 3, 2, 3
POSITION, MODE, ITEM_BYTES, BUFFER, CAPACITY, TAKEN, FROM, INTO = (
    WORD * each for each in range(SNAPSHOT_WORDS)
)
MOST_ARGUMENTS = 64
FASTCALL, NO_ARGUMENTS, ONE_ARGUMENT = 0x80, 0x4, 0x8  # of `PyMethodDef`'s flags
MEMCPY = ctypes.cast(ctypes.CDLL(None).memcpy, ctypes.c_void_p).value or 0
VECTORCALL = c_address("PyObject_Vectorcall")
INCREF = c_address("Py_IncRef")


class Method(ctypes.Structure):
    """Python's `PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Gate:
    """Builds `epochly_gate` in a module."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.f = f = Function(arena.module, "epochly_gate", 3)
        self.me, self.args, self.count = f.args
        self.table = f.load(self._item(TABLE), DATA)
        self.cursor = f.local(f.plus(self.table, LISTS * WORD))
        self.refuse = f.builder.append_basic_block("refuse")
        self.release = f.builder.append_basic_block("release")
        f.require(f.test("==", self.count, f.load(self.table, ARITY * WORD)), self.refuse)
        self.types()
        arrays = f.load(self.cursor)
        self.arrays()
        snapshots = f.load(self.cursor)
        self.snapshots(arrays)
        self.names()
        self.pairs()
        self.hooks()
        result = f.call(arena.enter, self._item(ENTRY), self.args, self.count)
        self.gave_up(result, snapshots)
        self.release_buffers()
        tally = f.load(self._item(TALLY), DATA)
        f.store(tally, f.plus(f.load(tally), 1))
        self.boxes(result)
        f.builder.position_at_end(self.release)
        self.release_buffers()
        f.builder.branch(self.refuse)
        f.builder.position_at_end(self.refuse)
        f.give(f.call(VECTORCALL, self._item(SLOW), self.args, self.count, 0))

    def _item(self, index: int) -> Any:
        return self.f.load(self.me, ITEMS + WORD * index)

    def argument(self, position: Any) -> Any:
        """An argument."""
        return self.f.load(self.f.at(self.args, position))

    def require(self, condition: Any) -> None:
        """Go the slow way unless `condition` holds."""
        self.f.require(condition, self.release)

    def release_buffers(self) -> None:
        """Let the next call copy."""
        self.f.store(self.table, 0, BUSY * WORD)

    @contextmanager
    def records(self, size: int) -> Iterator[Any]:
        """For each record of the list under the cursor, which moves behind the list."""
        f = self.f
        start = f.plus(f.load(self.cursor), WORD)
        length = f.load(f.load(self.cursor))
        with f.times(length) as index:
            yield f.at(start, index, size * WORD)
        f.store(self.cursor, f.at(start, length, size * WORD))

    def types(self) -> None:
        """Exact types of the arguments."""
        f = self.f
        wanted = f.load(self.cursor)
        with f.times(self.count) as index:
            found = f.load(self.argument(index), TYPE)
            f.require(f.test("==", found, f.load(f.at(wanted, index))), self.refuse)
        f.store(self.cursor, f.at(wanted, self.count))

    def arrays(self) -> None:
        """Dtype, dimensions and flags of arrays."""
        f = self.f
        with self.records(ARRAY_WORDS) as record:
            array = self.argument(f.load(record))
            f.require(
                f.test("==", f.load(f.load(array, DTYPE), DTYPE_WORD), f.load(record, WORD)), self.refuse
            )
            dimensions = f.builder.zext(f.load(array, NDIM, I32), I64)
            f.require(f.test("==", dimensions, f.load(record, 2 * WORD)), self.refuse)
            flags = f.builder.and_(f.builder.zext(f.load(array, FLAGS, I32), I64), word(FLAG_BITS))
            f.require(f.test("==", flags, f.load(record, 3 * WORD)), self.refuse)

    def snapshots(self, arrays: Any) -> None:
        """Copies of arrays that are stored to, where they are needed."""
        f = self.f
        with f.when(f.test("!=", f.load(f.load(self.cursor)))):
            f.require(f.test("==", f.load(self.table, BUSY * WORD)), self.refuse)
            f.store(self.table, 1, BUSY * WORD)
        with self.records(SNAPSHOT_WORDS) as record:
            position = f.load(record, POSITION)
            array = self.argument(position)
            size = self.bytes_of(array, f.load(record, ITEM_BYTES))
            needed = f.local(1)
            with f.when(f.test("!=", f.load(record, MODE), COPY)):
                self.spare(arrays, record, array, size, needed)
            f.store(record, 0, TAKEN)
            with f.when(f.test("!=", f.load(needed))):
                self.require(f.test("<=", size, f.load(record, CAPACITY)))
                source = f.load(array, DATA)
                buffer = f.load(record, BUFFER)
                f.call(MEMCPY, buffer, source, size)
                f.store(record, buffer, INTO)
                f.store(record, source, FROM)
                f.store(record, size, TAKEN)

    def bytes_of(self, array: Any, item: Any) -> Any:
        """The size of an array without gaps."""
        f = self.f
        size = f.local(item)
        with f.times(f.builder.zext(f.load(array, NDIM, I32), I64)) as axis:
            length = f.load(f.at(f.load(array, DIMS), axis))
            f.store(size, f.builder.mul(f.load(size), length))
        return f.load(size)

    def spare(self, arrays: Any, record: Any, array: Any, size: Any, needed: Any) -> None:
        """Set `needed` to zero where the array can do without a copy: see `snapshot`."""
        f = self.f
        mode = f.load(record, MODE)
        low, high = self.bounds(array, f.load(record, ITEM_BYTES))
        apart = f.local(1)
        with f.times(f.load(arrays)) as index:
            other = f.at(f.plus(arrays, WORD), index, ARRAY_WORDS * WORD)
            other_low, other_high = self.bounds(self.argument(f.load(other)), f.load(other, 4 * WORD))
            before, behind = f.test("<=", high, other_low), f.test("<=", other_high, low)
            itself = f.test("==", f.load(other), f.load(record, POSITION))
            with f.when(f.builder.not_(f.builder.or_(itself, f.builder.or_(before, behind)))):
                f.store(apart, 0)
        with f.when(f.test("!=", f.load(apart))):
            with f.when(f.test("==", mode, FREE)):
                f.store(needed, 0)
            large = f.test(">", size, SMALL_BYTES)
            with f.when(f.builder.and_(f.test("==", mode, FREE_IF_CALM), large)):
                answer = f.call(c_address("PyObject_CallNoArgs"), self._item(CALM))
                with f.when(f.test("==", answer)):
                    f.call(c_address("PyErr_Clear"), result=VOID)
                with f.when(f.test("==", answer, id(True))):
                    f.store(needed, 0)
                f.call(DECREF, answer, result=VOID)

    def bounds(self, array: Any, item: Any) -> tuple[Any, Any]:
        """The first byte an array may touch, and the first one behind it; an empty one counts as one item."""
        f = self.f
        data = f.load(array, DATA)
        low, high = f.local(data), f.local(f.plus(data, item))
        with f.times(f.builder.zext(f.load(array, NDIM, I32), I64)) as axis:
            length, stride = (
                f.load(f.at(f.load(array, DIMS), axis)),
                f.load(f.at(f.load(array, STRIDES), axis)),
            )
            span = f.builder.mul(f.plus(length, -1), stride)
            side = f.builder.select(f.test("<", span), low, high)
            with f.when(f.test(">", length)):
                f.store(side, f.plus(f.load(side), span))
        return f.load(low), f.load(high)

    def names(self) -> None:
        """What names are bound to, or that they are not bound."""
        f = self.f
        with self.records(NAME_WORDS) as record:
            found = f.call(c_address("PyDict_GetItemWithError"), f.load(record), f.load(record, WORD))
            with f.when(f.test("==", found), likely=False):
                self.require(f.test("==", f.call(c_address("PyErr_Occurred"))))
            self.require(f.test("==", found, f.load(record, 2 * WORD)))

    def pairs(self) -> None:
        """What cells hold; what code, defaults and keyword defaults functions have."""
        f = self.f
        with self.records(PAIR_WORDS) as record:
            found = f.call(c_address("PyCell_Get"), f.load(record))
            f.call(DECREF, found, result=VOID)
            self.require(f.test("==", found, f.load(record, WORD)))
        for part in ("Code", "Defaults", "KwDefaults"):
            with self.records(PAIR_WORDS) as record:
                found = f.call(c_address(f"PyFunction_Get{part}"), f.load(record))
                self.require(f.test("==", found, f.load(record, WORD)))

    def hooks(self) -> None:
        """Builtins that say whether somebody is watching."""
        f = self.f
        with self.records(HOOK_WORDS) as record:
            answer = f.call(f.load(record), f.load(record, WORD), f.load(record, 2 * WORD))
            f.call(DECREF, answer, result=VOID)
            self.require(f.test("==", answer, id(None)))

    def gave_up(self, result: Any, snapshots: Any) -> None:
        """What happens where the entry point raised."""
        f = self.f
        with f.when(f.test("==", result), likely=False):
            with f.when(raised_by_handler(f, self.arena)):
                self.release_buffers()
                f.give(0)
            error = caught(f)
            with f.times(f.load(snapshots)) as index:
                record = f.at(f.plus(snapshots, WORD), index, SNAPSHOT_WORDS * WORD)
                size = f.load(record, TAKEN)
                with f.when(f.test("!=", size)):
                    f.call(MEMCPY, f.load(record, FROM), f.load(record, INTO), size)
            self.release_buffers()
            f.give(self.called_with(AFTER, error))

    def called_with(self, item: int, first: Any) -> Any:
        """What an item of the tuple says of `first` and the arguments; the reference to `first` is spent."""
        f = self.f
        both = f.space(MOST_ARGUMENTS + 1)
        f.store(both, first)
        f.call(MEMCPY, f.plus(both, WORD), self.args, f.at(word(0), self.count))
        answer = f.call(VECTORCALL, self._item(item), both, f.plus(self.count, 1), 0)
        f.call(DECREF, first, result=VOID)
        return answer

    def boxes(self, result: Any) -> None:
        """Return the result as Python would have."""
        f = self.f
        boxing = f.load(self.table, BOXING * WORD)
        with f.when(f.test("==", boxing, NO_BOX), likely=True):
            f.give(result)
        with f.when(f.test("==", boxing, BOX_ARGUMENT)):
            argument = self.argument(f.load(self.table, BOX_POSITION * WORD))
            f.call(INCREF, argument, result=VOID)
            f.call(DECREF, result, result=VOID)
            f.give(argument)
        with f.when(f.test("==", boxing, BOX_FLOAT)):
            self.scalar(result, f.load(result, HEAD))
        with f.when(f.test("==", boxing, BOX_INT)):
            self.scalar(result, f.call(c_address("PyLong_AsUnsignedLongLongMask"), result))
        with f.when(f.test("==", boxing, BOX_RESULT)):
            boxed = f.call(c_address("PyObject_CallOneArg"), self._item(BOX), result)
            f.call(DECREF, result, result=VOID)
            f.give(boxed)
        f.give(self.called_with(BOX, result))

    def scalar(self, result: Any, value: Any) -> None:
        """Return NumPy's scalar of a value, as an array's item would be."""
        f = self.f
        f.call(DECREF, result, result=VOID)
        made = f.call(numpy_function(PYARRAY_SCALAR), f.local(value), self._item(BOX), 0)
        f.give(made)


def entrance(arena: Arena) -> None:
    """Build `epochly_entrance` in a module."""
    f = Function(arena.module, "epochly_entrance", 3)
    me, args, count = f.args
    result = f.call(arena.enter, f.load(me, ITEMS + WORD * ENTRY), args, count)
    with f.when(f.test("==", result), likely=False):
        with f.when(raised_by_handler(f, arena)):
            f.give(0)
        error = caught(f)
        answer = f.call(c_address("PyObject_CallOneArg"), f.load(me, ITEMS + WORD * AFTER), error)
        f.call(DECREF, error, result=VOID)
        f.give(answer)
    f.give(result)


def compiled() -> tuple[Any, dict[str, Method]]:
    """The machine code of all gates, and the engine that owns it."""
    module = ir.Module("epochly_gate")
    module.triple = llvm.get_process_triple()
    arena = Arena(module)
    Gate(arena)
    entrance(arena)
    with global_compiler_lock:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
        machine = llvm.Target.from_triple(module.triple).create_target_machine(
            opt=1, jit=True, codemodel="jitdefault"
        )
        made = llvm.parse_assembly(str(module))
        made.verify()
        passes, builder = (
            llvm.create_new_function_pass_manager(),
            llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()),
        )
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        for function in made.functions:
            if not function.is_declaration:
                passes.run(function, builder)
        engine = llvm.create_mcjit_compiler(made, machine)
        engine.finalize_object()
        publish(engine, arena.callbacks)
        methods = {
            name: Method(b"call", engine.get_function_address(f"epochly_{name}"), FASTCALL, None)
            for name in ("gate", "entrance")
        }
    return engine, methods


ENGINE, METHODS = compiled()


def builtin(kind: str, items: tuple[Any, ...]) -> Callable[..., Any]:
    """A gate or an entrance; `items` as the constants above name them."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    made: Callable[..., Any] = make(ctypes.addressof(METHODS[kind]), items, None)
    return made


def hook(function: Any, *argument: object) -> tuple[int, int, int]:
    """The words of a hook: a builtin of the interpreter, what it belongs to, and its argument."""
    flags, address = ctypes.pythonapi.PyCFunction_GetFlags, ctypes.pythonapi.PyCFunction_GetFunction
    flags.argtypes = address.argtypes = (ctypes.py_object,)
    address.restype = ctypes.c_void_p
    if flags(function) != (ONE_ARGUMENT if argument else NO_ARGUMENTS):
        raise Reject(f"`{function.__name__}` is another builtin than it was")
    (given,) = argument or (None,)
    return address(function), id(function.__self__), id(given) if argument else 0
