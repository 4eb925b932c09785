"""The one wrapper of the signing library, and the place where both opinions meet.

`authenticate` reads the evidence, asks our own judge and, for every bundle the library supports, the library too.
A signature is authentic only when neither refuses (docs/adr/0002). The library is used through its public interface
with the trust root handed over as bytes: no cache, no home directory, no network.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from epochly_verify.authenticity.judge import judge_bundle
from epochly_verify.model import EvidenceKind, Finding, Signed, Statement
from epochly_verify.parse.attestation import IN_TOTO, Attestation, parse_attestation, parse_provenance
from epochly_verify.parse.bundle import parse_bundle
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.filename import kind_from_filename, parse_filename
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.statement import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sigstore.models import Bundle as LibraryBundle
    from sigstore.verify import Verifier

    from epochly_verify.authenticity.keys import PublicKey
    from epochly_verify.limits import Limits
    from epochly_verify.model import Attached
    from epochly_verify.parse.bundle import Bundle
    from epochly_verify.parse.trustroot import TrustRoot

_NAME_CHARS = 255  # characters of a subject's name that is compared by its parts; no file's name is longer
_NAME_DOTS = 40  # dots in such a name: sets of tags multiply, and the widest real names have 12


@dataclass(frozen=True, slots=True)
class Target:
    """What the evidence must be about.

    Attributes:
        sha256: digest of the artifact.
        filename: its name, or empty where only the digest counts (then subject names are not judged).
        alone: a statement has to speak of it and of nothing else; a file name implies it.
    """

    sha256: bytes
    filename: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """One bundle of the evidence, or why there is none."""

    origin: str
    kind: EvidenceKind
    bundle: Bundle | None
    as_json: bytes
    evidence_sha256: str
    publisher: Mapping[str, Any] | None = None
    refusal: Refusal | None = None


def authenticate(
    attached: tuple[Attached, ...],
    target: Target,
    root: TrustRoot,
    managed_key: PublicKey | None,
    limits: Limits,
) -> tuple[Signed, ...]:
    """Judge every piece of evidence; none is skipped, and none can raise.

    A signature that comes twice, as an attestation does that lies beside a provenance holding it, is verified once.
    """
    valid: dict[tuple[Bundle | None, bytes], Signed] = {}
    found: list[Signed] = []
    for piece in (piece for evidence in attached for piece in _pieces(evidence, limits)):
        signed = valid.get((piece.bundle, piece.as_json))
        if signed is None:
            signed = _signed(piece, target, root, managed_key, limits)
            if signed.authentic and not signed.notes:  # findings name their origin, so they are not shared
                valid[piece.bundle, piece.as_json] = signed
        else:
            signed = replace(
                signed,
                origin=piece.origin,
                kind=piece.kind,
                publisher=piece.publisher,
                evidence_sha256=piece.evidence_sha256,
            )
        found.append(signed)
    return tuple(found)


def _pieces(evidence: Attached, limits: Limits) -> Iterator[_Piece]:
    origin, kind = evidence.origin, evidence.kind
    sha256 = hashlib.sha256(evidence.data).hexdigest()
    try:
        match kind:
            case EvidenceKind.BUNDLE:
                yield _Piece(origin, kind, parse_bundle(evidence.data, origin), evidence.data, sha256)
            case EvidenceKind.ATTESTATION:
                yield _from_attestation(parse_attestation(evidence.data, origin), kind, sha256)
            case EvidenceKind.PROVENANCE:
                for attestation in parse_provenance(evidence.data, origin, most=limits.attestations):
                    yield _from_attestation(attestation, kind, sha256)
    except Refusal as refusal:
        yield _Piece(origin, kind, None, b"", sha256, refusal=refusal)


def _from_attestation(found: Attestation, kind: EvidenceKind, sha256: str) -> _Piece:
    return _Piece(
        found.origin, kind, found.bundle, found.as_bundle_json, sha256, found.publisher, found.refusal
    )


def _signed(
    piece: _Piece, target: Target, root: TrustRoot, managed_key: PublicKey | None, limits: Limits
) -> Signed:
    if piece.bundle is None:
        assert piece.refusal is not None
        return Signed(
            piece.origin,
            piece.kind,
            (piece.refusal.finding,),
            publisher=piece.publisher,
            evidence_sha256=piece.evidence_sha256,
        )
    bundle = piece.bundle
    judged = judge_bundle(bundle, root, managed_key, target.sha256, piece.origin, most=limits.timestamps)
    problems = list(judged.problems)
    statement: Statement | None = None
    if bundle.envelope is not None:
        try:
            statement = _statement(bundle, target, piece.origin)
        except Refusal as refusal:
            problems.append(refusal.finding)
    if not problems and judged.library_can_judge:
        problems += _library_refusal(piece, target, root)
    return Signed(
        origin=piece.origin,
        kind=piece.kind,
        problems=tuple(problems),
        notes=tuple(judged.notes),
        claims=judged.claims,
        key_id=judged.key_id,
        times=tuple(sorted(judged.times)),
        log=judged.log,
        log_index=judged.log_index,
        statement=statement,
        publisher=piece.publisher,
        evidence_sha256=piece.evidence_sha256,
    )


def _statement(bundle: Bundle, target: Target, origin: str) -> Statement:
    """The in-toto statement of an envelope, when it is about the target."""
    assert bundle.envelope is not None
    if bundle.envelope.payload_type != IN_TOTO:
        raise Refusal(
            "payload-type-unknown",
            origin,
            f"the envelope's payload is {quoted(bundle.envelope.payload_type, most=80)}, not `{IN_TOTO}`",
        )
    statement = parse_statement(bundle.envelope.payload, origin)
    subjects = statement.subjects
    if (target.filename or target.alone) and len(subjects) != 1:
        raise Refusal(
            "subject-count", origin, f"the statement has {len(subjects)} subjects, expected exactly one"
        )
    wanted = target.sha256.hex()
    if not any(subject.digests.get("sha256") == wanted for subject in subjects):
        said = subjects[0].digests.get("sha256", "no sha256") if subjects else "nothing"
        raise Refusal(
            "subject-digest-mismatch",
            origin,
            f"the statement is about sha256 {quoted(said, most=16)}, not {quoted(wanted, most=16)}",
        )
    if target.filename and not _same_artifact_name(subjects[0].name, target.filename):
        raise Refusal(
            "subject-name-mismatch",
            origin,
            f"the statement is about {quoted(subjects[0].name, most=120)}, not {quoted(target.filename)}",
        )
    return statement


def _same_artifact_name(stated: str, filename: str) -> bool:
    """Equal after parsing: project, version, build and tags (PEP 740); other files by exact name."""
    if stated == filename:
        return True
    if len(stated) > _NAME_CHARS or stated.count(".") > _NAME_DOTS:
        return False
    if kind_from_filename(stated) is None or kind_from_filename(stated) is not kind_from_filename(filename):
        return False
    try:
        first, second = parse_filename(stated), parse_filename(filename)
    except ValueError:
        return False
    return (first.project, first.version, first.build, first.tags) == (
        second.project,
        second.version,
        second.build,
        second.tags,
    )


class _IdentityIsJudgedElsewhere:
    """The library insists on a policy; who may sign is layer `identity`, judged over the same certificate."""

    def verify(self, cert: object) -> None:
        """Accept every certificate."""


def _library_refusal(piece: _Piece, target: Target, root: TrustRoot) -> list[Finding]:
    """The library's refusal of a bundle ours accepts, as a finding; empty when it accepts too."""
    from sigstore.hashes import Hashed  # noqa: PLC0415 - 0.3 s of imports, only when there is a signature
    from sigstore.models import Bundle as LibraryBundle  # noqa: PLC0415
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415

    policy = _IdentityIsJudgedElsewhere()
    try:
        verifier = _verifier(root)
        bundle: LibraryBundle = LibraryBundle.from_json(piece.as_json)
        if piece.bundle is not None and piece.bundle.envelope is not None:
            kind, payload = verifier.verify_dsse(bundle, policy)
            if (kind, payload) != (piece.bundle.envelope.payload_type, piece.bundle.envelope.payload):
                return [Finding("library-refuses", piece.origin, "the signing library read another payload")]
        else:
            digest = Hashed(digest=target.sha256, algorithm=HashAlgorithm.SHA2_256)
            verifier.verify_artifact(digest, bundle, policy)
    except Exception as error:  # noqa: BLE001 - it raises many kinds on hostile input; every one is a refusal
        text = quoted(" ".join(str(error).split()), most=200)[1:-1]
        return [Finding("library-refuses", piece.origin, f"the `sigstore` library refuses it: {text}")]
    return []


