"""An artifact's container to its members: ZIP for wheels and old sdists, gzip-compressed tar for sdists.

The file name chooses the format, never the content: a wheel that is a tar is a broken wheel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epochly_verify.limits import Limits
    from epochly_verify.model import Archive
    from epochly_verify.parse.source import Source


def read_archive(source: Source, filename: str, limits: Limits, *, jobs: int = 1) -> Archive:
    """Read an artifact. Whatever its bytes are, this gives an `Archive`; what is wrong is in its `defects`.

    Args:
        source: the artifact's bytes.
        filename: its name; `.tar.gz` and `.tgz` are read as tar, everything else as ZIP.
        limits: bounds on what reading may cost.
        jobs: how many members of a ZIP to read at once.

    Raises:
        InputError: the source itself cannot be read.
    """
    if filename.lower().endswith((".tar.gz", ".tgz")):
        from epochly_verify.parse.tar import read_tar  # noqa: PLC0415 - the wheel path starts without it

        return read_tar(source, filename, limits)
    from epochly_verify.parse.zip import read_zip  # noqa: PLC0415 - and the sdist path without this

    return read_zip(source, filename, limits, jobs=jobs)
