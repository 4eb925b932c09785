"""The manifest of a release: every file that belongs to it, by sha256 and size. Pure: values <-> bytes.

One signature over the manifest covers what has none of its own (SBOMs, the build's record), and what users get is
compared with it. Reading is strict: an unknown field or a name with a folder is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.plan import Plan

MANIFEST = "manifest.json"
ENVIRONMENT = "environment.cdx.json"
SBOM_ENDING = ".cdx.json"  # of the SBOM beside a wheel
FORMAT = "epochly-manifest/1"
_FIELDS = ("format", "commit", "epoch", "files", "plan", "repository", "tag", "version")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a file must be: sha256 in lower-case hexadecimal, and size in bytes."""

    sha256: str
    size_bytes: int


def listed(data: bytes) -> Listed:
    """What these bytes are."""
    return Listed(hashlib.sha256(data).hexdigest(), len(data))


def manifest_of(plan: Plan, files: Mapping[str, bytes]) -> bytes:
    """The manifest as JSON, the same bytes for the same plan and files."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "commit": plan.commit,
        "epoch": plan.epoch,
        "version": plan.version,
        "tag": plan.tag,
        "repository": plan.config.repository,
        "plan": plan.sha256(),
        "files": {
            name: {"sha256": one.sha256, "size": one.size_bytes}
            for name, one in ((name, listed(files[name])) for name in sorted(files))
        },
    }
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def parse_manifest(data: bytes, where: str, plan: Plan) -> dict[str, Listed]:
    """The files of a manifest of this plan, by name; raises `Refused` for anything else."""
    try:
        value = json.loads(data)
        files = {
            str(name): Listed(str(each.pop("sha256")), each.pop("size"), **each)
            for name, each in value["files"].items()
        }
        sound = sorted(value) == sorted(_FIELDS) and value["format"] == FORMAT and files
        if not sound or not all(_is_sound(name, each) for name, each in files.items()):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refused("manifest", where, "is no manifest of a release", "run `describe` again") from error
    if value["plan"] != plan.sha256() or value["commit"] != plan.commit:
        raise Refused("manifest", where, "is about another commit or plan", "run `describe` again")
    return files


def _is_sound(name: str, each: Listed) -> bool:
    plain = re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._+!-]*", name)
    return bool(plain and re.fullmatch(r"[0-9a-f]{64}", each.sha256) and type(each.size_bytes) is int)


def is_distribution(name: str) -> bool:
    """Whether a file of this name is one that an index takes."""
    return name.endswith((".whl", ".tar.gz"))
