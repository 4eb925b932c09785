"""The one kind of bad news of the linter that is no finding: a workflow could not be read.

What a workflow does wrong is a `Finding` (data, see `model.py`). A file that cannot be read has not been looked at, so it
is never clean: it leads to exit code 2.
"""

from __future__ import annotations

from epochly_release.errors import InputError


class LintError(InputError):
    """A file that was to be linted is missing, is no workflow, or goes beyond what is read."""
