"""Which floating-point operations on NumPy's numbers must be pinned so that their status flags are raised.

LLVM may drop, sink or merge an operation whose result it does not need, and a warning would be lost with it. Pinning each
one costs vector code. One goes without where on every way from it to a return its value is put to a use that cannot be left
out: by another operation, which cannot be computed without it; by a `return`, before which it is kept; or by the only store of
a loop, each pass of which stores at another place, with a barrier where the loop ends. A value that a loop carries counts as
used where what carries it is; this is a greatest fixed point, sound since every way to a return is finite. A way that ends in
the interpreter needs no flags. It refuses to be clever beyond that. Source: LLVM's language reference, floating-point
environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact.operators import INPLACE, PYTHON_FLOAT


@dataclass(slots=True)
class Pins:
    """What was found: nothing needs a pin that is in `free`, if the rest is done."""

    free: set[int] = field(default_factory=set)  # identities of expressions
    kept: dict[int, set[str]] = field(default_factory=dict)  # by a `return`: the values to keep before it
    barriers: set[int] = field(default_factory=set)  # blocks before which all stores must have been made


class Flow:
    """The ways that values take; `arrays` are the names that hold some, which are nobody's here."""

    def __init__(self, blocks: Any, arrays: set[str]) -> None:
        self.blocks = blocks
        self.arrays = arrays
        self.graph = compute_cfg_from_blocks(blocks)
        self.values: Any = {
            each.target.name: each.value
            for block in blocks.values()
            for each in block.body
            if isinstance(each, ir.Assign)
        }
        self.pins = Pins()
        self.stores = self.only_stores_of_loops()
        for block in blocks.values():
            if isinstance(block.terminator, ir.Return):
                self.pins.kept[id(block.terminator)] = self.returned(block.terminator.value.name)
        self.carried = {
            name for name, value in self.values.items() if isinstance(value, ir.Expr) and value.op == "phi"
        }

    def root(self, name: str) -> str:
        """The name that a name is a copy of."""
        value = self.values.get(name)
        while isinstance(value, ir.Var) or (isinstance(value, ir.Expr) and value.op == "cast"):
            name = value.name if isinstance(value, ir.Var) else value.value.name
            value = self.values.get(name)
        return name

    def returned(self, name: str) -> set[str]:
        """The numbers that a `return` of this name hands out."""
        value = self.values.get(self.root(name))
        if isinstance(value, ir.Expr) and value.op == "build_tuple":
            return {self.root(item.name) for item in value.items}
        return {self.root(name)}

    def run(self) -> Pins:
        """Find what needs no pin."""
        places = {
            each.target.name: (label, position)
            for label, block in self.blocks.items()
            for position, each in enumerate(block.body)
            if isinstance(each, ir.Assign)
        }
        before: set[str] = set()
        while before != self.carried:
            before = set(self.carried)
            self.carried = {name for name in before if self.always_used(name, *places[name])}
        for name, value in self.values.items():
            if self.is_operation(value) and self.always_used(name, *places[name]):
                self.pins.free.add(id(value))
        return self.pins

    def always_used(self, name: str, label: int, position: int) -> bool:
        """Whether every way on from where a name gets its value uses it, or ends in the interpreter."""
        seen: set[int] = set()
        waiting = [(label, position + 1)]
        while waiting:
            here, start = waiting.pop()
            found = self.used_in(name, here, start)
            if found is False:
                return False
            if found is True:
                continue
            for target, _ in self.graph.successors(here):
                if not self.carries(name, here, target) and target not in seen:
                    seen.add(target)
                    waiting.append((target, 0))
        return True

    def used_in(self, name: str, label: int, start: int) -> bool | None:
        """Whether a block uses a name for good; False where it is lost, None where that is decided later."""
        for statement in self.blocks[label].body[start:]:
            if isinstance(statement, ir.Assign):
                if statement.target.name == name:
                    return False  # the next value, and this one was for nothing
                value = statement.value
                if self.is_operation(value) and name in (
                    self.root(value.lhs.name),
                    self.root(value.rhs.name),
                ):
                    return True
            elif id(statement) in self.stores and self.root(statement.value.name) == name:
                return True
            elif isinstance(statement, ir.Return):
                return name in self.pins.kept[id(statement)]
            elif isinstance(statement, ir.StaticRaise):
                return True
        return None

    def carries(self, name: str, here: int, target: int) -> bool:
        """Whether going from one block to the next hands a name to one that is always used."""
        for statement in self.blocks[target].body:
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Expr) and value.op == "phi" and statement.target.name in self.carried:
                for label, var in zip(value.incoming_blocks, value.incoming_values, strict=True):
                    if label == here and var is not ir.UNDEFINED and self.root(var.name) == name:
                        return True
        return False

    def is_operation(self, value: Any) -> bool:
        """Whether it is arithmetic on numbers: what feeds an expression on arrays may have no element to be used for."""
        if not isinstance(value, ir.Expr) or value.op not in ("binop", "inplace_binop"):
            return False
        function = value.immutable_fn if value.op == "inplace_binop" else value.fn
        known = INPLACE.get(function, function) in PYTHON_FLOAT
        return known and not {value.lhs.name, value.rhs.name} & self.arrays

    def only_stores_of_loops(self) -> set[int]:
        """Stores that are alone in their loop and indexed by its variable: before its end none makes another needless."""
        loops = sorted(self.graph.loops().values(), key=lambda loop: len(loop.body))
        found = set()
        for label, block in self.blocks.items():
            loop = next((each for each in loops if label in each.body), None)
            for statement in block.body if loop is not None else ():
                if isinstance(statement, ir.SetItem) and self.is_only_store(statement, loop):
                    found.add(id(statement))
        return found

    def is_only_store(self, store: Any, loop: Any) -> bool:
        """Whether a loop has no other store, ends at its range's end, and its variable is part of the index."""
        body = [statement for label in loop.body for statement in self.blocks[label].body]
        if sum(isinstance(each, ir.SetItem | ir.StaticSetItem) for each in body) != 1:
            return False
        header = self.blocks[loop.header]
        if not isinstance(header.terminator, ir.Branch) or not self.indexed_by_loop(store, header):
            return False
        leaving = {
            target
            for label in loop.body
            for target, _ in self.graph.successors(label)
            if target not in loop.body and not isinstance(self.blocks[target].terminator, ir.StaticRaise)
        }
        if leaving != {header.terminator.falsebr}:
            return False
        self.pins.barriers |= leaving
        return True

    def indexed_by_loop(self, store: Any, header: Any) -> bool:
        """Whether the index, or a part of it, is what the loop's own iterator gave."""
        drawn = {
            each.target.name
            for each in header.body
            if isinstance(each, ir.Assign) and isinstance(each.value, ir.Expr) and each.value.op == "iternext"
        }
        index = self.values.get(store.index.name)
        parts = index.items if isinstance(index, ir.Expr) and index.op == "build_tuple" else [store.index]
        origins = [self.values.get(self.root(part.name)) for part in parts]
        return any(
            isinstance(each, ir.Expr) and each.op == "pair_first" and each.value.name in drawn
            for each in origins
        )
