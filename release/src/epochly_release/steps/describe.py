"""Says what was built: an SBOM in each wheel and beside it, one of the building environment, the record, a manifest.

The wheel with its SBOM is brought into canonical form again, so that the same build gives the same file. What is
written here is what will be signed and published; `built/` keeps what came out of the build.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_release.canonical import canonical
from epochly_release.errors import InputError, Refused
from epochly_release.manifest import ENVIRONMENT, MANIFEST, SBOM_ENDING, is_distribution, listed, manifest_of
from epochly_release.steps.build import BUILDINFO
from epochly_release.steps.result import StepResult
from epochly_sbom.describe import wheel_sbom
from epochly_sbom.embed import embed
from epochly_sbom.environment import environment_sbom
from epochly_sbom.errors import SbomError
from epochly_sbom.model import Options
from epochly_sbom.parse.archive import parse_wheel
from epochly_sbom.world import Done

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Leave final wheels and sdists, their SBOMs, `environment.cdx.json`, `buildinfo.json` and the manifest in `out`."""
    from epochly_sbom import __version__  # noqa: PLC0415 - reads the installed metadata, which a job with a token has not

    options = Options(tool_version=__version__, epoch=plan.epoch)
    files: dict[str, bytes] = {}
    for path in world.files(places.built):
        name = os.path.basename(path)
        if not is_distribution(name):
            continue
        if plan.of_file(name) is None:
            raise Refused("unexpected-file", name, "is none of this release", "build into an empty folder")
        files |= _described(name, world.read(path), plan, options)
    _refuse_incomplete(plan, files)
    files[BUILDINFO] = world.read(f"{places.built}/{BUILDINFO}")
    world.tell("describe: the building environment")
    files[ENVIRONMENT] = _environment(options, places, world)
    manifest = manifest_of(plan, files)
    for name, data in [*files.items(), (MANIFEST, manifest)]:
        world.write(f"{places.out}/{name}", data)
    sboms = sum(name.endswith(SBOM_ENDING) for name in files)
    hashes = {name: listed(data).sha256 for name, data in sorted([*files.items(), (MANIFEST, manifest)])}
    lines = [f"{hashes[name]}  {name}" for name in files if is_distribution(name)]
    lines.append(f"{sboms} SBOMs (CycloneDX {options.spec_version}), {len(files)} files in `{MANIFEST}`")
    return StepResult(hashes, tuple(lines))


def _described(name: str, data: bytes, plan: Plan, options: Options) -> dict[str, bytes]:
    """The file as it will be published, and for a wheel the SBOM that lies beside it."""
    if not name.endswith(".whl"):
        return {name: data}
    try:
        final = canonical(name, embed(parse_wheel(data, name), options), plan.epoch)
        return {name: final, f"{name}{SBOM_ENDING}": wheel_sbom(parse_wheel(final, name), options).encode()}
    except SbomError as error:
        raise Refused("sbom", name, f"cannot be described: {error}", "see the wheel") from error


def _refuse_incomplete(plan: Plan, files: dict[str, bytes]) -> None:
    for distribution in plan.distributions:
        wheels = [name for name in files if plan.of_file(name) == distribution and name.endswith(".whl")]
        if distribution.sdist not in files or not wheels:
            missing = (
                f"{distribution.wheel_prefix}*.whl" if distribution.sdist in files else distribution.sdist
            )
            raise Refused("not-built", missing, "is not among what was built", "run `build` again")


@dataclass(frozen=True, slots=True)
class _Programs:
    """Our world, as far as the SBOM maker needs one: it runs one program."""

    world: World

    def run(self, arguments: Sequence[str]) -> Done:
        ran = self.world.run(arguments)
        return Done(ran.status, ran.stdout.decode("utf-8", "replace"), ran.stderr.decode("utf-8", "replace"))

    def read(self, path: str, limit: int) -> bytes:
        raise NotImplementedError

    def write(self, path: str, data: bytes) -> None:
        raise NotImplementedError


def _environment(options: Options, places: Places, world: World) -> bytes:
    """The SBOM of the first Python that built; without local paths, so that it tells nothing of the machine."""
    python = places.pythons[0]
    if places.tools == "lock":
        python = os.path.join(places.build_root, "tools-0", "bin", "python")
    home = world.environ.get("HOME", "")
    local = [
        each for each in (places.build_root, places.repository, sys.prefix, sys.base_prefix, home) if each
    ]
    tool = (sys.executable, "-m", "cyclonedx_py")
    try:
        return environment_sbom(_Programs(world), options, tool=tool, python=python, local=local).encode()
    except SbomError as error:
        hint = "run `build` again on this machine, with the same `--tools` and `--build-root`"
        raise InputError("environment", python, f"cannot be described: {error}", hint) from error
