"""The SBOM of a Python environment, e.g. the one a release is built in: `cyclonedx-py environment`, made reproducible.

The tool of the CycloneDX project looks at the environment; here its document is cleaned of every local path, sorted, and
given a serial number made from the content. It runs as a program of its own, so the environment looked at need not hold
it. https://github.com/CycloneDX/cyclonedx-python
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from epochly_sbom.canonical import canonical
from epochly_sbom.errors import RefusedError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly_sbom.model import Options
    from epochly_sbom.world import World

_HINT = "install `epochly-sbom[environment]` and name an interpreter or virtual environment that exists"


def environment_sbom(
    world: World, options: Options, *, tool: tuple[str, ...], python: str = "", local: Iterable[str] = ()
) -> str:
    """The SBOM of an environment, as JSON text.

    Args:
        world: runs the tool.
        options: time, version of the format, and author.
        tool: how to start `cyclonedx-py`, e.g. `(sys.executable, "-m", "cyclonedx_py")`.
        python: interpreter or folder of the environment; empty: the tool's own.
        local: places of this machine that may not appear.

    Raises:
        RefusedError: the tool failed.
    """
    # The tool's own validation takes twenty times as long as its work, and judges a document that is changed below;
    # the tests hold the final one to the schema.
    arguments = [*tool, "environment", "--no-validate", "--output-reproducible", "--of", "JSON"]
    arguments += ["--sv", options.spec_version]
    if python:
        arguments += ["--", python]
    done = world.run(arguments)
    if done.status != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise RefusedError("cyclonedx-py", f"failed: {quoted(last[0])}", _HINT)
    try:
        document = json.loads(done.stdout)
    except (ValueError, RecursionError) as error:
        raise RefusedError("cyclonedx-py", "wrote no JSON", _HINT) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise RefusedError("cyclonedx-py", "wrote no CycloneDX document", _HINT)
    return canonical(_dated(document, options), local=[*local, *([python] if "/" in python else [])])


def _dated(document: dict[str, Any], options: Options) -> dict[str, Any]:
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key != "timestamp"}
    if options.epoch is not None:
        moment = datetime.fromtimestamp(options.epoch, UTC)
        metadata["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if options.author:
        metadata["authors"] = [{"name": options.author}]
    return document | {"metadata": metadata}
