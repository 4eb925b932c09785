"""Values as bytes from which they could be told again: every value has a tag and a length, unordered things are sorted.

Pure. Two values have the same encoding only when no compiled code could tell them apart, and concatenations of encodings
are as injective as each of them. It refuses, with a reason, whatever it could only name but not describe. Source: the Python
data model (code objects, numeric types).
"""

from __future__ import annotations

import struct
import types
from typing import TYPE_CHECKING

import numpy as np

from epochly._exact.layout import FLAG_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable

DEEPEST = 16  # tuples in tuples; more than any constant a person wrote
PLAIN_DTYPES = "biufc"  # kinds of NumPy types whose `str` says everything


class Undescribed(Exception):  # noqa: N818 - caught at the entry: the function is compiled as if there were no cache
    """A value that a key cannot describe, so nothing that depends on it is kept."""


def tagged(tag: bytes, payload: bytes) -> bytes:
    """A payload that says what it is and where it ends."""
    return struct.pack(">QQ", len(tag), len(payload)) + tag + payload


def text(value: str) -> bytes:
    """A string."""
    return tagged(b"str", value.encode("utf-8", "surrogatepass"))


def sequence(parts: Iterable[bytes]) -> bytes:
    """Encodings in this order."""
    return tagged(b"sequence", b"".join(tagged(b"", part) for part in parts))


def code(value: types.CodeType) -> bytes:
    """A code object, with those inside it; where it was written, and where its lines are, is left out."""
    shape = (
        value.co_argcount,
        value.co_posonlyargcount,
        value.co_kwonlyargcount,
        value.co_nlocals,
        value.co_stacksize,
        value.co_flags,
    )
    lists = (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars)
    parts = (
        struct.pack(">6Q", *shape),
        value.co_code,
        getattr(value, "co_exceptiontable", b""),
        *(sequence(text(name) for name in names) for names in lists),
        sequence(
            code(each) if isinstance(each, types.CodeType) else constant(each) for each in value.co_consts
        ),
    )
    return tagged(b"code", sequence(parts))


def constant(value: object, depth: int = 0) -> bytes:
    """An immutable value, exactly: `0.0` is not `-0.0`, `1` is neither `1.0` nor `True` nor NumPy's 1."""
    if depth > DEEPEST:
        raise Undescribed(f"a constant is nested more than {DEEPEST} deep")
    kind = type(value)
    name = kind.__name__.encode()
    if value is None or value is Ellipsis:
        return tagged(name, b"")
    if isinstance(value, np.generic) and value.dtype.kind in PLAIN_DTYPES:
        return tagged(b"numpy", text(kind.__name__) + text(value.dtype.str) + value.tobytes())
    if kind in (int, bool):
        assert isinstance(value, int)
        return tagged(name, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    if kind is float:
        return tagged(name, struct.pack(">d", value))
    if kind is complex:
        assert isinstance(value, complex)
        return tagged(name, struct.pack(">dd", value.real, value.imag))
    if kind is str:
        assert isinstance(value, str)
        return text(value)
    if kind is bytes:
        assert isinstance(value, bytes)
        return tagged(name, value)
    if kind in (tuple, frozenset):
        assert isinstance(value, tuple | frozenset)
        items = [constant(item, depth + 1) for item in value]
        return tagged(name, sequence(items if kind is tuple else sorted(items)))
    raise Undescribed(f"a value of type `{kind.__qualname__}`")


def argument(value: object) -> bytes:
    """What the compiler may depend on in one argument."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        if kind is not np.ndarray or value.dtype.kind not in PLAIN_DTYPES:
            raise Undescribed(f"an argument is an array of {value.dtype}")
        layout = struct.pack(">QQ", value.ndim, value.flags.num & FLAG_BITS)
        return tagged(b"array", sequence((text(value.dtype.str), layout)))
    if kind in (int, float, bool, complex, types.NoneType) or kind.__module__ == "numpy":
        return tagged(b"type", sequence((text(kind.__module__), text(kind.__qualname__))))
    if (
        isinstance(value, list) and kind is list and value
    ):  # the first stands for all: the compiler takes no others
        row = value[0]
        items = row if type(row) is list else value
        if items and type(items[0]) in (int, float, bool):
            return tagged(b"list", text(type(items[0]).__name__) + struct.pack(">?", items is row))
    raise Undescribed(f"an argument is of type `{kind.__qualname__}`")
