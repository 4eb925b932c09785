"""Insertions with a word on what to do about a row that is there, which each engine's dialect spells for itself.

What is returned by a statement says whether it inserted; a count of rows is not told by every driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Table


def on_each(table: Table, finished: Callable[[Any], Any]) -> Mapping[str, Any]:
    """One statement by the name of its dialect."""
    return {"sqlite": finished(sqlite.insert(table)), "postgresql": finished(postgresql.insert(table))}


def unless_there(made: Any) -> Any:
    """Nothing where there is such a row."""
    return made.on_conflict_do_nothing()


def in_place_of(made: Any, key: Sequence[str], changed: Sequence[str]) -> Any:
    """The columns that change, where there is a row with the same key."""
    return made.on_conflict_do_update(
        index_elements=list(key), set_={name: made.excluded[name] for name in changed}
    )
