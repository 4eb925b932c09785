"""Refuses to work beside a long-lived credential for an index. Pure: names and values in, a refusal out.

A release is published with a token that lives for minutes and that only the release workflow can get. A password or
an API token that lies about is either unused, and then it should not be there, or it is what an attacker would use.
The value is never shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMED = re.compile(
    r"TWINE_(USERNAME|PASSWORD|API_TOKEN)|UV_PUBLISH_(USERNAME|PASSWORD|TOKEN)|FLIT_(USERNAME|PASSWORD)"
    r"|HATCH_INDEX_(USER|AUTH)|PDM_PUBLISH_(USERNAME|PASSWORD)|POETRY_(PYPI_TOKEN|HTTP_BASIC)_\w+"
    r"|(TEST_?)?PYPI_(API_)?(TOKEN|PASSWORD|KEY)|MATURIN_(PYPI_TOKEN|PASSWORD)"
)
_TOKEN = re.compile(r"pypi-[A-Za-z0-9_-]{16,}")  # how every API token of the public index begins
CONFIG_FILES = (".pypirc",)
"""Below the home folder: files that hold credentials for uploads."""


def refuse_long_lived(environ: Mapping[str, str], present: Iterable[str]) -> None:
    """Raises `Refused` when a credential for uploads is in sight.

    Args:
        environ: the environment.
        present: those of `CONFIG_FILES` that exist.
    """
    hint = "remove it, and revoke it at the index: only trusted publishing is accepted"
    for name, value in sorted(environ.items()):
        if value and (_NAMED.fullmatch(name) or _TOKEN.search(value)):
            raise Refused("long-lived-token", name, "holds a credential for uploads", hint)
    for name in present:
        raise Refused("long-lived-token", f"~/{name}", "can hold a credential for uploads", hint)
