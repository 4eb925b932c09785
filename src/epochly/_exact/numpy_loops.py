"""NumPy's own inner loops, called from machine code: the same function with the same operands gives the same bits.

A ufunc's object holds the addresses of its loops, already chosen for this processor, and NumPy's C API hands out the dot
product of a dtype; both layouts are public headers and are checked before they are read. Loops may clear the processor's
status flags, so each is called through a function that puts back what was raised before. It refuses a NumPy whose binary
interface is not the one that these layouts belong to. Sources: NumPy's ufuncobject.h, ndarraytypes.h, and its C API reference.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact.lowering import I32, I64, call_c, opaque_symbol
from epochly._exact.machine import FLAGS

ABI = 0x02000000  # what NumPy 2's `PyArray_GetNDArrayCVersion` says
GET_ABI, GET_FUNCTIONS = 0, 365  # places in the table of NumPy's C API
DOT = 27  # place of the dot product among a dtype's functions
BYTES = ir.IntType(8).as_pointer()
POINTER, SIZE = ctypes.c_void_p, ctypes.c_ssize_t
DOT_FUNCTION = ctypes.CFUNCTYPE(None, POINTER, SIZE, POINTER, SIZE, POINTER, SIZE, POINTER)
LOOP_FUNCTION = ctypes.CFUNCTYPE(None, POINTER, POINTER, POINTER, POINTER)
DOT_SYMBOL = "epochly_numpy_dot"


class _Ufunc(ctypes.Structure):
    """The first fields of `PyUFuncObject`, after the object's header."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(POINTER)),
        ("data", ctypes.POINTER(POINTER)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
    )


X86 = platform.machine() in {"x86_64", "AMD64"}
opaque_symbol("feraiseexcept")


@cache
def _c_api() -> Any:
    """The table of NumPy's C API, or None where it is another NumPy's."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = POINTER, [ctypes.py_object, ctypes.c_char_p]
    try:
        table = ctypes.cast(get(np._core._multiarray_umath._ARRAY_API, None), ctypes.POINTER(POINTER))  # type: ignore[attr-defined]  # noqa: SLF001 - NumPy's C API is found there by every extension module
        version = ctypes.CFUNCTYPE(ctypes.c_uint)(table[GET_ABI])()
    except (AttributeError, ValueError):
        return None
    return table if version == ABI else None


@cache
def dot_address() -> int | None:
    """Where the dot product of float64 is."""
    table = _c_api()
    if table is None:
        return None
    functions = ctypes.CFUNCTYPE(POINTER, ctypes.py_object)(table[GET_FUNCTIONS])(np.dtype(np.float64))
    address: int | None = ctypes.cast(functions, ctypes.POINTER(POINTER))[DOT]
    return address


@cache
def loop_address(ufunc: np.ufunc, types: str) -> tuple[int, int | None] | None:
    """Where a ufunc's loop for `types` (as in `ufunc.types`) is, and the data it wants to be called with."""
    if _c_api() is None or types not in ufunc.types:
        return None
    fields = _Ufunc.from_address(id(ufunc) + object.__basicsize__)
    counts = (fields.nin, fields.nout, fields.nargs, fields.ntypes)
    if counts != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes) or fields.name.decode() != ufunc.__name__:
        return None
    place = ufunc.types.index(types)
    address = fields.functions[place]
    return None if address is None else (address, fields.data[place] if fields.data else None)


def symbol(ufunc: np.ufunc, types: str) -> str:
    """The name of a loop in machine code."""
    return f"epochly_numpy_{ufunc.__name__}_{types.replace('->', '_').replace('?', 'b')}"


def announce(ufunc: np.ufunc, types: str) -> None:
    """Make a loop known to the linker, where NumPy has it."""
    found = loop_address(ufunc, types)
    if found is not None:
        address, data = found
        llvmlite.binding.add_symbol(symbol(ufunc, types), address)
        if data is not None:
            llvmlite.binding.add_symbol(f"{symbol(ufunc, types)}_data", data)


def announce_dot() -> None:
    """Make the dot product known to the linker, where NumPy has it."""
    address = dot_address()
    if address is not None:
        llvmlite.binding.add_symbol(DOT_SYMBOL, address)


def call_dot(builder: Any, one: tuple[Any, Any], other: tuple[Any, Any], count: Any, out: Any) -> None:
    """Store the dot product of two vectors, each a pointer to bytes and a stride, into `out`."""
    kind = ir.FunctionType(ir.VoidType(), [BYTES, I64, BYTES, I64, BYTES, I64, BYTES])
    function = cgutils.get_or_insert_function(builder.module, kind, DOT_SYMBOL)
    function.attributes.add("nounwind")
    builder.call(function, [*one, *other, builder.bitcast(out, BYTES), count, ir.Constant(BYTES, None)])


def call_loop(
    builder: Any, loop: tuple[np.ufunc, str], pointers: list[Any], counts: list[Any], strides: list[Any]
) -> None:
    """Run a loop over operands given as pointers to bytes."""
    rows = [
        _array(builder, BYTES, [builder.bitcast(pointer, BYTES) for pointer in pointers]),
        _array(builder, I64, counts),
        _array(builder, I64, strides),
    ]
    builder.call(_keeping_flags(builder.module, *loop), rows)


def _array(builder: Any, kind: Any, values: list[Any]) -> Any:
    place = cgutils.alloca_once(builder, kind, size=ir.Constant(I32, len(values)))
    for index, value in enumerate(values):
        builder.store(value, builder.gep(place, [ir.Constant(I32, index)]))
    return place


