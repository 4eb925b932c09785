"""Part of layer `install`: every `.pyc` holds what its source compiles to.

Python runs the `.pyc` and shows the `.py`, so a difference hides code; an unchecked-hash `.pyc` is not even compared
with the source by Python. Here the source is compiled, never executed, and the two code objects are compared by
fingerprint. That is possible only for the Python that judges: a `.pyc` of another one is said to be not comparable,
and an unchecked-hash one that cannot be shown equal is an error.

Compiling hostile source can cost unbounded time or the C stack, so sources are held to bounds first; none of the
bounds but the size is exceeded by any of 4,600 honest files.

Specification: PEP 552, PEP 3147. Attack: row i11, an unchecked-hash `.pyc` with other code than its `.py`.
"""

from __future__ import annotations

import importlib.util
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.errors import InputError
from epochly_verify.limits import KIB, MIB
from epochly_verify.model import Finding
from epochly_verify.parse.marshal import code_fingerprint
from epochly_verify.parse.pyc import (
    HEAD_BYTES,
    Freshness,
    is_cached,
    optimisation_levels,
    parse_pyc_head,
    source_path,
)
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.parse.installplan import InstallPlan, Placed
    from epochly_verify.parse.marshal import CodePrint
    from epochly_verify.parse.pyc import PycHead

MAX_SOURCE_BYTES = 256 * KIB  # bytes of one source; one file of the standard library has more
MAX_COMPILED_BYTES = 4 * MIB  # bytes of all sources compiled for one wheel; 3 s when honest, 30 s at worst
# How much longer than its source's own code the body of a `.pyc` may be to be read at all: the same code written
# without references (an older version of the format) was at most 2.2 times as long in 2,000 honest modules.
LARGER = 3  # times
LARGER_BYTES = 4 * KIB  # bytes more
# What makes CPython's compiler quadratic, or recurse without looking at its stack, measured on 3.11: dotted names
# (4 GiB of memory for 65k dots), `for` clauses (a crash in a small stack), scopes, replacement fields, keywords.
_COSTLY = (
    (re.compile(rb"(?:\.[\s\\]*[\w\x80-\xff]+[\s\\]*){100}"), 0, "a name with 100 dots"),
    (re.compile(rb"\bfor\b"), 2_000, "more `for` clauses than are compiled here"),
    (
        re.compile(rb"\b(?:def|lambda|class|for)\b"),
        3_000,
        "more functions, classes and loops than are compiled here",
    ),
    (re.compile(rb"\{"), 20_000, "more braces than are compiled here"),
    (re.compile(rb"="), 10_000, "more assignments than are compiled here"),
)
_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "iso8859-1", "ascii"})  # as `codecs` names them


@dataclass(slots=True)
class _Budget:
    """Bytes of source that may still be compiled for this wheel."""

    left: int = MAX_COMPILED_BYTES


class _UndecidedError(Exception):
    """The code cannot be compared; the text says why."""


def pyc_findings(plan: InstallPlan) -> Iterator[Finding]:
    """Every `.pyc` that differs from its source, or cannot be shown not to."""
    budget = _Budget()
    for placed in plan.placed:
        if placed.path.endswith(".pyc"):
            source = plan.by_place.get((placed.root, source_path(placed.path)))
            yield from _judged(placed, source, budget)


def _judged(placed: Placed, source: Placed | None, budget: _Budget) -> Iterator[Finding]:
    subject = placed.member.name
    if placed.member.content is None:
        message = f"its {placed.member.size_bytes} bytes could not be read, so what it would run is unknown"
        yield Finding("pyc-unread", subject, message)
        return
    try:
        head = parse_pyc_head(placed.member.content)
    except ValueError as error:
        yield Finding("pyc-malformed", subject, str(error))
        return
    unchecked = head.freshness is Freshness.UNCHECKED_HASH
    if source is None:
        if unchecked and is_cached(placed.path):
            message = f"unchecked-hash, and {quoted(source_path(placed.path))}, for which Python would run it, is not in this wheel"
            yield Finding("pyc-unchecked-hash", subject, message)
        else:
            yield Finding(
                "pyc-without-source", subject, f"{quoted(source_path(placed.path))} is not in the wheel"
            )
        return
    name = quoted(source.member.name)
    stale = _stale(head, source)
    try:
        difference = _difference(placed, head, source, budget)
    except _UndecidedError as undecided:
        if unchecked:
            message = f"unchecked-hash: Python would run it without looking at {name}, and it {undecided}"
            yield Finding("pyc-unchecked-hash", subject, message)
        elif _comparable(head):
            yield Finding("pyc-not-verified", subject, f"it {undecided}")
        else:
            yield Finding("pyc-not-comparable", subject, f"it {undecided}")
    else:
        if difference:
            aside = ", and Python would not look at the source (unchecked-hash)" if unchecked else ""
            yield Finding("pyc-differs-from-source", subject, f"{difference}{aside}")
            return
    if stale:
        yield Finding("pyc-stale", subject, stale)


