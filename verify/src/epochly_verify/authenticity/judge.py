"""One bundle, judged in full: the steps of the Sigstore client specification, in its order.

Time first (log promise, timestamps), then the certificate at that time, its logging, the log entry, the signature,
and last that the log entry is about all of these. Every refusal names its reason; a bundle can have several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from epochly_verify.authenticity.certificate import (
    claims_from,
    is_root,
    load_certificate,
    require_code_signing,
    require_issued,
    require_logged,
)
from epochly_verify.authenticity.entry import Signer, pre_authentication_encoding, require_entry_matches
from epochly_verify.authenticity.keys import key_id, spki, supported, verifies, verifies_sha256
from epochly_verify.authenticity.log import log_of, promised_time, require_leaf, require_signed_root
from epochly_verify.authenticity.timestamps import timestamp_time
from epochly_verify.model import Claims, Finding
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cryptography import x509

    from epochly_verify.authenticity.keys import PublicKey
    from epochly_verify.parse.bundle import Bundle
    from epochly_verify.parse.trustroot import Log, TrustRoot


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Judgement:
    """What is known of one bundle so far. Filled step by step; no problems at the end means authentic.

    Attributes:
        problems: refusals, in the order met.
        notes: facts that do not refuse it.
        times: trusted times of signing.
        log_index: the entry's index as the log proves it: the one it promised, else that of the inclusion proof.
        library_can_judge: whether the signing library supports this kind of bundle.
    """

    problems: list[Finding]
    notes: list[Finding]
    times: list[datetime]
    claims: Claims | None = None
    key_id: str = ""
    log: str = ""
    log_index: int | None = None
    library_can_judge: bool = True

    def attempt(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Take one step; a refusal is written down, `None` comes back, and independent steps go on."""
        try:
            return step(*args, **kwargs)
        except Refusal as refusal:
            if refusal.finding not in self.problems:
                self.problems.append(refusal.finding)
            return None


def judge_bundle(
    bundle: Bundle,
    root: TrustRoot,
    managed_key: PublicKey | None,
    artifact_sha256: bytes,
    origin: str,
    *,
    most: int,
) -> Judgement:
    """Judge a bundle over an artifact of which the SHA-256 is known; `most` bounds its timestamps.

    Never raises for what is in the bundle.
    """
    result = Judgement([], [], [])
    result.log_index = bundle.entry.proof.log_index if bundle.entry.proof else None
    attempt = result.attempt
    signer = attempt(_signer, result, bundle, managed_key, origin)
    # (0) the log, and the times it and the timestamp authorities vouch for
    log = attempt(log_of, bundle.entry, root.logs, origin)
    if log is not None:
        attempt(_promise, result, bundle, log[1], origin)
    attempt(_timestamps, result, bundle, root, origin, most)
    if log is not None:
        attempt(_log_window, result, log[0], origin)
    # (1) to (3) the certificate
    if signer is not None and signer.leaf is not None:
        attempt(require_code_signing, signer.leaf, origin)
        attempt(_certificate, result, signer.leaf, root, origin)
    # (4) and (5) the log entry
    attempt(require_leaf, bundle.entry, origin)
    if log is not None:
        result.log = attempt(require_signed_root, bundle.entry, log[1], origin) or ""
    # (6) and (7) the signature, and that the log entry is about it
    if signer is not None:
        attempt(_signature, bundle, signer.key, artifact_sha256, origin)
        attempt(require_entry_matches, bundle, signer.logged_as, artifact_sha256, origin)
    return result


@dataclass(frozen=True, slots=True)
class _Signer:
    """The leaf certificate (`None` for a managed key), the key that signed, and how log entries name them."""

    leaf: x509.Certificate | None
    key: PublicKey
    logged_as: Signer


def _promise(result: Judgement, bundle: Bundle, key: PublicKey, origin: str) -> None:
    promised = promised_time(bundle.entry, key, origin)
    if promised is None:
        return
    if (bundle.entry.kind, bundle.entry.version) == ("hashedrekord", "0.0.2"):
        raise Refusal("log-entry-unsupported", origin, "a Rekor v2 entry cannot carry an inclusion promise")
    result.times.append(promised)
    result.log_index = bundle.entry.log_index


