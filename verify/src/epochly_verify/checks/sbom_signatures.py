"""A part of the layer `sbom`: who signed the SBOMs from outside the wheel, and which of them may be read.

Two forms are judged. An attestation says of the wheel what is in it: it is evidence of the wheel like any other, so the
layer `signature` answers for it, and here its predicate becomes an SBOM. A signature beside an SBOM file is about that
file alone. Either way the signer has to be one that the policy accepts for the wheel. An SBOM whose signature does not
hold, or was not judged, is not read; one that nobody signed is, because the wheel decides whether it is right.
https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.checks.identity import is_stranger, trusted_signers, version_of, why_stranger
from epochly_verify.checks.signer import signer_in_words
from epochly_verify.model import Finding
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.sbom import MAX_OUTSIDE_SBOMS, attested_document, attested_standard

if TYPE_CHECKING:
    from packaging.version import Version

    from epochly_verify.checks.identity import Trusted
    from epochly_verify.model import AttachedSbom, Evidence, Signed
    from epochly_verify.policy import Policy

_UNJUDGED = "not read, as its signature was not judged"
_BROKEN = "not read, as its signature does not hold"
_NAME_CHARS = 80  # characters of a file's name that are said in the outcome


@dataclass(frozen=True, slots=True)
class Outside:
    """The SBOMs of a wheel that are not in it.

    Attributes:
        documents: (where from, its bytes) of each that may be read.
        findings: what is wrong with the signatures over them.
        count: how many there are, read or not.
        signers: of each in few words whether it is signed, and by whom; empty when there is none.
    """

    documents: tuple[tuple[str, bytes], ...]
    findings: tuple[Finding, ...]
    count: int
    signers: str


def sboms_from_outside(evidence: Evidence, policy: Policy) -> Outside:
    """Every SBOM that was attached or attested, files first."""
    reader = _Reader(trusted_signers(evidence, policy), version_of(evidence))
    given = {attached.origin: None for attached in evidence.attached if attached.as_sbom}
    attested = [signed for signed in evidence.signed or () if signed.origin in given or _attests_sbom(signed)]
    unjudged = given if evidence.signed is None else {}
    for sbom in evidence.sboms:
        reader.file(sbom)
    for signed in attested:
        reader.attestation(signed)
    for origin in unjudged:
        reader.say(_UNJUDGED, origin)
    return reader.outside(len(evidence.sboms) + len(attested) + len(unjudged))


def _attests_sbom(signed: Signed) -> bool:
    return (
        signed.authentic
        and signed.statement is not None
        and bool(attested_standard(signed.statement.predicate_type))
    )


def _broken(signed: Signed, origin: str) -> Finding:
    problem = signed.problems[0]
    message = f"the signature {quoted(signed.origin)} over it does not hold: {problem.id}, {problem.message}"
    return Finding("sbom-signature-invalid", origin, message)


class _Reader:
    """Goes through the SBOMs one after the other, and keeps what is said of them."""

    def __init__(self, sources: tuple[Trusted, ...], version: Version | None) -> None:
        self._sources, self._version = sources, version
        self._documents: list[tuple[str, bytes]] = []
        self._findings: list[Finding] = []
        self._said: dict[str, list[str]] = {}
        self._left_out: list[str] = []

    def file(self, sbom: AttachedSbom) -> None:
        """An SBOM file, with the signatures over it."""
        if not sbom.signatures:
            self.say("unsigned", sbom.origin)
        elif not sbom.signed:
            self.say(_UNJUDGED, sbom.origin)
            return
        broken = [_broken(signed, sbom.origin) for signed in sbom.signed or () if not signed.authentic]
        if broken:
            self.say(_BROKEN, sbom.origin)
            self._findings += broken
            return
        for signed in sbom.signed or ():
            self._signer(signed, sbom.origin)
            self._findings += signed.notes
        self._keep(sbom.origin, sbom.data)

    def attestation(self, signed: Signed) -> None:
        """An attestation of an SBOM, or what was given as one. That it does not hold is for the layer `signature`."""
        if not signed.authentic:
            self.say(_BROKEN, signed.origin)
            return
        if signed.statement is None:
            message = "is given as an attested SBOM, and is a signature over the wheel itself"
            self._findings.append(Finding("sbom-unrecognised", signed.origin, message))
            return
        try:
            document = attested_document(signed.statement, signed.origin)
        except Refusal as refusal:
            self._findings.append(refusal.finding)
            return
        self._signer(signed, signed.origin)
        self._keep(signed.origin, document)

    def say(self, what: str, origin: str) -> None:
        """What is said of one SBOM."""
        names = self._said.setdefault(what, [])
        name = quoted(origin.replace("\\", "/").rpartition("/")[2], most=_NAME_CHARS)
        if name not in names:
            names.append(name)

    def outside(self, count: int) -> Outside:
        """Everything that was found in so many SBOMs."""
        if self._left_out:
            more = f" (and {len(self._left_out) - 1} more)" if len(self._left_out) > 1 else ""
            message = f"was not read{more}; the bound is {MAX_OUTSIDE_SBOMS} SBOMs from outside the wheel"
            self._findings.append(Finding("sbom-unread", self._left_out[0], message))
        signers = "; ".join(f"{what}: {', '.join(names)}" for what, names in self._said.items())
        return Outside(tuple(self._documents), tuple(self._findings), count, signers)

    def _signer(self, signed: Signed, origin: str) -> None:
        """Whoever signed an SBOM is somebody who may sign the wheel, by every source that says who may."""
        self.say(f"signed by {signer_in_words(signed)}", origin)
        for trusted in self._sources:
            if is_stranger(trusted, signed, self._version) and not trusted.unsupported:
                message = why_stranger(trusted, signed, self._version)
                self._findings.append(Finding("sbom-signer-mismatch", origin, message))

    def _keep(self, origin: str, document: bytes) -> None:
        if len(self._documents) < MAX_OUTSIDE_SBOMS:
            self._documents.append((origin, document))
        else:
            self._left_out.append(origin)
