"""What machine code calls while it runs, so that giving up costs no memory and an exception is known for whose it is.

numba lets go of nothing when machine code raises: its arrays and lists stay, and with them a reference to every array it was
given. So what machine code allocates is in a chain, and each description of an argument is written down, of the call
that is running; when the call ends in an exception, they are freed. When a signal handler raises, a flag says that the
exception is the handler's. It refuses to run without the lock of the interpreter: which call is running is one word.

Whatever lets other Python code run inside machine code (handlers, asking NumPy) puts that word back afterwards, since
another call, or another thread, may have run meanwhile. Sources: numba's runtime (`nrt.cpp`), Python's C interface.
"""

from __future__ import annotations

import ctypes
import platform
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core.runtime import _nrt_python

from epochly._exact.layout import WORD
from epochly._exact.lowering import opaque_symbol
from epochly._exact.words import I32, I64, Function, word

REFCOUNT, DESTRUCTOR, CARGO, DATA, SIZE = 0, 8, 16, 24, 32  # bytes; numba's `MemInfo`
# bytes; a node of a call's chain: behind an array's memory, apart from a list's, which moves
PREVIOUS, NEXT, OWNER, ELEMENTS, FREES = 0, 8, 16, 24, 32
NODE = 40  # bytes
TAIL = NODE + 8  # bytes; a node, and what aligning it may take
USED, FIRST = 16, 24  # bytes; of a call's frame, which starts as a node
ROOM = 16  # arrays among the arguments; the others are numba's own affair, and leak if the call is given up
FRAME_WORDS = FIRST // 8 + ROOM
NUMBA: dict[str, int] = _nrt_python.c_helpers
# names that numba's code asks for, and ours that do the same for a call that is running
INSTEAD = {
    "NRT_MemInfo_alloc_aligned": "epochly_c_alloc_aligned",
    "NRT_MemInfo_new_varsize_dtor": "epochly_c_new_list",
    "NRT_MemInfo_varsize_realloc": "epochly_c_resize_list",
    "NRT_adapt_ndarray_from_python": "epochly_c_adapt_ndarray",
}


def c_address(name: str) -> int:
    """Where a function of Python's C interface is."""
    address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    assert address
    return address


VOID = ir.VoidType()
DECREF = c_address("Py_DecRef")


@ctypes.CFUNCTYPE(ctypes.c_int)
def _underflow_matters() -> int:
    """Whether NumPy does anything at all about an underflow, here and now."""
    return int(np.geterr()["under"] != "ignore")


