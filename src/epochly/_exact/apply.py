"""The pass that carries a `Plan` out on the typed intermediate representation, after phis are gone.

Operators get their primitives; a tag goes beside every value that only run time can tell; checks, status flags and looks
for signals are inserted. It refuses a representation in which a planned expression can no longer be found.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact.accesses import loading, storing
from epochly._exact.cutting import cut
from epochly._exact.fused import Fuser
from epochly._exact.kinds import CODES, LITERAL, Number, Reject
from epochly._exact.lowering import FLOAT, INT, NONE, Key, numba_types
from epochly._exact.machine import (
    BARRIER,
    CLEAR_FLAGS,
    JOINED_TAG,
    KEEP,
    ONE_PASS,
    TAG_IS,
    TAG_IS_NOT,
    TEST_FLAGS,
)
from epochly._exact.mathematics import CHOSEN_TAG

if TYPE_CHECKING:
    from epochly._exact.plan import Cast, Check, Plan


class Applier:
    """One walk over one function whose plan is known."""

    def __init__(self, state: Any, plan: Plan) -> None:
        self.state = state
        self.blocks = state.func_ir.blocks
        self.typemap = state.typemap
        self.calltypes = state.calltypes
        self.plan = plan
        self.count = 0
        self.out: list[Any] = []
        self.called: dict[int, Any] = {}  # calls that get another function
        self.checks: dict[int, list[Check]] = defaultdict(list)
        for check in plan.checks:
            self.checks[id(check.statement)].append(check)
        self.casts = {id(cast.statement): cast for cast in plan.casts}

    def run(self) -> None:
        """Change the function, in place."""
        self.swap_operators()
        Fuser(self).run()
        first = min(self.blocks)
        headers = self.counting_loops()
        for label, block in self.blocks.items():
            self.out = []
            arguments_left = label == first
            if label in self.plan.pins.barriers and self.plan.uses_flags:
                self.call(block, block.loc, BARRIER, (), NONE)
            if label in headers:
                self.call(block, block.loc, ONE_PASS, (), NONE)
            for statement in block.body:
                is_argument = isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Arg)
                if arguments_left and not is_argument:
                    arguments_left = False
                    if self.plan.uses_flags:
                        self.call(block, statement.loc, CLEAR_FLAGS, (), NONE)
                self.one(block, statement)
            block.body = self.out
        for strip in self.plan.strips:
            cut(self, strip)

    def swap_operators(self) -> None:
        """Give each planned expression its primitive; all of them must still be there."""
        live = {
            id(statement.value)
            for block in self.blocks.values()
            for statement in block.body
            if isinstance(statement, ir.Assign)
        }
        for swap in self.plan.swaps:
            expression = swap.expression
            if id(expression) not in live:
                raise Reject("numba moved an operation that was to be checked")
            function = self.state.typingctx.resolve_value_type(swap.key)
            function.get_call_type(self.state.typingctx, swap.signature.args, {})
            if expression.op == "call":
                self.called[id(expression)] = swap.key, function
            else:
                expression.fn = swap.key
            if expression.op == "inplace_binop":
                expression.immutable_fn = swap.key
            if expression.op in ("binop", "inplace_binop"):
                expression.static_lhs = expression.static_rhs = ir.UNDEFINED
            dict.__setitem__(
                self.calltypes, expression, swap.signature
            )  # numba's own setter refuses to change one

    def counting_loops(self) -> set[int]:
        """Headers of loops that count their own passes, where Python's signal handlers get to run."""
        headers = {loop.header for loop in compute_cfg_from_blocks(self.blocks).loops().values()}
        return headers - {strip.header for strip in self.plan.strips} - self.plan.brief

    def one(self, block: Any, statement: Any) -> None:
        """One statement, with what comes before and after it."""
        for check in self.checks.get(id(statement), ()):
            key = TAG_IS_NOT if check.unless else TAG_IS
            code = self.constant(block, statement.loc, check.code)
            self.call(block, statement.loc, key, (self.tag(block, statement.loc, check.name), code), NONE)
        if id(statement) in self.casts:
            self.convert(block, statement, self.casts[id(statement)])
        if isinstance(statement, ir.Return) and self.plan.uses_flags:
            for name in sorted(self.plan.pins.kept[id(statement)]):
                if self.typemap[name] == FLOAT:
                    self.call(block, statement.loc, KEEP, (ir.Var(block.scope, name, statement.loc),), NONE)
            self.call(block, statement.loc, TEST_FLAGS, (), NONE)
        if isinstance(statement, ir.Assign) and id(statement.value) in self.called:
            key, function = self.called[id(statement.value)]
            statement.value.func = self.fresh(block, statement.loc, function)
            named = ir.Global(key.__name__, key, statement.loc)
            self.out.append(ir.Assign(named, statement.value.func, statement.loc))
        self.element(block, statement)
        if isinstance(statement, ir.Assign) and statement.target.name in self.plan.tagged:
            source = self.tag_of_value(block, statement)
            if source is not None:
                self.out.append(
                    ir.Assign(source, self.companion(block, statement.target.name), statement.loc)
                )

    def convert(self, block: Any, statement: Any, cast: Cast) -> None:
        """Give a store the value in the array's own type."""
        statement.value = self.call(block, statement.loc, cast.key, (statement.value,), cast.result)
        before = self.calltypes[statement]
        after = before.replace(args=(*before.args[:-1], cast.result))
        dict.__setitem__(self.calltypes, statement, after)

    def element(self, block: Any, statement: Any) -> None:
        """Append a statement; one element of an array is reached by our own primitive, with the checks it needs."""
        if id(statement) not in self.plan.reached:
            self.out.append(statement)
            return
        access, letters = self.plan.reached[id(statement)]
        loc = statement.loc
        indices = [self.constant(block, loc, part) if type(part) is int else part for part in access.indices]
        array = ir.Var(block.scope, access.array, loc)
        if access.stores:
            self.call(block, loc, storing(letters), (array, *indices, statement.value), NONE)
            return
        item = self.call(block, loc, loading(letters), (array, *indices), self.typemap[array.name].dtype)
        self.out.append(ir.Assign(item, statement.target, loc))

    def tag_of_value(self, block: Any, statement: Any) -> Any:
        """The tag that belongs to an assigned value."""
        value, loc = statement.value, statement.loc
        target_type = self.typemap[statement.target.name]
        if isinstance(value, ir.Var):
            return self.tag(block, loc, value.name, target_type)
        if isinstance(value, ir.Expr):
            if value.op == "cast":
                return self.tag(block, loc, value.value.name, target_type)
            if value.op == "null":
                return None
            if value.op in ("binop", "inplace_binop"):
                operands = (value.lhs, value.rhs)
            elif value.op == "unary":
                operands = (value.value, value.value)
            elif value.op == "call":
                chooser = CHOSEN_TAG.get(getattr(self.typemap[value.func.name].typing_key, "__name__", ""))
                if chooser is not None:
                    tags = tuple(self.tag(block, loc, operand.name, target_type) for operand in value.args)
                    return self.call(block, loc, chooser, (*value.args, *tags), INT)
                operands = (value.args[0], value.args[0])
            else:
                raise Reject(f"a value whose type only run time tells comes out of `{value.op}`", loc.line)
            tags = tuple(self.tag(block, loc, operand.name) for operand in operands)
            return self.call(block, loc, JOINED_TAG, tags, INT)
        raise Reject("a value whose type only run time tells", loc.line)

    def companion(self, block: Any, name: str) -> Any:
        """The variable that holds the tag of `name`."""
        var = ir.Var(block.scope, f"$tag_{name}", block.loc)
        if var.name not in self.typemap:
            self.typemap[var.name] = INT
        return var

    def tag(self, block: Any, loc: Any, name: str, copied_into: Any = None) -> Any:
        """The tag of a variable: its companion, or what is known of it."""
        if name in self.plan.tagged:
            return self.companion(block, name)
        kind = self.plan.kinds.get(name)
        if not isinstance(kind, Number):
            raise Reject("a value whose type only run time tells meets one that is no number", loc.line)
        (mark,) = kind.marks
        widened = copied_into == FLOAT and numba_types.unliteral(self.typemap[name]) == INT
        return self.constant(block, loc, CODES[LITERAL] if widened else CODES[mark])

    def constant(self, block: Any, loc: Any, code: int) -> Any:
        """A fresh variable that holds a number."""
        var = self.fresh(block, loc, INT)
        self.out.append(ir.Assign(ir.Const(code, loc), var, loc))
        return var

    def call(self, block: Any, loc: Any, key: Key, args: tuple[Any, ...], result: Any) -> Any:
        """Append a call of one of our primitives; its result's variable."""
        function = self.state.typingctx.resolve_value_type(key)
        kinds = tuple(numba_types.unliteral(self.typemap[arg.name]) for arg in args)
        taken = function.get_call_type(self.state.typingctx, kinds, {}).args  # converted where they differ
        name, value = self.fresh(block, loc, function), self.fresh(block, loc, result)
        expression = ir.Expr.call(name, args, (), loc)
        dict.__setitem__(self.calltypes, expression, result(*taken))
        self.out.append(ir.Assign(ir.Global(key.__name__, key, loc), name, loc))
        self.out.append(ir.Assign(expression, value, loc))
        return value

    def fresh(self, block: Any, loc: Any, machine_type: Any) -> Any:
        """A new variable."""
        self.count += 1
        var = ir.Var(block.scope, f"$epochly_{self.count}", loc)
        self.typemap[var.name] = machine_type
        return var
