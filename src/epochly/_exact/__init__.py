"""The exact compiler: one function and one call's arguments in, machine code or the reason why not out.

A compiled function returns the same value, of the same type, raises the same exception with the same message, leaves the
same bytes in its array arguments and gives the same warnings as CPython and NumPy; whatever cannot be proved to do so is
`Rejected` and stays in the interpreter, and whatever turns up at run time that machine code does not reproduce raises
`Deopt`, with every array as it was before the call. Semantics: the Python language reference, NumPy's NEP 50, IEEE 754.

It refuses to import numba or NumPy before a function is to be compiled, and it keeps no state of its own: budgets,
policies and fallbacks belong to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from epochly._exact.dispatch import Dispatcher

__all__ = ["Compiled", "Deopt", "Rejected", "specialise"]


class Deopt(Exception):  # noqa: N818 - not an error: the interpreter takes over
    """Machine code gave up before it could be wrong; arrays are as before the call, and the original is to run."""

    @property
    def reason(self) -> str:
        """Why, in Python words; it starts with `guard: ` when the call never entered machine code."""
        return str(self.args[0]) if self.args else "machine code left the exact subset"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a function stays in the interpreter."""

    reason: str  # in Python words
    line: int | None  # in the source file
    fix: str = ""  # what the writer of the function could change


@dataclass(frozen=True, slots=True)
class Compiled:
    """One specialisation of one function.

    `call` takes positional arguments as bound by the original signature. It returns the exact result or raises `Deopt`.
    """

    call: Callable[..., object]
    compile_s: float
    cached: bool
    guards: tuple[str, ...]  # what is checked at each call and why it is enough, in words
    dispatcher: Dispatcher | None = None  # `call` for whoever wants other answers than `Deopt`


def specialise(function: types.FunctionType, args: tuple[object, ...]) -> Compiled | Rejected:
    """Compile `function` for arguments of the types of `args`, or say why it stays in the interpreter.

    Args:
        function: a plain Python function.
        args: positional arguments of one call, one for each parameter; they are looked at, never changed.

    Returns:
        `Compiled`, good for every call whose guards hold, or `Rejected`.
    """
    from epochly._exact.refusals import refused  # noqa: PLC0415 - only a hot function pays for it

    refusal = refused(function)
    if refusal is not None:
        return Rejected(*refusal)
    from epochly._exact.entry import compiled_or_rejected  # noqa: PLC0415 - numba and NumPy load with the first one

    return compiled_or_rejected(function, args)
