"""METADATA to the fields an SBOM needs. Refused: what is not UTF-8, a missing name or version, a broken `Requires-Dist`.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

from email.utils import getaddresses

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from epochly_sbom.errors import InputError, quoted
from epochly_sbom.model import Metadata

_NAME_CHARS = 120  # characters of a free-form licence that is still a name and no text


def parse_metadata(data: bytes, where: str) -> Metadata:
    """Read METADATA; `where` names it in errors.

    Raises:
        InputError: it lacks what every wheel has to say.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(where, "is not UTF-8", "core metadata has to be UTF-8") from error
    raw, _ = parse_email(text)
    name, version = raw.get("name", ""), raw.get("version", "")
    if not name or not version:
        raise InputError(where, "names no project or no version", "both are required fields")
    licence = raw.get("license", "").strip()
    short = len(licence) <= _NAME_CHARS and "\n" not in licence and licence.upper() != "UNKNOWN"
    return Metadata(
        project=str(canonicalize_name(name)),
        name=name,
        version=version,
        supplier=_supplier(raw),
        license_expression=raw.get("license_expression", "").strip(),
        license_name=licence if short else "",
        requires=tuple(_requirement(line, where) for line in raw.get("requires_dist", ())),
    )


def _requirement(line: str, where: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        hint = "correct it where the project declares it"
        raise InputError(where, f"{quoted(line)} is no requirement", hint) from error


def _supplier(raw: RawMetadata) -> str:
    """Who the wheel says made it: names before addresses, authors before maintainers."""
    fields = (
        (raw.get("author", ""), raw.get("author_email", "")),
        (raw.get("maintainer", ""), raw.get("maintainer_email", "")),
    )
    for plain, emails in fields:
        if plain.strip() and plain.strip().upper() != "UNKNOWN":
            return " ".join(plain.split())
        pairs = getaddresses([emails])
        named = [name for name, _ in pairs if name] or [address for _, address in pairs if "@" in address]
        if named:
            return ", ".join(named)
    return ""
