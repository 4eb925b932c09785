"""Operators as type inference sees them: NumPy's types for NumPy's narrow scalars, numba's own for everything else.

Numba would compute `int8 + 1` in 64 bits, NumPy stays in 8. So before inference every operator gets a provisional key with a
typing of ours, and afterwards its own name again. A 64-bit operand beside a narrow one is taken for Python's own number;
where the checker finds that it was NumPy's, it asks for another round (`Again`) in which that operator is strong. And where a
literal such as `s = 0.0` starts what float32 numbers are added to, the literal is put into a register of that type, and
carries a mark. It refuses nothing. Source: NEP 50, numba's extension API.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

from numba.core import ir
from numba.core.types import Array
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, signature

from epochly._exact.lowering import BOOL, FLOAT, plain
from epochly._exact.operators import INPLACE
from epochly._exact.promotion import (
    ANYWHERE,
    COMPARISONS,
    COMPLEX,
    DTYPES,
    INTEGERS,
    NARROW,
    ON_INTS,
    SCALARS,
    WEAK,
    promoted,
)
from epochly._exact.recipes import array_type

EXACT = 2**24  # ints up to here are floats of every width
UNARY = (operator.neg, operator.pos, operator.invert)
BINARY = (*ANYWHERE, *ON_INTS, operator.truediv, *COMPARISONS)


@dataclass(slots=True)
class Findings:
    """What earlier rounds found out, by the position of an operator or of a constant in the function."""

    strong: set[int] = field(default_factory=set)  # operators that compute with NumPy's 64-bit scalars
    registers: dict[int, Any] = field(default_factory=dict)  # constants, and the type they are held in


class Again(Exception):  # noqa: N818 - not an error: another round of inference
    """Something was found that type inference has to know; `findings` was changed."""


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
            if any(isinstance(kind, Array) for kind in kinds):
                weak = tuple(kind in WEAK and not strong for kind in kinds)
                made = array_type(base, kinds, weak)
                in_place = function is not base and isinstance(kinds[0], Array)
                if made is not None:
                    return signature(kinds[0] if in_place else made, *kinds)
            elif len(kinds) == 1:
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


def _constants(func_ir: Any) -> Any:
    for _, block in sorted(func_ir.blocks.items()):
        for statement in block.body:
            if isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Const):
                yield statement


def prepare(func_ir: Any, findings: Findings) -> None:
    """Before inference, in place: provisional names, and literals in their registers."""
    for ordinal, expression in enumerate(_operators(func_ir)):
        if expression.fn in _BASES:
            expression.fn = KEYS[expression.fn, ordinal in findings.strong]
            expression.ordinal = ordinal
    for ordinal, statement in enumerate(_constants(func_ir)):
        held = findings.registers.get(ordinal)
        if held is not None:
            statement.value = ir.Const(DTYPES[held].type(statement.value.value), statement.loc)
        statement.value.literal = held is not None
        statement.value.ordinal = ordinal


def held_exactly(value: object, kind: Any) -> bool:
    """Whether a literal of Python's, beside a scalar of NumPy's, acts as that scalar type's own number would."""
    if type(value) not in (int, float) or kind not in SCALARS or kind == BOOL:
        return False
    if kind in INTEGERS:
        return type(value) is int and value in range(128)  # fits every one of them
    assert isinstance(value, int | float)
    return abs(value) <= EXACT and complex(DTYPES[kind].type(value)) == value


def give_own_names(func_ir: Any) -> None:
    """After inference, in place."""
    for expression in _operators(func_ir):
        expression.fn = OWN.get(expression.fn, expression.fn)
