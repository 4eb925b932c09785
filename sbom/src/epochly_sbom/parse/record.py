"""RECORD: does it tell this wheel's files, and how is it written anew?

Strict: every file exactly once with a hash of sha256 or better and its size, RECORD itself without either, nothing that
is not there. A signed RECORD (`RECORD.jws`, `RECORD.p7s`) cannot be rewritten and is refused.
https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from typing import TYPE_CHECKING

from epochly_sbom.errors import RefusedError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly_sbom.model import Member, Wheel

_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
_HINT = "the wheel was changed after it was built, or its builder is broken; build it again"


def check_record(wheel: Wheel) -> None:
    """Hold RECORD against the files.

    Raises:
        RefusedError: they do not match, or RECORD is signed.
    """
    name = f"{wheel.info}/RECORD"
    files = {member.path: member for member in wheel.members}
    for signature in (f"{name}.jws", f"{name}.p7s"):
        if signature in files:
            raise _refused(wheel, f"RECORD is signed by {quoted(signature)}, and the signature would be lost")
    if name not in files:
        raise _refused(wheel, "has no RECORD")
    left = set(files)
    for row in _rows(files[name].data, wheel):
        if len(row) != 3:
            raise _refused(wheel, f"RECORD has a row of {len(row)} columns")
        path, digest, size = row
        if path not in left:
            told = "tells {} twice" if path in files else "tells {}, which is not there"
            raise _refused(wheel, f"RECORD {told.format(quoted(path))}")
        left.remove(path)
        if path == name:
            if digest or size:
                raise _refused(wheel, "RECORD gives a hash of itself")
        elif not _matches(files[path], digest, size):
            raise _refused(wheel, f"RECORD has another hash or size for {quoted(path)}")
    if left:
        raise _refused(wheel, f"RECORD does not tell {quoted(min(left))}")


def record_of(members: Iterable[Member], name: str) -> bytes:
    """A RECORD of these files in this order, itself (`name`) last."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for member in members:
        digest = hashlib.sha256(member.data).digest()
        writer.writerow((member.path, f"sha256={_base64(digest)}", len(member.data)))
    writer.writerow((name, "", ""))
    return text.getvalue().encode()


def _rows(data: bytes, wheel: Wheel) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(wheel, "RECORD is no CSV in UTF-8") from error


def _matches(member: Member, digest: str, size: str) -> bool:
    algorithm, _, claimed = digest.partition("=")
    if algorithm not in _ALGORITHMS or size != str(len(member.data)):
        return False
    return claimed == _base64(hashlib.new(algorithm, member.data).digest())


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused(wheel: Wheel, message: str) -> RefusedError:
    return RefusedError(wheel.filename, message, _HINT)
