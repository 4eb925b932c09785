"""What an index has of a project, read over its JSON interface. Decides nothing, sends nothing.

The index is named by the configuration, by `PIP_INDEX_URL`, or it is the one that pip itself uses: no address is
written here. A project that an index does not know has no files; any other trouble is an error, never "none".

Source: packaging.python.org "simple repository API" (PEP 691, PEP 700, PEP 740).
"""

from __future__ import annotations

import json
import re
import sys
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from epochly_release.world import World

ACCEPT = "application/vnd.pypi.simple.v1+json"
_ASK_PIP = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as an index lists it: name, address, sha256 (empty if it gives none), and address of its provenance."""

    filename: str
    url: str
    sha256: str = ""
    provenance: str = ""


def simple_index(world: World, named: str) -> str:
    """Address of the index: the one that was named, or the one pip would use; raises `InputError`."""
    address = named or world.environ.get("PIP_INDEX_URL", "")
    if not address:
        address = world.run([sys.executable, "-c", _ASK_PIP]).stdout.decode("utf-8", "replace").strip()
    if not address.startswith(("https://", "http://")):
        raise InputError(
            "index", address or "--index", "is no address of an index", "give one with `--index`"
        )
    return address.rstrip("/")


def listed_files(world: World, index: str, project: str) -> tuple[Listed, ...]:
    """Every file of a project, yanked or not; raises `InputError` when nobody can say."""
    address = f"{index}/{urllib.parse.quote(project, safe='')}/"
    try:
        answer = world.fetch(address, headers={"Accept": ACCEPT})
    except InputError as error:
        raise InputError("index", address, error.message, "see the network, or `--index`") from error
    if answer.status == 404:
        return ()
    if answer.status != 200:
        raise InputError("index", address, f"answers {answer.status}", "try again later")
    return files_from_answer(answer.body, address)


def files_from_answer(data: bytes, where: str) -> tuple[Listed, ...]:
    """The files in a project's JSON answer; raises `InputError` when it is something else."""
    try:
        return tuple(
            Listed(
                filename=str(file["filename"]),
                url=urllib.parse.urljoin(where, str(file["url"])),
                sha256=str(file["hashes"].get("sha256", "")),
                provenance=urllib.parse.urljoin(where, str(file["provenance"]))
                if file.get("provenance")
                else "",
            )
            for file in json.loads(data)["files"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "index", where, "gives no PEP 691 answer", "name an index with a JSON interface"
        ) from error


def version_of(filename: str) -> str:
    """The version in a file's name, empty for eggs and installers of old: no release of today has such a name."""
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""


def normalised(project: str) -> str:
    """The name under which an index lists a project (PEP 503)."""
    return re.sub(r"[-_.]+", "-", project).lower()
