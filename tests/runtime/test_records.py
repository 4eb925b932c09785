"""Records behave as those of `dataclasses` do, and that module takes them."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from epochly import _records
from epochly._config import Config


def both(**options):
    """The same class by either decorator."""

    def make(module):
        @module.dataclass(**options)
        class Point:
            """A point."""

            x: int
            y: int = 2
            seen: list[int] = module.field(default_factory=list)

            @property
            def total(self):
                """A sum."""
                return self.x + self.y

        return Point

    return make(dataclasses), make(_records)


def test_asdict_says_what_that_of_dataclasses_says():
    """Records within records, and within tuples of them."""
    plain, ours = both(frozen=True)
    made = [point(point(1), (point(2), (3, "x"), None)) for point in (plain, ours)]
    assert _records.asdict(made[1]) == dataclasses.asdict(made[0]) == dataclasses.asdict(made[1])


def outcome(action):
    """What it gives, or the kind of exception it raises."""
    try:
        return repr(action()).rpartition("<locals>.")[2]
    except (TypeError, AttributeError) as error:
        return TypeError if isinstance(error, TypeError) else AttributeError


@pytest.mark.parametrize(
    "options", [{}, {"frozen": True}, {"slots": True}, {"frozen": True, "slots": True}, {"eq": False}]
)
def test_records_are_as_dataclasses_make_them(options):
    """Making, comparing, hashing, printing, changing."""
    plain, ours = (_seen(point) for point in both(**options))
    assert ours == plain


def _seen(point):
    made, again = point(1), point(1, seen=[])
    actions = (
        lambda: made.total,
        lambda: (made == again, made != again, made == 1, made == point(2)),
        lambda: point(1, 2, [3]),
        lambda: point(y=3, x=4).total,
        point,
        lambda: point(1, 2, [], 4),
        lambda: point(1, x=1),
        lambda: point(1, z=1),
        lambda: hash(point(1, 2, ())) == hash(point(1, 2, ())),
        lambda: setattr(made, "x", 5) or made.x,
        lambda: delattr(again, "y"),
        lambda: made.seen is point(1).seen,
        lambda: point.__match_args__,
    )
    return [outcome(action) for action in actions]


def test_dataclasses_takes_records():
    """Whoever copies or takes apart a value of ours may use what they know."""
    config = Config()
    assert dataclasses.is_dataclass(config)
    assert dataclasses.replace(config, level=1) == _records.replace(config, level=1) != config
    assert dataclasses.asdict(config) == {name: getattr(config, name) for name in Config.__match_args__}
    assert [field.name for field in dataclasses.fields(Config)] == list(Config.__match_args__)
    assert inspect.getdoc(Config)
