"""The bad news of a release: one clear line that names the thing, and a hint.

`Refused` is about the release (a dirty tree, builds that differ) and ends with exit code 1. `InputError` says that
something could not be read or done at all (no such file, no git, a full disk) and ends with exit code 2. A caller's
misuse is `ValueError` or `TypeError`; anything else is our own bug, exit code 70.
"""

from __future__ import annotations


class ReleaseError(Exception):
    """A release cannot go on.

    Attributes:
        code: stable kebab-case name of the problem.
        where: the file, option, program or version concerned.
        message: one lower-case clause that says what is wrong.
        hint: what the reader can do about it.
        details: lines that explain, shown below the message; may be empty.
    """

    def __init__(self, code: str, where: str, message: str, hint: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(f"`{where}`: {message}; hint: {hint}")
        self.code = code
        self.where = where
        self.message = message
        self.hint = hint
        self.details = details


class InputError(ReleaseError):
    """Something needed could not be read, written or started."""


class Refused(ReleaseError):  # noqa: N818 - a verdict about the release, said as one
    """The release is not fit to go on: what was looked at is wrong."""
