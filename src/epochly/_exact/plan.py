"""What the checker found and the applier does: swaps of operators, tags to carry, checks to insert, and how to box.

Statements and expressions are named by identity, because numba's IR has no other name for them; the plan keeps them alive.
It refuses to decide anything. See `check` and `apply`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epochly._exact.kinds import Kind


@dataclass(frozen=True, slots=True)
class Swap:
    """Let `expression` be computed by `key`, with numba's `signature`."""

    expression: Any
    key: Any
    signature: Any


@dataclass(frozen=True, slots=True)
class Check:
    """Before `statement`: the tag of `name` is `code`, or with `unless`, is not."""

    statement: Any
    name: str
    code: int
    unless: bool


@dataclass(frozen=True, slots=True)
class Cast:
    """Before the store `statement`: its value becomes a `result`, by `key`."""

    statement: Any
    key: Any
    result: Any


@dataclass(frozen=True, slots=True)
class Element:
    """An expression on arrays: let each element be `function` of the parts, computed and given as NumPy does."""

    expression: Any
    function: str
    computes_in: tuple[str, ...]
    gives: str
    parts: tuple[Any, ...]  # variables
    lifted: bool = False  # whether the first part's axis comes before the second one's
    into: Any = None  # the variable of the array that an in-place operation changes


@dataclass(slots=True)
class Plan:
    """Grows while the checker walks one function."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    swaps: list[Swap] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    casts: list[Cast] = field(default_factory=list)
    tagged: set[str] = field(default_factory=set)
    elements: dict[int, Element] = field(default_factory=dict)  # by the identity of the expression
    ordered: set[int] = field(default_factory=set)  # of these, those whose order in memory can be told
    gathers: dict[int, Any] = field(
        default_factory=dict
    )  # expressions that pick elements of a vector, by identity
    array_stores: dict[int, Any] = field(default_factory=dict)  # statements that store into a view
    written: set[int] = field(default_factory=set)  # arguments whose memory is stored to
    read: set[int] = field(default_factory=set)  # arguments whose memory is looked at
    uses_flags: bool = False
    pins: Any = None  # see `pins`
    strips: list[Any] = field(default_factory=list)  # loops of `strips`
    brief: set[int] = field(default_factory=set)  # headers of loops whose passes need no counting
    reached: dict[int, Any] = field(default_factory=dict)  # by statement: an access, a letter for each axis
    returned: Kind | None = None
    held: dict[str, Kind] = field(default_factory=dict)  # what lists hold, by the machine type of it
