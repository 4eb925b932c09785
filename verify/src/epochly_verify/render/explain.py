"""What one kind of finding means, for `--explain ID`: words from the catalogue, nothing judged."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING

from epochly_verify.findings import catalogue
from epochly_verify.render.words import shown

if TYPE_CHECKING:
    from epochly_verify.findings import Kind

MAX_NEAREST = 5  # ids named when one is not known


def explain(finding_id: str, width: int = 100) -> str:
    """The entry of one finding id, wrapped at `width` columns, ending in a newline.

    Raises:
        ValueError: no finding has that id; the text names the nearest ones.
    """
    kinds = catalogue()
    if finding_id not in kinds:
        raise ValueError(f"no finding is called `{shown(finding_id)}`{_nearest(finding_id, list(kinds))}")
    layer, kind = kinds[finding_id]
    parts = [
        f"{kind.id}: {weight(kind)}, layer `{layer.value}`",
        _wrapped(kind.means, "", width),
        _wrapped(f"what to do: {kind.hint}", "            ", width),
        _wrapped(f"source:     {kind.source}", "            ", width),
    ]
    return "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:]) + "\n"


def weight(kind: Kind) -> str:
    """`warning`, or `warning, error under --strict`."""
    if kind.strict is None or kind.strict is kind.severity:
        return kind.severity.value
    return f"{kind.severity.value}, {kind.strict.value} under `--strict`"


def _nearest(finding_id: str, known: list[str]) -> str:
    wanted = finding_id[:100].lower()
    close = difflib.get_close_matches(wanted, known, n=MAX_NEAREST, cutoff=0.5)
    close += [name for name in known if wanted and wanted in name and name not in close]
    if not close:
        return ""
    return "; nearest: " + ", ".join(f"`{name}`" for name in close[:MAX_NEAREST])


def _wrapped(text: str, rest: str, width: int) -> str:
    return textwrap.fill(
        text, max(width, 40), subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
