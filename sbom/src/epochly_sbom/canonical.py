"""One document, one spelling: lists sorted, keys sorted, no local path, and a serial number made from the content.

No list in the CycloneDX documents written here has an order that means something, so all are sorted. The serial number
is a UUID of version 8 (RFC 9562 section 5.8): the first bits of the sha256 of everything else, so that equal content has
an equal number and other content another. https://cyclonedx.org/docs/1.6/json/#serialNumber
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

REMOVED = "local-path-removed"
_LOCAL = re.compile(
    r"""file(?::|%3A)(?:/|%2F|\\)[^\s"'<>&\#]*          # file URLs, also inside a purl
    |(?<![\w.:/<%)\]}~*-])/(?:home|root|tmp|var|opt|mnt|private|usr|Users|Volumes|build|builds|github|__w)/[^\s"'<>,;]+
    |(?<![\w.:/<%)\]}~*-])/(?:[\w.@+-]+/){2,}[\w.@+-]*  # absolute POSIX paths
    |(?<![A-Za-z])[A-Za-z]:[\\/][^\s"'<>]+              # Windows drives
    |\\\\[\w.-]+\\[^\s"'<>]+                            # Windows shares
    """,
    re.VERBOSE,
)


def canonical(document: dict[str, Any], *, local: Iterable[str] = ()) -> str:
    """The text of a CycloneDX document, the same for the same content; a serial number in it is replaced.

    Args:
        document: as `json.loads` gives it; not changed.
        local: places of this machine that may not appear, beside whatever looks like a local path.
    """
    places = sorted({place for place in local if len(place) > 1}, key=len, reverse=True)
    clean = _sorted(_scrubbed({k: v for k, v in document.items() if k != "serialNumber"}, places))
    digest = hashlib.sha256(_text(clean).encode()).digest()
    clean["serialNumber"] = f"urn:uuid:{uuid_from_digest(digest)}"
    return _text(clean)


def uuid_from_digest(digest: bytes) -> uuid.UUID:
    """A UUID of version 8 from the first 16 bytes of a hash."""
    number = bytearray(digest[:16])
    number[6] = number[6] & 0x0F | 0x80
    number[8] = number[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(number))


def without_local_paths(text: str, places: Iterable[str] = ()) -> str:
    """`text` with every local path and file URL taken out."""
    for place in places:
        text = re.sub(rf"(?<![\w.]){re.escape(place)}(?![\w-])", REMOVED, text)
    return _LOCAL.sub(REMOVED, text)


def _scrubbed(value: Any, places: list[str]) -> Any:
    if isinstance(value, str):
        return value if value.startswith(("http://", "https://")) else without_local_paths(value, places)
    if isinstance(value, list):
        return [_scrubbed(item, places) for item in value]
    if isinstance(value, dict):
        clean = {key: _scrubbed(item, places) for key, item in value.items()}
        references = clean.get("externalReferences")
        if isinstance(references, list):  # a reference to a local place says nothing once the place is gone
            clean["externalReferences"] = [item for item in references if REMOVED not in str(item)]
            if not clean["externalReferences"]:
                del clean["externalReferences"]
        return clean
    return value


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=_order)
    return value


def _order(item: Any) -> tuple[str, str]:
    ref = item.get("bom-ref") or item.get("ref") if isinstance(item, dict) else ""
    return str(ref or ""), json.dumps(item, sort_keys=True)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
