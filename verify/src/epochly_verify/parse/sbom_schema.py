"""What the CycloneDX schema asks of the fields that are read here, beyond their types.

Held: required fields, enumerations, the patterns of serial number and hashes. Not held: fields that nothing here reads,
unknown ones, and the spelling of references, which is compared elsewhere. It is asked only of documents whose lists and
objects were found to be such. Walks are loops, so nesting costs no stack.

https://github.com/CycloneDX/specification/tree/master/schema
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERIAL_NUMBER = re.compile(
    r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)  # 1.2 to 1.4 allow lower case only; capitals harm nobody
_TYPES = frozenset(
    {
        *(
            "application",
            "framework",
            "library",
            "container",
            "operating-system",
            "device",
            "firmware",
            "file",
        ),
        *("platform", "device-driver", "machine-learning-model", "data", "cryptographic-asset"),
    }
)
_AGGREGATES = frozenset(
    {
        *("complete", "incomplete", "incomplete_first_party_only", "incomplete_third_party_only", "unknown"),
        *("incomplete_first_party_proprietary_only", "incomplete_first_party_opensource_only"),
        *("incomplete_third_party_proprietary_only", "incomplete_third_party_opensource_only"),
        "not_specified",
    }
)
_ALGORITHMS = frozenset(
    {
        *("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"),
        *("BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3", "Streebog-256", "Streebog-512"),
    }
)
_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")


def schema_problems(document: Mapping[str, Any], version: str) -> Iterator[str]:
    """Everything wrong with a CycloneDX document of a known `specVersion`, each as what was seen and what is asked."""
    minor = int(version.partition(".")[2])
    serial = document.get("serialNumber")
    if serial is not None and not (isinstance(serial, str) and _SERIAL_NUMBER.fullmatch(serial)):
        shown = quoted(serial) if isinstance(serial, str) else "not a string"
        yield f"`serialNumber` is {shown}, expected `urn:uuid:` and a UUID"
    number = document.get("version")
    if number is None and minor <= 4:
        yield f"`version` is missing, which CycloneDX {version} requires"
    elif number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        yield "`version` is not an integer from 1"
    metadata = document.get("metadata") or {}
    stack = _with_places(document.get("components"), "components")
    if metadata.get("component") is not None:
        stack.append((metadata["component"], "metadata.component"))
    while stack:
        component, where = stack.pop()
        yield from _component_problems(component, where, minor)
        stack += _with_places(component.get("components"), f"{where}.components")
    for i, item in enumerate(document.get("compositions") or ()):
        if _is_not_in(item.get("aggregate"), _AGGREGATES):
            yield f"`compositions[{i}].aggregate` is missing or none of the values CycloneDX has"


def _component_problems(component: Mapping[str, Any], where: str, minor: int) -> Iterator[str]:
    if not component.get("name"):
        yield f"`{where}` has no `name`"
    if _is_not_in(component.get("type"), _TYPES):
        yield f"`{where}.type` is missing or none of the values CycloneDX has"
    if minor <= 3 and component.get("version") is None:
        yield f"`{where}` has no `version`, which CycloneDX 1.{minor} requires"
    if component.get("bom-ref") == "":
        yield f"`{where}.bom-ref` is empty"
    for i, item in enumerate(component.get("hashes") or ()):
        if _is_not_in(item.get("alg"), _ALGORITHMS):
            yield f"`{where}.hashes[{i}].alg` is missing or none of the values CycloneDX has"
        content = item.get("content")
        if not isinstance(content, str) or not _DIGEST.fullmatch(content):
            yield f"`{where}.hashes[{i}].content` is missing or no hexadecimal digest of a known length"


def _is_not_in(value: Any, known: frozenset[str]) -> bool:
    return not isinstance(value, str) or value not in known


def _with_places(items: list[Mapping[str, Any]] | None, where: str) -> list[tuple[Mapping[str, Any], str]]:
    """Components and where they stand, last first, so that a stack gives them back in order."""
    return [(item, f"{where}[{i}]") for i, item in reversed(list(enumerate(items or ())))]
