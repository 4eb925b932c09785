"""The frozen values that flow through the judge: evidence in, report out.

Nothing here reads, decides or prints. `gather.py` makes `Evidence`, `run.py` turns it into a `Report`,
`render/` turns that into text. It is long, because every value that passes between parts is here, with what it means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Layer(StrEnum):
    """What is judged, in the order of the report."""

    HASH = "hash"
    ARCHIVE = "archive"
    RECORD = "record"
    METADATA = "metadata"
    INSTALL = "install"
    SIGNATURE = "signature"
    IDENTITY = "identity"
    PROVENANCE = "provenance"
    SBOM = "sbom"


class Status(StrEnum):
    """How a layer ended. Not-run is never passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"


class Severity(StrEnum):
    """What a finding does: an error fails its layer, a warning and an info do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(StrEnum):
    """The answer for one artifact, and for a whole run (the worst of its artifacts)."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


class ArtifactKind(StrEnum):
    """Which of the two kinds of distribution an artifact is."""

    WHEEL = "wheel"
    SDIST = "sdist"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact against an artifact, as a parser or a check states it.

    Attributes:
        id: stable kebab-case id; `findings.py` holds its layer, severity, hint and explanation.
        subject: the thing named (a member, a header, an evidence file).
        message: lower-case sentence without full stop; says what was seen and what was expected.
    """

    id: str
    subject: str
    message: str


class MemberKind(StrEnum):
    """What an archive member is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Member:
    """One archive member after its content was read once.

    Attributes:
        name: exact spelling in the archive; directories keep their trailing `/`.
        kind: what it is by its mode and name.
        size_bytes: bytes that came out when it was read.
        digests: algorithm name -> raw digest; always holds `sha256` for a file that could be read, plus
            whatever algorithm RECORD names for it. Empty when the content could not be read.
        mode: Unix permission and type bits, `None` where the archive says nothing.
        content: the bytes, only for the small members the checks need (see `parse/retain.py`).
        link_target: for a symbolic or hard link in a tar.
    """

    name: str
    kind: MemberKind
    size_bytes: int
    digests: Mapping[str, bytes] = field(default_factory=lambda: EMPTY)
    mode: int | None = None
    content: bytes | None = None
    link_target: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, as its two kinds of readers see it.

    Attributes:
        members: the central directory's entries (ZIP) or the headers (tar), in order, duplicates included.
        streamed: what a reader that never seeks sees, in order; equal to `members` for an honest archive.
        defects: what is wrong with the container itself, ids of the `archive` layer.
    """

    members: tuple[Member, ...]
    streamed: tuple[Member, ...]
    defects: tuple[Finding, ...] = ()

    def file(self, name: str) -> Member | None:
        """The last member of that exact name, as `zipfile` would return it; `None` when absent."""
        found = None
        for member in self.members:
            if member.name == name:
                found = member
        return found


class EvidenceKind(StrEnum):
    """The forms signature evidence comes in."""

    BUNDLE = "bundle"  # Sigstore bundle JSON
    ATTESTATION = "attestation"  # PEP 740 attestation object
    PROVENANCE = "provenance"  # PEP 740 provenance object: attestations grouped by publisher


@dataclass(frozen=True, slots=True)
class Attached:
    """A piece of signature evidence, unread.

    Attributes:
        origin: where it came from, as a person would name it.
        kind: what it claims to be.
        data: its bytes.
        as_sbom: it was given as an SBOM, so it has to attest one.
    """

    origin: str
    kind: EvidenceKind
    data: bytes
    as_sbom: bool = False


@dataclass(frozen=True, slots=True)
class AttachedSbom:
    """An SBOM that came beside the artifact or was named by the user, unread.

    Attributes:
        origin: as in `Attached`.
        data: its bytes.
        signatures: signature evidence over these bytes, unread.
        signed: the same after it was judged, and about nothing but these bytes; `None` until then.
    """

    origin: str
    data: bytes
    signatures: tuple[Attached, ...] = ()
    signed: tuple[Signed, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExpectedHash:
    """A digest somebody published for the artifact.

    Attributes:
        algorithm: `hashlib` name, lower case.
        digest: lower-case hexadecimal.
        origin: where it was found, e.g. `--hash` or `requirements.txt:3`.
        source: the file or option that holds it, as in `Evidence.expected_sources`; empty means `origin` is it.
        candidate: which of the files that `source` would accept it describes. One candidate must fit in every
            algorithm it names; two digests of one algorithm, or two candidates, are alternatives.
    """

    algorithm: str
    digest: str
    origin: str
    source: str = ""
    candidate: int = 0


@dataclass(frozen=True, slots=True)
class Claims:
    """What a Fulcio certificate says about its holder (Sigstore OID registry, 1.3.6.1.4.1.57264.1).

    Every text is empty when the certificate does not say. The number beside a field is the last arc of its OID.
    """

    san: str = ""  # subjectAltName: URI, e-mail or otherName .7
    san_kind: str = ""  # "uri", "email" or "other"
    issuer: str = ""  # .8, else .1
    build_signer_uri: str = ""  # .9
    build_signer_digest: str = ""  # .10
    runner_environment: str = ""  # .11
    source_repository_uri: str = ""  # .12, else GitHub's .5
    source_repository_digest: str = ""  # .13, else .3
    source_repository_ref: str = ""  # .14, else .6
    source_repository_id: str = ""  # .15
    source_repository_owner_uri: str = ""  # .16
    source_repository_owner_id: str = ""  # .17
    build_config_uri: str = ""  # .18
    build_config_digest: str = ""  # .19
    build_trigger: str = ""  # .20, else .2
    run_invocation_uri: str = ""  # .21
    source_repository_visibility: str = ""  # .22
    deployment_environment: str = ""  # .23


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of an in-toto statement: its name and its digests in lower-case hexadecimal."""

    name: str
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto statement: what an attestation says of its subjects.

    Attributes:
        type: the statement's own type URI.
        predicate_type: type URI of `predicate`.
        subjects: what it speaks of.
        predicate: the predicate, as parsed JSON (a mapping, or `None`).
    """

    type: str
    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature after it was judged.

    Attributes:
        origin: the evidence it came from, e.g. `x.whl.provenance[0].attestations[1]`.
        kind: the form it came in.
        problems: why it is not authentic; empty means it is, and only then may the rest be relied on.
        notes: findings below an error that are worth saying (ids of the `signature` layer).
        claims: the signer's certificate, `None` for a managed key.
        key_id: SHA-256 of the managed key, lower-case hexadecimal, empty for a certificate.
        times: trusted times of signing, UTC.
        log: the transparency log's origin line, empty when there is none.
        log_index: the entry's index in that log, `None` when there is none.
        statement: for DSSE; `None` for a plain message signature.
        publisher: the publisher object beside it in a PEP 740 provenance: unsigned, only to be compared.
        evidence_sha256: of the evidence as it was attached, lower-case hexadecimal; empty when it was not kept.
            A verification summary may list its input attestations only when it knows the digest of each.
    """

    origin: str
    kind: EvidenceKind
    problems: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    claims: Claims | None = None
    key_id: str = ""
    times: tuple[datetime, ...] = ()
    log: str = ""
    log_index: int | None = None
    statement: Statement | None = None
    publisher: Mapping[str, Any] | None = None
    evidence_sha256: str = ""

    @property
    def authentic(self) -> bool:
        """Whether the signature holds."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known about one artifact before it is judged.

    Attributes:
        path: the artifact as the user named it.
        filename: its last component; names and versions are read from it.
        kind: wheel or sdist, by the file name's ending.
        size_bytes: length of the file.
        digests: algorithm -> lower-case hexadecimal, always with `sha256`, plus what `expected` needs.
        archive: its content.
        expected: digests published for it.
        expected_sources: every source of digests that was consulted, also those that do not list it.
        attached: signature evidence, unread.
        signed: the same after `signatures.authenticate`; `None` until then.
        trust_problem: why signatures cannot be judged at all (an unreadable trust root), else empty.
        lock_identities: PEP 751 `attestation-identities` for this artifact, as parsed TOML tables.
        sboms: SBOMs from outside the artifact, unread.
    """

    path: str
    filename: str
    kind: ArtifactKind
    size_bytes: int
    digests: Mapping[str, str]
    archive: Archive
    expected: tuple[ExpectedHash, ...] = ()
    expected_sources: tuple[str, ...] = ()
    attached: tuple[Attached, ...] = ()
    signed: tuple[Signed, ...] | None = None
    trust_problem: str = ""
    lock_identities: tuple[Mapping[str, Any], ...] = ()
    sboms: tuple[AttachedSbom, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """A check ran; the layer passes unless a finding of error severity says otherwise.

    `why` says in one clause what was looked at, e.g. "34 members, 2 formats"; `also` is said even when the layer fails.
    """

    findings: tuple[Finding, ...] = ()
    why: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check had nothing to look at. `why` completes "not run: ..."; notes below an error may come with it.

    `also` as in `Ran`.
    """

    why: str
    findings: tuple[Finding, ...] = ()
    also: str = ""


Outcome = Ran | NotRun


@dataclass(frozen=True, slots=True)
class LayerResult:
    """How one layer ended, and in one clause why."""

    layer: Layer
    status: Status
    why: str


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding with its place and weight.

    Attributes:
        severity: after the policy's say.
        usual_severity: what it is without a policy; differs only where the policy changed it.
    """

    id: str
    layer: Layer
    severity: Severity
    usual_severity: Severity
    subject: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class ArtifactReport:
    """The judgement of one artifact.

    `signed` are the signatures over it, `sbom_signed` those over SBOM files, which say nothing of the artifact itself.
    """

    path: str
    sha256: str
    size_bytes: int
    verdict: Verdict
    layers: tuple[LayerResult, ...]
    findings: tuple[JudgedFinding, ...]
    signed: tuple[Signed, ...]
    required: tuple[Layer, ...]
    policy: str
    sbom_signed: tuple[Signed, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The judgement of a run.

    Attributes:
        verdict: the worst of the artifacts': rejected over inconclusive over verified; a report of nothing
            is inconclusive, never verified.
        artifacts: one report each, in the order given.
        severity_changes: finding id -> new severity, every change the policy made.
    """

    verdict: Verdict
    artifacts: tuple[ArtifactReport, ...]
    severity_changes: Mapping[str, Severity] = field(default_factory=lambda: EMPTY)
