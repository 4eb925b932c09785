"""The one kind of bad news that is neither a finding nor a caller's mistake: we could not look.

A bad artifact is a `Finding` (data, see `model.py`); misuse of the API is `ValueError` or `TypeError`.
"""


class VerifyError(Exception):
    """Something needed for judging could not be read.

    Attributes:
        code: stable kebab-case name of the problem.
        where: the file, option or field concerned.
        message: one lower-case clause that says what is wrong.
        hint: what the reader can do about it.
    """

    def __init__(self, code: str, where: str, message: str, hint: str) -> None:
        super().__init__(f"`{where}`: {message}; hint: {hint}")
        self.code = code
        self.where = where
        self.message = message
        self.hint = hint


class InputError(VerifyError):
    """A file or argument the user gave cannot be read as what it should be."""


class PolicyError(VerifyError):
    """A policy cannot be read, or says something unknown."""


class FetchError(VerifyError):
    """Something that was asked for from the network could not be had."""
