"""What leaves, and where to: the uploads to the index and the release at the forge, decided before either. Pure.

Names every file with its hash, so that the steps that have a credential in hand decide nothing: they send what is
listed here, or refuse because it is not what is there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from epochly_release.attestation import BUILT, PUBLISHED
from epochly_release.errors import Refused
from epochly_release.manifest import Listed, is_distribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_release.plan import Plan

STAGED = "staged.json"
FORMAT = "epochly-staged/1"
HEADING = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+[0-9A-Za-z.+]*)")


@dataclass(frozen=True, slots=True)
class Staged:
    """Everything that leaves.

    Attributes:
        uploads: name of each wheel and sdist -> names of the attestations that go with it.
        files: every file of the release at the forge, the uploads among them.
        body: the release's notes, Markdown.
    """

    uploads: Mapping[str, tuple[str, ...]]
    files: Mapping[str, Listed]
    body: str


def staged_of(
    plan: Plan, manifest: Mapping[str, Listed], others: Mapping[str, Listed], changelog: str
) -> Staged:
    """What leaves for a plan: the manifest's files, and `others`, the signatures and the manifest itself.

    Raises:
        Refused: an attestation is missing.
    """
    files = {**manifest, **others}
    uploads = {}
    for name in sorted(name for name in manifest if is_distribution(name)):
        uploads[name] = (name + PUBLISHED, name + BUILT)
        for attestation in uploads[name]:
            if attestation not in files:
                raise Refused("evidence-missing", name, f"has no `{attestation}`", "run `attest` again")
    return Staged(uploads, dict(sorted(files.items())), notes_of(changelog, plan.version))


def staged_to_bytes(staged: Staged, plan: Plan) -> bytes:
    """The file `STAGED`."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "plan": plan.sha256(),
        "uploads": {name: list(each) for name, each in staged.uploads.items()},
        "files": {name: {"sha256": one.sha256, "size": one.size_bytes} for name, one in staged.files.items()},
        "release": {"tag": plan.tag, "commit": plan.commit, "name": plan.version, "body": staged.body},
    }
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def parse_staged(data: bytes, where: str, plan: Plan) -> Staged:
    """What was staged for this plan; raises `Refused` for anything else."""
    try:
        value = json.loads(data)
        files = {name: Listed(one["sha256"], one["size"]) for name, one in value["files"].items()}
        uploads = {name: tuple(each) for name, each in value["uploads"].items()}
        staged = Staged(uploads, files, value["release"]["body"])
        named = {*uploads, *(one for each in uploads.values() for one in each)}
        if staged_to_bytes(staged, plan) != data or not uploads or not named <= set(files):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refused(
            "staged", where, "is not what was staged for this release", "run `stage` again"
        ) from error
    return staged


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Line number and version of every heading with a version in it, Markdown or underlined."""
    lines = [*text.splitlines(), ""]
    for number, (line, below) in enumerate(pairwise(lines)):
        is_heading = line.startswith("#") or (
            len(below) >= 3 and re.fullmatch(r"([=~^-])\1+", below.rstrip())
        )
        found = HEADING.search(line) if is_heading else None
        if found is not None:
            yield number, found[1]


def notes_of(changelog: str, version: str) -> str:
    """The text below the version's heading, up to the next version's; empty when there is none."""
    lines = changelog.splitlines()
    found = list(headings(changelog))
    for position, (number, named) in enumerate(found):
        if named == version:
            end = found[position + 1][0] if position + 1 < len(found) else len(lines)
            body = lines[number + 1 : end]
            if body and re.fullmatch(r"([=~^-])\1+", body[0].rstrip()):
                body = body[1:]
            return "\n".join(body).strip() + "\n" if any(body) else ""
    return ""
