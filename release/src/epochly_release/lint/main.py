"""The name under which the release command finds this one: `main(argv) -> int`. All of it is in `cli.py`."""

from __future__ import annotations

from epochly_release.lint.cli import main

__all__ = ["main"]
