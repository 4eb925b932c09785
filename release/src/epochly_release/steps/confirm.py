"""Gets the release back as users do, compares it with the manifest, verifies it again, and writes the forge's release.

What an index lists, what `pip` downloads, and the provenance the index gives are looked at, not what we have here. Only
then is the release at the forge made, as a draft that is published when all its files are there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from epochly_release.errors import InputError, Refused
from epochly_release.forge import ReleasePlan, ensure_release, forge_from_environment
from epochly_release.index import listed_files, normalised, simple_index, version_of
from epochly_release.judgement import judge_file, passed_layers, read_manifest, trust_of
from epochly_release.manifest import listed
from epochly_release.steps.publish import staged_files
from epochly_release.steps.result import StepResult
from epochly_verify.model import Attached, EvidenceKind

if TYPE_CHECKING:
    from epochly_release.index import Listed as OnIndex
    from epochly_release.manifest import Listed
    from epochly_release.plan import Distribution, Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World

TRIES = 20
PAUSE_S = 15.0  # seconds: an index behind caches shows a new file within minutes
PROVENANCE = {"Accept": "application/vnd.pypi.integrity.v1+json"}


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Confirm every file of the release; raises `Refused` when users would get anything else."""
    staged = staged_files(plan, places, world)
    manifest = read_manifest(plan, places, world)
    wanted = {name: manifest[name] for name in staged.uploads}
    index = simple_index(world, places.index or plan.config.index)
    trust = trust_of(plan, places, world)
    world.fresh_folder(places.build_root)
    notes, made = [], {}
    for distribution in plan.distributions:
        names = {name: one for name, one in wanted.items() if plan.of_file(name) == distribution}
        for file in _listed_by(index, distribution, names, plan, world):
            data = _downloaded(file, names[file.filename], world)
            path = f"{places.confirmed}/{file.filename}"
            world.write(path, data)
            made[f"confirmed/{file.filename}"] = listed(data).sha256
            provenance = _provenance(file, world)
            world.write(f"{path}.provenance", provenance)
            made[f"confirmed/{file.filename}.provenance"] = listed(provenance).sha256
            evidence = (Attached(file.provenance, EvidenceKind.PROVENANCE, provenance),)
            report = judge_file(path, names[file.filename], plan, trust, evidence=evidence)
            world.tell(f"confirm: {file.filename}")
            notes.append(f"confirmed  {file.filename}  ({passed_layers(report)})")
        _refuse_other_install(f"{distribution.name}=={plan.version}", index, names, places, world)
    forge = forge_from_environment(world, plan.config.repository)
    release = ReleasePlan(
        plan.tag,
        plan.commit,
        plan.version,
        staged.body,
        {name: (one.sha256, one.size_bytes) for name, one in staged.files.items()},
    )
    world.tell(f"confirm: the release `{plan.tag}` at the forge, {len(staged.files)} files")
    ensure_release(forge, release, lambda name: world.read(f"{places.out}/{name}"))
    notes.append(f"release `{plan.tag}` at the forge holds {len(staged.files)} files")
    return StepResult(made, tuple(notes))


def _listed_by(
    index: str, distribution: Distribution, names: dict[str, Listed], plan: Plan, world: World
) -> list[OnIndex]:
    """The index's entries of this version, once all are there; nothing else of the version may be."""
    project = normalised(distribution.name)
    found: list[OnIndex] = []
    for number in range(TRIES):
        files = listed_files(world, index, project)
        found = [file for file in files if version_of(file.filename) == plan.version]
        if {file.filename for file in found} >= set(names):
            break
        if number + 1 < TRIES:
            world.tell(f"confirm: waiting for the index to show `{project}` {plan.version}")
            world.pause(PAUSE_S)
    there = {file.filename for file in found}
    for name in sorted(set(names) - there):
        raise Refused("not-published", name, "is not on the index", "run `publish` again, then `confirm`")
    for name in sorted(there - set(names)):
        hint = "somebody else uploaded it: yank the version, and see who can publish"
        raise Refused("stray-file", name, "is on the index, but was not released by us", hint)
    return found


def _downloaded(file: OnIndex, wanted: Listed, world: World) -> bytes:
    answer = world.fetch(file.url)
    if answer.status != 200:
        raise InputError("index", file.url, f"answers {answer.status}", "run `confirm` again")
    if file.sha256 != wanted.sha256 or listed(answer.body) != wanted:
        message = (
            f"comes from the index with sha256 {listed(answer.body).sha256[:16]}…, not {wanted.sha256[:16]}…"
        )
        raise Refused("changed-file", file.filename, message, "yank the version: users get another file")
    return answer.body


def _provenance(file: OnIndex, world: World) -> bytes:
    if not file.provenance:
        hint = "yank the version: it was uploaded without attestations, by whomever"
        raise Refused("evidence-missing", file.filename, "has no provenance on the index", hint)
    answer = world.fetch(file.provenance, headers=PROVENANCE)
    if answer.status != 200:
        raise InputError("index", file.provenance, f"answers {answer.status}", "run `confirm` again")
    return answer.body


def _refuse_other_install(
    requirement: str, index: str, names: dict[str, Listed], places: Places, world: World
) -> None:
    """`pip` downloads the very wheel, where one is for this machine; an sdist is never handed to it, for it runs them."""
    tags = set(sys_tags())
    fitting = {name for name in names if name.endswith(".whl") and parse_wheel_filename(name)[3] & tags}
    if not fitting:
        return
    folder = os.path.join(places.build_root, "downloaded")
    world.fresh_folder(folder)
    trusted = world.environ.get("SSL_CERT_FILE")
    command = [sys.executable, "-P", "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input"]
    command += ["download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    command += [*(("--cert", trusted) if trusted else ()), "--index-url", f"{index}/", "--dest", folder]
    ran = world.run([*command, requirement])
    if ran.status != 0:
        words = tuple(ran.stderr.decode("utf-8", "replace").strip().splitlines()[-5:])
        raise InputError("pip", requirement, "cannot be downloaded", "run `confirm` again", words)
    for path in world.files(folder):
        name = os.path.basename(path)
        if name not in fitting or listed(world.read(path)) != names[name]:
            raise Refused(
                "changed-file", name, "is what `pip` gets, and not what we released", "yank the version"
            )