def _keeping_flags(module: Any, ufunc: np.ufunc, types: str) -> Any:
    """A function that runs a loop; whatever status flags were raised before are raised after it."""
    name, kind = (
        symbol(ufunc, types),
        ir.FunctionType(ir.VoidType(), [BYTES.as_pointer(), I64.as_pointer(), I64.as_pointer()]),
    )
    found = module.globals.get(f"{name}_kept")
    if found is not None:
        return found
    function = ir.Function(module, kind, f"{name}_kept")
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")  # nothing of the caller's may move in between
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    with_data = ir.FunctionType(ir.VoidType(), [*kind.args, BYTES])
    loop = cgutils.get_or_insert_function(module, with_data, name)
    data = ir.Constant(BYTES, None)
    address = loop_address(ufunc, types)
    if address is not None and address[1] is not None:
        data = cgutils.add_global_variable(module, ir.IntType(8), f"{name}_data")
    before = call_c(builder, "fetestexcept", I32, ir.Constant(I32, FLAGS))
    if X86:
        _clear_other_unit(builder)
    builder.call(loop, [*function.args, data])
    if X86:
        before = builder.or_(before, _other_unit(builder))
    with builder.if_then(builder.icmp_signed("!=", before, ir.Constant(I32, 0)), likely=False):
        if X86:
            _raise(builder, before)
        else:
            call_c(builder, "feraiseexcept", I32, before)
    builder.ret_void()
    return function


def _other_unit(builder: Any) -> Any:
    """What the older of an x86's two floating-point units has raised; NumPy raises some flags there, by hand."""
    place = cgutils.alloca_once(builder, I32)
    builder.store(ir.Constant(I32, 0), place)
    _asm(builder, "fnstsw ($0)", place)
    return builder.and_(builder.load(place), ir.Constant(I32, FLAGS))


def _clear_other_unit(builder: Any) -> None:
    stale = builder.icmp_signed("!=", _other_unit(builder), ir.Constant(I32, 0))
    with builder.if_then(stale, likely=False):
        _asm(builder, "fnclex", None)


def _raise(builder: Any, flags: Any) -> None:
    """Raise flags in the unit that machine code computes with, whose flags are the ones looked at."""
    place = cgutils.alloca_once(builder, I32)
    _asm(builder, "stmxcsr ($0)", place)
    builder.store(builder.or_(builder.load(place), flags), place)
    _asm(builder, "ldmxcsr ($0)", place)


def _asm(builder: Any, text: str, place: Any) -> None:
    places = [] if place is None else [place]
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in places])
    builder.asm(kind, text, "r,~{memory}" if places else "~{memory}", places, side_effect=True)


def reduced_by_loop(ufunc: np.ufunc, types: str, array: np.ndarray[Any, Any], start: int | None) -> Any:
    """What a loop makes of a vector: from `start`, or from its first element; for comparison with NumPy."""
    found = loop_address(ufunc, types)
    assert found is not None
    skipped = 0 if start is not None else 1
    out = np.array([array[0] if start is None else start], array.dtype)
    pointers = (POINTER * 3)(out.ctypes.data, array.ctypes.data + skipped * array.strides[0], out.ctypes.data)
    if array.size > skipped:
        counts, strides = (SIZE * 1)(array.size - skipped), (SIZE * 3)(0, array.strides[0], 0)
        LOOP_FUNCTION(found[0])(pointers, counts, strides, found[1])
    return out[0]


def dotted(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """The dot product of two vectors of float64; for comparison with NumPy."""
    out, address = ctypes.c_double(), dot_address()
    assert address is not None
    DOT_FUNCTION(address)(
        one.ctypes.data,
        one.strides[0],
        other.ctypes.data,
        other.strides[0],
        ctypes.addressof(out),
        one.size,
        None,
    )
    return out.value


def one_by_loop(ufunc: np.ufunc, types: str, values: tuple[float, ...]) -> float:
    """What a loop makes of single numbers; for comparison with NumPy."""
    found = loop_address(ufunc, types)
    assert found is not None
    given, out = (ctypes.c_double * len(values))(*values), ctypes.c_double()
    places = [ctypes.addressof(given) + 8 * index for index in range(len(values))]
    pointers = (POINTER * (len(values) + 1))(*places, ctypes.addressof(out))
    strides = (SIZE * (len(values) + 1))(*(0 for _ in values), 8)
    LOOP_FUNCTION(found[0])(pointers, (SIZE * 1)(1), strides, found[1])
    return out.value


def multiplied(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The product of two matrices, or of one and a vector, of float64; for comparison with NumPy."""
    found = loop_address(np.matmul, "dd->d")
    assert found is not None
    left = one if one.ndim == 2 else one[None]
    right = other if other.ndim == 2 else other[:, None]
    out = np.empty((left.shape[0], right.shape[1]))
    pointers = (POINTER * 3)(left.ctypes.data, right.ctypes.data, out.ctypes.data)
    counts = (SIZE * 4)(1, *left.shape, right.shape[1])
    arrays = (left, right, out)
    steps = [
        0 if n == 1 else step for each in arrays for n, step in zip(each.shape, each.strides, strict=True)
    ]
    LOOP_FUNCTION(found[0])(pointers, counts, (SIZE * 9)(0, 0, 0, *steps), found[1])
    return out.reshape(one.shape[:-1] + other.shape[1:])


def mapped_by_loop(ufunc: np.ufunc, types: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What a loop makes of a vector of float64; for comparison with NumPy."""
    found = loop_address(ufunc, types)
    assert found is not None
    out = np.empty(array.shape)
    pointers = (POINTER * 2)(array.ctypes.data, out.ctypes.data)
    LOOP_FUNCTION(found[0])(pointers, (SIZE * 1)(array.size), (SIZE * 2)(array.strides[0], 8), found[1])
    return out
