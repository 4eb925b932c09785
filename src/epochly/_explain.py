"""`epochly.explain`: a function's source, and beside each line what keeps it in the interpreter, in Python words.

Two sources are told apart: what no types could change (told from the bytecode), and what the compiler said of the exact
types it saw. A gain is measured where there are arguments and compiled code, and else an estimate by kernels of its kind. It
refuses to run a function that does not compile.
"""

from __future__ import annotations

from dataclasses import dataclass
from dis import get_instructions
from inspect import getsourcelines
from typing import TYPE_CHECKING, Any

from epochly._compiler import Compiler
from epochly._config import Config
from epochly._decide import History, decide
from epochly._facts import facts_of
from epochly._gain import estimated, measured
from epochly._machine import why_no_compiler
from epochly._prospects import left_to_numpy
from epochly._words import GLOBALS, OPERATIONS, Block
from epochly._wrap import plain_function, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from epochly._call import Site
    from epochly._session import Session

ALWAYS = History(calls=1, spent_ns=float("inf"), mean_ns=float("inf"))  # as if it had been hot for ever


@dataclass(frozen=True, slots=True)
class Line:
    """One line of source, with what blocks it."""

    number: int
    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a function runs and why, and its lines; `str()` is for people."""

    name: str
    verdict: str
    lines: tuple[Line, ...]
    gain: str = ""

    def __str__(self) -> str:
        width = len(str(self.lines[-1].number)) if self.lines else 0
        text = [f"{self.name}: {self.verdict}"]
        if self.gain:
            text.append(f"gain: {self.gain}")
        for line in self.lines:
            text.append(f"{line.number:>{width}} {'!' if line.blocks else ' '} {line.text}".rstrip())
            for block in line.blocks:
                hint = f"; hint: {block.fix}" if block.fix else ""
                text.append(f"{'':>{width}} ^ {block.what}{hint}")
        return "\n".join(text)


def explain_function(target: Any, args: tuple[Any, ...], session: Session) -> Explanation:
    """Explain a function, for the types of `args` if there are some, else for those its wrapper has seen."""
    target = getattr(target, "__func__", target)
    site = site_of(target)
    function = plain_function(target) if site is None else site.original
    facts = facts_of(function)
    blocks = dict(_blocked(function))
    decision = decide(facts, session.machine(), Config(mode="aggressive"), ALWAYS)
    gain = f"an estimate once nothing blocks it: {estimated(function)}" if blocks else estimated(function)
    if decision.level < 2:
        verdict = f"stays in the interpreter: {decision.reason}"
        gain = ""
    elif args:
        verdict, gain = _asked(function, args, session, blocks)
    elif site is not None and _seen(site, blocks):
        verdict = _seen(site, blocks)
        gain = _gained(site) or gain
    elif blocks:
        verdict = f"stays in the interpreter: {len(blocks)} of its lines cannot be compiled for any types"
    elif not facts.loops:
        verdict = "nothing rules it out, but it has no loop, so compiled code can hardly gain"
    else:
        verdict = "nothing rules it out; what the compiler says depends on the types of its arguments"
    return Explanation(facts.name, verdict, tuple(_lines(function, blocks)), gain)


def _asked(
    function: FunctionType, args: tuple[Any, ...], session: Session, blocks: dict[int, list[Block]]
) -> tuple[str, str]:
    """What the compiler says of these arguments, and the gain."""
    left = left_to_numpy(function, args)
    if left is not None:
        return f"stays in the interpreter: {left[0]}", ""
    compiler = why_no_compiler(session.machine()) or session.compiler()
    if not isinstance(compiler, Compiler):
        return f"stays in the interpreter: {compiler}", ""
    made = compiler.attempt(function, args)
    call = getattr(made, "call", None)
    if call is not None:
        guards = "; ".join(made.guards)  # type: ignore[union-attr]
        verdict = f"compiles for these types in {made.compile_s * 1e3:.0f} ms, guarded by: {guards}"  # type: ignore[union-attr]
        return verdict, measured(function, call, args, compiler.deopt, session.outside.clock)
    verdict = _rejected(made.reason, made.line, made.fix, blocks)  # type: ignore[union-attr]
    return verdict, f"an estimate once nothing blocks it: {estimated(function)}"


def _gained(site: Site) -> str:
    """What timed calls of both versions say."""
    for version in site.versions.values():
        if version.call is not None and version.samples and version.usual_ns:
            mean_ns = sum(version.samples) / len(version.samples)
            return f"{version.usual_ns / mean_ns:.1f} times as fast in this program, by timed calls of both versions"
    return ""


def _seen(site: Site, blocks: dict[int, list[Block]]) -> str:
    for version in site.versions.values():
        if version.call is not None:
            return "runs compiled, guarded by: " + "; ".join(version.guards)
        if version.status == "rejected":
            return _rejected(version.reason, version.line, version.fix, blocks)
        if version.status != "watched":
            return f"went back to the interpreter: {version.reason}"
    return ""


def _rejected(reason: str, line: int | None, fix: str, blocks: dict[int, list[Block]]) -> str:
    if line is None:
        return f"stays in the interpreter: {reason}" + (f"; hint: {fix}" if fix else "")
    known = blocks.setdefault(line, [])
    if Block(reason, fix) not in known:
        known.append(Block(reason, fix))
    return f"stays in the interpreter because of line {line}"


def _blocked(function: FunctionType) -> Iterator[tuple[int, list[Block]]]:
    """What no types could change: line -> blocks."""
    found: dict[int, list[Block]] = {}
    line = function.__code__.co_firstlineno
    for instruction in get_instructions(function):
        if instruction.positions is not None and instruction.positions.lineno is not None:
            line = instruction.positions.lineno
        block = OPERATIONS.get(instruction.opname)
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            block = GLOBALS.get(str(instruction.argval))
        if instruction.opname == "MAKE_FUNCTION" and _comprehension(function, line):
            block = None
        if block is not None and block not in found.setdefault(line, []):
            found[line].append(block)
    yield from ((line, blocks) for line, blocks in found.items() if blocks)


def _comprehension(function: FunctionType, line: int) -> bool:
    """Whether a function made on this line is a list comprehension's, up to Python 3.11."""
    inner = (each for each in function.__code__.co_consts if hasattr(each, "co_firstlineno"))
    return any(each.co_name == "<listcomp>" and each.co_firstlineno == line for each in inner)


def _lines(function: FunctionType, blocks: dict[int, list[Block]]) -> Iterator[Line]:
    try:
        source, first = getsourcelines(function)
    except (OSError, TypeError):  # typed in, or made by a program: tell the lines that are blocked
        yield from (Line(number, "(no source)", tuple(found)) for number, found in sorted(blocks.items()))
        return
    for number, text in enumerate(source, first):
        yield Line(number, text.rstrip("\n"), tuple(blocks.get(number, ())))
