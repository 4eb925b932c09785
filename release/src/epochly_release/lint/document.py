"""YAML bytes -> a tree of texts with line numbers; nothing is turned into numbers, dates or truth values.

The rules are about what stands in the file, so `on` stays `on` and `1.10` stays `1.10`. Refused, because two readers may
take two different things from them or because they cost more than they say: keys that stand twice, merge keys, tags, more
than one document, aliases that contain themselves or blow up, and anything beyond the bounds below.

Specification: YAML 1.2.2, chapters 3 (anchors, 3.2.2.2) and 7 (unique keys, 3.2.1.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import yaml

from epochly_release.lint.errors import LintError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 256 * 1024  # bytes; a long workflow has some thousand lines, about 50 KiB
MOST_DEPTH = 32  # levels; GitHub's own syntax needs about ten
MOST_NODES = 50_000  # values, those behind an alias counted at each use


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar: its text, its line, whether it is a literal block, whether it was written without quotes."""

    text: str
    line: int
    block: bool = False
    plain: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing stands there (`key:`, `key: ~`, `key: null`)."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; `keys` keeps the order and the line of each key."""

    keys: tuple[Text, ...]
    values: tuple[Node, ...]
    line: int

    def get(self, name: str) -> Node | None:
        """What stands below the key."""
        return next((v for k, v in zip(self.keys, self.values, strict=True) if k.text == name), None)

    def items(self) -> Iterator[tuple[Text, Node]]:
        """Keys with their values, in the file's order."""
        return zip(self.keys, self.values, strict=True)


Node: TypeAlias = Text | Listing | Table


def parse_document(data: bytes, path: str) -> Node:
    """The one document in `data`.

    Raises:
        LintError: it is no YAML, or more or other YAML than is read here.
    """
    if len(data) > MOST_BYTES:
        raise LintError("too-large", path, f"longer than {MOST_BYTES} bytes", "a workflow is a short file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LintError(
            "not-utf8", path, f"byte {error.start} is no UTF-8", "save the file as UTF-8"
        ) from None
    try:
        return _Builder(path, text).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = " ".join((error.problem or "cannot be read").split())
        raise LintError(
            "not-yaml", f"{path}:{line}", f"no YAML: {problem}", "mend the file, then lint it again"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())[:160]
        raise LintError("not-yaml", path, f"no YAML: {why}", "mend the file, then lint it again") from None


class _Builder:
    """Takes the parser's events one by one, so that no bound is passed before it is checked."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._anchors: dict[
            str, tuple[Node, int] | None
        ] = {}  # None: still open, so an alias to it is a loop
        self._nodes = 0

    def document(self) -> Node:
        next(self._events)  # the stream's start
        event = next(self._events)
        if not isinstance(event, yaml.DocumentStartEvent):
            raise LintError("empty", self._path, "nothing in it", "a workflow is one YAML mapping")
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refusal(event, "several-documents", "a second document", "keep one document a file")
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise self._refusal(event, "too-deep", f"deeper than {MOST_DEPTH} levels", "flatten it")
        before = self._nodes
        self._count(event, 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        if getattr(event, "tag", None) is not None:
            raise self._refusal(event, "tag", "a YAML tag", "write the value without a tag")
        line = _line(event)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Text(event.value, line, event.style == "|", event.style is None)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Listing(tuple(self._items(depth)), line)
        else:
            node = self._table(depth, line)
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - before)
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _table(self, depth: int, line: int) -> Table:
        keys: list[Text] = []
        values: list[Node] = []
        seen: set[str] = set()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Text):
                raise self._refusal(event, "odd-key", "a key that is no text", "keys are plain words")
            if key.text == "<<" and key.plain:
                raise self._refusal(
                    event, "merge-key", "a merge key", "write the values out, GitHub refuses it"
                )
            if key.text in seen:
                raise self._refusal(
                    event, "key-twice", f"key {key.text[:80]!r} stands twice", "drop one of them"
                )
            seen.add(key.text)
            keys.append(key)
            values.append(self._node(next(self._events), depth + 1))
        return Table(tuple(keys), tuple(values), line)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise self._refusal(event, "bad-alias", "an alias to itself or to nothing", "write the value out")
        node, size = target
        self._count(event, size)
        return node

    def _count(self, event: yaml.Event, more: int) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            raise self._refusal(event, "too-many", f"more than {MOST_NODES} values", "split the workflow")

    def _refusal(self, event: yaml.Event, code: str, message: str, hint: str) -> LintError:
        return LintError(code, f"{self._path}:{_line(event)}", message, hint)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
