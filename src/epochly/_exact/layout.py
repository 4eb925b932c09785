"""Where the fields of objects are in memory, for the machine code that looks at them (`gate`), and whether they are there.

It refuses to guess: everything that is taken for granted is compared with what Python and NumPy say of a few objects, and
where one thing differs nothing is compiled. Sources: Python's and NumPy's header files (`PyObject`, `PyArrayObject`,
`PyArray_Descr`), against which extension modules are compiled.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import Any

import numpy as np

WORD = 8  # bytes
HEAD = object.__basicsize__  # bytes before an object's own fields
TYPE = HEAD - WORD  # where an object says what type it is of
ITEMS = tuple.__basicsize__  # where a tuple's items begin
DATA, NDIM, DIMS, STRIDES, DTYPE, FLAGS = (HEAD + WORD * each for each in (0, 1, 2, 3, 5, 6))
DTYPE_WORD = HEAD + WORD  # where a dtype says its kind, letter, byte order and number
# of `ndarray.flags.num`: C order, Fortran order, aligned, writeable, write back if copy
FLAG_BITS = 0x1 | 0x2 | 0x100 | 0x400 | 0x2000
PYARRAY_SCALAR = (
    60  # where `PyArray_Scalar` is in NumPy's table of its C interface, whose order never changes
)


def numpy_function(index: int) -> int:
    """Where a function of NumPy's C interface is."""
    multiarray: Any = getattr(np, "_core", None) or np.core  # NumPy 2 renamed it
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    table = pointer(multiarray._multiarray_umath._ARRAY_API, None)  # noqa: SLF001 - what `import_array` reads
    return ctypes.c_int64.from_address(table + WORD * index).value


def _word_at(thing: object, offset: int) -> int:
    return ctypes.c_int64.from_address(id(thing) + offset).value


def laid_out_as_expected() -> bool:
    """Whether objects of this Python and this NumPy look as the machine code here takes for granted."""
    array, pair = np.zeros((2, 3)), (int, float)
    shape, strides = (
        (ctypes.c_int64 * 2).from_address(_word_at(array, offset)) for offset in (DIMS, STRIDES)
    )
    dtypes = [
        np.dtype(each)
        for letter in "?bBhHiIlLqQfdgFDeO"
        for each in (letter, np.dtype(letter).newbyteorder())
    ]
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    scalar = make(numpy_function(PYARRAY_SCALAR))(ctypes.addressof(ctypes.c_double(1.5)), np.dtype("d"), None)
    return (
        "t" not in getattr(sys, "abiflags", "")  # a build without the interpreter's lock
        and ctypes.sizeof(ctypes.c_void_p) == WORD
        and sys.byteorder == "little"
        and (_word_at(array, TYPE), _word_at(1.5, TYPE)) == (id(np.ndarray), id(float))
        and [_word_at(pair, ITEMS + WORD * each) for each in (0, 1)] == [id(int), id(float)]
        and struct.pack("q", _word_at(1.5, HEAD)) == struct.pack("d", 1.5)
        and _word_at(array, DATA) == array.ctypes.data
        and (_word_at(array, NDIM) & 0xFFFFFFFF, _word_at(array, FLAGS) & 0xFFFFFFFF) == (2, array.flags.num)
        and (*shape, *strides) == (2, 3, 24, 8)
        and _word_at(array, DTYPE) == id(array.dtype)
        and all(
            (dtype_word(one) == dtype_word(two)) == (one == two and one.num == two.num)
            for one in dtypes
            for two in dtypes
        )
        and (type(scalar), scalar) == (np.float64, 1.5)
    )


def dtype_word(dtype: Any) -> int:
    """What tells a dtype of plain numbers from all others; two objects may be the same dtype."""
    return _word_at(dtype, DTYPE_WORD)


AS_EXPECTED = laid_out_as_expected()
