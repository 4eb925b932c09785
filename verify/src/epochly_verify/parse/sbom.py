"""SBOM documents as they lie in a wheel: CycloneDX JSON is read, other standards are only recognised.

Read: CycloneDX JSON 1.2 to 1.7, and of it only what can be compared with the wheel (root, components with their hashes
and places, references). Recognised, not read: SPDX in any form, CycloneDX XML, other versions and other standards;
PEP 770 leaves the standard open, so an unknown one is never an error. Refused: a JSON file that is no JSON, a file whose
name promises CycloneDX or SPDX and that is neither, a CycloneDX document whose parts have the wrong type. What else the
schema asks of the fields that are read is in `sbom_schema.py`; the other fields are not looked at. Walks are loops, so
nesting costs no stack.

https://peps.python.org/pep-0770/ and https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import InputError
from epochly_verify.limits import MIB
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.purl import Purl, parse_purl
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.sbom_schema import schema_problems
from epochly_verify.parse.strictjson import load_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.model import Statement

MAX_SBOM_BYTES = (
    8 * MIB
)  # bytes of one SBOM; the largest seen in a wheel has 0.5 MiB, and parsed it is 20 times larger
MAX_SBOMS_BYTES = 2 * MAX_SBOM_BYTES  # bytes of all SBOMs of one wheel; the most costly take a second a MiB
MAX_OUTSIDE_SBOMS = 20  # SBOMs of one wheel from outside it; each is compared with every other
KNOWN_VERSIONS = frozenset({"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"})  # 1.2 is the first with JSON

_PROMISING = (
    ".cdx.json",
    ".cyclonedx.json",
    ".spdx.json",
    "bom.json",
)  # names the two standards give their files
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 4096  # bytes in which a text format shows itself
_TAG_VALUE = re.compile(rb"^SPDXVersion:", re.MULTILINE)
_NAMES_A_PLACE = re.compile(r"path|location|\bplace|file|wheel|archive|bundle", re.IGNORECASE)
# Below these keys an object is a component, wherever in the document: tools, formulation and pedigree have some too.
_COMPONENT_KEYS = frozenset({"component", "components", "ancestors", "descendants", "variants"})
_PREDICATES = {  # predicate types: cosign writes the bare one, GitHub's `attest` adds the version for SPDX
    "CycloneDX": re.compile(r"https://cyclonedx\.org/bom(/v?[0-9]+(\.[0-9]+)*)?"),
    "SPDX": re.compile(r"https://spdx\.dev/Document(/v?[0-9]+(\.[0-9]+)*)?"),
}
_DOWNLOADS = frozenset({"distribution", "source-distribution"})


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the inventory (root, components and what nests in them; not tools, not pedigree).

    Attributes:
        where: its place in the document, e.g. `components[3]`.
        purl: `None` when absent or unreadable.
        hashes: (`hashlib` name, lower-case hexadecimal as written).
        places: where its evidence and properties say it lies.
        has_download: it names a place to download it from, so its hashes are those of the download.
        at_top: not a part of another component than the root; such parts are named from their whole's own folder.
        ref: its `bom-ref`, empty when absent.
        excluded: its scope says that it is not there when the software runs.
    """

    where: str
    type: str
    name: str
    version: str
    purl: Purl | None
    hashes: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    has_download: bool
    at_top: bool
    ref: str
    excluded: bool


