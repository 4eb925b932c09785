"""A function and the types of some arguments, as JSON: code, constants, and what its names mean, all by value.

Pure, and loads neither numba nor NumPy. What is told is what the cache's key tells (`_cache.key`), so that a function made
again from it has the same key. It refuses, with a reason, whatever is more than numbers, text, tuples, plain functions,
modules and names in the standard library and NumPy. Source: the Python data model (code objects).
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import types
from typing import Any

from epochly._exact.behind import behind

MOST_FUNCTIONS = 64  # that one function reaches; the same bound as the key's
MOST_BYTES = 2**20  # of one description; a function with larger constants is a table
DEEPEST = 16  # tuples in tuples, modules in modules, code in code
LOOKED_AT = 8  # items of a list; the guards of what is compiled look at all
VERSIONED = sys.stdlib_module_names | {"numpy"}
LAYOUT = 0x1 | 0x2 | 0x100 | 0x400  # of `ndarray.flags.num`: C order, Fortran order, aligned, writeable
PLAIN_DTYPES = "biufc"
NUMBERS = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags")
NAMES = ("co_names", "co_varnames", "co_freevars", "co_cellvars")
BYTES = ("co_code", "co_exceptiontable")
OF_BUILTINS = {"builtins", "_io", "io"}  # where builtins say they are from; `open` differs by version
PLACE = "place"  # where it is written: told, and no part of the digest


class Untold(Exception):  # noqa: N818 - caught by the errands: the function stays in the interpreter
    """A value that cannot be told."""


def described(function: types.FunctionType, args: tuple[object, ...]) -> dict[str, Any]:
    """All of a function and the types of arguments; `Untold` with the reason."""
    teller = _Teller()
    teller.number(function)
    told = {"functions": teller.told, "arguments": [argument(each) for each in args]}
    if len(json.dumps(told)) > MOST_BYTES:
        raise Untold("its constants take more than a megabyte")
    return told


def digest(told: dict[str, Any], fingerprint: str) -> str:
    """What a description says, and the machine it is for, in 64 hexadecimal digits; file and lines do not matter."""
    text = json.dumps([fingerprint, _without_place(told)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"epochly note " + text.encode()).hexdigest()


def constant(value: object, depth: int = 0) -> list[Any]:
    """An immutable value, to the last bit."""
    kind = type(value)
    if depth > DEEPEST:
        raise Untold("a constant is nested too deeply")
    if value is None or value is Ellipsis:
        return [kind.__name__]
    if kind in {int, bool}:
        return [kind.__name__, hex(value)]  # type: ignore[arg-type]
    if kind is float:
        return ["float", struct.pack(">d", value).hex()]
    if kind is complex:
        return ["complex", struct.pack(">dd", value.real, value.imag).hex()]  # type: ignore[attr-defined]
    if kind is str:
        return ["str", value]
    if kind is bytes:
        return ["bytes", value.hex()]  # type: ignore[attr-defined]
    if kind in {tuple, frozenset}:
        items = [constant(each, depth + 1) for each in value]  # type: ignore[attr-defined]
        return [kind.__name__, *(items if kind is tuple else sorted(items, key=json.dumps))]
    if isinstance(value, types.CodeType):
        return ["code", _code(value, depth + 1)]
    if _is_scalar(value):
        return ["scalar", value.dtype.str, value.tobytes().hex()]  # type: ignore[attr-defined]
    raise Untold(f"a value of type `{kind.__qualname__}`")


def argument(value: object, depth: int = 0) -> list[Any]:
    """The type of an argument, and of an array its layout."""
    kind = type(value)
    if kind is int:
        return ["int" if -(2**63) <= value < 2**63 else "huge"]  # type: ignore[operator]
    if kind in {float, bool, complex, str} or value is None:
        return [kind.__name__]
    if kind in {tuple, list} and depth < DEEPEST:
        items: Any = value
        if kind is tuple:
            return ["tuple", *(argument(each, depth + 1) for each in items)]
        kinds = [argument(each, depth + 1) for each in items[:LOOKED_AT]]
        return ["list", *(each for place, each in enumerate(kinds) if each not in kinds[:place])]
    if kind is range:
        return ["range"]
    if _is_scalar(value):
        return ["scalar", value.dtype.str]  # type: ignore[attr-defined]
    if kind.__name__ == "ndarray" and kind.__module__ == "numpy":
        array: Any = value
        if array.dtype.kind not in PLAIN_DTYPES or array.dtype.metadata is not None:
            raise Untold(f"an argument is an array of {array.dtype}")
        return ["array", array.dtype.str, array.ndim, array.flags.num & LAYOUT]
    raise Untold(f"an argument is of type `{kind.__qualname__}`")


def _is_scalar(value: object) -> bool:
    dtype = getattr(value, "dtype", None)
    return (
        type(value).__module__ == "numpy"
        and getattr(dtype, "kind", "") in PLAIN_DTYPES
        and not hasattr(value, "__len__")
    )


def _code(value: types.CodeType, depth: int) -> dict[str, Any]:
    return {
        "numbers": [getattr(value, name) for name in NUMBERS],
        "names": [list(getattr(value, name)) for name in NAMES],
        "bytes": [getattr(value, name).hex() for name in BYTES],
        "constants": [constant(each, depth) for each in value.co_consts],
        "called": [value.co_name, value.co_qualname],
        PLACE: [value.co_filename, value.co_firstlineno, value.co_linetable.hex()],
    }


class _Teller:
    """Tells functions, each once; others are mentioned by their number."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.numbers: dict[int, int] = {}

    def number(self, function: types.FunctionType) -> int:
        """The place of a function in `told`."""
        known = self.numbers.get(id(function))
        if known is not None:
            return known
        if len(self.told) >= MOST_FUNCTIONS:
            raise Untold(f"more than {MOST_FUNCTIONS} functions are reached")
        number = self.numbers[id(function)] = len(self.told)
        told: dict[str, Any] = {}
        self.told.append(told)
        names = sorted(_mentioned(function.__code__))
        told["code"] = _code(function.__code__, 0)
        told["called"] = [function.__name__, function.__qualname__]
        told["module"] = str(function.__module__)
        told["defaults"] = (
            None if function.__defaults__ is None else [constant(e) for e in function.__defaults__]
        )
        keywords = function.__kwdefaults__
        told["keywords"] = (
            None if keywords is None else [[name, constant(keywords[name])] for name in sorted(keywords)]
        )
        told["cells"] = [self.cell(cell, names) for cell in function.__closure__ or ()]
        told["globals"] = self.meanings(function, names)
        return number

    def cell(self, cell: types.CellType, names: list[str]) -> list[Any]:
        """What a closure cell holds."""
        try:
            return self.value(cell.cell_contents, names)
        except ValueError:
            raise Untold("a closure cell is empty") from None

    def meanings(self, function: types.FunctionType, names: list[str]) -> list[list[Any]]:
        """Names and what they mean as globals; of builtins, only that they are Python's own."""
        found: Any = getattr(function, "__builtins__")  # noqa: B009 - typeshed does not know it
        builtins = found if isinstance(found, dict) else found.__dict__
        told = []
        for name in names:
            if name in function.__globals__:
                try:
                    told.append([name, self.value(function.__globals__[name], names)])
                except Untold as error:
                    raise Untold(str(error).replace("a name", f"`{name}`", 1)) from None
            elif name in builtins:
                _, module, own = _reference(builtins[name])
                if own != name or module not in OF_BUILTINS:
                    raise Untold(f"the builtin `{name}` was replaced")
        return told

    def value(self, value: object, names: list[str], depth: int = 0) -> list[Any]:
        """A value that code reaches by a name."""
        if isinstance(value, types.ModuleType):
            if value.__name__.partition(".")[0] in VERSIONED and sys.modules.get(value.__name__) is value:
                return ["library", value.__name__]
            if depth >= DEEPEST:
                raise Untold("modules within modules are named")
            space = vars(value)
            inside = [[name, self.value(space[name], names, depth + 1)] for name in names if name in space]
            return ["module", value.__name__, inside]
        if type(value) is types.FunctionType and str(value.__module__).partition(".")[0] not in VERSIONED:
            return ["function", self.number(behind(value))]
        try:
            return constant(value)
        except Untold:
            return _reference(value)


def _reference(value: object) -> list[Any]:
    """A function or type of a library, by its name."""
    module, name = (
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", None) or getattr(value, "__name__", None),
    )
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    if (
        found is None
        or not isinstance(name, str)
        or str(module).partition(".")[0] not in VERSIONED
        or vars(found).get(name) is not value
    ):
        raise Untold(f"a name stands for a value of type `{type(value).__qualname__}`")
    return ["reference", str(module), name]


def _mentioned(value: types.CodeType) -> set[str]:
    inside = [_mentioned(each) for each in value.co_consts if isinstance(each, types.CodeType)]
    return set(value.co_names).union(*inside)


def _without_place(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _without_place(each) for name, each in told.items() if name != PLACE}
    return [_without_place(each) for each in told] if isinstance(told, list) else told
