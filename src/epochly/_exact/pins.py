"""Which floating-point operations on NumPy's numbers must be pinned so that their status flags are raised.

LLVM may drop, sink or merge an operation whose result it does not need, and a warning would be lost with it. Pinning each
one costs vector code, so two kinds go without: an operation that feeds another one of its block, which cannot be computed
without it, and one whose result is the only thing its innermost loop stores, each time at another place. It refuses to be
clever beyond that. Source: LLVM's language reference, floating-point environment.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact.operators import INPLACE, PYTHON_FLOAT


def operations_that_feed(blocks: Any, arrays: set[str]) -> set[int]:
    """Identities of expressions that need no pin; `arrays` are the names that hold some.

    What feeds an expression on arrays needs its pin: there may be no element to compute.
    """
    fed: set[int] = set()
    stored = _only_stores_of_loops(blocks)
    for block in blocks.values():
        needed: set[str] = set()
        for statement in reversed(block.body):
            value = statement.value if isinstance(statement, ir.Assign) else None
            if id(statement) in stored:
                needed.add(statement.value.name)
            elif isinstance(value, ir.Var) and statement.target.name in needed:
                needed.add(value.name)
            elif (
                value is not None and _is_arithmetic(value) and not {value.lhs.name, value.rhs.name} & arrays
            ):
                if statement.target.name in needed:
                    fed.add(id(value))
                needed |= {value.lhs.name, value.rhs.name}
    return fed


def _is_arithmetic(value: Any) -> bool:
    if not isinstance(value, ir.Expr) or value.op not in ("binop", "inplace_binop"):
        return False
    function = value.immutable_fn if value.op == "inplace_binop" else value.fn
    return INPLACE.get(function, function) in PYTHON_FLOAT


def _only_stores_of_loops(blocks: Any) -> set[int]:
    """Stores that are alone in an innermost `for`, indexed by its variable: no later store can make them needless."""
    loops = list(compute_cfg_from_blocks(blocks).loops().values())
    found = set()
    for loop in loops:
        if any(other is not loop and other.header in loop.body for other in loops):
            continue
        body = [statement for label in loop.body for statement in blocks[label].body]
        stores = [statement for statement in body if isinstance(statement, ir.SetItem | ir.StaticSetItem)]
        if (
            len(stores) == 1
            and isinstance(stores[0], ir.SetItem)
            and _indexed_by_loop(stores[0], body, loop, blocks)
        ):
            found.add(id(stores[0]))
    return found


def _indexed_by_loop(store: Any, body: list[Any], loop: Any, blocks: Any) -> bool:
    """Whether the index, or a part of it, is what the loop's own iterator gave."""
    drawn = {
        statement.target.name
        for statement in blocks[loop.header].body
        if isinstance(statement, ir.Assign)
        and isinstance(statement.value, ir.Expr)
        and statement.value.op == "iternext"
    }
    origin = {
        statement.target.name: statement.value for statement in body if isinstance(statement, ir.Assign)
    }

    def is_loop_variable(name: str) -> bool:
        value = origin.get(name)
        while isinstance(value, ir.Var):
            value = origin.get(value.name)
        return isinstance(value, ir.Expr) and value.op == "pair_first" and value.value.name in drawn

    index = origin.get(store.index.name)
    parts = index.items if isinstance(index, ir.Expr) and index.op == "build_tuple" else [store.index]
    return any(is_loop_variable(part.name) for part in parts)
