"""The record of a build: what went in and what came out, enough for somebody else to try the same. Pure.

Names no path, user or host of the machine. It is a record, not an input: with canonical files most of it must not
matter, and where a rebuild differs it says where to look first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_release.build import Variation
    from epochly_release.plan import Plan

FORMAT = "epochly-buildinfo/1"
PROBE = """\
import importlib.metadata as m, json, os, platform, sys, zlib
print(json.dumps({
    "markers": {
        "implementation_name": sys.implementation.name, "os_name": os.name, "sys_platform": sys.platform,
        "python_full_version": platform.python_version(), "platform_machine": platform.machine(),
        "python_version": ".".join(platform.python_version_tuple()[:2]), "platform_system": platform.system(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": "", "platform_version": "", "implementation_version": platform.python_version(),
    },
    "zlib": zlib.ZLIB_RUNTIME_VERSION, "libc": " ".join(platform.libc_ver()),
    "packages": {d.metadata["Name"]: d.version for d in m.distributions() if d.metadata["Name"]},
}))
"""
"""Run by the building interpreter, which need not have anything of ours."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that builds, as it describes itself."""

    markers: Mapping[str, str]
    zlib: str
    libc: str
    packages: Mapping[str, str]

    @property
    def name(self) -> str:
        """Implementation and version, e.g. `cpython 3.12.1`."""
        return f"{self.markers['implementation_name']} {self.markers['python_full_version']}"


def interpreter_from_probe(text: bytes, where: str) -> Interpreter:
    """What `PROBE` printed; raises `InputError` when it is something else."""
    try:
        value = json.loads(text)
        given: dict[str, str] = value.pop("packages")
        packages: dict[str, str] = {str(canonicalize_name(name)): given[name] for name in given}
        found = Interpreter(**value, packages=packages)
        assert found.name
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"does not describe itself: {type(error).__name__}"
        raise InputError("python", where, message, "name a Python 3.11 or newer") from error
    return found


def buildinfo(
    plan: Plan,
    interpreters: Sequence[Interpreter],
    variations: Sequence[Variation],
    locks: Mapping[str, str],
    files: Mapping[str, str],
) -> bytes:
    """The record as JSON; `locks` and `files` map a name to a sha256."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "commit": plan.commit,
        "epoch": plan.epoch,
        "version": plan.version,
        "plan": plan.sha256(),
        "interpreters": [asdict(one) for one in interpreters],
        "variations": [
            {name: setting for name, setting in asdict(one).items() if name != "place"} for one in variations
        ],
        "locks": dict(locks),
        "files": dict(files),
    }
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
