"""Put an SBOM into a wheel (PEP 770) and write the wheel in one fixed form. Pure: values in, bytes out.

The form: entries sorted, dist-info after the rest and RECORD last, one fixed time, modes 0644 and 0755, no folders, no
extra fields, nothing compressed (a compressor's version would be an input). Embedding into the result gives the result.
Refused: a wheel whose RECORD does not match, and an SBOM of the same name that another tool wrote.
https://peps.python.org/pep-0770/
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
from typing import TYPE_CHECKING

from epochly_sbom.describe import TOOL, sbom_name, wheel_sbom
from epochly_sbom.errors import RefusedError
from epochly_sbom.model import Member
from epochly_sbom.parse.record import check_record, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly_sbom.model import Lock, Options, Wheel

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP can tell; a fixed one, so that no clock is an input


def embed(wheel: Wheel, options: Options, lock: Lock | None = None, *, name: str = "") -> bytes:
    """The wheel with its SBOM inside.

    Args:
        wheel: the wheel; an SBOM that an earlier `embed` left under the same name is replaced.
        options: as for `wheel_sbom`.
        lock: as for `wheel_sbom`.
        name: file name of the SBOM below `sboms/`; `PROJECT.cdx.json` when empty.

    Raises:
        RefusedError: RECORD does not match, or the name is taken.
        ValueError: `name` is no plain file name.
    """
    name = name or sbom_name(wheel)
    if "/" in name or "\\" in name or name in {".", ".."} or not name.isprintable():
        raise ValueError(f"name is a file name without folders, not {name!r}")
    check_record(wheel)
    own = f"{wheel.info}/sboms/{name}"
    for member in wheel.members:
        if member.path == own and not _is_ours(member.data):
            raise RefusedError(own, "is an SBOM that another tool wrote", "choose another name with `--name`")
    text = wheel_sbom(wheel, options, lock, embedded=True, own=own)
    record = f"{wheel.info}/RECORD"
    kept = [member for member in wheel.members if member.path not in {own, record}]
    members = in_order([*kept, Member(own, text.encode())], wheel.info)
    return zip_of([*members, Member(record, record_of(members, record))])


def in_order(members: Iterable[Member], info: str) -> list[Member]:
    """Sorted by path, dist-info after everything else."""
    return sorted(members, key=lambda member: (member.path.startswith(f"{info}/"), member.path))


def zip_of(members: Iterable[Member]) -> bytes:
    """A ZIP of these members in this order, nothing compressed, the same bytes for the same members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.path, _TIME)
            entry.create_system = 3  # Unix, whatever this runs on
            entry.external_attr = (stat.S_IFREG | (0o755 if member.executable else 0o644)) << 16
            archive.writestr(entry, member.data)
    return out.getvalue()


def _is_ours(data: bytes) -> bool:
    try:
        tools = json.loads(data)["metadata"]["tools"]["components"]
        return any(tool["name"] == TOOL for tool in tools)
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
