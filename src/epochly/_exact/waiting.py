"""Loops that wait for somebody else: for another thread or a signal handler to bind a name, or to store into an array.

Machine code compares names when a call begins, and no other thread runs until it ends, so such a loop would never see what it
waits for. Two kinds are refused: a loop with a way out that hangs on nothing but names from outside the function, and a loop
in which nothing that is looked at can change by what the loop does. Others end by themselves, and see a name as it was when
the call began, as they would in an interpreter that does not switch threads meanwhile. It refuses to follow calls: what a
function with arguments answers may change. Source: the language reference, execution model.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact.kinds import Reject

if TYPE_CHECKING:
    import types

FIX = "pass what it waits for, or leave the loop where it is"
CHANGING = {"append", "clear", "extend", "insert", "pop"}  # methods of lists
STORES = (ir.SetItem, ir.StaticSetItem, ir.SetAttr, ir.DelItem)


@dataclass(frozen=True, slots=True)
class Hangs:
    """What a value hangs on, within a loop: `moves` if the loop itself can change it."""

    moves: bool = False
    names: bool = False
    elements: bool = False
    variables: bool = False

    def __or__(self, other: Hangs) -> Hangs:
        return Hangs(
            self.moves or other.moves,
            self.names or other.names,
            self.elements or other.elements,
            self.variables or other.variables,
        )


NOTHING, MOVES = Hangs(), Hangs(moves=True)


def refuse_waiting(function: types.FunctionType, blocks: Any) -> None:
    """Raises `Reject` where a loop of a function, in numba's first representation, waits for somebody else."""
    for loop in compute_cfg_from_blocks(blocks).loops().values():
        inside = _Loop({label: blocks[label] for label in loop.body})
        every = NOTHING
        for block in inside.blocks.values():
            last = block.terminator
            if not isinstance(last, ir.Branch):
                continue
            found = inside.hangs(last.cond.name)
            every |= found
            leaves = not {last.truebr, last.falsebr} <= set(inside.blocks)
            if leaves and found == Hangs(names=True):
                raise Reject(
                    f"`{function.__name__}` has a loop that ends when somebody else binds a name",
                    last.loc.line,
                    FIX,
                )
        if (every.names or every.elements) and not every.moves:
            line = blocks[loop.header].loc.line
            raise Reject(f"`{function.__name__}` has a loop that waits for somebody else", line, FIX)


class _Loop:
    """The blocks of one loop."""

    def __init__(self, blocks: dict[int, Any]) -> None:
        self.blocks = blocks
        self.values: dict[str, list[Any]] = {}
        self.stores = False
        for block in blocks.values():
            for statement in block.body:
                if isinstance(statement, ir.Assign):
                    self.values.setdefault(statement.target.name, []).append(statement.value)
                self.stores |= isinstance(statement, STORES)
        self.known: dict[str, Hangs] = {}
        self.asked: set[str] = set()

    def hangs(self, name: str) -> Hangs:
        """What a variable hangs on."""
        if name in self.known:
            return self.known[name]
        if name not in self.values:
            return Hangs(variables=True)
        if name in self.asked:
            return MOVES  # on itself, a pass before
        self.asked.add(name)
        found = NOTHING
        for value in self.values[name]:
            found |= self._value(value)
        self.asked.discard(name)
        self.known[name] = found
        return found

    def _value(self, value: Any) -> Hangs:
        if isinstance(value, ir.Var):
            return self.hangs(value.name)
        if isinstance(value, ir.Global | ir.FreeVar):
            builtin = getattr(builtins, value.name, self) is value.value
            return NOTHING if builtin else Hangs(names=True)
        if not isinstance(value, ir.Expr):
            return NOTHING
        if value.op == "iternext":
            return MOVES
        used = [each.name for each in value.list_vars()]
        found = NOTHING
        if value.op == "call":
            used.remove(value.func.name)
            method = [each for each in self.values.get(value.func.name, ()) if isinstance(each, ir.Expr)]
            owners = [self._value(each) for each in method]
            if any(each.op == "getattr" and each.attr in CHANGING for each in method):
                found |= MOVES
            if not used or any(owner.variables for owner in owners):
                found |= Hangs(names=True)
        if value.op.endswith("getitem") or value.op.startswith("inplace"):
            found |= MOVES if self.stores else Hangs(elements=True)
        for name in used:
            found |= self.hangs(name)
        return found
