"""Operators as type inference sees them: NumPy's types for NumPy's narrow scalars, numba's own for everything else.

Numba would compute `int8 + 1` in 64 bits, NumPy stays in 8. So before inference every operator gets a provisional key with a
typing of ours, and afterwards its own name again. A 64-bit operand beside a narrow one is taken for Python's own number;
where the checker finds that it was NumPy's, it asks for another round (`Retype`) in which that operator is `strong`. It
refuses nothing. Source: NEP 50, numba's extension API.
"""

from __future__ import annotations

import operator
from typing import Any

from numba.core import ir
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, signature

from epochly._exact.lowering import BOOL, FLOAT, plain
from epochly._exact.operators import INPLACE
from epochly._exact.promotion import (
    ANYWHERE,
    COMPARISONS,
    COMPLEX,
    NARROW,
    ON_INTS,
    SCALARS,
    WEAK,
    promoted,
)

UNARY = (operator.neg, operator.pos, operator.invert)
BINARY = (*ANYWHERE, *ON_INTS, operator.truediv, *COMPARISONS)


class Retype(Exception):  # noqa: N818 - not an error: another round of inference
    """The operator of this number computes with NumPy's 64-bit scalars, not with Python's."""

    def __init__(self, ordinal: int) -> None:
        super().__init__(ordinal)
        self.ordinal = ordinal


def typed_by_numpy(left: Any, right: Any) -> bool:
    """Whether an operation on these two machine types is ours to type."""
    if left not in SCALARS or right not in SCALARS:
        return False
    pair = (left, right)
    return left in NARROW or right in NARROW or COMPLEX in pair or (BOOL in pair and FLOAT in pair)


def _provisional(function: Any, base: Any, *, strong: bool) -> Any:
    def key(*_: object) -> None:
        raise AssertionError("an operator's provisional name is for type inference only")

    key.__name__ = key.__qualname__ = f"provisional_{function.__name__}{'_strong' if strong else ''}"
    globals()[key.__name__] = key  # numba wants to find a key where its module says it is

    class Provisional(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            kinds = [plain(arg) for arg in args]
            if len(kinds) == 1:
                if kinds[0] in NARROW:
                    return signature(kinds[0], *kinds)
            elif typed_by_numpy(*kinds):
                weak = tuple(kind in WEAK and not strong for kind in kinds)
                found = promoted(base, *kinds, weak)
                return None if found is None else signature(found.result, *kinds)
            return self.context.resolve_function_type(function, args, kws)

    Provisional.key = key
    infer(Provisional)
    infer_global(key)(Provisional)
    return key


_BASES = {function: function for function in (*BINARY, *UNARY)} | INPLACE
KEYS = {
    (function, strong): _provisional(function, base, strong=strong)
    for function, base in _BASES.items()
    for strong in (False, True)
}
OWN = {key: function for (function, _), key in KEYS.items()}


def _operators(func_ir: Any) -> Any:
    for _, block in sorted(func_ir.blocks.items()):
        for statement in block.body:
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop", "unary"):
                yield value


def give_provisional_names(func_ir: Any, strong: set[int]) -> None:
    """Before inference, in place."""
    for ordinal, expression in enumerate(_operators(func_ir)):
        if expression.fn in _BASES:
            expression.fn = KEYS[expression.fn, ordinal in strong]
            expression.ordinal = ordinal


def give_own_names(func_ir: Any) -> None:
    """After inference, in place."""
    for expression in _operators(func_ir):
        expression.fn = OWN.get(expression.fn, expression.fn)
