"""A visit to the operators' pages, and what a view replies: a page, or the way to another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from epochly_service.admin.desk import Desk
    from epochly_service.admin.operators import Operator


@dataclass(frozen=True, slots=True)
class Visit:
    """An operator at a page. `path`, `query` and `form` are what they sent, unchecked."""

    operator: Operator
    desk: Desk
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def require_changer(self) -> None:
        """Refuse who may only look.

        Raises:
            ServiceError: they may.
        """
        if not self.operator.may_change:
            raise ServiceError(
                "not-allowed", self.operator.name, "you may look, and change nothing", "ask an admin"
            )


@dataclass(frozen=True, slots=True)
class Page:
    """A template and what goes into it."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Go:
    """On to another page, after a change."""

    to: str


View = Callable[[Visit], "Page | Go"]
