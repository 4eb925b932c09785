"""Runs the fuzz targets with `atheris`, each for a while, and prints what came of it.

    python fuzz/run.py [TARGET...] [--seconds 20] [--jobs 2]
    python fuzz/run.py TARGET --replay FILE...

One process a target, coverage of `epochly_verify` only, half of the mutations the target's own. New inputs are kept in
`.cache/fuzz/TARGET/`, findings beside them. Exits with 1 when something was found.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))
HANG_S, MEMORY_MIB = 25, 3072  # of one input; the whole pipeline needs 200 MiB before it starts
GRACE_S = 120  # imports, reading the corpus, and a last input that takes long


def main() -> int:
    """Run the targets that were named, or all."""
    parser = argparse.ArgumentParser(description="Fuzz the parsers of epochly-verify.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=20, help="time for each target (default: 20)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once (default: 2)")
    parser.add_argument(
        "--replay", nargs="+", metavar="FILE", help="judge these files once, without the fuzzer"
    )
    parser.add_argument("--engine", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no target `{unknown[0]}`; there are {', '.join(TARGETS)}")
    if options.engine is not None:
        return _engine(options.targets[0], options.engine)
    if options.replay:
        target = importlib.import_module(f"fuzz_{options.targets[0]}")
        for path in options.replay:
            target.one_input(Path(path).read_bytes())
        return 0
    print(f"{'target':<16}{'executions':>12}{'a second':>10}{'new inputs':>12}  finding", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda target: _run(target, options.seconds), options.targets or TARGETS)
        found = [_told(*result) for result in results]
    return int(any(found))


def _run(target: str, seconds: int) -> tuple[str, int, str]:
    """One target in its own process: its name, exit code and what it wrote."""
    found = CACHE / target
    (found / "inputs").mkdir(parents=True, exist_ok=True)
    (HERE / "corpus" / target).mkdir(exist_ok=True)
    command = [
        *(sys.executable, "-W", "ignore", str(HERE / "run.py"), target, "--engine"),
        *(f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MIB}"),
        *("-print_final_stats=1", f"-artifact_prefix={found}/"),
        *(str(found / "inputs"), str(HERE / "corpus" / target)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds + GRACE_S, check=False)
    except subprocess.TimeoutExpired as error:
        return target, 1, (error.stderr or b"").decode("utf-8", "replace") + "\nhung, and was stopped"
    return target, done.returncode, (done.stderr + done.stdout).decode("utf-8", "replace")


def _told(target: str, code: int, output: str) -> bool:
    """Print one line of the table; whether something was found."""

    def stat(name: str) -> str:
        value = re.search(rf"stat::{name}:\s+(\d+)", output)
        return value[1] if value else "-"

    finding = ""
    if code:
        (CACHE / target / "output.txt").write_text(output)
        raised = re.search(r"Uncaught Python exception: ===\n(.*)", output)
        engine = re.search(r"ERROR: (libFuzzer.*)|^(hung.*)", output, re.MULTILINE)
        why = raised[1] if raised else engine[0] if engine else f"exit code {code}"
        written = re.findall(r"Test unit written to (\S+)", output)
        finding = f"{why[:150]} [{written[-1] if written else 'no input'}]"
    executions, speed = stat("number_of_executed_units"), stat("average_exec_per_sec")
    print(
        f"{target:<16}{executions:>12}{speed:>10}{stat('new_units_added'):>12}  {finding or 'none'}",
        flush=True,
    )
    return bool(code)


def _engine(name: str, arguments: list[str]) -> int:
    """In the child: instrument the package, load the target, and let the fuzzer loose."""
    import atheris

    with atheris.instrument_imports(include=["epochly_verify"]):
        package = importlib.import_module("epochly_verify")
        for module in pkgutil.walk_packages(package.__path__, "epochly_verify."):
            if module.name.rpartition(".")[2] != "__main__":
                importlib.import_module(module.name)
        target = importlib.import_module(f"fuzz_{name}")

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        r = random.Random(seed)
        if r.randrange(2):
            return atheris.Mutate(data, max_size)
        return target.mutate(bytes(data), r)[:max_size]

    os.environ.pop("RUST_BACKTRACE", None)
    atheris.Setup([sys.argv[0], *arguments], target.one_input, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