def _comparable(head: PycHead) -> bool:
    return head.magic == importlib.util.MAGIC_NUMBER


def _stale(head: PycHead, source: Placed) -> str:
    """Why Python would not take the `.pyc` for current; empty when it might."""
    name = quoted(source.member.name)
    if head.freshness is Freshness.TIMESTAMP:
        size = source.member.size_bytes & 0xFFFFFFFF
        return (
            f"made from a source of {head.source_size} bytes, {name} has {size}"
            if head.source_size != size
            else ""
        )
    if head.freshness is Freshness.UNCHECKED_HASH or not _comparable(head) or source.member.content is None:
        return ""
    fits = importlib.util.source_hash(source.member.content) == head.source_hash
    return "" if fits else f"its source hash is not that of {name}"


def _difference(placed: Placed, head: PycHead, source: Placed, budget: _Budget) -> str:
    """How the code differs from what the source compiles to; empty when it is the same.

    Raises:
        _UndecidedError: they cannot be compared here.
    """
    if not _comparable(head):
        made_for = f"Python {head.python}" if head.python else "a Python this version does not know"
        raise _UndecidedError(f"is for {made_for}, which is not the one that judges")
    text = source.member.content
    name = quoted(source.member.name)
    if text is None:
        raise _UndecidedError(f"belongs to {name}, whose {source.member.size_bytes} bytes were not read")
    levels = optimisation_levels(placed.path)
    if not levels:
        raise _UndecidedError("has a name that no Python looks for")
    body = (placed.member.content or b"")[HEAD_BYTES:]
    differing = ""
    for level in levels:
        code = _compiled(text, source, level, budget)
        if code is None:
            return f"{name} does not compile, so the code comes from somewhere else"
        if len(body) > LARGER * len(code) + LARGER_BYTES:
            return f"its code has {len(body)} bytes, {name} compiles to {len(code)}"
        try:
            found = code_fingerprint(body, placed.member.name)
        except InputError as error:
            return f"it is not what a compiler writes for {name}: {error.message}"
        try:
            meant = code_fingerprint(code, source.member.name)
        except InputError as error:  # code nested too deep, or an interpreter with other fields
            raise _UndecidedError(f"belongs to {name}, whose code cannot be read back") from error
        if meant.digest == found.digest:
            return ""
        differing = differing or _first_difference(meant, found, name)
    return differing


def _first_difference(meant: CodePrint, found: CodePrint, name: str) -> str:
    for (one, digest), (other, other_digest) in zip(meant.functions, found.functions, strict=False):
        if one != other:
            return f"it has {quoted(other)} where {name} has {quoted(one)}"
        if digest != other_digest:
            return f"{quoted(one)} is other code than {name} compiles to"
    return f"it has {len(found.functions)} code objects, {name} compiles to {len(meant.functions)}"


def _compiled(source: bytes, placed: Placed, level: int, budget: _Budget) -> bytes | None:
    """A source's code, marshalled; `None` when it is no Python.

    Raises:
        _UndecidedError: compiling it could cost too much, or failed for another reason.
    """
    import marshal  # noqa: PLC0415 - only written here, never read
    import warnings  # noqa: PLC0415 - few wheels have a `.pyc`

    name = quoted(placed.member.name)
    _ensure_cheap(source, name, budget)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, "<source>", "exec", dont_inherit=True, optimize=level)
        return marshal.dumps(code)
    except (SyntaxError, ValueError):
        return None
    except (RecursionError, MemoryError, OverflowError, SystemError) as error:
        raise _UndecidedError(
            f"belongs to {name}, which could not be compiled ({type(error).__name__})"
        ) from error


def _ensure_cheap(source: bytes, name: str, budget: _Budget) -> None:
    """Raise `_UndecidedError` when compiling the source could cost too much, or would load an unusual codec."""
    if len(source) > MAX_SOURCE_BYTES:
        raise _UndecidedError(
            f"belongs to {name}, whose {len(source)} bytes are more than {MAX_SOURCE_BYTES}"
        )
    budget.left -= len(source)
    if budget.left < 0:
        raise _UndecidedError(
            f"belongs to {name}, and {MAX_COMPILED_BYTES} bytes were compiled for this wheel already"
        )
    for pattern, most, what in _COSTLY:
        for count, _ in enumerate(pattern.finditer(source), start=1):
            if count > most:
                raise _UndecidedError(f"belongs to {name}, which has {what}")
    import codecs  # noqa: PLC0415 - few wheels have a `.pyc`
    import tokenize  # noqa: PLC0415 - the same

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        return  # the compiler will say so
    if codecs.lookup(encoding).name not in _ENCODINGS:
        raise _UndecidedError(f"belongs to {name}, which is written in {quoted(encoding)}")
