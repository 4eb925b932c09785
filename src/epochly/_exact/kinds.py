"""What the checker knows of a value beyond its machine type: is it Python's own, NumPy's, or a literal in disguise.

Machine code holds `1.0` and `numpy.float64(1.0)` in the same register, but Python tells them apart, and `s = 0` followed
by `s += 0.5` leaves an int when the loop never runs. So every number carries a set of marks, and sets join where paths
meet. Pure values; numba is not imported here. It refuses to join what has no common shape. Source: NEP 50.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PY, NP, LITERAL = "py", "np", "literal"  # a literal int that shares its register with floats
CODES = {PY: 0, NP: 1, LITERAL: 2}  # how machine code tells them apart at run time


class Reject(Exception):  # noqa: N818 - caught at the entry and turned into `Rejected`
    """The function is outside the exact subset."""

    def __init__(self, reason: str, line: int | None = None, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Number:
    """An int, float or bool; which of them is its machine type."""

    marks: frozenset[str]

    @property
    def mixed(self) -> bool:
        """Whether only a tag at run time tells what it is."""
        return len(self.marks) > 1

    @property
    def may_be_numpy(self) -> bool:
        """Whether NumPy's rules and warnings may apply."""
        return NP in self.marks


@dataclass(frozen=True, slots=True)
class Array:
    """An array: the arguments whose memory it may share, whether it is one of them as a whole, and what its order hangs on.

    `orders` are array expressions, by identity, that NumPy might lay out in another order than ours, as its operands lie.
    """

    roots: frozenset[int]
    whole: bool
    orders: frozenset[int] = frozenset()

    @property
    def part(self) -> Array:
        """A view of it."""
        return Array(self.roots, whole=False, orders=self.orders)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list: the arguments it, or rows of it, may be; whether it is one of them as a whole; what it holds, if it is returned."""

    roots: frozenset[int]
    whole: bool
    item: Kind | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple."""

    items: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Iterator:
    """Something a `for` draws `item` from."""

    item: Kind


@dataclass(frozen=True, slots=True)
class Opaque:
    """A function, a module, `None`, a range: never a number, and nothing flows out of it unseen."""


Kind = Number | Array | Sequence | Items | Iterator | Opaque

WORDS = {
    "int64": "an int",
    "float64": "a float",
    "bool": "a bool",
    "none": "None",
    "uint64": "an int too large",
}
SHAPES = (  # how names of types begin
    (r"(?i)(Uni|Named)*tuple\(", "a tuple"),
    (r"OptionalType\(", "None on some path"),
    (r"(reflected )?list\(", "a list"),
    (r"Literal\[int\]", "an int"),
    (r"Literal\[bool\]", "a bool"),
    (r"slice<", "a slice"),
    (r"unicode_type|Literal\[str\]", "text"),
    (r"range_", "a range"),
    (r"(type\(CPUDispatcher|Function\()", "a function"),
    (r"Module\(", "a module"),
)
OPAQUE = Opaque()
PYTHON, NUMPY = Number(frozenset({PY})), Number(frozenset({NP}))


def joined(one: Kind | None, other: Kind | None) -> Kind | None:
    """What a value is that came along either path; `None` is a path not yet followed."""
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, Number) and isinstance(other, Number):
        return Number(one.marks | other.marks)
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(one.roots | other.roots, whole=False, orders=one.orders | other.orders)
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return Sequence(one.roots | other.roots, one.whole and other.whole, joined(one.item, other.item))
    if isinstance(one, Iterator) and isinstance(other, Iterator):
        item = joined(one.item, other.item)
        assert item is not None
        return Iterator(item)
    if isinstance(one, Items) and isinstance(other, Items) and len(one.items) == len(other.items):
        items = [joined(left, right) for left, right in zip(one.items, other.items, strict=True)]
        return Items(tuple(item for item in items if item is not None))
    raise Reject("a name holds values of different shapes on different paths")


def words(machine_type: object) -> str:
    """A machine type as a reader of Python says it."""
    name = str(machine_type)
    if name in WORDS:
        return WORDS[name]
    array = re.fullmatch(r"(?:readonly |unaligned )*array\((\w+), (\d)d, .*\)", name)
    if array:
        return f"an array of {array[1]} in {array[2]} dimension{'s' * (array[2] != '1')}"
    for pattern, said in SHAPES:
        if re.match(pattern, name):
            return said
    return f"a value of type {name}"
