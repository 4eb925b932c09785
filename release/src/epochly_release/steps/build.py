"""Builds every distribution twice with every Python, under circumstances that differ, and accepts only equal bytes.

A file that comes out in two forms is not released: the step says which member and which lines differ. Files are
written only after all of them agreed.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from epochly_release.build import USUAL, VARIED, build_once
from epochly_release.buildinfo import PROBE, Interpreter, buildinfo, interpreter_from_probe
from epochly_release.checkout import Repository, refuse_dirty
from epochly_release.compare import explain
from epochly_release.errors import InputError, Refused
from epochly_release.locks import parse_lock, refuse_other_tools
from epochly_release.steps.result import StepResult

if TYPE_CHECKING:
    from epochly_release.build import Variation
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World

BUILDINFO = "buildinfo.json"
WHO = "import os; print(os.getuid())"  # what a build can see of its user
DIFFOSCOPE_LINES = 40  # lines of diffoscope's report that are shown; the rest is in the file


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Build, compare, and leave wheels, sdists and `buildinfo.json` in `out/built`; raises `Refused` on any difference."""
    repository = Repository(places.repository, world)
    if not places.any_tree:
        refuse_dirty(repository, places.out)
    world.fresh_folder(places.build_root)
    lock = repository.show(plan.commit, plan.config.build_lock)
    pythons = [
        _ready(number, python, lock, plan=plan, places=places, world=world)
        for number, python in enumerate(places.pythons)
    ]
    variations = circumstances([python for python, _ in pythons], world)

    made: dict[str, bytes] = {}
    builders: dict[str, list[str]] = {}
    for distribution in plan.distributions:
        for python, interpreter in pythons:
            for variation in variations:
                builder = f"{interpreter.name}, {variation.name}"
                world.tell(f"build: {distribution.name}, {builder}")
                place = USUAL.place if plan.config.same_path else variation.place
                root = os.path.join(places.build_root, place)
                for name, data in build_once(
                    plan, distribution, python, variation, root=root, origin=repository
                ).items():
                    builders.setdefault(name, []).append(builder)
                    if made.setdefault(name, data) != data:
                        by = (builders[name][0], builder)
                        raise _differs(name, made[name], data, by, places=places, world=world)
    once = sorted(name for name in builders if len(builders[name]) < 2)
    if once:
        raise Refused("built-once", once[0], "came out of one build only", "see what its name depends on")

    files = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(made.items())}
    locks = {
        one.path: hashlib.sha256(repository.show(plan.commit, one.path)).hexdigest()
        for one in plan.config.locks
    }
    record = buildinfo(plan, [interpreter for _, interpreter in pythons], variations, locks, files)
    for name, data in [*made.items(), (BUILDINFO, record)]:
        world.write(f"{places.built}/{name}", data)
    notes = tuple(f"{digest}  {name}  ({len(builders[name])} equal builds)" for name, digest in files.items())
    made_here = files | {BUILDINFO: hashlib.sha256(record).hexdigest()}
    return StepResult({f"built/{name}": digest for name, digest in made_here.items()}, notes)


def _ready(
    number: int, python: str, lock: bytes, *, plan: Plan, places: Places, world: World
) -> tuple[str, Interpreter]:
    """An interpreter that has exactly the locked build tools, and its own description."""
    if places.tools == "lock":
        folder = os.path.join(places.build_root, f"tools-{number}")
        world.tell(f"build: installing the tools of `{plan.config.build_lock}` for `{python}`")
        python = install_tools(python, lock, folder, world)
    probed = world.run([python, "-c", PROBE], environ={"PATH": world.environ.get("PATH", os.defpath)})
    interpreter = interpreter_from_probe(probed.stdout, python)
    pins = parse_lock(lock, plan.config.build_lock)
    refuse_other_tools(plan.config.build_lock, pins, interpreter.packages, interpreter.markers)
    return python, interpreter


def install_tools(python: str, lock: bytes, folder: str, world: World) -> str:
    """A virtual environment of a Python at `folder` with what a lock holds, by hash; its interpreter."""
    path = f"{folder}.lock.txt"
    world.write(path, lock)
    _must(world, [python, "-m", "venv", folder])
    made = os.path.join(folder, "bin", "python")
    options = [
        "--disable-pip-version-check",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
    ]
    _must(world, [made, "-m", "pip", "install", *options, "-r", path])
    return made


def circumstances(pythons: list[str], world: World) -> tuple[Variation, Variation]:
    """The usual and the varied circumstances; where the machine has no second user for us, it is told and left out."""
    for python in pythons:
        why = _why_one_user(python, world)
        if why:
            world.tell(f"build: the user id is not varied here: {why}")
            return USUAL, replace(VARIED, user=USUAL.user)
    return USUAL, VARIED


def _why_one_user(python: str, world: World) -> str:
    """Why a Python cannot be started under two user ids; empty when it can, and sees two."""
    try:
        ran = [world.run([python, "-c", WHO], user=one.user) for one in (USUAL, VARIED)]
    except InputError as error:
        return f"`{error.where}` {error.message}"
    if ran[1].status != 0:
        return ran[1].stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "no reason given"
    return "both look the same" if ran[0].stdout == ran[1].stdout else ""


def _must(world: World, command: list[str]) -> None:
    ran = world.run(command)
    if ran.status != 0:
        words = tuple(ran.stderr.decode("utf-8", "replace").strip().splitlines()[-5:])
        hint = "see the lines above; `--tools installed` uses tools that are there already"
        raise InputError("build-tools", " ".join(command[:4]), f"ended with status {ran.status}", hint, words)


def _differs(
    name: str, first: bytes, second: bytes, by: tuple[str, str], *, places: Places, world: World
) -> Refused:
    lines = list(explain(name, first, second))
    if world.has_program("diffoscope"):
        paths = [os.path.join(places.build_root, which, name) for which in ("first", "second")]
        world.write(paths[0], first)
        world.write(paths[1], second)
        report = world.run(["diffoscope", "--text", "-", *paths]).stdout
        kept = f"{places.out}/{name}.diffoscope.txt"
        world.write(kept, report)
        shown = report.decode("utf-8", "replace").splitlines()[:DIFFOSCOPE_LINES]
        lines += [f"`diffoscope` says (all of it in `{kept}`):", *shown]
    return Refused(
        "not-reproducible",
        name,
        f"differs between two builds ({by[0]}; {by[1]})",
        "the lines above say where; `docs/guide/release.md` lists the usual causes",
        tuple(lines),
    )
