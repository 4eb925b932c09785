"""Large wheels against their RECORD: our whole integrity run on two threads, against `zipfile` and `hashlib` on one.

The plain sides open each member, read it, hash it and compare with RECORD: once with the member as a whole in memory,
as the shortest program does, and once in pieces. Ours also hashes the file, walks the archive as a
stream, and checks metadata and what installing would do. Wheels of the right shape are made on the spot, or named.
Where the extra `fast` is installed ours inflates with zlib-ng; the sides named `only zlib` do without it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shaped_wheels import LLVMLITE, NUMPY, shaped_wheel
from side_by_side import Answer, Side, faster, in_turns, parser, show

from epochly_verify import Policy, Verdict, Wanted, verify
from epochly_verify.parse import zipinflate
from epochly_verify.policy import INTEGRITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GOAL = 1.6  # times as fast as the plain way, on two cores
PIECE_BYTES = 1 << 20


def measure(*, rounds: int, warm_ups: int, wheels: Sequence[Path] = (), scale: float = 1) -> list[Answer]:
    """How many times as fast, for each wheel, each plain way and each inflater."""
    if wheels:
        return [_answer(wheel, rounds, warm_ups) for wheel in wheels]
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        made = [shaped_wheel(Path(folder), shape.scaled(scale)) for shape in (NUMPY, LLVMLITE)]
        return [_answer(wheel, rounds, warm_ups) for wheel in made]


def _answer(wheel: Path, rounds: int, warm_ups: int) -> Answer:
    quick = zipinflate.quick_inflater().__name__.partition(".")[0]
    sides = (
        Side(f"epochly-verify, 2 threads, {quick}", lambda: integrity(wheel, jobs=2)),
        Side(f"epochly-verify, 1 thread, {quick}", lambda: integrity(wheel, jobs=1)),
        Side("epochly-verify, 2 threads, only zlib", lambda: integrity(wheel, jobs=2, only_zlib=True)),
        Side("zipfile + hashlib, whole members", lambda: plain(wheel, whole=True)),
        Side("zipfile + hashlib, 1 MiB pieces", lambda: plain(wheel, whole=False)),
    )
    times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    two, one, two_zlib, whole, pieces = times
    figures = (
        faster(f"speed, 2 threads, {quick}, over whole members", two, whole, goal=GOAL),
        faster(f"speed, 2 threads, {quick}, over 1 MiB pieces", two, pieces),
        faster(f"speed, 1 thread, {quick}, over whole members", one, whole),
        faster("speed, 2 threads, only zlib, over whole members", two_zlib, whole),
        faster("speed, 2 threads, only zlib, over 1 MiB pieces", two_zlib, pieces),
    )
    with zipfile.ZipFile(wheel) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
    holds = f"{len(sizes)} members, {sum(sizes) / 1e6:.0f} MB, the largest {max(sizes) / 1e6:.0f} MB"
    return Answer(f"record: {wheel.name}, {holds}", times, figures)


def integrity(wheel: Path, *, jobs: int, only_zlib: bool = False) -> None:
    """Our run of the layers archive, record, metadata and install."""
    with _standard_inflater(only_zlib):
        report = verify(wheel, Policy(require=INTEGRITY), wanted=Wanted(evidence=(), jobs=jobs))
    if report.verdict is not Verdict.VERIFIED:
        raise RuntimeError(f"{wheel.name}: {[finding.id for finding in report.artifacts[0].findings]}")


@contextmanager
def _standard_inflater(wanted: bool) -> Iterator[None]:
    """While open, and if wanted, what a plain installation without the extra `fast` uses."""
    usual = zipinflate.quick_inflater
    if wanted:
        zipinflate.quick_inflater = lambda: zlib
    try:
        yield
    finally:
        zipinflate.quick_inflater = usual


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
    turns = {"rounds": options.rounds, "warm_ups": options.warm_ups}
    show(measure(**turns, wheels=options.wheels, scale=options.scale))


if __name__ == "__main__":
    main()
