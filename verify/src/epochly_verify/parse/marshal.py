"""Marshalled code objects, reduced to fingerprints that can be compared: the body of a `.pyc`.

`marshal.loads` must never see hostile bytes, it can crash the interpreter. This reader is plain Python, bounded in
depth, and knows only the values a compiler puts into code: anything else is refused, back references into a value that
is not complete among them. Equal fingerprints mean equal code; a shared value costs its size once, so a reference
bomb costs nothing. Where the code came from (file name, line numbers) does not count, since it is not executed.

Specification: the `marshal` module; the field order of code objects is that of CPython 3.11 and later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from epochly_verify.errors import InputError

MAX_DEPTH = 120  # values within values; the compiler allows 100 nested blocks, honest code has about 20
_REFERENCE_FLAG = 0x80
_CONSTANTS = {b"N": b"None", b"T": b"True", b"F": b"False", b".": b"Ellipsis"}
_FIXED = {b"i": 4, b"g": 8, b"y": 16}
_ASCII = frozenset({b"a", b"A"})
_SHORT_ASCII = frozenset({b"z", b"Z"})
_UNICODE = frozenset({b"u", b"t"})


@dataclass(frozen=True, slots=True)
class CodePrint:
    """The fingerprint of a module's code.

    Attributes:
        digest: equal for equal code.
        functions: (qualified name, digest) of every code object, inner ones first, the module last.
    """

    digest: bytes
    functions: tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class _Reader:
    data: bytes
    where: str
    at: int = 0
    references: list[tuple[bytes, str] | None] = field(default_factory=list)
    functions: list[tuple[str, bytes]] = field(default_factory=list)

    def refuse(self, why: str) -> InputError:
        return InputError(
            "not-code", self.where, f"{why} at byte {self.at}", "compile it again from its source"
        )

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise self.refuse(f"{count} bytes are wanted and {len(self.data) - self.at} are left")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "little", signed=size == 4)

    def value(self, depth: int) -> tuple[bytes, str]:
        """The fingerprint of the next value, and its text when it is a string."""
        if depth > MAX_DEPTH:
            raise self.refuse(f"values are nested more than {MAX_DEPTH} deep")
        mark = self.take(1)[0]
        kind = bytes([mark & ~_REFERENCE_FLAG])
        if kind == b"r":
            return self.reference()
        place = -1
        if mark & _REFERENCE_FLAG:
            place = len(self.references)
            self.references.append(None)
        found = self.simple(kind) or self.compound(kind, depth)
        if place >= 0:
            self.references[place] = found
        return found

    def reference(self) -> tuple[bytes, str]:
        index = self.number()
        known = self.references[index] if 0 <= index < len(self.references) else None
        if known is None:
            raise self.refuse(f"reference {index} names no complete value")
        return known

    def simple(self, kind: bytes) -> tuple[bytes, str] | None:
        if kind in _CONSTANTS:
            return _fingerprint(_CONSTANTS[kind]), ""
        if kind in _FIXED:
            return _fingerprint(kind, self.take(_FIXED[kind])), ""
        if kind == b"l":
            return _fingerprint(kind, self.take(4 + 2 * abs(self.ahead()))), ""
        if kind == b"s":
            return _fingerprint(kind, self.take(self.number())), ""
        if kind in _SHORT_ASCII:
            text = self.take(self.number(1)).decode("latin-1")
        elif kind in _ASCII:
            text = self.take(self.number()).decode("latin-1")
        elif kind in _UNICODE:
            try:
                text = self.take(self.number()).decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                raise self.refuse("a string is not UTF-8") from None
        else:
            return None
        return _fingerprint(b"u", text.encode("utf-8", "surrogatepass")), text

    def ahead(self) -> int:
        return int.from_bytes(self.data[self.at : self.at + 4], "little", signed=True)

    def compound(self, kind: bytes, depth: int) -> tuple[bytes, str]:
        if kind == b"c":
            return self.code(depth), ""
        if kind == b":":  # a slice, in marshal version 5
            return _fingerprint(kind, *(self.value(depth + 1)[0] for _ in range(3))), ""
        if kind not in {b"(", b")", b">"}:
            raise self.refuse(f"the value kind {kind!r} does not occur in code")
        count = self.number(1) if kind == b")" else self.number()
        if not 0 <= count <= len(self.data) - self.at:
            raise self.refuse(f"{count} values are announced and {len(self.data) - self.at} bytes are left")
        items = [self.value(depth + 1)[0] for _ in range(count)]
        if kind == b">":
            return _fingerprint(kind, *sorted(items)), ""
        return _fingerprint(b"(", *items), ""

    def code(self, depth: int) -> bytes:
        # argument counts (all, positional-only, keyword-only), stack size, flags
        head = self.take(20)
        # byte code, constants, names, local variables, their kinds
        body = [self.value(depth + 1)[0] for _ in range(5)]
        self.value(depth + 1)  # file name
        name, _ = self.value(depth + 1)
        qualified, text = self.value(depth + 1)
        self.take(4)  # first line
        self.value(depth + 1)  # line table
        handlers, _ = self.value(depth + 1)
        digest = _fingerprint(b"c", head, *body, name, qualified, handlers)
        self.functions.append((text, digest))
        return digest


def code_fingerprint(data: bytes, where: str) -> CodePrint:
    """The fingerprint of one marshalled code object that fills `data`; `where` names it in errors.

    Raises:
        InputError: it is no code object as a compiler writes one, or something stands behind it.
    """
    reader = _Reader(data, where)
    if data[:1] not in {b"c", b"\xe3"}:
        raise reader.refuse("no code object begins")
    digest, _ = reader.value(0)
    if reader.at != len(data):
        raise reader.refuse(f"{len(data) - reader.at} bytes are left over")
    return CodePrint(digest, tuple(reader.functions))


def _fingerprint(kind: bytes, *parts: bytes) -> bytes:
    whole = hashlib.sha256(kind + b"\0")
    for part in parts:
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.digest()
