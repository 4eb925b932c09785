"""The key of one specialisation: a digest of everything that machine code for it was made from, and of nothing else.

Pure: a function, arguments and a `Build` in, 64 hexadecimal digits out. What is hashed is injective, see `encoding`. It
refuses, with a reason, what cannot be described: an instance of somebody's class, a function bound to an object, a closure
cell not yet filled. Numba's own key is not used, because flags and passes are not in it (numba issues 6845 and 10821).
Sources: the Python data model (code objects), FIPS 180-4.
"""

from __future__ import annotations

import hashlib
import struct
import sys
import types
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._cache.encoding import Undescribed, argument, code, constant, sequence, tagged, text
from epochly._exact.behind import behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_FUNCTIONS = (
    64  # that one function reaches; the compiler inlines fewer, and whole libraries are not walked
)
MOST_MODULES = 6  # names of modules in one dotted name
VERSIONED = sys.stdlib_module_names | {"numpy"}  # packages whose contents the versions in `Build` stand for


@dataclass(frozen=True, slots=True)
class Build:
    """What machine code depends on besides the function and its arguments."""

    passes: str  # digest of our own compiler
    flags: tuple[tuple[str, str], ...]  # of the compiler, by name
    numba: str
    llvmlite: str
    numpy: str
    python: str  # the full version, with the build
    cpu: str  # LLVM's name of it, and the triple
    features: str  # of the processor, sorted


@dataclass(frozen=True, slots=True)
class Key:
    """`digest` names the entry; `functions` are the Python functions whose content is part of it, the first excepted."""

    digest: str
    functions: tuple[types.FunctionType, ...]


def key_of(function: types.FunctionType, args: tuple[object, ...], build: Build) -> Key:
    """The key of `function` compiled for the types of `args`.

    Args:
        function: a plain Python function; what its names, cells and called functions hold now becomes part of the key.
        args: positional arguments of one call; their types count, and of arrays dtype, dimensions and layout.
        build: versions, flags and processor.

    Raises:
        Undescribed: with the reason, when a value could not be told from another one like it.
    """
    describer = _Describer()
    parts = [
        text("epochly specialisation"),
        sequence(text(name) for name in (field.name for field in fields(Build))),
        *(_build_part(value) for value in (getattr(build, field.name) for field in fields(Build))),
        describer.function(function),
        sequence(argument(arg) for arg in args),
    ]
    return Key(hashlib.sha256(sequence(parts)).hexdigest(), tuple(describer.seen[1:]))


class _Describer:
    """Describes functions, each once; a later mention is its number, so recursion ends."""

    def __init__(self) -> None:
        self.seen: list[types.FunctionType] = []
        self.numbers: dict[int, int] = {}

    def function(self, function: types.FunctionType) -> bytes:
        """Code, defaults, closure, and what its names mean now."""
        if id(function) in self.numbers:
            return tagged(b"again", struct.pack(">Q", self.numbers[id(function)]))
        if len(self.seen) >= MOST_FUNCTIONS:
            raise Undescribed(f"more than {MOST_FUNCTIONS} functions are reached")
        self.numbers[id(function)] = len(self.seen)
        self.seen.append(function)
        keywords = function.__kwdefaults__ or {}
        mentioned = sorted(_mentioned(function.__code__))
        parts = (
            code(function.__code__),
            sequence(self.default(value) for value in function.__defaults__ or ()),
            sequence(text(name) + self.default(keywords[name]) for name in sorted(keywords)),
            sequence(self.cell(cell, mentioned) for cell in function.__closure__ or ()),
            sequence(self.names(function, mentioned)),
        )
        return tagged(b"function", sequence(parts))

    def default(self, value: object) -> bytes:
        """A default: its value where it is a constant; else its type, since the compiler freezes none."""
        try:
            return constant(value)
        except Undescribed:
            kind = type(value)
            return tagged(b"default", text(kind.__module__) + text(kind.__qualname__))

    def cell(self, cell: types.CellType, mentioned: Sequence[str]) -> bytes:
        """What a closure cell holds."""
        try:
            held = cell.cell_contents
        except ValueError:
            raise Undescribed("a closure cell is empty") from None
        return self.value(held, mentioned)

    def names(self, function: types.FunctionType, mentioned: Sequence[str]) -> Iterator[bytes]:
        """What each name that its code mentions means as a global or builtin, and inside modules so named."""
        found: Any = getattr(function, "__builtins__")  # noqa: B009 - typeshed does not know it
        builtins = found if isinstance(found, dict) else found.__dict__
        for name in mentioned:
            for where, space in (("global", function.__globals__), ("builtin", builtins)):
                if name in space:
                    yield text(where) + text(name) + self.value(space[name], mentioned)
                    break

    def value(self, value: object, mentioned: Sequence[str], way: tuple[int, ...] = ()) -> bytes:
        """A value that code can reach by a name; `way` is the modules it was reached through."""
        if isinstance(value, types.ModuleType):
            if id(value) in way:  # what its names mean is said at its first mention
                return tagged(b"outer", text(value.__name__))
            if len(way) == MOST_MODULES:
                raise Undescribed(f"more than {MOST_MODULES} modules within modules are named")
            space, way = vars(value), (*way, id(value))
            inside = (
                text(name) + self.value(space[name], mentioned, way) for name in mentioned if name in space
            )
            return tagged(b"module", text(value.__name__) + sequence(inside))
        if type(value) is types.FunctionType and not _is_of_numpy(value):
            return self.function(behind(value))
        return constant(value) if _is_constant(value) else _reference(value)


def _is_constant(value: object) -> bool:
    plain = (int, bool, float, complex, str, bytes, tuple, frozenset, types.NoneType, types.EllipsisType)
    return type(value) in plain or isinstance(value, np.generic)


def _is_of_numpy(function: types.FunctionType) -> bool:
    """Whether NumPy wrote it: numba has its own for these, and code that one was inlined into is not kept."""
    return str(function.__globals__.get("__name__")).partition(".")[0] == "numpy"


def _reference(value: object) -> bytes:
    """A function or type by its name, where the name leads to it in a package that `Build` has the version of."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    if (
        found is None
        or not isinstance(name, str)
        or str(module).partition(".")[0] not in VERSIONED
        or type(value).__module__.partition(".")[0] not in VERSIONED
        or vars(found).get(name) is not value
    ):
        raise Undescribed(f"a name stands for a value of type `{type(value).__qualname__}`")
    return tagged(b"reference", text(str(module)) + text(name))


def _mentioned(value: types.CodeType) -> set[str]:
    """Names that a code object, or one inside it, looks up anywhere but in its own variables."""
    inside = [_mentioned(each) for each in value.co_consts if isinstance(each, types.CodeType)]
    return set(value.co_names).union(*inside)


def _build_part(value: str | tuple[tuple[str, str], ...]) -> bytes:
    return (
        text(value) if isinstance(value, str) else sequence(text(name) + text(each) for name, each in value)
    )
