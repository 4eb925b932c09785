"""SLSA provenance v1: the predicate's fields, typed; nothing is compared here.

Fields the specification does not know are left alone, as it asks; what it requires has to be there. What counts as
a known external parameter depends on the build type and is judged in `checks/provenance.py`.
https://slsa.dev/spec/v1.1/provenance
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import InputError
from epochly_verify.model import EMPTY
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

SLSA_V1 = "https://slsa.dev/provenance/v1"
SLSA_ANY = "https://slsa.dev/provenance/"
MAX_DEPENDENCIES = 10_000  # resolved dependencies of one build; hermetic builders list some thousands
_HINT = "ask the publisher for provenance that follows the specification"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A resource the build took in: its URI, empty when it has none, and its digests."""

    uri: str
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an artifact was built.

    Attributes:
        build_type: says how the parameters are to be read.
        external: parameters somebody outside of the build platform chose.
        internal: parameters the platform set.
        dependencies: what the build took in.
        builder_id: the platform that vouches for all of this.
        invocation_id: the run, empty when it is not named.
    """

    build_type: str
    external: Mapping[str, Any]
    internal: Mapping[str, Any]
    dependencies: tuple[Dependency, ...]
    builder_id: str
    invocation_id: str


def parse_provenance_predicate(predicate: Mapping[str, Any] | None) -> Provenance:
    """Read the predicate of a statement of type `SLSA_V1`.

    Raises:
        InputError: `provenance-malformed`; `where` is the field.
    """
    if predicate is None:
        raise _malformed("predicate", "is missing")
    definition = _object(predicate, "", "buildDefinition")
    run = _object(predicate, "", "runDetails")
    builder = _object(run, "runDetails", "builder")
    metadata = _object(run, "runDetails", "metadata", optional=True)
    return Provenance(
        build_type=_text(definition, "buildDefinition", "buildType"),
        external=_object(definition, "buildDefinition", "externalParameters"),
        internal=_object(definition, "buildDefinition", "internalParameters", optional=True),
        dependencies=_dependencies(definition),
        builder_id=_text(builder, "runDetails.builder", "id"),
        invocation_id=_text(metadata, "runDetails.metadata", "invocationId", optional=True),
    )


def _dependencies(definition: Mapping[str, Any]) -> tuple[Dependency, ...]:
    items = definition.get("resolvedDependencies")
    if items is None:
        return ()
    path = "buildDefinition.resolvedDependencies"
    if not isinstance(items, list):
        raise _malformed(path, "is no list")
    if len(items) > MAX_DEPENDENCIES:
        raise _malformed(path, f"holds {len(items)} items, more than {MAX_DEPENDENCIES}")
    found = []
    for position, item in enumerate(items):
        here = f"{path}[{position}]"
        if not isinstance(item, dict):
            raise _malformed(here, "is no object")
        digests = _object(item, here, "digest", optional=True)
        for algorithm in digests:
            _text(digests, f"{here}.digest", algorithm)
        found.append(Dependency(_text(item, here, "uri", optional=True), digests))
    return tuple(found)


def _object(parent: Mapping[str, Any], path: str, name: str, *, optional: bool = False) -> Mapping[str, Any]:
    value = parent.get(name)
    if value is None and optional:
        return EMPTY
    if not isinstance(value, dict):
        raise _malformed(f"{path}.{name}".lstrip("."), "is missing" if value is None else "is no object")
    return value


def _text(parent: Mapping[str, Any], path: str, name: str, *, optional: bool = False) -> str:
    value = parent.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not (value or optional):
        raise _malformed(f"{path}.{quoted(name, most=80)[1:-1]}", "is missing" if not value else "is no text")
    return value


def _malformed(where: str, message: str) -> InputError:
    return InputError("provenance-malformed", where, message, _HINT)
