"""What the exact compiler would surely refuse, told in microseconds and without loading it or numba.

Most hot functions of most programs are of this kind: they handle objects, text, tuples and dicts. It refuses to promise
anything of the rest; what it says of an argument, the compiler would say too (`_exact.values.kind_of_argument`).
"""

from __future__ import annotations

from opcode import opname
from types import FunctionType, ModuleType

from epochly._facts import facts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType
    from typing import Any

NUMBERS = frozenset({int, float, complex, bool})
NEVER = {
    "BUILD_MAP": "makes a dict",
    "BUILD_CONST_KEY_MAP": "makes a dict",
    "BUILD_SET": "makes a set",
    "STORE_GLOBAL": "changes a global variable",
    "DELETE_GLOBAL": "deletes a global variable",
    "STORE_ATTR": "changes an attribute",
    "DELETE_ATTR": "deletes an attribute",
    "IMPORT_NAME": "imports",
    "LOAD_BUILD_CLASS": "defines a class",
    "BEFORE_WITH": "has a `with` block",
    "PUSH_EXC_INFO": "has a `try` block",
}


DEEPEST = 6  # calls of helpers by helpers that are looked into
IN_NUMPY = "has no loop of its own: what it does to arrays, NumPy does in machine code already"


def left_to_numpy(function: FunctionType, args: Iterable[Any]) -> tuple[str, str] | None:
    """Why in words, and a hint, for a function of arrays in which nothing would be gained; None where something may be."""
    if any(type(value).__name__ == "ndarray" for value in args) and not _loops(function, set(), 0):
        return IN_NUMPY, "nothing is to be done; loops over elements are what compiling speeds up"
    return None


def _loops(function: FunctionType, seen: set[int], depth: int) -> bool:
    """Whether it, or a Python function that it names, jumps backwards."""
    if id(function) in seen:
        return True  # recursion is a loop too
    if facts_of(function).loops or depth > DEEPEST:
        return True
    names = function.__code__.co_names
    near = [function.__globals__.get(name) for name in names]
    near += [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    modules = [each for each in near if type(each) is ModuleType and not each.__name__.startswith("numpy")]
    inside = [vars(module).get(name) for module in modules for name in names]
    helpers = {id(each): each for each in (*near, *inside) if type(each) is FunctionType}
    return any(
        _loops(each, seen | {id(function)}, depth + 1)
        for each in helpers.values()
        if not str(each.__module__).startswith("numpy")
    )


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _strange(value: Any) -> str | None:
    """What is no argument for compiled code, in words; of a list's items the first tells, as they are all to be alike."""
    kind = type(value)
    if kind is list:
        first = next(iter(value), None)
        if type(first) is list:
            first = next(iter(first), None)
        return None if first is None or type(first) in NUMBERS else f"a list of `{type(first).__name__}`"
    if kind in NUMBERS or value is None or kind.__module__ == "numpy":
        return None
    return f"of type `{kind.__name__}`"


def surely_refused(code: CodeType, args: Iterable[Any]) -> tuple[str, str] | None:
    """Why in words, and a hint; None where only the compiler can tell."""
    names = code.co_varnames
    for name, value in zip(names, args, strict=False):
        what = _strange(value)
        if what is not None:
            return f"`{name}` is {what}", "give numbers, lists of numbers and NumPy arrays"
    for operation in code.co_code[::2]:
        what = NEVER.get(opname[operation])
        if what is not None:
            return what, "see `epochly explain`"
    return None
