"""The runtime's benchmarks on every Python named, one after the other, and one table of what they found.

Each interpreter gets an environment with what `requirements/bench.txt` locks, in a folder that is kept between runs, and
epochly from these sources. There `exact_kernels.py`, `must_yield.py` and `runtime_figures.py` run; their tables are printed
and kept beside what they are made of. It refuses to run on an interpreter that cannot have the lock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import runtime_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
LOCK = REPOSITORY / "requirements" / "bench.txt"
SCRIPTS = {
    "exact_kernels": ("--rounds", "{kernel_rounds}", "--built", "{built}"),
    "must_yield": ("--rounds", "{yield_rounds}", "--turn", "{yield_turn}"),
    "runtime_figures": ("--rounds", "9"),
}
VENDOR = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)  # of a machine's workaround for old libraries; NumPy's is new


def environment_for(python: str, folder: Path) -> Path:
    """The interpreter of an environment with the lock and these sources, made unless it is there."""
    place = folder / "-".join(_version_of(python))
    made, done = place / "bin" / "python", place / "locked.txt"
    if not done.exists() or done.read_bytes() != LOCK.read_bytes():
        subprocess.run([python, "-m", "venv", "--clear", place], check=True)
        pip = [made, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", LOCK], check=True)
        subprocess.run([*pip, "--no-build-isolation", "--no-index", "-e", REPOSITORY], check=True)
        shutil.copyfile(LOCK, done)
    return made


def _version_of(python: str) -> tuple[str, str]:
    asked = "import sys; print(sys.implementation.name, sys.version.split()[0])"
    done = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True)
    name, version = done.stdout.split()
    return name, version


def _measured(script: str, python: Path, results: Path, settings: Mapping[str, object]) -> dict[str, Any]:
    """What a script says as JSON, which is kept."""
    arguments = [str(each).format_map(settings) for each in SCRIPTS[script]]
    environment = {name: value for name, value in os.environ.items() if name not in VENDOR}
    started = time.monotonic()
    done = subprocess.run(
        [python, HERE / f"{script}.py", "--json", *arguments],
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if not done.stdout:
        raise SystemExit(f"{script}.py failed on {python}")
    print(f"{script}.py took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{script}.json").write_text(done.stdout, encoding="utf-8")
    return json.loads(done.stdout)


def shown(results: Path, scripts: Sequence[str]) -> str:
    """The tables of one Python, from what was kept."""
    import exact_tables
    import must_yield

    parts = []
    for script in scripts:
        kept = json.loads((results / f"{script}.json").read_text(encoding="utf-8"))
        if script == "exact_kernels":
            rows, yielding = (exact_tables.rows_from(kept[each]) for each in ("kernels", "yielding"))
            parts.append(exact_tables.report(rows, yielding, f"{kept['where']}\n{kept['busy']}"))
        elif script == "must_yield":
            parts.append(must_yield.report(must_yield.rows_from(kept), kept["busy"]))
        else:
            parts.append(f"{runtime_figures.report({kept['python']: kept['figures']})}\n{kept['busy']}")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure on all and print."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("pythons", nargs="+", metavar="PYTHON", help="interpreters: paths, or names on PATH")
    made.add_argument(
        "--folder",
        type=Path,
        default=REPOSITORY / ".cache" / "benchmarks",
        metavar="DIR",
        help="where environments, built modules and results are kept (default: .cache/benchmarks)",
    )
    made.add_argument("--scripts", nargs="*", choices=SCRIPTS, default=list(SCRIPTS), help="default: all")
    made.add_argument("--kernel-rounds", type=int, default=5, metavar="N", help="turns a side (default: 5)")
    made.add_argument("--yield-rounds", type=int, default=5, metavar="N", help="rounds (default: 5)")
    made.add_argument("--yield-turn", type=float, default=0.04, metavar="S", help="seconds (default: 0.04)")
    made.add_argument("--show", action="store_true", help="measure nothing, print what was kept")
    options = made.parse_args()
    settings = vars(options) | {"built": options.folder / "built"}
    pythons = {"-".join(_version_of(python)): python for python in options.pythons}
    for name, python in pythons.items():
        results = options.folder / "results" / name
        if not options.show:
            inside = environment_for(python, options.folder / "environments")
            for script in options.scripts:
                _measured(script, inside, results, settings)
        print(f"{name}\n{'=' * len(name)}\n{shown(results, options.scripts)}", flush=True)
    print(_all_pythons(options.folder / "results", list(pythons)))


def _all_pythons(results: Path, names: Sequence[str]) -> str:
    """The figures of all Pythons, a column each: the runtime's, and the heads of the other two."""
    import exact_tables
    import must_yield

    found: dict[str, dict[str, float]] = {}
    for name in names:
        columns: dict[str, float] = {}
        kept = _kept(results / name, "exact_kernels")
        if kept:
            rows = exact_tables.rows_from(kept["kernels"])
            columns |= exact_tables.heads(rows)
        kept = _kept(results / name, "must_yield")
        if kept:
            columns |= must_yield.heads(must_yield.rows_from(kept))
        kept = _kept(results / name, "runtime_figures")
        found[name.partition("-")[2]] = columns | (kept["figures"] if kept else {})
    return runtime_figures.report(found)


def _kept(results: Path, script: str) -> dict[str, Any] | None:
    path = results / f"{script}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


if __name__ == "__main__":
    main()