class Arena:
    """The functions, in one module; `enter` is for `gate`, the others are for machine code."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.running = self._variable("epochly_running")  # the frame of the running call, or zero
        self.raised = self._variable("epochly_raised")  # whether an exception is a signal handler's
        self.callbacks = {
            "epochly_c_look": self._around("epochly_c_look", c_address("PyErr_CheckSignals"), flag=True),
            "epochly_c_underflow_matters": self._around(
                "epochly_c_underflow_matters", ctypes.cast(_underflow_matters, ctypes.c_void_p).value or 0
            ),
            **self._flags(),
            "epochly_c_alloc_aligned": self._alloc_aligned(self._forget()),
            **self._lists(self._forget_list()),
            "epochly_c_adapt_ndarray": self._adapt_ndarray(),
        }
        self.enter = self._enter()

    def _flags(self) -> dict[str, Function]:
        """`feclearexcept` and `fetestexcept` for the one unit that machine code computes with, where C's own are slow."""
        if platform.machine() not in {"x86_64", "AMD64"}:
            for name in ("feclearexcept", "fetestexcept"):
                opaque_symbol(name)
            return {}
        clear = Function(self.module, "epochly_c_feclearexcept", (I32,), I32)
        where = clear.space(1)
        clear.asm("stmxcsr ($0)", where)
        kept = clear.builder.and_(clear.load(where, kind=I32), clear.builder.not_(clear.args[0]))
        clear.store(where, kept)
        clear.asm("ldmxcsr ($0)", where)
        clear.give(ir.Constant(I32, 0))
        test = Function(self.module, "epochly_c_fetestexcept", (I32,), I32)
        where = test.space(1)
        test.asm("stmxcsr ($0)", where)
        test.give(test.builder.and_(test.load(where, kind=I32), test.args[0]))
        return {"epochly_c_feclearexcept": clear, "epochly_c_fetestexcept": test}

    def _variable(self, name: str) -> Any:
        made = ir.GlobalVariable(self.module, I64, name)
        made.initializer = word(0)
        made.linkage = "internal"
        return made

    def _around(self, name: str, address: int, *, flag: bool = False) -> Function:
        """A call of something that may run Python."""
        f = Function(self.module, name, 0, I32)
        mine = f.builder.load(self.running)
        result = f.call(address, result=I32)
        f.builder.store(mine, self.running)
        if flag:
            with f.when(f.builder.icmp_signed("!=", result, ir.Constant(I32, 0)), likely=False):
                f.builder.store(word(1), self.raised)
        f.give(result)
        return f

    def _forget(self) -> Function:
        """The destructor of an array: take its node out of the list."""
        f = Function(self.module, "epochly_forget", 3, VOID)
        node = f.args[2]
        self._unlink(f, node)
        f.builder.ret_void()
        return f

    @staticmethod
    def _unlink(f: Function, node: Any) -> None:
        before, after = f.load(node, PREVIOUS), f.load(node, NEXT)
        f.store(before, after, NEXT)
        f.store(after, before, PREVIOUS)

    def _alloc_aligned(self, forget: Function) -> Function:
        """Memory for an array, as numba's own function gives it, with a node behind it."""
        f = Function(self.module, "epochly_c_alloc_aligned", (I64, I32))
        size, align = f.args
        info = f.call(NUMBA["MemInfo_alloc_aligned"], f.plus(size, TAIL), align)
        with f.when(f.test("==", info), likely=False):
            f.give(0)
        f.store(info, size, SIZE)
        node = f.builder.and_(f.plus(f.plus(f.load(info, DATA), size), 7), word(~7))
        f.store(info, f.builder.ptrtoint(forget.made, I64), DESTRUCTOR)
        self._link(f, node, info)
        f.give(info)
        return f

    def _link(self, f: Function, node: Any, info: Any) -> None:
        """Put an allocation into the chain of the call that is running."""
        f.store(info, node, CARGO)
        f.store(node, info, OWNER)
        frame = f.builder.load(self.running)
        head = f.builder.select(f.test("==", frame), node, frame)
        f.store(node, node, NEXT)  # alone, if no call is running
        after = f.load(head, NEXT)
        f.store(node, head, PREVIOUS)
        f.store(node, after, NEXT)
        f.store(after, node, PREVIOUS)
        f.store(head, node, NEXT)

    def _forget_list(self) -> Function:
        """The destructor of a list: take its node out of the chain, let go of the elements, free it as numba does."""
        f = Function(self.module, "epochly_forget_list", 3, VOID)
        data, size, node = f.args
        self._unlink(f, node)
        f.call(f.load(node, FREES), data, size, f.load(node, ELEMENTS), result=VOID)
        f.call(NUMBA["Free"], node, result=VOID)
        f.builder.ret_void()
        return f

    def _lists(self, forget: Function) -> dict[str, Function]:
        """Memory for a list, and more of it, as numba's own functions give it."""
        new = Function(self.module, "epochly_c_new_list", 2)
        size, elements = new.args
        node = new.call(NUMBA["Allocate"], NODE)
        with new.when(new.test("==", node), likely=False):
            new.give(0)
        info = new.call(NUMBA["MemInfo_new_varsize_dtor"], size, elements)
        with new.when(new.test("==", info), likely=False):
            new.call(NUMBA["Free"], node, result=VOID)
            new.give(0)
        new.store(node, elements, ELEMENTS)
        new.store(node, new.load(info, DESTRUCTOR), FREES)
        destructor = new.builder.ptrtoint(forget.made, I64)
        new.store(info, destructor, DESTRUCTOR)
        self._link(new, node, info)
        new.give(info)
        resize = Function(self.module, "epochly_c_resize_list", 2)
        info, size = resize.args
        # numba refuses to resize what has another destructor than its own
        resize.store(info, resize.load(resize.load(info, CARGO), FREES), DESTRUCTOR)
        data = resize.call(NUMBA["MemInfo_varsize_realloc"], info, size)
        resize.store(info, resize.builder.ptrtoint(forget.made, I64), DESTRUCTOR)
        resize.give(data)
        return {"epochly_c_new_list": new, "epochly_c_resize_list": resize}

    def _adapt_ndarray(self) -> Function:
        """An argument's description, as numba's own function gives it, written down with a reference of the frame's."""
        f = Function(self.module, "epochly_c_adapt_ndarray", 2, I32)
        array, description = f.args
        failed = f.call(NUMBA["adapt_ndarray_from_python"], array, description, result=I32)
        frame = f.builder.load(self.running)
        fine = f.builder.icmp_signed("==", failed, ir.Constant(I32, 0))
        with f.when(f.builder.and_(fine, f.test("!=", frame))):
            info, used = f.load(description), f.load(frame, USED)
            with f.when(f.builder.and_(f.test("!=", info), f.test("<", used, ROOM))):
                f.store(info, f.plus(f.load(info, REFCOUNT), 1), REFCOUNT)
                f.store(f.at(frame, used), info, FIRST)
                f.store(frame, f.plus(used, 1), USED)
        f.give(failed)
        return f

    def _enter(self) -> Function:
        """`enter(entry, args, count)`: call the entry point; zero where it raised, and nothing of the call is left then."""
        f = Function(self.module, "epochly_enter", 3)
        entry, args, count = f.args
        frame = f.space(FRAME_WORDS)
        f.store(frame, frame, PREVIOUS)
        f.store(frame, frame, NEXT)
        f.store(frame, 0, USED)
        f.builder.store(frame, self.running)
        result = f.call(c_address("PyObject_Vectorcall"), entry, args, count, 0)
        f.builder.store(word(0), self.running)
        failed = f.test("==", result)
        with f.times(f.load(frame, USED)) as index:
            info = f.load(f.at(frame, index), FIRST)
            with f.when(failed, likely=False):
                f.store(info, 1, REFCOUNT)
            f.call(NUMBA["MemInfo_release"], info, result=VOID)
        self._empty(f, frame, failed)
        f.give(result)
        return f

    def _empty(self, f: Function, frame: Any, failed: Any) -> None:
        """Free what a call that raised allocated, one by one; what another one allocated is on its own from now on."""
        head, body, after = (f.builder.append_basic_block(name) for name in ("head", "body", "after"))
        f.builder.branch(head)
        f.builder.position_at_end(head)
        node = f.load(frame, NEXT)
        f.builder.cbranch(f.test("!=", node, frame), body, after)
        f.builder.position_at_end(body)
        with f.builder.if_else(failed) as (gone, kept):
            with gone:
                info = f.load(node, OWNER)
                f.store(info, 1, REFCOUNT)
                f.store(node, 0, ELEMENTS)  # they are in the chain themselves
                f.call(NUMBA["MemInfo_release"], info, result=VOID)
            with kept:
                self._unlink(f, node)
                f.store(node, node, PREVIOUS)
                f.store(node, node, NEXT)
        f.builder.branch(head)
        f.builder.position_at_end(after)


