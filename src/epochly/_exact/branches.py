"""Two passes on names in single-assignment form: tests for `None` are decided, and a name that may be unbound says so.

Which path an argument or a default of `None` takes is known before types are; the other path is cut off, or its types would
not fit. A name that some path leaves unbound gets a flag beside it; where it is read unbound, the interpreter takes over and
raises. It refuses `del` of a name. Sources: the Python language reference 4.2.2, numba's `ssa` and `ir`.
"""

from __future__ import annotations

import dis
import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir as llvm
from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.ir_utils import build_definitions

from epochly._exact.constructors import TO_PYTHON
from epochly._exact.kinds import Reject
from epochly._exact.lowering import BOOL, I1, NONE, Key, deopt_if, primitive

if TYPE_CHECKING:
    import types


def _bound(context: Any, builder: Any, _: Any, args: Any) -> Any:
    unbound = builder.icmp_signed("==", args[0], llvm.Constant(I1, 0))
    deopt_if(context, builder, unbound, "a name is unbound")
    return context.get_dummy_value()


BOUND: Key = primitive("bound", {(BOOL,): (NONE, _bound)})


def refuse_unread(code: types.CodeType) -> None:
    """Reject `del name`, and a name that stands alone: numba drops both, and with them what may be raised."""
    line, loaded = code.co_firstlineno, ""
    for each in dis.get_instructions(code):
        line = (each.positions and each.positions.lineno) or line
        if each.opname in ("DELETE_FAST", "DELETE_DEREF"):
            raise Reject(f"`del {each.argval}`", line, "leave the name bound")
        if each.opname == "POP_TOP" and loaded:
            raise Reject(f"`{loaded}` stands alone", line, "take the line out")
        loaded = each.argval if each.opname.startswith("LOAD_FAST") else ""


def locate_phis(blocks: Any) -> None:
    """Let each phi say the last line that binds what it joins: what is wrong with it is to be changed there."""
    lines = {
        statement.target.name: statement.loc
        for block in blocks.values()
        for statement in block.body
        if isinstance(statement, ir.Assign)
    }
    for block in blocks.values():
        for phi in _phis(block):
            found = [lines[var.name] for var in _incoming(phi) if var.name in lines]
            phi.loc = phi.value.loc = max(found, key=lambda loc: loc.line, default=phi.loc)


def decide_none(func_ir: Any, argument_types: tuple[Any, ...]) -> None:
    """Cut off paths that a test for `None` never takes, in place."""
    decider = _Decider(func_ir.blocks, argument_types)
    decided = False
    for block in func_ir.blocks.values():
        last = block.terminator
        truth = decider.truth(last.cond.name) if isinstance(last, ir.Branch) else None
        if truth is not None:
            block.body[-1] = ir.Jump(last.truebr if truth else last.falsebr, last.loc)
            decided = True
    for block in func_ir.blocks.values():
        for statement in block.body:
            if isinstance(statement, ir.Assign) and _is_test(statement.value):
                truth = decider.truth(statement.target.name)
                if truth is not None:
                    statement.value = ir.Const(truth, statement.loc)
    if decided:
        for dead in compute_cfg_from_blocks(func_ir.blocks).dead_nodes():
            del func_ir.blocks[dead]
        _forget_cut_paths(func_ir.blocks)
        func_ir._definitions = build_definitions(func_ir.blocks)  # noqa: SLF001 - numba has no setter


class _Decider:
    """What is known of names before types are."""

    def __init__(self, blocks: Any, argument_types: tuple[Any, ...]) -> None:
        self.argument_types = argument_types
        self.values = {
            statement.target.name: statement.value
            for block in blocks.values()
            for statement in block.body
            if isinstance(statement, ir.Assign)
        }

    def origin(self, name: str) -> Any:
        """What a name was assigned, through copies; a name that is never bound may be a copy of itself."""
        value, seen = self.values.get(name), {name}
        while isinstance(value, ir.Var) and value.name not in seen:
            seen.add(value.name)
            value = self.values.get(value.name)
        return value

    def is_none(self, name: str) -> bool | None:
        """Whether a name holds `None`; None where it is not known."""
        value = self.origin(name)
        if isinstance(value, ir.Arg):
            return bool(self.argument_types[value.index] == NONE)
        return value.value is None if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)) else None

    def truth(self, name: str) -> bool | None:
        """Which way a condition goes."""
        value = self.origin(name)
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "call" and len(value.args) == 1:
            function = self.values.get(value.func.name)
            means = getattr(function, "value", None) if isinstance(function, ir.Global) else None
            return self.truth(value.args[0].name) if means in (bool, TO_PYTHON[bool][1]) else None
        if not _is_test(value):
            return None
        left, right = self.is_none(value.lhs.name), self.is_none(value.rhs.name)
        if left is None or right is None or not (left or right):
            return None
        return (left and right) is (value.fn is operator.is_)


def _is_test(value: Any) -> bool:
    return isinstance(value, ir.Expr) and value.op == "binop" and value.fn in (operator.is_, operator.is_not)


def _forget_cut_paths(blocks: Any) -> None:
    """Drop what no longer arrives where paths meet."""
    cfg = compute_cfg_from_blocks(blocks)
    for label, block in blocks.items():
        before = {source for source, _ in cfg.predecessors(label)}
        for phi in _phis(block):
            kept = [
                pair
                for pair in zip(phi.value.incoming_values, phi.value.incoming_blocks, strict=True)
                if pair[1] in before
            ]
            phi.value.incoming_values[:] = [value for value, _ in kept]
            phi.value.incoming_blocks[:] = [source for _, source in kept]


