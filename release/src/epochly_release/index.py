"""Asks an index which versions of a project it has, over its JSON interface. Reads a bounded answer, writes nothing.

The index is named by the configuration, by `PIP_INDEX_URL`, or it is the one that pip itself uses: no address is
written here. A project that an index does not know has no versions; any other trouble is an error, never "none".

Source: packaging.python.org "simple repository API" (PEP 691, PEP 700).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 20.0  # seconds: an index answers in less than one
MAX_ANSWER = 50_000_000  # bytes: the largest project pages are some 10 MB
ACCEPT = "application/vnd.pypi.simple.v1+json"


def published_versions(index: str, project: str) -> frozenset[str]:
    """The versions that have at least one file, yanked or not; raises `InputError` when nobody can say."""
    address = f"{index.rstrip('/')}/{urllib.parse.quote(project, safe='')}/"
    if not address.startswith(("https://", "http://")):
        raise InputError("index", index or "--index", "is no address of an index", "give one with `--index`")
    try:
        request = urllib.request.Request(address, headers={"Accept": ACCEPT})  # noqa: S310 - checked above
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked above
            data = answer.read(MAX_ANSWER + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return frozenset()
        raise InputError("index", address, f"answers {error.code}", "try again later") from error
    except (OSError, ValueError) as error:
        raise InputError(
            "index", address, f"cannot be reached: {error}", "see the network, or `--index`"
        ) from error
    return versions_from_answer(data, address)


def versions_from_answer(data: bytes, where: str) -> frozenset[str]:
    """The versions in a project's JSON answer; raises `InputError` when it is something else."""
    try:
        value = json.loads(data[: MAX_ANSWER + 1])
        return frozenset(_versions(str(file["filename"]) for file in value["files"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "index", where, "gives no PEP 691 answer", "name an index with a JSON interface"
        ) from error


def _versions(filenames: Iterable[str]) -> Iterable[str]:
    for name in filenames:
        try:
            yield str(
                parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
            )
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue  # eggs and installers of old: no release of today has such a name
