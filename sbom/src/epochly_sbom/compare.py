"""Two SBOMs side by side: which components came, went or changed in version, hash or licence. Pure.

Components are matched by package URL without version and qualifiers, or else by type, group, name and place, so that
SBOMs of different tools can be compared; order, serial number and time are no difference. Where one name is there in
several versions, versions are matched first. Read is CycloneDX JSON only; anything else is refused.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from epochly_sbom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = ("version", "hashes", "licences")
_HINT = "give a CycloneDX JSON document"
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One component as far as it is compared; the texts of `hashes` and `licences` are sorted and joined."""

    key: _Key
    version: str
    hashes: str
    licences: str

    @property
    def title(self) -> str:
        """How a reader knows it."""
        return " ".join(part for part in self.key if part)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: `title` names the component, `field` is one of `FIELDS`."""

    title: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What distinguishes two SBOMs; all sorted."""

    added: tuple[Part, ...]
    removed: tuple[Part, ...]
    changed: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.added or self.removed or self.changed)


def parts_of_sbom(data: bytes, where: str) -> tuple[Part, ...]:
    """Every component of an SBOM, the root and nested ones too.

    Raises:
        InputError: it is no CycloneDX JSON; `where` names it.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(where, "is no JSON", _HINT) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise InputError(where, "is no CycloneDX document", _HINT)
    try:
        return tuple(sorted(_parts(document)))
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise InputError(where, "is CycloneDX with parts of the wrong shape", _HINT) from error


def compare(before: tuple[Part, ...], after: tuple[Part, ...]) -> Difference:
    """What changed from one SBOM to the other."""
    added: list[Part] = []
    removed: list[Part] = []
    changed: list[Change] = []
    for key in {part.key for part in (*before, *after)}:
        olds = [part for part in before if part.key == key]
        news = [part for part in after if part.key == key]
        for old in tuple(olds):
            same = [new for new in news if new.version == old.version]
            if same:
                best = old if old in same else same[0]
                changed += _changes(old, best)
                olds.remove(old)
                news.remove(best)
        paired = min(len(olds), len(news))
        for old, new in zip(olds[:paired], news[:paired], strict=True):
            changed += _changes(old, new)
        removed += olds[paired:]
        added += news[paired:]
    ordered = sorted(
        changed, key=lambda each: (each.title, FIELDS.index(each.field), each.before, each.after)
    )
    return Difference(tuple(sorted(added)), tuple(sorted(removed)), tuple(ordered))


def as_text(difference: Difference) -> str:
    """One line a difference, `+` added, `-` removed, `~` changed; one line when there is none."""
    if difference.same:
        return "no difference\n"
    lines = [f"- {_printable(part.title)} {_printable(part.version)}".rstrip() for part in difference.removed]
    lines += [f"+ {_printable(part.title)} {_printable(part.version)}".rstrip() for part in difference.added]
    lines += [
        f"~ {_printable(each.title)}: {each.field} "
        f"{_printable(each.before) or '(none)'} -> {_printable(each.after) or '(none)'}"
        for each in difference.changed
    ]
    return "".join(f"{line}\n" for line in lines)


def as_json(difference: Difference) -> str:
    """The same as JSON, format `epochly-sbom/diff/v1`."""
    document = {
        "schema": "epochly-sbom/diff/v1",
        "same": difference.same,
        "added": [{"component": part.title, "version": part.version} for part in difference.added],
        "removed": [{"component": part.title, "version": part.version} for part in difference.removed],
        "changed": [
            {"component": each.title, "field": each.field, "before": each.before, "after": each.after}
            for each in difference.changed
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _parts(document: dict[str, Any]) -> Iterator[Part]:
    root = (document.get("metadata") or {}).get("component")
    stack = [*([root] if root is not None else []), *(document.get("components") or [])]
    while stack:
        component = stack.pop()
        stack += component.get("components") or []
        hashes = [f"{item['alg']}:{item['content'].lower()}" for item in component.get("hashes") or []]
        licences = [_licence(item) for item in component.get("licenses") or []]
        version = component.get("version") or ""
        if not isinstance(version, str):
            raise TypeError("`version` is a string")
        yield Part(_key(component), version, ", ".join(sorted(hashes)), ", ".join(sorted(licences)))


def _key(component: dict[str, Any]) -> _Key:
    purl = component.get("purl")
    if purl and not purl.startswith(
        "pkg:generic/"
    ):  # generic names are unique together with their place only
        told = PackageURL.from_string(purl)
        return (PackageURL(told.type, told.namespace, told.name, subpath=told.subpath).to_string(), "")
    occurrences = (component.get("evidence") or {}).get("occurrences") or []
    places = ", ".join(sorted(item["location"] for item in occurrences))
    key = (component["type"], component.get("group") or "", component["name"], places)
    if not all(isinstance(part, str) for part in key):
        raise TypeError("`type`, `group` and `name` are strings")
    return key


def _licence(item: dict[str, Any]) -> str:
    if "expression" in item:
        return str(item["expression"])
    licence = item["license"]
    return str(licence.get("id") or licence.get("name") or "")


def _changes(old: Part, new: Part) -> Iterator[Change]:
    for field in FIELDS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield Change(old.title, field, before, after)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
