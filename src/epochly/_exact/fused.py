"""Array expressions as trees, and each tree as one call of `compute`: temporaries of one use are never made.

Works on the typed representation, after the plan is made. A value is computed later than it was written only within its
block, and never past a statement that could change what it reads. It refuses nothing: what cannot be joined is computed on
its own.
"""

from __future__ import annotations

import operator
from collections import Counter
from typing import TYPE_CHECKING, Any

from numba.core import ir

from epochly._exact.array_calls import GATHER
from epochly._exact.elements import Recipe, compute
from epochly._exact.lowering import NONE, numba_types
from epochly._exact.recipes import Leaf, Node, Tree

if TYPE_CHECKING:
    from epochly._exact.apply import Applier
    from epochly._exact.plan import Element

MOST_OPERANDS = 24  # of one loop; pointers beyond that leave registers


class Fuser:
    """Rewrites the array expressions of one function."""

    def __init__(self, applier: Applier) -> None:
        self.applier = applier
        self.plan = applier.plan
        self.uses = Counter(
            var.name for block in applier.blocks.values() for each in block.body for var in _read(each)
        )
        self.assigned = Counter(
            each.target.name
            for block in applier.blocks.values()
            for each in block.body
            if isinstance(each, ir.Assign)
        )

    def run(self) -> None:
        """Change every block, in place."""
        if self.plan.elements or self.plan.array_stores or self.plan.gathers:
            for block in self.applier.blocks.values():
                self.block(block)

    def block(self, block: Any) -> None:
        """One block: which expressions are part of later ones, then a call for each that is not."""
        inner = self.inner(block.body)
        out: list[Any] = []
        self.applier.out = out
        views = _views(block.body)
        for statement in block.body:
            element = self.element_of(statement)
            if id(statement) in self.plan.array_stores:
                self.store(block, statement, inner, views)
            elif isinstance(statement, ir.Assign) and id(statement.value) in self.plan.gathers:
                self.gather(block, statement)
            elif element is None:
                out.append(statement)
            elif id(statement) not in inner["statements"]:
                self.root(block, statement, element, inner)
        block.body = out

    def element_of(self, statement: Any) -> Element | None:
        """What the plan says of an assigned expression."""
        return self.plan.elements.get(id(statement.value)) if isinstance(statement, ir.Assign) else None

    def inner(self, body: list[Any]) -> dict[str, Any]:
        """Names of values that only one later expression of this block uses, and their elements."""
        found: dict[str, Any] = {"names": {}, "statements": set()}
        pending: dict[str, tuple[Any, Element]] = {}
        for statement in body:
            element = self.element_of(statement)
            wanted: tuple[Any, ...] = ()
            if element is not None:
                wanted = element.parts
            elif id(statement) in self.plan.array_stores:
                wanted = (statement.value,)
            for var in wanted:
                if var.name in pending:
                    start, part = pending.pop(var.name)
                    found["names"][var.name] = part
                    found["statements"].add(id(start))
                    moved = self.applier.checks.pop(id(start), [])
                    self.applier.checks[id(statement)].extend(moved)
            if self.changes(statement) or (element is not None and element.into is not None):
                pending.clear()
            if element is not None and element.into is None and self.once(statement.target.name):
                pending[statement.target.name] = (statement, element)
        return found

    def changes(self, statement: Any) -> bool:
        """Whether a statement may change what a value computed after it would read."""
        if not isinstance(statement, ir.Assign) or self.assigned[statement.target.name] > 1:
            return True
        value = statement.value
        if not isinstance(value, ir.Expr) or value.op != "call":
            return isinstance(value, ir.Expr) and value.op == "inplace_binop" and self.is_array(value.lhs)
        return isinstance(self.applier.typemap[value.func.name], numba_types.BoundFunction)

    def is_array(self, var: Any) -> bool:
        """Whether a variable holds an array."""
        return isinstance(self.applier.typemap[var.name], numba_types.Array)

    def once(self, name: str) -> bool:
        """Whether a name is given one value, which is read once."""
        return self.uses[name] == 1 and self.assigned[name] == 1

    def tree(
        self, element: Element, inner: dict[str, Any], operands: list[tuple[Any, int]], lift: int = 0
    ) -> Tree:
        """An expression over `operands`, which are collected."""
        lifts = (lift + 1, lift) if element.lifted else (lift,) * len(element.parts)
        parts = tuple(
            self.part(var, inner, operands, own) for var, own in zip(element.parts, lifts, strict=True)
        )
        return Node(element.function, element.computes_in, element.gives, parts)

    def part(self, var: Any, inner: dict[str, Any], operands: list[tuple[Any, int]], lift: int = 0) -> Tree:
        """A value that is part of an expression: computed with it, or an operand."""
        element = inner["names"].get(var.name)
        if element is not None:
            return self.tree(element, inner, operands, lift)
        lift = lift if self.is_array(var) else 0
        for position, (operand, own) in enumerate(operands):
            if (operand.name, own) == (var.name, lift):
                return Leaf(position)
        operands.append((var, lift))
        return Leaf(len(operands) - 1)

    def root(self, block: Any, statement: Any, element: Element, inner: dict[str, Any]) -> None:
        """An expression that stands for itself: a new array, or an array changed in place."""
        operands: list[tuple[Any, int]] = [] if element.into is None else [(element.into, 0)]
        tree = self.tree(element, inner, operands)
        if element.into is None:
            made = self.applier.typemap[statement.target.name]
            ordered = self.is_ordered(element, inner)
            value = self.compute(block, statement, tree, made, operands, ordered=ordered)
        else:
            self.compute(block, statement, tree, NONE, operands)
            value = element.into
        self.applier.out.append(ir.Assign(value, statement.target, statement.loc))

    def is_ordered(self, element: Element, inner: dict[str, Any]) -> bool:
        """Whether the order of an expression, or of one that is part of it, can be told."""
        parts = [inner["names"].get(var.name) for var in element.parts]
        return id(element.expression) in self.plan.ordered or any(
            self.is_ordered(part, inner) for part in parts if part is not None
        )

    def store(self, block: Any, statement: Any, inner: dict[str, Any], views: dict[str, Any]) -> None:
        """`array[index] = value`, unless the value is that very view, changed in place."""
        index = statement.index if isinstance(statement, ir.SetItem) else statement.index_var
        place = (statement.target.name, index.name)
        if views.get(statement.value.name) == place:
            return
        view = self.view(block, statement, index)
        operands = [(view, 0)]
        tree = self.part(statement.value, inner, operands)
        self.compute(block, statement, tree, NONE, operands)

    def gather(self, block: Any, statement: Any) -> None:
        """`vector[indices]`, by our own primitive."""
        expression, made = statement.value, self.applier.typemap[statement.target.name]
        value = self.applier.call(block, statement.loc, GATHER, (expression.value, expression.index), made)
        self.applier.out.append(ir.Assign(value, statement.target, statement.loc))

    def view(self, block: Any, statement: Any, index: Any) -> Any:
        """The part of an array that an index picks, as a new variable."""
        applier, typing = self.applier, self.applier.state.typingctx
        array = applier.typemap[statement.target.name]
        sig = typing.resolve_function_type(operator.getitem, (array, applier.typemap[index.name]), {})
        var = applier.fresh(block, statement.loc, sig.return_type)
        expression = ir.Expr.getitem(statement.target, index, statement.loc)
        dict.__setitem__(applier.calltypes, expression, sig)
        applier.out.append(ir.Assign(expression, var, statement.loc))
        return var

    def compute(
        self,
        block: Any,
        statement: Any,
        tree: Tree,
        result: Any,
        operands: list[tuple[Any, int]],
        *,
        ordered: bool = False,
    ) -> Any:
        """Append the call; its result's variable."""
        applier, recipe = self.applier, Recipe(tree, result, tuple(lift for _, lift in operands), ordered)
        nothing = applier.fresh(block, statement.loc, recipe)
        applier.out.append(ir.Assign(ir.Const(None, statement.loc), nothing, statement.loc))
        value = applier.call(block, statement.loc, compute, (nothing, *(var for var, _ in operands)), result)
        moved = applier.checks.pop(id(statement), [])
        if moved:
            applier.checks[id(applier.out[-3])].extend(moved)
        return value


def _read(statement: Any) -> list[Any]:
    """The variables whose value a statement uses."""
    if isinstance(statement, ir.Assign):
        value = statement.value
        if isinstance(value, ir.Var):
            return [value]
        return list(value.list_vars()) if isinstance(value, ir.Expr) else []
    return list(statement.list_vars())


def _views(body: list[Any]) -> dict[str, tuple[str, str]]:
    """Of each value that is a view changed in place: the array and the index that picked the view."""
    picked: dict[str, tuple[str, str]] = {}
    for statement in body:
        value = statement.value if isinstance(statement, ir.Assign) else None
        if not isinstance(value, ir.Expr):
            continue
        if value.op == "getitem":
            picked[statement.target.name] = (value.value.name, value.index.name)
        elif value.op == "static_getitem" and value.index_var is not None:
            picked[statement.target.name] = (value.value.name, value.index_var.name)
        elif value.op == "inplace_binop" and value.lhs.name in picked:
            picked[statement.target.name] = picked[value.lhs.name]
    return picked