def _certificate(result: Judgement, leaf: x509.Certificate, root: TrustRoot, origin: str) -> None:
    if not result.times and not result.problems:
        raise Refusal(
            "no-trusted-time",
            origin,
            "nothing trusted says when it was signed, so the certificate proves nothing",
        )
    issuer = require_issued(leaf, root.certificate_authorities, result.times, origin)
    require_logged(leaf, issuer, root.ct_logs, origin)


def _signer(result: Judgement, bundle: Bundle, managed_key: PublicKey | None, origin: str) -> _Signer:
    if not bundle.chain:
        if managed_key is None:
            raise Refusal(
                "managed-key-not-given",
                origin,
                f"signed with a managed key (hint {quoted(bundle.key_hint, most=60)}), none given",
            )
        result.key_id = key_id(managed_key).hex()
        result.library_can_judge = False
        return _Signer(None, managed_key, Signer(key=spki(managed_key)))
    if managed_key is not None:
        raise Refusal(
            "certificate-instead-of-key", origin, "signed with a certificate, but a managed key was asked for"
        )
    certificates = [load_certificate(data, origin) for data in bundle.chain]
    leaf = certificates[0]
    result.attempt(_require_no_root, certificates, origin)
    result.claims = claims_from(leaf)
    key = supported(leaf.public_key())
    assert key is not None  # load_certificate refuses others
    entry = (bundle.entry.kind, bundle.entry.version)
    result.library_can_judge = entry[0] != "intoto" and not (
        bundle.envelope is not None and entry == ("hashedrekord", "0.0.1")
    )
    return _Signer(leaf, key, Signer(certificate=bundle.chain[0]))


def _require_no_root(certificates: Sequence[x509.Certificate], origin: str) -> None:
    if any(is_root(certificate) for certificate in certificates):
        raise Refusal(
            "root-certificate-in-bundle",
            origin,
            "the bundle brings its own root certificate; roots come from us",
        )


def _timestamps(result: Judgement, bundle: Bundle, root: TrustRoot, origin: str, most: int) -> None:
    """Every timestamp is looked at. One that no authority vouches for is no time; alone, it is a refusal."""
    if len(bundle.timestamps) > most:
        raise Refusal(
            "timestamp-count", origin, f"holds {len(bundle.timestamps)} timestamps, more than {most}"
        )
    if len(set(bundle.timestamps)) != len(bundle.timestamps):
        raise Refusal("timestamp-count", origin, "holds the same timestamp twice")
    signature = bundle.envelope.signature if bundle.envelope else bundle.signature
    refusals: list[Refusal] = []
    for response in bundle.timestamps:
        try:
            result.times.append(timestamp_time(response, signature, root.timestamp_authorities, origin))
        except Refusal as refusal:
            if refusal.finding.id == "timestamp-malformed":
                raise
            refusals.append(refusal)
    if refusals and not result.times:
        raise refusals[0]  # the caller learns the others' reasons once this one is mended
    result.notes += [
        Finding("timestamp-not-counted", refusal.finding.subject, refusal.finding.message)
        for refusal in refusals
    ]


def _log_window(result: Judgement, log: Log, origin: str) -> None:
    """The log's key counted at every trusted time; with no time at all, only a window without end will do."""
    for moment in result.times:
        if not log.window.holds(moment):
            raise Refusal(
                "log-outside-validity",
                origin,
                f"logged {moment:%Y-%m-%d %H:%M:%S} UTC, but that log counts from {log.window}",
            )
    if not result.times and log.window.end is not None:
        raise Refusal(
            "no-trusted-time", origin, "nothing trusted says when it was logged, and that log has ended"
        )


def _signature(bundle: Bundle, key: PublicKey, artifact_sha256: bytes, origin: str) -> None:
    if bundle.envelope is not None:
        if not verifies(key, bundle.envelope.signature, pre_authentication_encoding(bundle.envelope)):
            raise Refusal("signature-invalid", origin, "the signature over the envelope is wrong")
        return
    if bundle.message_digest and bundle.message_digest != artifact_sha256:
        raise Refusal(
            "artifact-mismatch",
            origin,
            f"signed for sha256 {bundle.message_digest.hex()[:16]}…, the artifact has {artifact_sha256.hex()[:16]}…",
        )
    holds = verifies_sha256(key, bundle.signature, artifact_sha256)
    if holds is None:
        raise Refusal("key-unsupported", origin, "this kind of key signs the whole artifact, not its digest")
    if not holds:
        raise Refusal("signature-invalid", origin, "the signature over the artifact is wrong")
