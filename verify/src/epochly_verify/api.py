"""From a path to a report, as a library: gather, authenticate, judge.

>>> from epochly_verify import verify
>>> report = verify("demo_pkg-1.0-py3-none-any.whl")  # doctest: +SKIP
>>> report.verdict  # doctest: +SKIP
<Verdict.INCONCLUSIVE: 'inconclusive'>
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from epochly_verify.errors import InputError
from epochly_verify.gather import Wanted, embedded_trust_root, gather
from epochly_verify.model import ArtifactReport, Layer, LayerResult, Status, Verdict
from epochly_verify.parse.policy import builtin_policy
from epochly_verify.policy import combine
from epochly_verify.run import judge, summarise

if TYPE_CHECKING:
    from os import PathLike

    from epochly_verify.authenticity.keys import PublicKey
    from epochly_verify.model import Evidence, Report
    from epochly_verify.parse.trustroot import TrustRoot
    from epochly_verify.policy import Policy


@dataclass(frozen=True, slots=True)
class Trust:
    """What signatures are judged against.

    Attributes:
        root: the trust root.
        managed_key: PEM public key for bundles signed without a certificate, empty for none.
        managed_key_origin: where it came from, for messages.
    """

    root: TrustRoot
    managed_key: bytes = b""
    managed_key_origin: str = "--key"


@cache
def default_trust() -> Trust:
    """The public-good Sigstore instance, as embedded in this version of the package; read when first asked for."""
    from epochly_verify.parse.trustroot import parse_trust_root  # noqa: PLC0415 - only for signatures

    return Trust(parse_trust_root(*embedded_trust_root()))


def verify(
    path: str | PathLike[str],
    policy: Policy | None = None,
    *,
    wanted: Wanted | None = None,
    trust: Trust | None = None,
) -> Report:
    """Judge one wheel or sdist.

    Args:
        path: the artifact; evidence is looked for beside it unless `wanted` names some.
        policy: who may sign and what must pass; without one only the built-in policy for epochly's own
            projects applies, so that a foreign artifact is at best inconclusive.
        wanted: expected digests and evidence.
        trust: trust root and managed key; the embedded public-good root by default.

    Returns:
        A report of one artifact. It is `verified` only when every required layer passed.

    Raises:
        InputError: the artifact or its evidence cannot be read at all.
    """
    combined = combine(policy, builtin_policy())
    return summarise((examine(str(path), wanted or Wanted(), combined, trust),), combined)


def examine(path: str, wanted: Wanted, policy: Policy, trust: Trust | None) -> ArtifactReport:
    """Judge one artifact under a policy that is complete (see `combine`); `trust` as in `verify`.

    Raises:
        InputError: as `verify`.
    """
    evidence = gather(path, wanted, policy.limits)
    return judge(authenticated(evidence, policy, trust), policy)


def authenticated(evidence: Evidence, policy: Policy, trust: Trust | None) -> Evidence:
    """The evidence with its signatures judged. The signing library is imported only when there are any.

    Those over the artifact are judged about the artifact, those over an SBOM file about that file alone.
    """
    if not evidence.attached and not any(sbom.signatures for sbom in evidence.sboms):
        return replace(evidence, signed=())
    from epochly_verify.signatures import Target, authenticate  # noqa: PLC0415 - half a second of imports

    trust = trust or default_trust()
    key = managed_key(trust.managed_key, trust.managed_key_origin) if trust.managed_key else None
    target = Target(bytes.fromhex(evidence.digests["sha256"]), evidence.filename)
    signed = authenticate(evidence.attached, target, trust.root, key, policy.limits)
    sboms = []
    for sbom in evidence.sboms:
        about = Target(hashlib.sha256(sbom.data).digest(), alone=True)
        over = authenticate(sbom.signatures, about, trust.root, key, policy.limits)
        sboms.append(replace(sbom, signed=over))
    return replace(evidence, signed=signed, sboms=tuple(sboms))


def managed_key(pem: bytes, origin: str) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        InputError: `key-malformed`.
    """
    from epochly_verify.authenticity.keys import load_pem_key  # noqa: PLC0415 - only with a managed key

    key = load_pem_key(pem)
    if key is None:
        raise InputError(
            "key-malformed",
            origin,
            "no PEM public key of a supported kind (ECDSA, RSA of 2048 bits or more, Ed25519)",
            "give the publisher's public key, not a certificate or private key",
        )
    return key


def managed_key_id(pem: bytes, origin: str) -> str:
    """SHA-256 of a PEM public key's SubjectPublicKeyInfo, hexadecimal; raises as `managed_key`."""
    from epochly_verify.authenticity.keys import key_id  # noqa: PLC0415 - only with a managed key

    return key_id(managed_key(pem, origin)).hex()


def unreadable(path: str, error: InputError) -> ArtifactReport:
    """The report of an artifact that could not be read: nothing was checked, so nothing passed."""
    return ArtifactReport(
        path=path,
        sha256="",
        size_bytes=0,
        verdict=Verdict.INCONCLUSIVE,
        layers=tuple(
            LayerResult(layer, Status.NOT_RUN, f"could not be read: {error.message}") for layer in Layer
        ),
        findings=(),
        signed=(),
        required=(),
        policy="",
    )
