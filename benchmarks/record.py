"""Large wheels against their RECORD: our whole integrity run on two threads, against `zipfile` and `hashlib` on one.

The plain sides open each member, read it, hash it and compare with RECORD: once with the member as a whole in memory,
as most scripts do, and once in pieces. Ours also hashes the file, walks the archive twice (by its directory and as a
stream), and checks metadata and what installing would do. Wheels are made on the spot, or named.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from shaped_wheels import LLVMLITE, NUMPY, shaped_wheel
from side_by_side import Row, Side, in_turns, parser, table

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL = 1.6  # times as fast as the plain way, on two cores
PIECE_BYTES = 1 << 20


def measure(*, rounds: int, warm_ups: int, wheels: Sequence[Path], scale: float) -> list[Row]:
    """How many times as fast, for each wheel and each plain way."""
    if wheels:
        return [row for wheel in wheels for row in _rows(wheel, rounds, warm_ups)]
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        made = [shaped_wheel(Path(folder), shape.scaled(scale)) for shape in (NUMPY, LLVMLITE)]
        return [row for wheel in made for row in _rows(wheel, rounds, warm_ups)]


def _rows(wheel: Path, rounds: int, warm_ups: int) -> list[Row]:
    sides = (
        Side("epochly-verify, integrity, 2 threads", lambda: integrity(wheel, jobs=2)),
        Side("epochly-verify, integrity, 1 thread", lambda: integrity(wheel, jobs=1)),
        Side("zipfile + hashlib, whole members", lambda: plain(wheel, whole=True)),
        Side("zipfile + hashlib, 1 MiB pieces", lambda: plain(wheel, whole=False)),
    )
    two, one, whole, pieces = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    with zipfile.ZipFile(wheel) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
    holds = f"{len(sizes)} members, {sum(sizes) / 1e6:.0f} MB, the largest {max(sizes) / 1e6:.0f} MB"
    return [
        Row(f"RECORD of {wheel.name} ({holds})", (two, whole), *whole.over(two), goal=GOAL, at_most=False),
        Row("    against members read in pieces", (two, pieces), *pieces.over(two)),
        Row("    one thread, against whole members", (one, whole), *whole.over(one)),
    ]


def integrity(wheel: Path, *, jobs: int) -> None:
    """Our run of the layers archive, record, metadata and install."""
    from epochly_verify import Policy, Verdict, Wanted, verify
    from epochly_verify.policy import INTEGRITY

    report = verify(wheel, Policy(require=INTEGRITY), wanted=Wanted(evidence=(), jobs=jobs))
    if report.verdict is not Verdict.VERIFIED:
        raise RuntimeError(f"{wheel.name}: {[finding.id for finding in report.artifacts[0].findings]}")


def plain(wheel: Path, *, whole: bool) -> None:
    """The same question with nothing but the standard library: is every member what RECORD says?"""
    with zipfile.ZipFile(wheel) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        record = next(entry for entry in entries if entry.filename.endswith(".dist-info/RECORD"))
        rows = csv.reader(io.StringIO(archive.read(record).decode()))
        expected = {row[0]: row[1] for row in rows}
        for entry in entries:
            if entry is record:
                continue
            digest = hashlib.sha256()
            with archive.open(entry) as member:
                if whole:
                    digest.update(member.read())
                else:
                    while piece := member.read(PIECE_BYTES):
                        digest.update(piece)
            said = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            if expected[entry.filename] != f"sha256={said}":
                raise RuntimeError(f"{entry.filename}: does not match RECORD")


def main() -> None:
    """Measure and print."""
    made = parser(__doc__, rounds=7)
    made.add_argument(
        "wheels", nargs="*", type=Path, metavar="WHEEL", help="real wheels instead of made ones"
    )
    made.add_argument(
        "--scale", type=float, default=1.0, metavar="F", help="size of the made ones (default: 1)"
    )
    options = made.parse_args()
    rows = measure(
        rounds=options.rounds, warm_ups=options.warm_ups, wheels=options.wheels, scale=options.scale
    )
    print(table(rows))


if __name__ == "__main__":
    main()
