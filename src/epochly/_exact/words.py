"""A few lines over LLVM's builder for code that reads and writes memory as C would, with every value a 64-bit word.

What `gate` and `arena` are written with. An address is a number; functions of the interpreter and of numba are called at
their addresses in this process, so nothing built with this may be kept on disk. It refuses processors of other than 64 bits.
Source: llvmlite's manual.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from epochly._exact.layout import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator

I64, I32 = ir.IntType(64), ir.IntType(32)


def word(value: int) -> Any:
    """A constant."""
    return ir.Constant(I64, value)


class Function:
    """One function under construction; `Function(module, name, count)` takes and gives words."""

    def __init__(self, module: Any, name: str, arguments: int | tuple[Any, ...], result: Any = I64) -> None:
        kinds = (I64,) * arguments if isinstance(arguments, int) else arguments
        self.made = ir.Function(module, ir.FunctionType(result, kinds), name)
        self.builder = ir.IRBuilder(self.made.append_basic_block("start"))
        self.args = self.made.args

    def load(self, address: Any, offset: int = 0, kind: Any = I64) -> Any:
        """What is at an address plus `offset` bytes."""
        return self.builder.load(self._pointer(address, offset, kind))

    def store(self, address: Any, value: Any, offset: int = 0) -> None:
        """Put a word, or an int, at an address plus `offset` bytes."""
        made = word(value) if isinstance(value, int) else value
        self.builder.store(made, self._pointer(address, offset, made.type))

    def at(self, address: Any, index: Any, size: int = WORD) -> Any:
        """The address of an item of an array."""
        return self.builder.add(address, self.builder.mul(index, word(size)))

    def plus(self, left: Any, right: Any) -> Any:
        """A sum of two words, or of a word and an int."""
        return self.builder.add(left, word(right) if isinstance(right, int) else right)

    def call(self, what: Any, *args: Any, result: Any = I64) -> Any:
        """Call one of our own functions, or what is at an address."""
        given = [word(arg) if isinstance(arg, int) else arg for arg in args]
        if isinstance(what, Function):
            return self.builder.call(what.made, given)
        kind = ir.FunctionType(result, [arg.type for arg in given]).as_pointer()
        address = word(what) if isinstance(what, int) else what
        return self.builder.call(self.builder.inttoptr(address, kind), given)

    def asm(self, text: str, address: Any) -> None:
        """An instruction that reads or writes memory at an address."""
        kind = ir.FunctionType(ir.VoidType(), [I64])
        self.builder.asm(kind, text, "r,~{memory}", [address], side_effect=True)

    def space(self, words: int) -> Any:
        """The address of memory that is ours until the function returns."""
        with self.builder.goto_entry_block():
            made = self.builder.alloca(I64, words)
        return self.builder.ptrtoint(made, I64)

    def local(self, value: Any) -> Any:
        """A variable, as the address of a word."""
        where = self.space(1)
        self.store(where, value)
        return where

    def test(self, operator: str, left: Any, right: Any = 0) -> Any:
        """A comparison of words, signed."""
        return self.builder.icmp_signed(operator, left, word(right) if isinstance(right, int) else right)

    def require(self, condition: Any, otherwise: Any) -> None:
        """Go on where `condition` holds, else to a block."""
        onwards = self.builder.append_basic_block("onwards")
        self.builder.cbranch(condition, onwards, otherwise)
        self.builder.position_at_end(onwards)

    @contextmanager
    def when(self, condition: Any, *, likely: bool | None = None) -> Iterator[None]:
        """Code that runs where `condition` holds; it may return."""
        with self.builder.if_then(condition, likely=likely):
            yield

    @contextmanager
    def times(self, count: Any) -> Iterator[Any]:
        """Code that runs `count` times; it gets the index."""
        index = self.local(0)
        head, body, after = (self.builder.append_basic_block(name) for name in ("head", "body", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        now = self.load(index)
        self.builder.cbranch(self.test("<", now, count), body, after)
        self.builder.position_at_end(body)
        yield now
        if not self.builder.block.is_terminated:
            self.store(index, self.plus(now, 1))
            self.builder.branch(head)
        self.builder.position_at_end(after)

    def give(self, value: Any) -> None:
        """Return."""
        self.builder.ret(word(value) if isinstance(value, int) else value)

    def _pointer(self, address: Any, offset: int, kind: Any) -> Any:
        where = self.builder.add(address, word(offset)) if offset else address
        return self.builder.inttoptr(where, kind.as_pointer())
