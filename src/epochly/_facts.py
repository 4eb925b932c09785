"""What a function is, told from its code object: its kind, its parameters, what it closes over, its loops, its size.

It refuses to run the function, to read its source and to change it.
"""

from __future__ import annotations

from opcode import opmap, opname
from types import CodeType, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Literal

    Kind = Literal["function", "generator", "coroutine", "async generator"]
else:
    from epochly._records import dataclass

VARARGS, VARKEYWORDS, GENERATOR, COROUTINE, ITERABLE_COROUTINE, ASYNC_GENERATOR = 4, 8, 32, 128, 256, 512
_BACKWARD = frozenset(number for name, number in opmap.items() if "JUMP_BACKWARD" in name)
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


@dataclass(frozen=True, slots=True)
class Facts:
    """One function. `recursive`: it names itself. `loops` counts jumps backwards, comprehensions included; `size` counts instructions."""

    name: str
    kind: Kind
    file: str
    line: int
    positional: int
    keyword_only: int
    open_ended: bool
    closes_over: tuple[str, ...]
    loops: int
    size: int
    recursive: bool

    @property
    def simple_parameters(self) -> bool:
        """Whether every call can be told as a tuple of positional arguments."""
        return not self.keyword_only and not self.open_ended


def facts_of(function: FunctionType) -> Facts:
    """The facts about a Python function."""
    code = function.__code__
    return Facts(
        name=f"{function.__module__}.{function.__qualname__}",
        kind=_kind(code.co_flags),
        file=code.co_filename,
        line=code.co_firstlineno,
        positional=code.co_argcount,
        keyword_only=code.co_kwonlyargcount,
        open_ended=bool(code.co_flags & (VARARGS | VARKEYWORDS)),
        closes_over=code.co_freevars,
        loops=_loops(code),
        recursive=_recursive(function),
        size=sum(1 for operation in code.co_code[::2] if opname[operation] != "CACHE"),
    )


def _kind(flags: int) -> Kind:
    if flags & ASYNC_GENERATOR:
        return "async generator"
    if flags & (COROUTINE | ITERABLE_COROUTINE):
        return "coroutine"
    return "generator" if flags & GENERATOR else "function"


def _recursive(function: FunctionType) -> bool:
    """Whether it names itself; a method's own name may be another function's, so methods never do."""
    code, name = function.__code__, function.__name__
    return name in (code.co_names if function.__qualname__ == name else code.co_freevars)


def _loops(code: CodeType) -> int:
    own = sum(1 for operation in code.co_code[::2] if operation in _BACKWARD)
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return own + sum(_loops(each) for each in inner if each.co_name in _COMPREHENSIONS)
