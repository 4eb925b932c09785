"""From bytecode to numba's first representation: as numba reads it, but for names that may be unbound, and comprehensions.

A name may be read above the place where it is bound, as in a loop. From Python 3.12 on a comprehension runs within its function and puts
aside the variable that has the name of its own (PEP 709): here that is `saved`, and `unbound` what the comprehension begins with, until
`saved.bring_back` resolves both. What the table of exceptions has for that is dropped: it only brings such variables back. It refuses to
run outside numba's compiler lock, which guards the names that are swapped, and counts on `refusals` for all that handles exceptions.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from numba.core import bytecode, interpreter, ir
from numba.core.bytecode import ByteCode
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NotDefinedError
from numba.core.interpreter import Assigner, Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

SAVED, UNBOUND = "saved", "unbound"  # operations that numba has not


class Code(ByteCode):
    """Bytecode that handles no exceptions."""

    def __init__(self, func_id: Any) -> None:
        ByteCode.__init__(self, func_id)
        self.exception_entries = ()


class Copies(Assigner):
    """Keeps what the stack holds of a name that is bound anew before the block ends; numba drops it, and reads it in the next block."""

    def assign(self, srcvar: Any, destvar: Any) -> Any:
        """The source of an assignment, or what it was copied from."""
        self.unused_dests.difference_update(self.src_invalidate.get(destvar.name, ()))
        return Assigner.assign(self, srcvar, destvar)


class Reader(Interpreter):
    """Reads bytecode as numba does, and lets a name be read above the place where it is bound."""

    def __init__(self, func_id: Any) -> None:
        Interpreter.__init__(self, func_id)
        self.early: set[str] = set()  # names read before they are bound

    def _start_new_block(self, offset: int) -> None:
        Interpreter._start_new_block(self, offset)  # noqa: SLF001 - overridden
        self.assigner = Copies()

    def _remove_unused_temporaries(self) -> None:
        """As numba does, but what is read again keeps its name: numba forgets that of `(x := f(y)) > 1`."""
        block = self.current_block
        reads = Counter(self.dfainfo.outgoing_phis.values())
        for statement in block.body:
            written = statement.target if isinstance(statement, ir.Assign) else None
            reads.update(var.name for var in statement.list_vars() if var is not written)
        apart = ir.Assign(ir.Const(None, self.loc), ir.Var(block.scope, "$apart", self.loc), self.loc)
        body = []
        for statement in block.body:
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Var) and reads[value.name] > 1:
                body.append(apart)  # numba only joins what follows on each other
            body.append(statement)
        block.body = body
        Interpreter._remove_unused_temporaries(self)  # noqa: SLF001 - overridden
        self.current_block.body = [each for each in self.current_block.body if each is not apart]

    def _insert_outgoing_phis(self) -> None:
        """What a comprehension is an argument of was named before it began: the block that calls it is to see its name."""
        Interpreter._insert_outgoing_phis(self)  # noqa: SLF001 - overridden
        for statement in self.current_block.body:
            if isinstance(statement, ir.Assign) and statement.target.name.startswith("$phi"):
                named = self._named(statement.value)
                if named is not None:
                    self.definitions[statement.target.name].remove(statement.value)
                    self.definitions[statement.target.name].append(named)
                    statement.value = named

    def _named(self, value: Any) -> Any:
        """The global that a variable holds, or the attribute of a global module; None for others."""
        found = self.definitions[value.name] if isinstance(value, ir.Var) else []
        if len(found) != 1:
            return None
        named = found[0]
        if isinstance(named, ir.Expr) and named.op == "getattr":
            owner = self.definitions[named.value.name]
            module = len(owner) == 1 and isinstance(getattr(owner[0], "value", None), ModuleType)
            return named if module else None
        return named if isinstance(named, ir.Global | ir.FreeVar) else None

    def get(self, name: str) -> Any:
        """The variable of that name; see `branches` for whether it is bound."""
        try:
            return Interpreter.get(self, name)
        except NotDefinedError:
            if name not in self.code_locals:
                raise
            self.early.add(name)
            return self.current_scope.get_or_define(name, loc=self.loc)

    def store(self, value: Any, name: str, redefine: bool = False) -> Any:
        """Assign; a name read early keeps one variable, which single-assignment form then tells apart."""
        if name not in self.early:
            return Interpreter.store(self, value, name, redefine)
        target = self.current_scope.get_or_define(name, loc=self.loc)
        if isinstance(value, ir.Var):
            value = self.assigner.assign(value, target)
        self.current_block.append(ir.Assign(value=value, target=target, loc=self.loc))
        self.definitions[target.name].append(value)
        return target

    def op_LOAD_FAST_AND_CLEAR(self, inst: Any, res: str) -> None:  # noqa: N802 - numba calls it by the instruction's name
        """Put a variable aside; from here on it is a comprehension's."""
        name = self.code_locals[inst.arg]
        self.early.add(name)
        self.store(ir.Expr(SAVED, loc=self.loc, value=self.get(name)), res)
        nothing = f"{res}.{UNBOUND}"
        self.store(ir.Expr(UNBOUND, loc=self.loc), nothing)
        # from a variable, or numba would still take older copies of this name, on its stack, for the name
        self.store(self.get(nothing), name)


@contextmanager
def as_here() -> Iterator[None]:
    """Let numba read helpers as `Reader` does."""
    assert global_compiler_lock.is_locked()
    bytecode.ByteCode, interpreter.Interpreter = Code, Reader
    try:
        yield
    finally:
        bytecode.ByteCode, interpreter.Interpreter = ByteCode, Interpreter
