"""The checks, one file a layer, in the order of the report.

A check is pure: `(Evidence, Policy) -> Ran | NotRun`. It reads no file, no clock and no environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.checks import (
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
from epochly_verify.model import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_verify.model import Evidence, Outcome
    from epochly_verify.policy import Policy

    Check = Callable[[Evidence, Policy], Outcome]

CHECKS: tuple[tuple[Layer, Check], ...] = (
    (Layer.HASH, hash.check),
    (Layer.ARCHIVE, archive.check),
    (Layer.RECORD, record.check),
    (Layer.METADATA, metadata.check),
    (Layer.INSTALL, install.check),
    (Layer.SIGNATURE, signature.check),
    (Layer.IDENTITY, identity.check),
    (Layer.PROVENANCE, provenance.check),
    (Layer.SBOM, sbom.check),
)
