"""The pass after numba's type inference: every statement is on the list and exactly reproducible, or the function is not.

It follows marks (`kinds`) through the typed intermediate representation to a fixed point, then walks it once more to write
the `Plan`. What is not listed is rejected: an operation numba knows and we have not proved never runs. Sources: numba's IR
(`numba.core.ir`), the Python language reference, NEP 50.
One walk with a case for each kind of statement, hence long.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir

from epochly._exact import array_calls, calls, list_code, lists, rules, subscripts
from epochly._exact.effects import arguments_read
from epochly._exact.inference import Again, Findings, held_exactly
from epochly._exact.kinds import (
    CODES,
    LITERAL,
    NP,
    PY,
    PYTHON,
    Array,
    Items,
    Iterator,
    Kind,
    Number,
    Opaque,
    Reject,
    Sequence,
    joined,
    words,
)
from epochly._exact.lowering import EXACT_IN_FLOAT, FLOAT, INT, NONE, numba_types, plain
from epochly._exact.operators import INPLACE
from epochly._exact.pins import Flow, Pins
from epochly._exact.plan import Cast, Check, Plan, Swap
from epochly._exact.promotion import COMPLEXES, SCALARS, SINGLE
from epochly._exact.values import MOST_DIMENSIONS, kind_of_constant

FLAGGED = (FLOAT, SINGLE, *COMPLEXES)  # types whose arithmetic may warn
PASSING = (
    numba_types.RangeType,
    numba_types.RangeIteratorType,
    numba_types.ArrayIterator,
    numba_types.EnumerateType,
    numba_types.ZipType,
    numba_types.UniTupleIter,
    numba_types.ListIter,
    numba_types.Pair,
    numba_types.Function,
    numba_types.Module,
    numba_types.NumberClass,
    numba_types.BoundFunction,
    numba_types.DType,
    numba_types.SliceType,
    numba_types.Dispatcher,
)


def accepted_type(machine_type: Any) -> bool:
    """Whether values of this type may exist in an exact function at all."""
    kind = plain(machine_type)
    if kind in SCALARS or kind == NONE:
        return True
    if isinstance(kind, numba_types.Array):
        return kind.dtype in SCALARS and 1 <= kind.ndim <= MOST_DIMENSIONS
    if isinstance(kind, numba_types.BaseTuple):
        return all(accepted_type(item) for item in kind)
    return isinstance(kind, PASSING) or list_code.accepted(kind)


def spoken(name: str) -> str:
    """A variable as it is written in the source, or words for one that is not written there."""
    return "a value" if name.startswith("$") else f"`{name.partition('.')[0]}`"


def _is_one_thing(kind: Kind | None) -> bool:
    """Whether a result can be boxed without asking which path it came along."""
    if isinstance(kind, Number):
        return not kind.mixed and LITERAL not in kind.marks
    if isinstance(kind, Array):
        return kind.whole and len(kind.roots) == 1
    if isinstance(kind, Sequence):
        return len(kind.roots) == 1 and (min(kind.roots) < 0 or kind.whole)
    return not isinstance(kind, Items) or (_holds_results(kind) and all(map(_is_one_thing, kind.items)))


def _holds_results(kind: Items) -> bool:
    """Whether a tuple holds nothing but numbers, arrays as a whole, and tuples of numbers."""
    return _holds_numbers(Items(tuple(item for item in kind.items if not isinstance(item, Array))))


def _holds_numbers(kind: Items) -> bool:
    """Whether a tuple, and tuples in it, hold nothing but numbers and lists."""
    return all(
        isinstance(item, (Number, Sequence)) or (isinstance(item, Items) and _holds_numbers(item))
        for item in kind.items
    )


class Checker:
    """One walk over one typed function."""

    def __init__(
        self, blocks: Any, typemap: dict[str, Any], kinds: tuple[Kind, ...], findings: Findings
    ) -> None:
        self.blocks = blocks
        self.typemap = typemap
        self.arguments = kinds
        self.findings = findings
        self.plan = Plan()
        self.followed: dict[str, Kind] = {}  # the first fixed point: decides what a mixed value is settled to
        self.final = False
        self.statement: Any = None
        self.index_only: set[str] = set()
        self.results = {
            block.terminator.value.name
            for block in blocks.values()
            if isinstance(block.terminator, ir.Return)
        }
        self.origins = {  # of names that are constants, copies, or either along two paths
            statement.target.name: statement.value
            for block in blocks.values()
            for statement in block.body
            if isinstance(statement, ir.Assign)
            and (
                isinstance(statement.value, ir.Const | ir.Var) or getattr(statement.value, "op", "") == "phi"
            )
        }
        self.pins = Pins()

    # -- questions -------------------------------------------------------------------------------------------------
    def type_of(self, var: Any) -> Any:
        """The machine type of a variable, literals forgotten."""
        return plain(self.typemap[var.name])

    def kind_of(self, var: Any) -> Kind | None:
        """What is known of a variable so far."""
        return self.plan.kinds.get(var.name)

    def needs_order(self, var: Any) -> None:
        """Something hangs on the order in which a value's elements lie in memory: a sum's last bit, or what is returned."""
        kinds = [self.kind_of(var)]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, Array):
                self.plan.ordered |= kind.orders
            kinds += kind.items if isinstance(kind, Items) else ()

    def reject(self, reason: str, fix: str = "") -> Reject:
        """A rejection that points at the statement in hand."""
        return Reject(reason, self.statement.loc.line, fix)

    def is_literal(self, var: Any) -> bool:
        """Whether a variable may hold a literal int in a float's register."""
        kind = self.kind_of(var)
        return isinstance(kind, Number) and LITERAL in kind.marks

    def is_small_literal(self, var: Any) -> bool:
        """Whether a variable is an int written in the source that a float holds exactly."""
        literal = self.typemap[var.name]
        return (
            isinstance(literal, numba_types.IntegerLiteral) and abs(literal.literal_value) <= EXACT_IN_FLOAT
        )

    # -- facts for the plan ----------------------------------------------------------------------------------------
    def require(self, var: Any, code: int, *, unless: bool = False) -> None:
        """Have the tag of a variable checked before the statement in hand."""
        if self.final:
            self.plan.checks.append(Check(self.statement, var.name, code, unless))

    def not_literal(self, var: Any) -> Kind | None:
        """The kind of a variable when it is used in a way that an int would change."""
        kind = self.kind_of(var)
        if isinstance(kind, Number) and LITERAL in kind.marks:
            rest = kind.marks - {LITERAL}
            if not rest and self.final:
                raise self.reject(f"{spoken(var.name)} is an int that is computed with as a float")
            if not rest:
                return None
            self.require(var, CODES[LITERAL], unless=True)
            return Number(rest)
        return kind

    def settled(self, var: Any) -> Kind | None:
        """The kind of a variable where it leaves for good, by a check if only a tag tells."""
        kind = self.kind_of(var)
        decided = self.followed.get(var.name)
        if isinstance(decided, Number) and decided.mixed:
            mark = NP if NP in decided.marks else PY
            self.require(var, CODES[mark])
            return Number(frozenset({mark}))
        return kind

    def swap(self, expression: Any, key: Any, result: Any, *args: Any) -> None:
        """Have an expression computed by one of our primitives."""
        if self.final:
            self.plan.swaps.append(Swap(expression, key, result(*args)))

    def strong(self, ordinal: int) -> None:
        """Have types inferred again: this operator computes with NumPy's scalars."""
        if ordinal in self.findings.strong:
            raise self.reject("an operation whose types cannot be told")
        self.findings.strong.add(ordinal)
        raise Again

    def start_as(self, var: Any, kind: Any) -> None:
        """Have types inferred again, if a name starts as a literal that a register of another type may hold."""
        waiting, seen = [var.name], set()
        while waiting:
            name = waiting.pop()
            value = self.origins.get(name)
            if name in seen or value is None:
                continue
            seen.add(name)
            if not isinstance(value, ir.Const):
                waiting += (
                    [value.name] if isinstance(value, ir.Var) else [each.name for each in value.list_vars()]
                )
            elif held_exactly(value.value, kind) and value.ordinal not in self.findings.registers:
                self.findings.registers[value.ordinal] = kind
                raise Again

    def cast(self, statement: Any, key: Any, result: Any) -> None:
        """Have the value that a statement stores converted by one of our primitives first."""
        if self.final:
            self.plan.casts.append(Cast(statement, key, result))

    # -- the walk --------------------------------------------------------------------------------------------------
    def run(self) -> Plan:
        """Check the whole function."""
        self.find_index_tuples()
        arrays = {name for name, kind in self.typemap.items() if isinstance(kind, numba_types.Array)}
        self.pins = Flow(self.blocks, arrays).run()
        self.to_fixed_point()
        self.followed, self.plan = self.plan.kinds, Plan()
        self.to_fixed_point()
        self.final = True
        self.plan.returned = None
        self.walk()
        if self.plan.returned is None:
            raise Reject("what it returns cannot be followed")
        if not _is_one_thing(self.plan.returned):
            raise Reject(
                "its result is Python's number or one array on one path, NumPy's or another on another path"
            )
        self.plan.read = arguments_read(self.blocks, self.typemap, self.plan.kinds, len(self.arguments))
        for name, kind in self.plan.kinds.items():
            if isinstance(kind, Number):
                if kind.mixed:
                    self.plan.tagged.add(name)
                if kind.may_be_numpy and plain(self.typemap[name]) in FLAGGED:
                    self.plan.uses_flags = True
        self.plan.pins = self.pins
        return self.plan

    def to_fixed_point(self) -> None:
        """Walk until nothing new is learned; marks only grow, so this ends."""
        before: tuple[dict[str, Kind], dict[str, Kind]] | None = None
        while before != (self.plan.kinds, self.plan.held):
            before = dict(self.plan.kinds), dict(self.plan.held)
            self.walk()

    def find_index_tuples(self) -> None:
        """Tuples that only ever index arrays: what Python sees of their ints is their value."""
        built, otherwise = set(), set()
        for block in self.blocks.values():
            for statement in block.body:
                value = getattr(statement, "value", None)
                index = (
                    getattr(value, "index", None)
                    if isinstance(value, ir.Expr) and value.op == "getitem"
                    else None
                )
                if isinstance(statement, ir.SetItem):
                    index = statement.index
                if (
                    isinstance(statement, ir.Assign)
                    and isinstance(value, ir.Expr)
                    and value.op == "build_tuple"
                ):
                    built.add(statement.target.name)
                    otherwise |= {item.name for item in value.items}
                    continue
                uses = [var for var in statement.list_vars() if var is not getattr(statement, "target", None)]
                if isinstance(statement, ir.SetItem):
                    uses = [statement.target, statement.value]
                otherwise |= {var.name for var in uses if index is None or var.name != index.name}
        self.index_only = built - otherwise

    def walk(self) -> None:
        """Look at every statement once."""
        for block in self.blocks.values():
            for statement in block.body:
                self.statement = statement
                self.look(statement)

    def look(self, statement: Any) -> None:
        """One statement."""
        if isinstance(statement, ir.Assign):
            self.assign(statement)
        elif isinstance(statement, ir.SetItem):
            subscripts.store(self, statement.target, self.type_of(statement.index), statement.value)
        elif isinstance(statement, ir.StaticSetItem):
            index = self.type_of(statement.index_var) if statement.index_var is not None else INT
            subscripts.store(self, statement.target, index, statement.value)
        elif isinstance(statement, ir.Return):
            self.plan.returned = joined(self.plan.returned, self.kind_of(statement.value))
        elif isinstance(statement, ir.Branch):
            if self.type_of(statement.cond) not in SCALARS:
                raise self.reject("a condition that is no number")
        elif not isinstance(statement, (ir.Jump, ir.Del, ir.StaticRaise, ir.PopBlock)):
            raise self.reject(f"a statement outside the exact subset ({type(statement).__name__.lower()})")

    def assign(self, statement: Any) -> None:
        """`target = value`."""
        name, value = statement.target.name, statement.value
        if not accepted_type(self.typemap[name]):
            raise self.reject(
                f"{spoken(name)} is {words(plain(self.typemap[name]))}, which is outside the exact subset"
            )
        kind: Kind | None
        if isinstance(value, ir.Arg):
            kind = self.arguments[value.index]
        elif isinstance(value, (ir.Const, ir.Global, ir.FreeVar)):
            kind = kind_of_constant(value.value, self.type_of(statement.target), statement.loc.line)
            if getattr(value, "literal", False):
                kind = Number(frozenset({LITERAL}))
        elif isinstance(value, ir.Var):
            self.same_type(value, statement.target)
            kind = self.kind_of(value)
        elif isinstance(value, ir.Expr):
            kind = self.expression(value, statement.target)
        else:
            raise self.reject(f"a value outside the exact subset ({type(value).__name__.lower()})")
        known = joined(self.plan.kinds.get(name), kind)
        if known is not None:
            self.plan.kinds[name] = known
        elif self.final and not isinstance(value, ir.Expr):
            raise self.reject(f"{spoken(name)} cannot be followed")

    def same_type(self, source: Any, target: Any) -> None:
        """Refuse a value that changes its machine type on the way into a name."""
        if self.type_of(source) != self.type_of(target):
            one, other = words(self.type_of(source)), words(self.type_of(target))
            raise self.reject(
                f"{spoken(target.name)} is {one} on one path and {other} on another",
                f"keep {spoken(target.name)} to one type",
            )

    def expression(self, expr: Any, target: Any) -> Kind | None:
        """The kind of an expression."""
        match expr.op:
            case "phi":
                return self.phi(expr, target)
            case "cast":
                self.same_type(expr.value, target)
                return self.returned(expr.value) if target.name in self.results else self.kind_of(expr.value)
            case "binop" | "inplace_binop":
                return self.binop(expr, target)
            case "unary":
                return rules.unary(self, expr, target)
            case "call":
                return calls.call(self, expr, target)
            case "getattr":
                return calls.attribute(self, expr)
            case "getitem":
                index = self.type_of(expr.index)
                if isinstance(index, numba_types.Array):
                    return array_calls.gather(self, expr, self.type_of(expr.value), index)
                return subscripts.getitem(self, expr.value, index, None)
            case "static_getitem":
                index = self.type_of(expr.index_var) if expr.index_var is not None else INT
                return subscripts.getitem(self, expr.value, index, expr.index)
            case "getiter":
                return subscripts.getiter(self, expr.value)
            case "iternext" | "pair_first":
                kind = self.kind_of(expr.value)
                return kind.item if expr.op == "pair_first" and isinstance(kind, Iterator) else kind
            case "pair_second":
                return PYTHON
            case "exhaust_iter":
                return self.kind_of(expr.value)
            case "build_list":
                return lists.build(self, expr, target)
            case "build_tuple":
                return subscripts.build_tuple(self, expr, target)
            case _:
                raise self.reject(f"an operation outside the exact subset ({expr.op})")

    def phi(self, expr: Any, target: Any) -> Kind | None:
        """Where paths meet."""
        here, kind = self.type_of(target), None
        for var in expr.incoming_values:
            if var is ir.UNDEFINED:  # `branches` has it checked where it is read
                continue
            there: Kind | None = self.kind_of(var)
            if self.type_of(var) != here:
                if here != FLOAT or not self.is_small_literal(var):
                    for other in expr.incoming_values:
                        if other is not ir.UNDEFINED and other is not var:
                            self.start_as(other, self.type_of(var))
                            self.start_as(var, self.type_of(other))
                    self.same_type(var, target)
                there = Number(frozenset({LITERAL}))
            kind = joined(kind, there)
        return kind

    def returned(self, var: Any) -> Kind | None:
        """The value of a `return`."""
        kind = self.settled(var)
        self.needs_order(var)
        if isinstance(kind, Number | Opaque) or kind is None:
            return kind
        if isinstance(kind, Array):
            if kind.whole and len(kind.roots) == 1:
                return kind
            raise self.reject("returns a view of an array", "return None, or a number")
        if isinstance(kind, Items):
            if not _holds_results(kind) or (self.final and not _is_one_thing(kind)):
                raise self.reject("returns a tuple of more than numbers and whole arrays")
            return lists.leaving(self, self.type_of(var), kind)
        if isinstance(kind, Sequence):
            return lists.leaving(self, self.type_of(var), kind)
        raise self.reject("returns something that is no number, tuple, list or array")

    def binop(self, expr: Any, target: Any) -> Kind | None:
        """An operator with two operands, or its in-place twin."""
        function = expr.immutable_fn if expr.op == "inplace_binop" else expr.fn
        return rules.binop(self, INPLACE.get(function, function), expr, target)
