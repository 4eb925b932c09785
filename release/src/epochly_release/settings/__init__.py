"""`epochly-release settings --check`: whether the forge's settings are those that stand in `.github/settings/`.

Rulesets and environments are what a release rests on, and anybody with the right can change them without a commit. Here the
settings in git are compared with what the forge's API says, given as files or fetched. It changes nothing. `live.py` fetches,
`documents.py` reads both sides into one shape, `drift.py` compares, `cli.py` has the arguments. See `docs/guide/release-lint.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code. The command line is loaded only now."""
    from epochly_release.settings.cli import main as run  # noqa: PLC0415 - importing the package stays free

    return run(argv)
