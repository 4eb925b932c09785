"""What the command costs when there is no signature to judge: start-up, one small wheel, layers archive to install.

Beside it an interpreter that does nothing (what nobody can go below) and the standard library's own `zipfile --test`,
which only reads the members. A last run lists what was imported: the signing library must not be among it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from side_by_side import SIGNED, Row, Side, clean_environment, command, in_turns, parser, process, table

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEEL = SIGNED.parent / "attack-wheels" / "00_ok" / "demo_pkg-1.0-py3-none-any.whl"
ARGUMENTS = ("--require", "integrity", str(WHEEL))
GOAL_S = 0.15
SIGNING = ("sigstore", "cryptography", "pydantic", "rfc3161_client", "tuf", "requests", "urllib3")


def measure(*, rounds: int, warm_ups: int) -> list[Row]:
    """Seconds from start to exit, and what was imported meanwhile."""
    with clean_environment() as environment:
        sides = (
            Side(
                "epochly-verify --require integrity",
                process([command("epochly-verify"), *ARGUMENTS], environment),
            ),
            Side("python -c pass", process([sys.executable, "-c", "pass"], environment)),
            Side(
                "python -m zipfile --test",
                process([sys.executable, "-m", "zipfile", "--test", WHEEL], environment),
            ),
        )
        times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
        modules = imported(environment)
    signing = sorted(modules & set(SIGNING))
    seen = f"imported: {', '.join(signing)}" if signing else "not imported"
    ours, nothing, zip_test = times
    return [
        Row(
            "start-up, integrity only, as a program",
            times,
            ours.least,
            ours.middle,
            unit="s",
            goal=GOAL_S,
            note=f"{len(modules)} top-level modules imported; signing library {seen}",
        ),
        Row("    over an interpreter that does nothing", (ours, nothing), *ours.over(nothing)),
        Row("    over the standard library's test of the same wheel", (ours, zip_test), *ours.over(zip_test)),
    ]


def imported(environment: Mapping[str, str]) -> frozenset[str]:
    """Top-level names of every module that such a run imports, by the interpreter's own account."""
    arguments = [sys.executable, "-X", "importtime", command("epochly-verify"), *ARGUMENTS]
    done = subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return frozenset(line.rpartition("|")[2].strip().partition(".")[0] for line in lines[1:])


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, rounds=25).parse_args()
    print(table(measure(rounds=options.rounds, warm_ups=options.warm_ups)))


if __name__ == "__main__":
    main()
