"""Artifact file names: wheels (binary distribution format, PEP 427 and PEP 491) and sdists (PEP 625).

Names are read with `packaging`; a name it refuses is not guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from epochly_verify.model import ArtifactKind

if TYPE_CHECKING:
    from packaging.tags import Tag
    from packaging.version import Version


@dataclass(frozen=True, slots=True)
class ArtifactName:
    """What a file name says.

    Attributes:
        project: PEP 503-normalised.
        raw_project, raw_version: as spelled.
        tags: empty for an sdist.
        build: the wheel's build tag, `()` when absent.
    """

    project: str
    version: Version
    raw_project: str
    raw_version: str
    kind: ArtifactKind
    tags: frozenset[Tag] = frozenset()
    build: tuple[int, str] | tuple[()] = ()


def kind_from_filename(filename: str) -> ArtifactKind | None:
    """Wheel or sdist by the ending; `None` for anything else."""
    lowered = filename.lower()
    if lowered.endswith(".whl"):
        return ArtifactKind.WHEEL
    if lowered.endswith((".tar.gz", ".tgz", ".zip")):
        return ArtifactKind.SDIST
    return None


@lru_cache(maxsize=1024)  # every check asks for the artifact's own name
def parse_filename(filename: str) -> ArtifactName:
    """Read an artifact's file name.

    Raises:
        ValueError: it is no valid wheel or sdist name; the text says why.
    """
    if kind_from_filename(filename) is ArtifactKind.WHEEL:
        try:
            project, version, build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename as error:
            raise ValueError(str(error)) from error
        raw_project, raw_version = filename.split("-")[:2]
        return ArtifactName(project, version, raw_project, raw_version, ArtifactKind.WHEEL, tags, build)
    try:
        project, version = parse_sdist_filename(filename)
    except InvalidSdistFilename as error:
        raise ValueError(str(error)) from error
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    raw_project, _, raw_version = stem.rpartition("-")
    return ArtifactName(project, version, raw_project, raw_version, ArtifactKind.SDIST)


def project_from_filename(filename: str) -> str:
    """The normalised project name, as far as a broken name gives one; policy rules are chosen by it."""
    try:
        return parse_filename(filename).project
    except ValueError:
        return str(canonicalize_name(filename.partition("-")[0]))
