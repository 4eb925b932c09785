"""Machine code of one array expression: a single loop over its elements, into a new array or into a view.

The innermost loop exists twice, for elements that lie side by side (vector code) and for any steps. Where an operand may
share memory with the target in any way but element by element, the result goes to fresh memory first, as NumPy's does. It
refuses, at run time, targets that overlap themselves. Sources: LLVM's language reference (`llvm.loop.parallel_accesses`),
numba's extension API. See `layouts` and `recipes`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from llvmlite.ir.values import MDValue
from numba.core import cgutils, types
from numba.core.datamodel import register_default
from numba.core.datamodel.models import OpaqueModel
from numba.core.imputils import lower_builtin, lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.np.arrayobj import _empty_nd_impl

from epochly._exact.conversion import converted as scalar_as
from epochly._exact.layouts import (
    FALSE,
    I8,
    ONE,
    TRUE,
    Operand,
    arranged,
    broadcast,
    check_shapes,
    clash,
    made_operand,
    overlaps_itself,
    size_of,
    taking_part,
)
from epochly._exact.lowering import I64, NONE, ZERO, deopt_if, numba_types
from epochly._exact.orders import laid_out_otherwise
from epochly._exact.promotion import MACHINE
from epochly._exact.recipes import Leaf, Node, Tree, converted, element, machine_type

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = (["llvm.loop.vectorize.width", ir.Constant(ir.IntType(32), 1)], ["llvm.loop.unroll.disable"])
_serial = itertools.count()


class Recipe(types.Type):
    """The type of a value that holds nothing: what to compute, for the typed and the lowered call to read.

    Attributes:
        lifts: for each argument, how many axes of size one follow its own.
        tree: over the arguments that follow the recipe; with a store, the first of them is the target.
        result: the machine type of the new array, or none for a store.
        ordered: whether to give up unless NumPy lays the new array out as it is here.
    """

    def __init__(self, tree: Tree, result: Any, lifts: tuple[int, ...], ordered: bool) -> None:
        self.tree, self.result, self.lifts, self.ordered = tree, result, lifts, ordered
        super().__init__(name=f"recipe({tree}, {result}, {lifts}, {ordered})")


@register_default(Recipe)
class _RecipeModel(OpaqueModel):
    """Nothing at run time."""


@lower_constant(Recipe)
def _no_value(context: Any, _builder: Any, _type: Any, _value: Any) -> Any:
    return context.get_dummy_value()


def compute(*_: object) -> None:
    """Carry out a recipe on its operands."""
    raise AssertionError("`compute` exists in machine code only")


@infer_global(compute)
class _Compute(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        return signature(args[0].result, *args)


@lower_builtin(compute, Recipe, numba_types.VarArg(numba_types.Any))
def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    recipe, result = sig.args[0], sig.args[0].result
    ndim = (sig.args[1] if result == NONE else result).ndim
    operands = [
        taking_part(context, builder, machine, value, (ndim, lift))
        for machine, value, lift in zip(sig.args[1:], args[1:], recipe.lifts, strict=True)
    ]
    work = Work(context, builder, operands)
    if result == NONE:
        work.store(recipe.tree, sig.args[1])
        return context.get_dummy_value()
    return work.make(recipe.tree, result, ordered=recipe.ordered)


@dataclass(frozen=True, slots=True)
class Work:
    """One recipe being lowered."""

    context: Any
    builder: Any
    operands: list[Operand]

    def make(self, tree: Tree, machine: Any, *, ordered: bool) -> Any:
        """A new array."""
        arrays = [operand for operand in self.operands if operand.data is not None]
        self.convert_scalars(tree, "")
        shape = broadcast(self.builder, arrays, machine.ndim)
        self.fit(arrays, shape, tree)
        if ordered:
            otherwise = laid_out_otherwise(self.builder, tree, self.operands, machine)
            why = "NumPy lays the result of an array expression out in another order"
            deopt_if(self.context, self.builder, otherwise, why)
        made = _empty_nd_impl(self.context, self.builder, machine, shape)
        self.walk(tree, made_operand(self.builder, made, machine), self.operands, shape)
        return made._getvalue()  # noqa: SLF001 - numba's own name for it

    def store(self, tree: Tree, machine: Any) -> None:
        """Into the first operand, by way of fresh memory where memory is shared."""
        context, builder, target = self.context, self.builder, self.operands[0]
        arrays = [operand for operand in self.operands[1:] if operand.data is not None]
        self.convert_scalars(tree, target.dtype)
        self.fit(arrays, target.shape, tree)
        if not target.contiguous:
            why = "a view that overlaps itself is stored to"
            deopt_if(context, builder, overlaps_itself(builder, target), why)
        if not arrays:
            self.walk(tree, target, self.operands, target.shape)
            return
        clashes = FALSE
        for operand in arrays:
            clashes = builder.or_(clashes, clash(builder, target, operand))
        fresh = numba_types.Array(machine.dtype, machine.ndim, "C")
        kept = cgutils.alloca_once_value(builder, context.get_constant_null(fresh))
        slots = [cgutils.alloca_once_value(builder, place) for place in (target.data, *target.strides)]
        with builder.if_then(clashes, likely=False):
            made = _empty_nd_impl(context, builder, fresh, target.shape)
            builder.store(made._getvalue(), kept)  # noqa: SLF001 - numba's own name for it
            between = made_operand(builder, made, fresh)
            for place, slot in zip((between.data, *between.strides), slots, strict=True):
                builder.store(place, slot)
        data, *strides = (builder.load(slot) for slot in slots)
        there = replace(target, data=data, strides=tuple(strides))
        self.walk(tree, there, self.operands, target.shape)
        with builder.if_then(clashes, likely=False):
            self.walk(Leaf(0), target, [there], target.shape, fast=False)
            context.nrt.decref(builder, fresh, builder.load(kept))

    def convert_scalars(self, tree: Tree, into: str) -> None:
        """Scalars in the types they are computed in, once, before the loop; one that does not fit gives up the call."""
        if isinstance(tree, Node):
            for part, dtype in zip(tree.parts, tree.computes_in, strict=True):
                self.convert_scalars(part, dtype)
            return
        operand = self.operands[tree.position]
        if operand.machine is not None and into not in operand.scalars:
            target = MACHINE[np.dtype(into)]
            operand.scalars[into] = scalar_as(
                self.context, self.builder, operand.value, operand.machine, target
            )

    def fit(self, arrays: list[Operand], shape: tuple[Any, ...], tree: Tree) -> None:
        """Give up where shapes do not fit; else make steps zero along what is broadcast."""
        builder = self.builder
        check_shapes(self.context, builder, arrays, shape, computes=isinstance(tree, Node))
        for operand in arrays:
            operand.strides = tuple(
                builder.select(builder.icmp_signed("==", size, ONE), ZERO, stride)
                for size, stride in zip(operand.shape, operand.strides, strict=True)
            )

    def walk(
        self,
        tree: Tree,
        target: Operand,
        operands: list[Operand],
        shape: tuple[Any, ...],
        *,
        fast: bool = True,
    ) -> None:
        """Every element of `shape`, from the operands into the target; `fast` is false for a mere copy."""
        builder = self.builder
        used = _positions(tree)
        memory = [each for place, each in enumerate(operands) if each.data is not None and place in used]
        sizes, (goal, *sources) = arranged(builder, shape, [target, *memory])
        where = {id(old): new for old, new in zip(memory, sources, strict=True)}
        rows = Rows(
            builder,
            tree,
            [where.get(id(each), each) for each in operands],
            goal,
            [goal, *sources],
            cgutils.alloca_once_value(builder, FALSE),
        )
        rows.nest(sizes, 0, [each.data for each in rows.memory], fast=fast)
        why = "which of two zeros, or of two NaNs, NumPy chooses is its own secret"
        deopt_if(self.context, builder, builder.load(rows.doubtful), why)


@dataclass(frozen=True, slots=True)
class Rows:
    """The loop nest of one walk."""

    builder: Any
    tree: Tree
    parts: list[Operand]  # by the positions of leaves
    goal: Operand
    memory: list[Operand]  # the goal, then what is read
    doubtful: Any  # a place in memory: whether NumPy may give other bits

    def nest(self, sizes: list[Any], dimension: int, datas: list[Any], *, fast: bool) -> None:
        """The loops from one dimension inwards, each operand's row beginning at `datas`."""
        builder = self.builder
        if dimension < len(sizes) - 1:

            def one(index: Any) -> None:
                inner = [
                    builder.gep(data, [builder.mul(index, each.strides[dimension])])
                    for data, each in zip(datas, self.memory, strict=True)
                ]
                self.nest(sizes, dimension + 1, inner, fast=fast)

            _loop(builder, sizes[dimension], one)
            return
        beside = TRUE
        for each in self.memory:
            expected = ZERO if each.lift else size_of(each.dtype)
            beside = builder.and_(beside, builder.icmp_signed("==", each.strides[-1], expected))
        with builder.if_else(beside) as (side_by_side, anyhow):
            with side_by_side:
                if fast:
                    self.row(sizes[-1], datas, unit=True)
                else:
                    itemsize = np.dtype(self.goal.dtype).itemsize
                    cgutils.raw_memcpy(builder, datas[0], datas[1], sizes[-1], itemsize)
            with anyhow:
                self.row(sizes[-1], datas, unit=False)

    def row(self, size: Any, datas: list[Any], *, unit: bool) -> None:
        """The innermost loop; LLVM is told that no pass reads what another one stores."""
        builder = self.builder
        group = _Distinct(builder.module, (), str(len(builder.module.metadata)))
        at = {id(each): data for each, data in zip(self.memory, datas, strict=True)}

        def place(each: Operand, index: Any) -> Any:
            stored = I8 if each.dtype == "bool" else machine_type(each.dtype)
            data = at[id(each)]
            if unit:
                return builder.gep(builder.bitcast(data, stored.as_pointer()), [ZERO if each.lift else index])
            data = builder.gep(data, [builder.mul(index, each.strides[-1])])
            return builder.bitcast(data, stored.as_pointer())

        def one(index: Any) -> None:
            loaded: dict[int, Any] = {}
            for position in sorted(_positions(self.tree)):
                each = self.parts[position]
                if each.data is not None:
                    value = builder.load(place(each, index))
                    value.set_metadata("llvm.access.group", group)
                    if each.dtype == "bool":
                        value = builder.icmp_unsigned("!=", value, ir.Constant(I8, 0))
                    loaded[position] = value
            value = self.value(self.tree, self.goal.dtype, loaded)
            if self.goal.dtype == "bool":
                value = builder.zext(value, I8)
            builder.store(value, place(self.goal, index)).set_metadata("llvm.access.group", group)

        _loop(builder, size, one, group, plain=not unit)

    def value(self, tree: Tree, into: str, loaded: dict[int, Any]) -> Any:
        """An element of a tree, in the type it is wanted in."""
        builder = self.builder
        if isinstance(tree, Leaf):
            part = self.parts[tree.position]
            if part.machine is not None:
                return part.scalars[into]
            return converted(builder, loaded[tree.position], part.dtype, into)
        values = [
            self.value(part, dtype, loaded) for part, dtype in zip(tree.parts, tree.computes_in, strict=True)
        ]
        made = element(builder, tree.function, tree.computes_in[-1], values, self.doubt)
        return converted(builder, made, tree.gives, into)

    def doubt(self, condition: Any) -> None:
        """Remember that NumPy may give other bits here."""
        builder = self.builder
        builder.store(builder.or_(builder.load(self.doubtful), condition), self.doubtful)


