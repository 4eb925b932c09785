"""The catalogue of findings: what each id means, how much it weighs, what to do about it.

One file a layer, data only. `docs/findings.md` is generated from it and a test keeps the two equal; ids are stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from epochly_verify.model import Layer, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        id: stable, kebab-case, unique over all layers.
        severity: what it weighs without a policy.
        means: what is wrong and what it allows, in two or three sentences for a person.
        hint: one lower-case clause: what to do now.
        source: the specification clause, advisory or attack it comes from.
        strict: what it weighs under `--strict`; errors stay errors.
    """

    id: str
    severity: Severity
    means: str
    hint: str
    source: str
    strict: Severity | None = None


def _catalogue() -> Mapping[str, tuple[Layer, Kind]]:
    from epochly_verify.findings import (  # noqa: PLC0415 - the layer files need Kind from here
        archive,
        hash,  # noqa: A004 - the layer's own name
        identity,
        install,
        metadata,
        provenance,
        record,
        sbom,
        signature,
    )

    files = {
        Layer.HASH: hash.KINDS,
        Layer.ARCHIVE: archive.KINDS,
        Layer.RECORD: record.KINDS,
        Layer.METADATA: metadata.KINDS,
        Layer.INSTALL: install.KINDS,
        Layer.SIGNATURE: signature.KINDS,
        Layer.IDENTITY: identity.KINDS,
        Layer.PROVENANCE: provenance.KINDS,
        Layer.SBOM: sbom.KINDS,
    }
    found: dict[str, tuple[Layer, Kind]] = {}
    for layer, kinds in files.items():
        for kind in kinds:
            if kind.id in found:
                raise ValueError(f"finding id {kind.id!r} stands twice")
            found[kind.id] = (layer, kind)
    return MappingProxyType(found)


_KINDS: Mapping[str, tuple[Layer, Kind]] | None = None


def catalogue() -> Mapping[str, tuple[Layer, Kind]]:
    """Every kind of finding by id, in report order."""
    global _KINDS  # noqa: PLW0603 - built once, on first use
    if _KINDS is None:
        _KINDS = _catalogue()
    return _KINDS
