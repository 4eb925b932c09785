"""Which other projects a wheel carries inside: folders of vendored packages, as pip, setuptools and many others have them.

Sources, the surest first: a whole wheel inside the wheel; a `NAME-VERSION.dist-info` (or `.egg-info`) that is not the
wheel's own; a `vendor.txt` of pinned names (pip); a child of a folder that is called vendored, where only the name is
known and no version is guessed. The wheel's own dist-info holds texts about them, not the packages. https://pip.pypa.io/en/stable/development/vendoring-policy/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

from epochly_sbom.errors import InputError
from epochly_sbom.model import Vendored
from epochly_sbom.parse.metadata import parse_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_sbom.model import Member, Wheel

FOLDERS = frozenset({"_vendor", "_vendored", "vendor", "vendored", "_vendored_packages"})
_LISTS = frozenset({"vendor.txt", "vendored.txt"})
_INFO = re.compile(r"^(?P<parent>.+)/(?P<info>[^/]+\.(?:dist|egg)-info)/(?:METADATA|PKG-INFO)$")
_IMPORTED_AS = {"setuptools": "pkg_resources"}  # pip takes this part of the project only
_PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([^\s;#]+)")


def vendored(wheel: Wheel) -> tuple[Vendored, ...]:
    """Every vendored package, sorted by place and name; each is told once."""
    files = {member.path: member for member in wheel.members if not member.path.startswith(f"{wheel.info}/")}
    found: dict[tuple[str, ...], Vendored] = {}
    for package in _whole(files):
        found[(package.place,)] = package
    for package in (*_with_info(files), *_listed(files)):
        found.setdefault((_parent(package), str(canonicalize_name(package.name))), package)
    places = {package.place for package in found.values()}
    for package in _by_folder(files):
        key = (_parent(package), str(canonicalize_name(package.name)))
        if package.place not in places and key not in found:
            found[key] = package
    return tuple(sorted(found.values(), key=lambda package: (package.place, package.name)))


def tree_sha256(files: Mapping[str, Member], folder: str) -> str:
    """The hash of a folder: sha256 of the sorted lines `HASH  PATH` of its files, paths from the folder on."""
    lines = [
        f"{member.sha256}  {path.removeprefix(folder + '/')}\n"
        for path, member in files.items()
        if path.startswith(f"{folder}/") and not path.endswith(".pyc")
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest() if lines else ""


def _whole(files: Mapping[str, Member]) -> Iterator[Vendored]:
    for path, member in files.items():
        if path.endswith(".whl"):
            try:
                name, version, _, _ = parse_wheel_filename(path.rpartition("/")[2])
            except (InvalidWheelFilename, InvalidVersion):
                continue  # not a wheel's name, so not known to be one
            yield Vendored(str(name), str(version), path, member.sha256, False, True)


def _with_info(files: Mapping[str, Member]) -> Iterator[Vendored]:
    for path, member in files.items():
        match = _INFO.match(path)
        if match is None:
            continue
        try:
            metadata = parse_metadata(member.data, path)
        except InputError:
            continue  # a project's test data; a vendored one is still found by its folder
        parent, info = match["parent"], f"{match['parent']}/{match['info']}"
        names = [metadata.name, *_top_levels(files, info)]
        told = Vendored(metadata.name, metadata.version, info, "", False, True, metadata.license_expression)
        yield _placed(told, files, parent, names)


def _top_levels(files: Mapping[str, Member], info: str) -> list[str]:
    listed = files.get(f"{info}/top_level.txt")
    return listed.data.decode("utf-8", "replace").split() if listed else []


def _listed(files: Mapping[str, Member]) -> Iterator[Vendored]:
    for path, member in files.items():
        parent, _, name = path.rpartition("/")
        if name in _LISTS and parent:
            for line in member.data.decode("utf-8", "replace").splitlines():
                pin = _PIN.match(line)
                if pin:
                    names = [pin[1], _IMPORTED_AS.get(pin[1].lower(), pin[1])]
                    told = Vendored(pin[1], pin[2], path, "", False, True)
                    yield _placed(told, files, parent, names)


def _placed(told: Vendored, files: Mapping[str, Member], parent: str, names: list[str]) -> Vendored:
    """A known project with its folder or module, where one of `names` is found in `parent`."""
    for spelled in names:
        for step in (spelled, spelled.replace("-", "_"), str(canonicalize_name(spelled)).replace("-", "_")):
            digest = tree_sha256(files, f"{parent}/{step}")
            if digest:
                return replace(told, place=f"{parent}/{step}", sha256=digest, is_tree=True)
            module = files.get(f"{parent}/{step}.py")
            if module:
                return replace(told, place=module.path, sha256=module.sha256)
    return told


def _by_folder(files: Mapping[str, Member]) -> Iterator[Vendored]:
    seen: set[str] = set()
    for path in files:
        steps = path.split("/")
        for depth, step in enumerate(steps[:-1]):
            if step not in FOLDERS:
                continue
            child = steps[depth + 1]
            place = "/".join(steps[: depth + 2])
            if place in seen or child.startswith("__") or child.endswith(("-info", ".libs")):
                break
            seen.add(place)
            if depth + 2 < len(steps):
                yield Vendored(child, "", place, tree_sha256(files, place), True, False)
            elif child.endswith(".py"):
                yield Vendored(child.removesuffix(".py"), "", place, files[place].sha256, False, False)
            break


def _parent(package: Vendored) -> str:
    return package.place.rpartition("/")[0]