@dataclass(frozen=True, slots=True)
class CycloneDx:
    """What a CycloneDX document says that a wheel, or the document itself, can contradict.

    Attributes:
        version: its `specVersion`.
        root: `metadata.component`, `None` when the document has none.
        components: the inventory, with the root first.
        refs: every `bom-ref` in the document.
        ambiguous: those that two different components or services share, sorted.
        links: (place, `bom-ref`) for everything that `dependencies` and `compositions` refer to.
        depends_on: what `dependencies` says that the root needs, as `bom-ref`s; `None` when it does not speak of the root.
        complete: what of the root `compositions` declares to be listed completely: `dependencies`, `assemblies`.
        tools: the names of the tools that wrote it.
        problem: the first thing that the schema asks of it and it does not keep; empty when there is none.
        more_problems: how many more there are.
    """

    version: str
    root: Component | None
    components: tuple[Component, ...]
    refs: frozenset[str]
    ambiguous: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    depends_on: tuple[str, ...] | None
    complete: frozenset[str]
    tools: frozenset[str]
    problem: str
    more_problems: int


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An SBOM that is not read; `what` says what it is."""

    what: str


def attested_standard(predicate_type: str) -> str:
    """The standard whose documents an attestation of this type holds: `CycloneDX`, `SPDX`, or empty for no SBOM."""
    return next((name for name, types in _PREDICATES.items() if types.fullmatch(predicate_type)), "")


def attested_document(statement: Statement, name: str) -> bytes:
    """The SBOM that an attestation of it holds as its predicate, written out again.

    Raises:
        Refusal: `sbom-unrecognised`: the predicate is nothing of the standard that its type promises.
    """
    standard, predicate = attested_standard(statement.predicate_type), statement.predicate or {}
    marks = {
        "CycloneDX": predicate.get("bomFormat") == "CycloneDX",
        "SPDX": isinstance(predicate.get("spdxVersion"), str) or "@graph" in predicate,
    }
    if not marks.get(standard):
        said = f"{standard} SBOM" if standard else "SBOM"
        message = f"is given as an attested {said}, the predicate of type {quoted(statement.predicate_type)} is none"
        raise Refusal("sbom-unrecognised", name, message)
    return json.dumps(predicate, ensure_ascii=False, separators=(",", ":")).encode()


def parse_sbom(data: bytes, name: str) -> CycloneDx | Unchecked:
    """Read one SBOM file.

    Args:
        data: its bytes; at most `MAX_SBOM_BYTES`, which the caller sees to.
        name: its path in the wheel; the ending tells which standard it promises.

    Raises:
        Refusal: `sbom-not-json`, `sbom-unrecognised` or `sbom-malformed`.
    """
    lowered = name.lower()
    data = data.removeprefix(_BYTE_ORDER_MARK)  # RFC 8259 section 8.1 lets a reader ignore it
    if not lowered.endswith(".json") and not data.lstrip().startswith(b"{"):
        return Unchecked(_text_format(data[:_HEAD_BYTES]))
    try:
        document = load_json(data, name)
    except InputError as error:
        raise Refusal("sbom-not-json", name, error.message) from error
    if not isinstance(document, dict):
        raise Refusal("sbom-unrecognised", name, "is JSON but no object, so it is no SBOM of any standard")
    if document.get("bomFormat") == "CycloneDX":
        version = document.get("specVersion")
        if not isinstance(version, str):
            raise Refusal("sbom-malformed", name, "`specVersion` is missing or not a string")
        if version not in KNOWN_VERSIONS:
            return Unchecked(f"CycloneDX of the version {quoted(version)}, which is not known here")
        return _Reader(name).document(document, version)
    spdx = document.get("spdxVersion")
    if isinstance(spdx, str) and spdx.startswith("SPDX-"):
        return Unchecked(f"SPDX JSON ({quoted(spdx)})")
    if "@graph" in document and "//spdx.org/" in str(document.get("@context"))[:_HEAD_BYTES]:
        return Unchecked("SPDX 3 JSON-LD")
    if lowered.endswith(_PROMISING):
        message = "is named as CycloneDX or SPDX and has neither `bomFormat` `CycloneDX` nor an `spdxVersion`"
        raise Refusal("sbom-unrecognised", name, message)
    return Unchecked("JSON of a standard that is not known here")


class _Reader:
    """Takes one CycloneDX document apart; `name` is the file, for its refusals."""

    def __init__(self, name: str) -> None:
        self._name = name

    def document(self, document: Mapping[str, Any], version: str) -> CycloneDx:
        metadata = document.get("metadata")
        root = None if metadata is None else self._object(metadata, "metadata").get("component")
        components = tuple(self._inventory(root, document.get("components")))
        refs, ambiguous = self._refs(document)
        root_ref = components[0].ref if root is not None else ""
        links = tuple(self._links(document))
        problems = schema_problems(document, version)
        return CycloneDx(
            version=version,
            root=components[0] if root is not None else None,
            components=components,
            refs=refs,
            ambiguous=ambiguous,
            links=links,
            depends_on=self._needs(document, root_ref),
            complete=frozenset(self._complete(document, root_ref)),
            tools=frozenset(_tools(metadata)),
            problem=next(problems, ""),
            more_problems=sum(1 for _ in problems),
        )

    def _needs(self, document: Mapping[str, Any], ref: str) -> tuple[str, ...] | None:
        entries = [
            item for item, _ in self._objects(document, "dependencies") if ref and item.get("ref") == ref
        ]
        return tuple(on for item in entries for on in item.get("dependsOn") or ()) if entries else None

    def _complete(self, document: Mapping[str, Any], ref: str) -> Iterator[str]:
        """A composition that names nothing is about the whole document; one that names something, about that alone."""
        for item, _ in self._objects(document, "compositions"):
            if item.get("aggregate") == "complete":
                named = {field: item.get(field) or () for field in ("dependencies", "assemblies")}
                about_all = not any(named.values()) and not item.get("vulnerabilities")
                yield from (field for field, refs in named.items() if about_all or (ref and ref in refs))

    def _inventory(self, root: Any, listed: Any) -> Iterator[Component]:
        """Root first, then the components, each followed by what nests in it."""
        stack = self._nested(listed, "components", at_top=True)
        if root is not None:
            stack.append((root, "metadata.component", True))
        while stack:
            value, where, at_top = stack.pop()
            component = self._object(value, where)
            yield self._component(component, where, at_top=at_top)
            below_root = where == "metadata.component"
            stack += self._nested(component.get("components"), f"{where}.components", at_top=below_root)

    def _nested(self, value: Any, where: str, *, at_top: bool) -> list[tuple[Any, str, bool]]:
        """The items of a list of components, last first, so that a stack gives them back in order."""
        items = list(enumerate(self._list(value, where)))
        return [(item, f"{where}[{i}]", at_top) for i, item in reversed(items)]

    def _component(self, value: Mapping[str, Any], where: str, *, at_top: bool) -> Component:
        hashes = tuple(
            (_hashlib_name(self._text(item, "alg", at)), self._text(item, "content", at).lower())
            for item, at in self._objects(value, "hashes", where)
        )
        references = [item.get("type") for item, _ in self._objects(value, "externalReferences", where)]
        return Component(
            where=where,
            type=self._text(value, "type", where),
            name=self._text(value, "name", where),
            version=self._text(value, "version", where),
            purl=parse_purl(self._text(value, "purl", where)),
            hashes=hashes,
            places=tuple(self._places(value, where)),
            has_download=any(isinstance(kind, str) and kind in _DOWNLOADS for kind in references),
            at_top=at_top,
            ref=self._text(value, "bom-ref", where),
            excluded=value.get("scope") == "excluded",
        )

    def _places(self, value: Mapping[str, Any], where: str) -> Iterator[str]:
        evidence = value.get("evidence")
        if isinstance(evidence, dict):
            for item, at in self._objects(evidence, "occurrences", f"{where}.evidence"):
                yield self._text(item, "location", at)
        for item, _ in self._objects(value, "properties", where):
            name, text = item.get("name"), item.get("value")
            if isinstance(name, str) and isinstance(text, str) and _NAMES_A_PLACE.search(name):
                yield text

    def _refs(self, document: Mapping[str, Any]) -> tuple[frozenset[str], tuple[str, ...]]:
        """Every `bom-ref`, and those that name two different things.

        A component may be told twice in the same words (auditwheel lists the root again under `components`):
        whoever follows the reference finds the same thing.
        """
        named: dict[str, tuple[str, ...] | None] = {}
        ambiguous: set[str] = set()
        stack: list[tuple[str, Any]] = [("", document)]
        while stack:
            key, value = stack.pop()
            if isinstance(value, list):
                stack += [(key, item) for item in value if isinstance(item, (dict, list))]
                continue
            ref = value.get("bom-ref")
            if ref is not None:
                if not isinstance(ref, str):
                    raise self._bad(f"a `bom-ref` below {quoted(key)}", "a string")
                thing = _identity(key, value)
                before = named.setdefault(ref, thing)
                if before is None:
                    named[ref] = thing
                elif thing is not None and thing != before:
                    ambiguous.add(ref)
            stack += [(inner, item) for inner, item in value.items() if isinstance(item, (dict, list))]
        return frozenset(named), tuple(sorted(ambiguous))

    def _links(self, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for item, at in self._objects(document, "dependencies"):
            yield f"{at}.ref", self._text(item, "ref", at)
            for field in ("dependsOn", "provides"):
                yield from self._references(item, field, at)
        for item, at in self._objects(document, "compositions"):
            for field in ("assemblies", "dependencies"):
                yield from self._references(item, field, at)

    def _references(self, value: Mapping[str, Any], field: str, where: str) -> Iterator[tuple[str, str]]:
        at = f"{where}.{field}"
        for ref in self._list(value.get(field), at):
            if not isinstance(ref, str):
                raise self._bad(f"an item of `{at}`", "a string")
            yield at, ref

    def _objects(
        self, value: Mapping[str, Any], field: str, where: str = ""
    ) -> list[tuple[Mapping[str, Any], str]]:
        at = f"{where}.{field}" if where else field
        items = self._list(value.get(field), at)
        return [(self._object(item, f"{at}[{i}]"), f"{at}[{i}]") for i, item in enumerate(items)]

    def _object(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._bad(f"`{where}`", "an object")
        return value

    def _list(self, value: Any, where: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._bad(f"`{where}`", "a list")
        return value

    def _text(self, value: Mapping[str, Any], field: str, where: str) -> str:
        text = value.get(field)
        if text is None:
            return ""
        if not isinstance(text, str):
            raise self._bad(f"`{where}.{field}`", "a string")
        return text

    def _bad(self, what: str, expected: str) -> Refusal:
        return Refusal("sbom-malformed", self._name, f"{what} is not {expected}")


def _identity(key: str, value: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What makes two components or services the same; `None` for any other kind of object."""
    if key not in _COMPONENT_KEYS and key != "services":
        return None
    texts = (value.get(field) for field in ("type", "group", "name", "version", "purl"))
    return (str(key == "services"), *(text if isinstance(text, str) else "" for text in texts))


def _tools(metadata: Mapping[str, Any] | None) -> Iterator[str]:
    """Names in `metadata.tools`, a list of tools until 1.4 and an object with components and services since."""
    tools = metadata.get("tools") if metadata is not None else None
    lists = [tools] if isinstance(tools, list) else []
    if isinstance(tools, dict):
        lists = [found for field in ("components", "services") if isinstance(found := tools.get(field), list)]
    for item in (item for items in lists for item in items if isinstance(item, dict)):
        if isinstance(name := item.get("name"), str):
            yield name


def _hashlib_name(algorithm: str) -> str:
    """`SHA-256` -> `sha256`, `SHA3-256` -> `sha3_256`."""
    return algorithm.lower().replace("sha-", "sha").replace("-", "_")


def _text_format(head: bytes) -> str:
    if head.lstrip().startswith(b"<"):
        return "CycloneDX XML" if b"cyclonedx.org/schema/bom" in head else "XML"
    return "SPDX tag-value" if _TAG_VALUE.search(head) else "neither JSON, XML nor SPDX tag-value"
