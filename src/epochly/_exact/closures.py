"""List comprehensions, which numba inlines as closures, without what numba drops on the way because nobody reads it.

numba's pass ends by removing assignments that are not read, and takes an index out of range, a division by zero or an overflow
for no effect; and it turns `np.array` of a comprehension into stores, which has another type for an empty one. Here only what made the
closure goes. It refuses to run outside numba's compiler lock, which guards the names that are swapped. Source: numba's inliner.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numba.core import inline_closurecall, ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.untyped_passes import InlineClosureLikes

if TYPE_CHECKING:
    from collections.abc import Iterator

MAKES = ("make_function", "build_tuple")  # a closure and its cells; making them cannot fail


def drop_closures(func_ir: Any, *_: Any, **__: Any) -> bool:
    """Remove closures that were inlined, and what only they read, in place; whether there were any."""
    changed = False
    while True:
        read = {
            name
            for block in func_ir.blocks.values()
            for statement in block.body
            for name in _read_by(statement)
        }
        removed = False
        for block in func_ir.blocks.values():
            kept = [each for each in block.body if not _is_unread(each, read)]
            removed |= len(kept) < len(block.body)
            block.body = kept
        if not removed:
            return changed
        changed = True


def _read_by(statement: Any) -> list[str]:
    source = statement.value if isinstance(statement, ir.Assign) else statement
    if isinstance(source, ir.Var):
        return [source.name]
    return [each.name for each in source.list_vars()] if hasattr(source, "list_vars") else []


def _is_unread(statement: Any, read: set[str]) -> bool:
    if not isinstance(statement, ir.Assign) or statement.target.name in read:
        return False
    value = statement.value
    if isinstance(value, ir.Expr):
        return value.op in MAKES
    return isinstance(value, ir.Const | ir.Global | ir.FreeVar)


@contextmanager
def all_kept() -> Iterator[None]:
    """Let numba's inliner drop closures and nothing else."""
    assert global_compiler_lock.is_locked()
    module: Any = inline_closurecall
    before = (module.dead_code_elimination, module.enable_inline_arraycall)
    module.dead_code_elimination, module.enable_inline_arraycall = drop_closures, False
    try:
        yield
    finally:
        module.dead_code_elimination, module.enable_inline_arraycall = before


@register_pass(mutates_CFG=True, analysis_only=False)
class InlineClosures(InlineClosureLikes):
    """See above."""

    _name = "epochly_closures"

    def run_pass(self, state: Any) -> bool:
        """Inline."""
        with all_kept():
            return InlineClosureLikes.run_pass(self, state)
