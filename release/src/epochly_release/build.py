"""Builds one distribution once: clean clone -> sdist -> canonical sdist, unpacked -> wheel -> canonical wheel.

The wheel is made from the very sdist that is published, at a place whose path is mapped away. The build gets a fixed,
small environment and tools that are already there: nothing is downloaded (`--no-isolation`). What a `Variation`
changes must not matter; `steps/build.py` builds under two and compares.

Sources: PEP 517, reproducible-builds.org SOURCE_DATE_EPOCH and BUILD_PATH_PREFIX_MAP, GCC manual `-ffile-prefix-map`,
user_namespaces(7).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_release.canonical import canonical, members
from epochly_release.checkout import clean_clone
from epochly_release.errors import Refused

if TYPE_CHECKING:
    from epochly_release.checkout import Repository
    from epochly_release.plan import Distribution, Plan
    from epochly_release.world import World

DAEMON = 1  # user and group id: an ordinary user that has a name on every Unix
SHOWN_LINES = 25  # lines of a failed build's output: the error is at its end


@dataclass(frozen=True, slots=True)
class Variation:
    """Circumstances of a build that must not matter.

    Attributes:
        name: for messages.
        place: folder below the build root.
        umask: file modes of what the build writes.
        zone: POSIX time zone.
        locale: `LC_ALL`.
        hash_seed: `PYTHONHASHSEED`.
        backwards: files are written in reverse order, which on many file systems turns listings around.
        user: id of the user and group that the build sees itself as; `None` is whoever runs us.
    """

    name: str
    place: str
    umask: int = 0o022
    zone: str = "UTC"
    locale: str = "C.UTF-8"
    hash_seed: str = "0"
    backwards: bool = False
    user: int | None = None


USUAL = Variation("usual", "usual")
VARIED = Variation("varied", "varied/some/where", 0o077, "XXX-05:45", "C", "1", backwards=True, user=DAEMON)


def build_environment(path: str, epoch: int, root: str, variation: Variation) -> dict[str, str]:
    """All that a build sees of the environment; `path` is the machine's PATH, `root` what compilers map to `/build`."""
    mapped = f"-ffile-prefix-map={root}=/build -g0"
    return {
        "PATH": path,
        "HOME": f"{root}/home",
        "TMPDIR": f"{root}/scratch",
        "SOURCE_DATE_EPOCH": str(epoch),
        "TZ": variation.zone,
        "LC_ALL": variation.locale,
        "PYTHONHASHSEED": variation.hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "CFLAGS": mapped,
        "CXXFLAGS": mapped,
        "RUSTFLAGS": f"--remap-path-prefix={root}=/build",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def build_once(
    plan: Plan,
    distribution: Distribution,
    python: str,
    variation: Variation,
    *,
    root: str,
    origin: Repository,
) -> dict[str, bytes]:
    """The canonical sdist and wheel by file name; raises `Refused` when the build fails or makes something else."""
    world = origin.world
    for folder in (root, f"{root}/home", f"{root}/scratch"):
        world.fresh_folder(folder)
    clone = clean_clone(origin, plan.commit, f"{root}/src", plan.epoch, backwards=variation.backwards)
    environ = build_environment(world.environ.get("PATH", os.defpath), plan.epoch, root, variation)

    source = os.path.normpath(os.path.join(clone.path, distribution.folder))
    name, data = _build(world, python, "sdist", source, root=root, environ=environ, variation=variation)
    if name != distribution.sdist:
        raise Refused(
            "unexpected-file", name, f"came out, not `{distribution.sdist}`", "see its version and its name"
        )
    sdist = canonical(name, data, plan.epoch)

    world.fresh_folder(f"{root}/sdist")
    for member in sorted(members(name, sdist), key=lambda one: one.name, reverse=variation.backwards):
        mode = 0o755 if member.executable else 0o644
        world.write(f"{root}/sdist/{member.name}", member.data, mode=mode, mtime=plan.epoch)
    top = f"{root}/sdist/{name.removesuffix('.tar.gz')}"
    wheel, data = _build(world, python, "wheel", top, root=root, environ=environ, variation=variation)
    if not (wheel.startswith(distribution.wheel_prefix) and wheel.endswith(".whl")):
        expected = f"{distribution.wheel_prefix}*.whl"
        raise Refused("unexpected-file", wheel, f"came out, not `{expected}`", "see its version and its name")
    return {name: sdist, wheel: canonical(wheel, data, plan.epoch)}


def _build(
    world: World,
    python: str,
    kind: str,
    source: str,
    *,
    root: str,
    environ: dict[str, str],
    variation: Variation,
) -> tuple[str, bytes]:
    out = f"{root}/out-{kind}"
    world.fresh_folder(out)
    command = [python, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", out, source]
    ran = world.run(command, cwd=source, environ=environ, umask=variation.umask, user=variation.user)
    if ran.status != 0:
        text = (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace").strip()
        raise Refused(
            "build-failed",
            os.path.basename(source),
            f"makes no {kind}: the build ended with status {ran.status}",
            "see the build's own words",
            tuple(text.splitlines()[-SHOWN_LINES:]),
        )
    made = world.files(out)
    if len(made) != 1:
        raise Refused(
            "unexpected-file", out, f"holds {len(made)} files, not one {kind}", "see the build backend"
        )
    return os.path.basename(made[0]), world.read(made[0])
