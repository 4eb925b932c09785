"""A report in words or in a format: `FORMATS` maps a format's name to a pure function `(Report, RenderOptions) -> str`.

Nothing here judges: the verdict, and so the exit code, is fixed before a renderer is chosen. Each renderer is imported
when it is first used.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from epochly_verify.model import Report

__all__ = ["FORMATS", "RenderOptions"]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What a renderer may know besides the report.

    Attributes:
        colour: use ANSI colours (text only).
        unicode: use marks outside ASCII (text only); false where the output's encoding lacks them.
        width: columns to wrap at (text only); what has no space in it, such as a URL, is never broken.
        now: the time of judging, with a time zone (vsa only, which requires it).
        version: of this tool.
        policy_sha256: of the policy file, lower-case hexadecimal; empty when the policy came from flags (vsa only).
    """

    colour: bool = False
    unicode: bool = False
    width: int = 100
    now: datetime | None = None
    version: str = ""
    policy_sha256: str = ""


def _text(report: Report, options: RenderOptions) -> str:
    from epochly_verify.render.text import render_text  # noqa: PLC0415 - start-up time

    return render_text(report, options)


def _json(report: Report, options: RenderOptions) -> str:
    from epochly_verify.render.json_v1 import render_json  # noqa: PLC0415 - start-up time

    return render_json(report, options)


def _sarif(report: Report, options: RenderOptions) -> str:
    from epochly_verify.render.sarif import render_sarif  # noqa: PLC0415 - start-up time

    return render_sarif(report, options)


def _vsa(report: Report, options: RenderOptions) -> str:
    from epochly_verify.render.vsa import render_vsa  # noqa: PLC0415 - start-up time

    return render_vsa(report, options)


FORMATS: Mapping[str, Callable[[Report, RenderOptions], str]] = MappingProxyType(
    {"text": _text, "json": _json, "sarif": _sarif, "vsa": _vsa}
)
