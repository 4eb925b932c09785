"""A function made again from its description, and arguments like those that were described. Nothing of it is run.

It refuses to import anything: a library that is named has to be loaded already. Code that comes from a description is as
trusted as the process that wrote it, which is the one that started us. Source: the Python data model (code objects).
"""

from __future__ import annotations

import builtins
import struct
import sys
import types
from typing import Any

import numpy as np

from epochly._builder.description import BYTES, LAYOUT, NAMES, NUMBERS, PLACE

C_ORDER, FORTRAN, ALIGNED, WRITEABLE = 0x1, 0x2, 0x100, 0x400
SIMPLE: dict[str, Any] = {
    "int": 1,
    "huge": 2**64,
    "float": 1.0,
    "bool": True,
    "complex": 1j,
    "str": "",
    "NoneType": None,
    "range": range(1),
}


class NotThereError(Exception):
    """A description that names what this process does not have."""


def function_and_arguments(told: dict[str, Any]) -> tuple[types.FunctionType, tuple[Any, ...]]:
    """The first function of a description, and arguments for it."""
    made: list[types.FunctionType] = []
    for each in told["functions"]:
        cells = tuple(types.CellType() for _ in each["cells"])
        function = types.FunctionType(
            _code(each["code"]), {"__builtins__": builtins, "__name__": each["module"]}, None, None, cells
        )
        function.__name__, function.__qualname__ = each["called"]
        function.__module__ = each["module"]
        made.append(function)
    for function, each in zip(made, told["functions"], strict=True):
        for name, value in each["globals"]:
            function.__globals__[name] = _value(value, made)
        for cell, value in zip(function.__closure__ or (), each["cells"], strict=True):
            cell.cell_contents = _value(value, made)
        if each["defaults"] is not None:
            function.__defaults__ = tuple(_value(value, made) for value in each["defaults"])
        if each["keywords"] is not None:
            function.__kwdefaults__ = {name: _value(value, made) for name, value in each["keywords"]}
    return made[0], tuple(map(argument, told["arguments"]))


def argument(told: list[Any]) -> Any:
    """A value of the type that was told."""
    kind, *rest = told
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind == "tuple":
        return tuple(map(argument, rest))
    if kind == "list":
        return [argument(each) for each in rest]
    if kind == "scalar":
        return np.dtype(rest[0]).type(1)
    if kind == "array":
        return _array(*rest)
    raise NotThereError(f"an argument of kind `{kind}`")


def _array(dtype: str, dimensions: int, layout: int) -> Any:
    order = layout & (C_ORDER | FORTRAN)
    if order == C_ORDER | FORTRAN:
        made = np.ones((1,) * dimensions, dtype)
    elif order:
        made = np.ones((2,) * dimensions, dtype, order="C" if order == C_ORDER else "F")
    else:
        made = np.ones((4,) * dimensions, dtype)[(slice(None, None, 2),) * dimensions]
    if not layout & ALIGNED:
        raise NotThereError("an array that is not aligned")
    made.flags.writeable = bool(layout & WRITEABLE)
    if made.flags.num & LAYOUT != layout:
        raise NotThereError("an array of this layout")
    return made


def _value(told: list[Any], made: list[types.FunctionType]) -> Any:
    match told:
        case ["NoneType"]:
            return None
        case ["ellipsis"]:
            return ...
        case ["int", str(text)]:
            return int(text, 16)
        case ["bool", str(text)]:
            return bool(int(text, 16))
        case ["float", str(text)]:
            return struct.unpack(">d", bytes.fromhex(text))[0]
        case ["complex", str(text)]:
            return complex(*struct.unpack(">dd", bytes.fromhex(text)))
        case ["str", str(text)]:
            return text
        case ["bytes", str(text)]:
            return bytes.fromhex(text)
        case ["tuple", *items]:
            return tuple(_value(each, made) for each in items)
        case ["frozenset", *items]:
            return frozenset(_value(each, made) for each in items)
        case ["code", dict(code)]:
            return _code(code)
        case ["scalar", str(dtype), str(text)]:
            return np.frombuffer(bytes.fromhex(text), dtype)[0]
        case ["function", int(number)]:
            return made[number]
        case ["library", str(name)]:
            return _library(name)
        case ["reference", str(library), str(name)]:
            return getattr(_library(library), name)
        case ["module", str(name), list(inside)]:
            module = types.ModuleType(name)
            module.__dict__.update((each, _value(value, made)) for each, value in inside)
            return module
        case _:
            raise NotThereError(f"a value of kind `{told[0]}`")


def _library(name: str) -> Any:
    if name not in sys.modules:
        raise NotThereError(f"the module `{name}`")
    return sys.modules[name]


def _code(told: dict[str, Any]) -> types.CodeType:
    fields: dict[str, Any] = dict(zip(NUMBERS, told["numbers"], strict=True))
    fields |= zip(NAMES, map(tuple, told["names"]), strict=True)
    fields |= zip(BYTES, map(bytes.fromhex, told["bytes"]), strict=True)
    file, line, table = told[PLACE]
    name, qualname = told["called"]
    return _code.__code__.replace(
        co_consts=tuple(_value(each, []) for each in told["constants"]),
        co_filename=file,
        co_firstlineno=line,
        co_linetable=bytes.fromhex(table),
        co_name=name,
        co_qualname=qualname,
        **fields,
    )