@lru_cache(maxsize=8)
def _verifier(root: TrustRoot) -> Verifier:
    import logging  # noqa: PLC0415 - see above

    from sigstore.models import ClientTrustConfig  # noqa: PLC0415 - see above
    from sigstore.verify import Verifier  # noqa: PLC0415

    silent = logging.NullHandler()  # what the library has to say goes into findings, not to stderr
    logging.getLogger("sigstore").addHandler(silent)
    return Verifier(trusted_root=ClientTrustConfig.from_json(_trust_config(root)).trusted_root)


def _trust_config(root: TrustRoot) -> str:
    """The trust root as a client trust configuration, the library's only public way in for bytes.

    Two changes, neither of which widens trust: windows of timestamp authorities end a microsecond later, because
    the library leaves their end out where the specification includes it (our judge holds the exact window); and
    authorities without certificates, which vouch for nothing, are left out because the library cannot load them.
    """
    document = json.loads(json.dumps(root.document))
    document["mediaType"] = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    for name, authorities in (
        ("timestampAuthorities", root.timestamp_authorities),
        ("certificateAuthorities", root.certificate_authorities),
    ):
        kept = []
        for item, authority in zip(document.get(name) or [], authorities, strict=True):
            if name == "timestampAuthorities" and authority.window.end is not None:
                item["validFor"]["end"] = (authority.window.end + timedelta(microseconds=1)).isoformat()
            if authority.chain:
                kept.append(item)
        document[name] = kept
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": document,
            "signingConfig": {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"},
        }
    )
