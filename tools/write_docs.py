"""Writes the pages of `docs/` that are made from the code, or with `--check` only says whether they are up to date.

Made are: `docs/findings.md`, from the catalogue of findings.
"""

from __future__ import annotations

import argparse
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from epochly_verify.findings import catalogue
from epochly_verify.render.explain import weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_verify.findings import Kind
    from epochly_verify.model import Layer

DOCS = Path(__file__).resolve().parent.parent / "docs"

_TOP = """\
# Findings

Every kind of finding of `epochly-verify`, by layer, in the order of the report. Ids are stable: they may be named in a
policy, a test or a dashboard. An **error** fails its layer and so rejects the artifact; a **warning** and an **info** do
not. A policy file can change what an id weighs, and the report then says so. `epochly-verify --explain ID` prints an
entry of this page.

*Made by `make docs` from the catalogue; a test keeps the two equal.*
"""


def findings_page(kinds: Mapping[str, tuple[Layer, Kind]]) -> str:
    """The page `docs/findings.md`: a table of contents, then an entry for each kind."""
    by_layer = [
        (layer, [kind for _, kind in group]) for layer, group in groupby(kinds.values(), lambda pair: pair[0])
    ]
    parts = [_TOP, "| layer | findings |\n|---|---|"]
    parts[-1] += "".join(f"\n| [{layer}](#{layer}) | {_links(group)} |" for layer, group in by_layer) + "\n"
    for layer, group in by_layer:
        parts.append(f"## {layer}\n")
        parts += [_entry(kind) for kind in group]
    return "\n".join(parts)


def _links(kinds: Sequence[Kind]) -> str:
    return ", ".join(f"[{kind.id}](#{kind.id})" for kind in kinds)


def _entry(kind: Kind) -> str:
    return (
        f"### {kind.id}\n\n"
        f"**{weight(kind)}.** {_prose(kind.means)}\n\n"
        f"*What to do:* {_prose(kind.hint)}.<br>\n*Source:* {_prose(kind.source)}\n"
    )


def _prose(text: str) -> str:
    """Text as Markdown: outside code, `<` starts no tag and `*` and `_` set nothing in italics."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if number % 2 else re.sub(r"([*_\[\]])", r"\\\1", piece).replace("<", "&lt;")
        for number, piece in enumerate(pieces)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the pages; 1 when a page is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is out of date")
    check = parser.parse_args(arguments).check
    pages = {DOCS / "findings.md": findings_page(catalogue())}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(DOCS.parent)} is out of date; run `make docs`", file=sys.stderr)
        else:
            path.write_text(pages[path], "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
