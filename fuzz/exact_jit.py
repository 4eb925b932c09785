"""Random well-typed programs, run in the interpreter and through the exact compiler, compared in everything visible.

    python fuzz/exact_jit.py [--seed 0] [--seconds 60] [--calls N] [--programs N] [--only SEED] [--verbose]

Exits with 1 when value, type, exception, memory or warnings of any call differ. See `exact`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from exact.program import written
from exact.running import CALLS, run


def main():
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--programs", type=int, default=10**9)
    parser.add_argument("--calls", type=int, default=10**12)
    parser.add_argument("--per-program", type=int, default=CALLS)
    parser.add_argument("--only", type=int, help="print the program of a seed, and run it alone")
    parser.add_argument("--mutant", help="break the compiler on purpose, and stop at the first difference")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.mutant is not None:
        from exact.mutants import MUTANTS

        MUTANTS[options.mutant]()
    seeds = range(options.seed, options.seed + options.programs)
    if options.only is not None:
        seeds = [options.only]
        print(written(options.only).text)

    def tell(seed, tally):
        if options.verbose or tally.programs % 500 == 499:
            print(
                f"seed {seed}: {tally.calls} calls, {tally.share:.1%}, {len(tally.mismatches)} mismatches",
                flush=True,
            )

    tally = run(
        seeds,
        seconds=options.seconds,
        calls=options.calls,
        per_program=options.per_program,
        most_mismatches=1 if options.mutant else 20,
        tell=tell,
    )
    for mismatch in tally.mismatches[:10]:
        print(mismatch, end="\n\n")
    print(f"seeds from {seeds[0]}:", tally.words())
    return 1 if tally.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
