"""In which order NumPy lays out the result of an array expression, told as machine code from how its operands lie.

NumPy walks as its operands lie and makes the result alike: of two axes the one with the smaller step goes inside where an operand
tells, and C order wins where operands disagree or none tells. Sums, products and whatever is returned show it. It refuses to tell the
order of expressions of three and more axes that turn any. Source: NumPy's nditer, `npyiter_find_best_axis_ordering`.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from epochly._exact.layouts import FALSE, ONE, TRUE, Operand, magnitude
from epochly._exact.lowering import ZERO
from epochly._exact.recipes import Node, Tree


def laid_out_otherwise(builder: Any, tree: Tree, operands: list[Operand], machine: Any) -> Any:
    """Whether the result's order is not that of its machine type; steps along broadcast axes are zero already."""
    otherwise = FALSE
    for outer, inner in combinations(range(machine.ndim), 2):
        told = _Pair(builder, operands, outer, inner)
        straight, turned = told.of(tree)
        wrong = turned
        if machine.layout == "F":
            wrong = straight  # where neither has more than one element both orders are one
        otherwise = builder.or_(otherwise, wrong)
        if machine.ndim > 2:
            otherwise = builder.or_(otherwise, told.turned)
    return otherwise


class _Pair:
    """What two axes tell; `turned` is whether they are in another order than C's in any expression that is part of it."""

    def __init__(self, builder: Any, operands: list[Operand], outer: int, inner: int) -> None:
        self.builder, self.operands, self.axes = builder, operands, (outer, inner)
        self.turned: Any = FALSE

    def of(self, tree: Tree) -> tuple[Any, Any]:
        """Whether a value's two axes tell C's order, and whether they tell the other one; neither, if one has a single element."""
        builder = self.builder
        if not isinstance(tree, Node):
            return self._operand(self.operands[tree.position])
        straight, turned = FALSE, FALSE
        for part in tree.parts:
            one, other = self.of(part)
            straight, turned = builder.or_(straight, one), builder.or_(turned, other)
        turned = builder.and_(turned, builder.not_(straight))
        both = TRUE
        for axis in self.axes:
            both = builder.and_(both, self._extends(tree, axis))
        turned = builder.and_(both, turned)
        self.turned = builder.or_(self.turned, turned)
        return builder.and_(both, builder.not_(turned)), turned

    def _operand(self, operand: Operand) -> tuple[Any, Any]:
        builder = self.builder
        if operand.data is None:
            return FALSE, FALSE
        outer, inner = (operand.strides[axis] for axis in self.axes)
        tells = builder.and_(*(builder.icmp_signed("!=", step, ZERO) for step in (outer, inner)))
        further = builder.icmp_unsigned(">=", magnitude(builder, outer), magnitude(builder, inner))
        return builder.and_(tells, further), builder.and_(tells, builder.not_(further))

    def _extends(self, tree: Tree, axis: int) -> Any:
        """Whether a value has another number of elements than one along an axis."""
        builder = self.builder
        if isinstance(tree, Node):
            extends = FALSE
            for part in tree.parts:
                extends = builder.or_(extends, self._extends(part, axis))
            return extends
        operand = self.operands[tree.position]
        if operand.data is None:
            return FALSE
        return builder.icmp_signed("!=", operand.shape[axis], ONE)