def raised_by_handler(f: Function, arena: Arena) -> Any:
    """Whether the exception at hand is a signal handler's; asking forgets it."""
    raised = f.builder.load(arena.raised)
    f.builder.store(word(0), arena.raised)
    return f.test("!=", raised)


def caught(f: Function) -> Any:
    """The exception at hand, which is at hand no longer."""
    if hasattr(ctypes.pythonapi, "PyErr_GetRaisedException"):  # Python 3.12+
        return f.call(c_address("PyErr_GetRaisedException"))
    parts = f.space(3)
    places = [f.plus(parts, WORD * each) for each in range(3)]
    f.call(c_address("PyErr_Fetch"), *places, result=VOID)
    f.call(c_address("PyErr_NormalizeException"), *places, result=VOID)
    f.call(DECREF, f.load(places[0]), result=VOID)
    f.call(DECREF, f.load(places[2]), result=VOID)
    return f.load(places[1])


def tracked_library(state: Any) -> Any:
    """A library for numba to compile into, whose code, with all that is linked into it, allocates through the arena."""
    library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
    library.enable_object_caching()
    optimize = library._optimize_final_module  # noqa: SLF001 - the last moment at which names can be changed

    def redirected() -> None:
        for function in list(library._final_module.functions):  # noqa: SLF001 - the same
            if function.name in INSTEAD:
                function.name = INSTEAD[function.name]
            elif function.linkage == llvmlite.binding.Linkage.linkonce_odr:
                function.linkage = "internal"  # or it may be taken for its twin in numba's own code
        optimize()

    library._optimize_final_module = redirected  # noqa: SLF001 - the same
    return library


def publish(engine: Any, names: Any) -> None:
    """Let machine code find the functions by name."""
    for name in names:
        llvmlite.binding.add_symbol(name, engine.get_function_address(name))
