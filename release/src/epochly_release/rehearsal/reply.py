"""What a service answers: status, bytes and media type, apart from any web framework.

Services are plain methods from bytes to a `Reply`, so that tests call them without a socket.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def json_reply(
    document: Any, status: int = 200, media_type: str = "application/json", headers: Mapping[str, str] = _NONE
) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(document).encode(), media_type, headers)


def text_reply(text: str, status: int = 200, media_type: str = "text/plain; charset=utf-8") -> Reply:
    """An answer in text."""
    return Reply(status, text.encode(), media_type)


def json_object(body: bytes) -> dict[str, Any] | None:
    """A request's body as a JSON object, `None` when it is no such thing."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # `UnicodeDecodeError` is a `ValueError`
        return None
    return document if isinstance(document, dict) else None
