"""What the exact compiler would surely refuse, told in microseconds and without loading it or numba.

Most hot functions of most programs are of this kind: they handle objects, text and dicts. It refuses to promise anything of
the rest, and names only what no planned extension of the compiler takes.
"""

from __future__ import annotations

from opcode import opname
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

PLAIN = frozenset({int, float, complex, bool, tuple, list, range, type(None)})
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
}


def surely_refused(code: CodeType, args: Iterable[Any]) -> tuple[str, str] | None:
    """Why in words, and a hint; None where only the compiler can tell."""
    names = code.co_varnames
    for name, value in zip(names, args, strict=False):
        kind = type(value)
        if kind not in PLAIN and kind.__module__ != "numpy":
            return f"`{name}` is of type `{kind.__name__}`", "give numbers, tuples and NumPy arrays"
    for operation in code.co_code[::2]:
        what = NEVER.get(opname[operation])
        if what is not None:
            return what, "see `epochly explain`"
    return None