def _positions(tree: Tree) -> set[int]:
    """The operands a tree reads."""
    return {tree.position} if isinstance(tree, Leaf) else set().union(*map(_positions, tree.parts))


class _Distinct(MDValue):
    """A metadata node that equals no other, which llvmlite has no word for."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def descr(self, buf: list[str]) -> None:
        buf += ("distinct !{ ", ", ".join(each.get_reference() for each in self.operands), " }\n")


def _loop(
    builder: Any, size: Any, body: Callable[[Any], None], group: Any = None, *, plain: bool = False
) -> None:
    """`body` of 0 to `size`; with a group of accesses, no pass depends on another; `plain` is neither widened nor unrolled."""
    name = f"elements.{next(_serial)}"
    entry = builder.basic_block
    head, end = (builder.append_basic_block(f"{name}.{part}") for part in ("head", "end"))
    builder.cbranch(builder.icmp_signed(">", size, ZERO), head, end)
    builder.position_at_end(head)
    index = builder.phi(I64)
    index.add_incoming(ZERO, entry)
    body(index)
    following = builder.add(index, ONE, flags=("nuw", "nsw"))
    index.add_incoming(following, builder.basic_block)
    again = builder.cbranch(builder.icmp_signed("<", following, size), head, end)
    if group is not None:
        module = builder.module
        parallel = module.add_metadata(["llvm.loop.parallel_accesses", group])
        loop = _Distinct(module, (), str(len(module.metadata)))
        loop.operands = (loop, parallel, *(module.add_metadata(each) for each in PLAIN * plain))
        again.set_metadata("llvm.loop", loop)
    builder.position_at_end(end)
