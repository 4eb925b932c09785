"""Wheels that an attacker makes out of the release's own: whole, in canonical form, with a RECORD and an SBOM that fit.

So nothing but what the attack is about can be refused in them. Nothing in them is run.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING

from packaging.version import Version

from epochly_release.canonical import canonical, members
from epochly_release.manifest import MANIFEST, SBOM_ENDING, manifest_of
from epochly_sbom import __version__ as sbom_version
from epochly_sbom.describe import wheel_sbom
from epochly_sbom.embed import embed
from epochly_sbom.model import Options
from epochly_sbom.parse.archive import parse_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.attacks.scene import Scene
    from epochly_release.steps.result import Places

ANOTHER_VERSION = "0.0.1.dev0"
_SBOM = "/sboms/"


def with_code(name: str, data: bytes, plan: Plan) -> bytes:
    """The wheel with a line more in its first module, and all that speaks of it made to fit."""

    def add(files: dict[str, bytes]) -> None:
        module = next((path for path in sorted(files) if path.endswith(".py")), "added.py")
        files[module] = files.get(module, b"") + b"\n# one line more than the commit has\n"

    return described(name, _rewritten(name, data, plan, add), plan)


def with_sbom_of_another_version(name: str, data: bytes, plan: Plan) -> bytes:
    """The wheel with the SBOM inside turned into one of another version."""

    def change(files: dict[str, bytes]) -> None:
        files.update({path: of_another_version(files[path]) for path in files if _SBOM in path})

    return _rewritten(name, data, plan, change)


def of_another_version(sbom: bytes) -> bytes:
    """An SBOM whose component is another version's, and which is right in all else."""
    document = json.loads(sbom)
    root = document["metadata"]["component"]
    root["purl"] = root.get("purl", "").replace(root["version"], ANOTHER_VERSION)
    root["version"] = ANOTHER_VERSION
    return json.dumps(document).encode()


def next_version(scene: Scene) -> tuple[str, bytes]:
    """Name and bytes of the wheel as one of a version that the index has no file of: an honest change."""
    plan, name = scene.plan, scene.wheel
    distribution = plan.of_file(name)
    assert distribution is not None  # the wheel is of the plan
    number = len(scene.served.instance.index.files)
    version = f"{Version(plan.version).base_version}.post{number}"
    stem = distribution.wheel_prefix.removesuffix(f"{plan.version}-")
    new_name = f"{stem}{version}-{name.removeprefix(distribution.wheel_prefix)}"
    old_info, new_info = f"{stem}{plan.version}.dist-info/", f"{stem}{version}.dist-info/"

    def rename(files: dict[str, bytes]) -> None:
        for path in [path for path in files if path.startswith(old_info)]:
            content = files.pop(path)
            if path == f"{old_info}METADATA":
                content = content.replace(
                    f"Version: {plan.version}\n".encode(), f"Version: {version}\n".encode(), 1
                )
            if _SBOM not in path:
                files[new_info + path.removeprefix(old_info)] = content

    return new_name, described(new_name, _rewritten(name, scene.read(name), plan, rename), plan)


def described(name: str, data: bytes, plan: Plan) -> bytes:
    """The wheel with an SBOM that fits, in canonical form: what the step `describe` makes of it."""
    return canonical(name, embed(parse_wheel(data, name), _options(plan)), plan.epoch)


def put_into_release(places: Places, name: str, data: bytes, scene: Scene) -> None:
    """Lay a wheel and its SBOM into a copy of the release, under a manifest that lists them; signs nothing."""
    plan, world = scene.plan, scene.world()
    listed = json.loads(world.read(f"{places.out}/{MANIFEST}"))["files"]
    files = {each: world.read(f"{places.out}/{each}") for each in listed}
    files[name] = data
    files[name + SBOM_ENDING] = wheel_sbom(parse_wheel(data, name), _options(plan)).encode()
    for each in (name, name + SBOM_ENDING):
        world.write(f"{places.out}/{each}", files[each])
    world.write(f"{places.out}/{MANIFEST}", manifest_of(plan, files))


def _options(plan: Plan) -> Options:
    return Options(tool_version=sbom_version, epoch=plan.epoch)


def _rewritten(name: str, data: bytes, plan: Plan, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The wheel with other files and a RECORD of these."""
    files = {member.name: member.data for member in members(name, data)}
    old = next(path for path in files if path.endswith(".dist-info/RECORD"))
    del files[old]
    change(files)
    info = next(path.partition("/")[0] for path in files if path.endswith(".dist-info/METADATA"))
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path in sorted(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b"=").decode()
        writer.writerow([path, f"sha256={digest}", len(files[path])])
    writer.writerow([f"{info}/RECORD", "", ""])
    files[f"{info}/RECORD"] = rows.getvalue().encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return canonical(name, out.getvalue(), plan.epoch)
