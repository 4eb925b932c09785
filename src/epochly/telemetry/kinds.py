"""The kinds that a field of an event can be of, and what a measured number becomes of: there is none for text.

Importing it imports next to nothing, since a program that counts something has not asked for more. Section 1 of
`docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
else:
    from epochly._records import dataclass

MOST_BUCKET, MOST_SHARE, MOST_N = 63, 10, 10**9


@dataclass(frozen=True, slots=True)
class Field:
    """`enum`: one of the literals `of`. `flag`: a bool. `small`, `bucket`, `share`: an int from `least` to `most`."""

    name: str
    kind: str
    least: int
    most: int
    of: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether a value is one of this field's."""
        if self.kind == "enum":
            return type(value) is str and value in self.of
        if self.kind == "flag":
            return type(value) is bool
        return type(value) is int and self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Event:
    """Version, the endpoint it goes to, and all of its fields in their order."""

    version: int
    endpoint: str
    fields: tuple[Field, ...]


def bucket(count: float) -> int:
    """The number of binary digits of what was counted; 0 for what is no number above 0."""
    if not 0 < count < 2.0**MOST_BUCKET:
        return MOST_BUCKET if count >= 2.0**MOST_BUCKET else 0
    return int(count).bit_length()


def share(part: float) -> int:
    """Tenths of a part of 1, rounded down; what is no part of 1 is 0."""
    return int(part * MOST_SHARE) if 0 <= part <= 1 else 0


def small(number: float, least: int, most: int) -> int:
    """A number within its bounds; the lower one for what is none."""
    return int(number) if least <= number <= most else most if number > most else least


def words_of(events: Mapping[str, Event]) -> set[str]:
    """Every word that an event can have in it: names of members, events and fields, and literals."""
    fields = [field for event in events.values() for field in event.fields]
    return {"e", "v", "n", *events, *(word for field in fields for word in (field.name, *field.of))}


def is_registered(fact: tuple[object, ...], events: Mapping[str, Event]) -> bool:
    """Whether a fact is an event of the registry with a value of its kind in each field, and nothing besides."""
    event = events.get(fact[0]) if fact and type(fact[0]) is str else None
    if event is None or len(fact) != 1 + len(event.fields):
        return False
    return all(field.holds(value) for field, value in zip(event.fields, fact[1:], strict=True))
