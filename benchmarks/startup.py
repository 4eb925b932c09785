"""What the command costs when there is no signature to judge: start-up, and one small wheel in its integrity layers.

Beside it an interpreter that does nothing (what nobody can go below) and the standard library's own `zipfile --test`,
which only reads the members. A last run lists what was imported: the signing library must not be among it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from side_by_side import (
    VECTORS,
    Answer,
    Figure,
    Side,
    clean_environment,
    command,
    in_turns,
    parser,
    process,
    show,
    slower,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEEL = VECTORS / "attack-wheels" / "00_ok" / "demo_pkg-1.0-py3-none-any.whl"
INTEGRITY = ("--require", "integrity", str(WHEEL))
GOAL_S = 0.15
SIGNING = frozenset(
    {
        "sigstore",
        "sigstore_models",
        "cryptography",
        "rfc3161_client",
        "pydantic",
        "tuf",
        "requests",
        "urllib3",
    }
)


def measure(*, rounds: int, warm_ups: int) -> list[Answer]:
    """Seconds from start to exit, and what was imported meanwhile."""
    python = sys.executable
    with clean_environment() as environment:
        sides = (
            Side(
                "epochly-verify --require integrity",
                process([command("epochly-verify"), *INTEGRITY], environment),
            ),
            Side(
                "python -m zipfile --test", process([python, "-m", "zipfile", "--test", WHEEL], environment)
            ),
            Side("python -c pass", process([python, "-c", "pass"], environment)),
        )
        times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
        modules = imported(environment)
    ours, zip_test, nothing = times
    figures = (
        Figure("from start to exit", ours.least, ours.middle, unit="s", goal=GOAL_S),
        slower("over the standard library's test of the same file", ours, zip_test),
        slower("over an interpreter that does nothing", ours, nothing),
    )
    signing = sorted({name.partition(".")[0] for name in modules} & SIGNING)
    seen = f"imported, which must not be: {', '.join(signing)}" if signing else "not imported"
    note = f"{len(modules)} modules imported; the signing library: {seen}"
    return [Answer("startup: integrity only, one small wheel, as a program", times, figures, (note,))]


def imported(environment: Mapping[str, str]) -> frozenset[str]:
    """The name of every module that such a run imports, by the interpreter's own account."""
    arguments = [sys.executable, "-X", "importtime", command("epochly-verify"), *INTEGRITY]
    done = subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return frozenset(line.rpartition("|")[2].strip() for line in lines[1:])  # the first is a heading


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, rounds=25).parse_args()
    show(measure(rounds=options.rounds, warm_ups=options.warm_ups))


if __name__ == "__main__":
    main()