def _phis(block: Any) -> list[Any]:
    return [
        statement
        for statement in block.body
        if isinstance(statement, ir.Assign)
        and isinstance(statement.value, ir.Expr)
        and statement.value.op == "phi"
    ]


def flag_unbound(func_ir: Any) -> None:
    """Give every name that may be unbound a flag, and check it where the name is read, in place."""
    blocks = func_ir.blocks
    never = _reads_of_nothing(blocks)
    phis = {phi.target.name: phi for block in blocks.values() for phi in _phis(block)}
    maybe = _may_be_unbound(phis)
    if not maybe and not never:
        return
    first = blocks[min(blocks)]
    false = _flag(first, "$unbound", first.loc)
    for block, statement in never:
        _insert_check(block, statement, false)
    at = sum(isinstance(getattr(statement, "value", None), ir.Arg) for statement in first.body)
    first.body.insert(at, ir.Assign(ir.Const(value=False, loc=first.loc), false, first.loc))
    flags = {name: _flag(first, f"$bound_{name}", phis[name].loc) for name in maybe}
    needed = {var.name for name in maybe for var in _incoming(phis[name])} - maybe
    for name in needed:
        flags[name] = _flag(first, f"$bound_{name}", first.loc)
    _insert_checks(blocks, maybe, flags)
    for block in blocks.values():
        body = []
        for statement in block.body:
            body.append(statement)
            name = statement.target.name if isinstance(statement, ir.Assign) else ""
            if name in needed:
                body.append(ir.Assign(ir.Const(value=True, loc=statement.loc), flags[name], statement.loc))
            elif name in maybe:
                phi = ir.Expr.phi(loc=statement.loc)
                for var in statement.value.incoming_values:
                    phi.incoming_values.append(false if var is ir.UNDEFINED else flags[var.name])
                phi.incoming_blocks.extend(statement.value.incoming_blocks)
                body.append(ir.Assign(phi, flags[name], statement.loc))
        block.body = body
    func_ir._definitions = build_definitions(blocks)  # noqa: SLF001 - numba has no setter


def _reads_of_nothing(blocks: Any) -> list[tuple[Any, Any]]:
    """Statements that read a name which no path to them binds; phis that would are told so."""
    places = {
        statement.target.name: (label, index)
        for label, block in blocks.items()
        for index, statement in enumerate(block.body)
        if isinstance(statement, ir.Assign)
    }
    over = compute_cfg_from_blocks(blocks).dominators()

    def reaches(name: str, label: int, index: int) -> bool:
        where, at = places.get(name, (label, -1))
        return at < index if where == label else where in over[label]

    found = []
    for label, block in blocks.items():
        for index, statement in enumerate(block.body):
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Expr) and value.op == "phi":
                pairs = zip(value.incoming_values, value.incoming_blocks, strict=True)
                value.incoming_values[:] = [
                    var
                    if var is ir.UNDEFINED or reaches(var.name, source, len(blocks[source].body))
                    else ir.UNDEFINED
                    for var, source in pairs
                ]
            elif not all(reaches(var.name, label, index) for var in _read(statement)):
                found.append((block, statement))
    return found


def _read(statement: Any) -> list[Any]:
    """Variables that a statement reads."""
    written = statement.target if isinstance(statement, ir.Assign) else None
    return [var for var in statement.list_vars() if var is not written]


def _incoming(phi: Any) -> list[Any]:
    return [var for var in phi.value.incoming_values if var is not ir.UNDEFINED]


def _may_be_unbound(phis: dict[str, Any]) -> set[str]:
    maybe = {name for name, phi in phis.items() if len(_incoming(phi)) < len(phi.value.incoming_values)}
    before = -1
    while before != len(maybe):
        before = len(maybe)
        maybe |= {name for name, phi in phis.items() if any(var.name in maybe for var in _incoming(phi))}
    return maybe


def _flag(block: Any, name: str, loc: Any) -> Any:
    return block.scope.redefine(name, loc=loc)


def _insert_checks(blocks: Any, maybe: set[str], flags: dict[str, Any]) -> None:
    """A check before a name is read, unless one was made on every path to it."""
    reads: dict[str, dict[int, Any]] = {name: {} for name in maybe}
    for label, block in blocks.items():
        for statement in block.body:
            value = getattr(statement, "value", None)
            if isinstance(statement, ir.Assign) and isinstance(value, ir.Expr) and value.op == "phi":
                continue
            for var in _read(statement):
                if var.name in maybe:
                    reads[var.name].setdefault(label, statement)
    over = compute_cfg_from_blocks(blocks).dominators()
    for name, places in reads.items():
        for label, statement in places.items():
            if not any(other in places for other in over[label] - {label}):
                _insert_check(blocks[label], statement, flags[name])


def _insert_check(block: Any, statement: Any, flag: Any) -> None:
    loc = statement.loc
    key, result = _flag(block, "$check", loc), _flag(block, "$checked", loc)
    place = next(index for index, each in enumerate(block.body) if each is statement)
    block.body[place:place] = [
        ir.Assign(ir.Global(BOUND.__name__, BOUND, loc), key, loc),
        ir.Assign(ir.Expr.call(key, (flag,), (), loc), result, loc),
    ]
