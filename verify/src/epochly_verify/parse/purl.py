"""Package URLs, as far as an SBOM's claims need them: type, name, version and qualifiers.

Lenient: no type's own rules are held here, names are compared normalised elsewhere, and a text that is no package URL
is `None`. https://github.com/package-url/purl-spec
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL, percent-decoded; `kind` (its type) is lower case, what is absent is empty."""

    kind: str
    namespace: str
    name: str
    version: str
    qualifiers: Mapping[str, str]


def parse_purl(text: str) -> Purl | None:
    """Read `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`; `None` when it has no type or no name."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() != "pkg":
        return None
    rest, _, query = rest.partition("#")[0].partition("?")
    kind, _, path = rest.strip("/").partition("/")
    namespace, _, tail = path.strip("/").rpartition("/")
    name, _, version = tail.partition("@")
    if not kind or not name:
        return None
    pairs = (item.partition("=") for item in query.split("&"))
    qualifiers = {key.lower(): unquote(value) for key, equals, value in pairs if equals}
    return Purl(kind.lower(), unquote(namespace), unquote(name), unquote(version), qualifiers)
