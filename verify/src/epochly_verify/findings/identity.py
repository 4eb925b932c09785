"""Findings of the layer `identity`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = (
    Kind(
        id="identity-mismatch",
        severity=Severity.ERROR,
        means=(
            "The signature is valid, but none of the signers the policy or the lock file accepts made it. Anybody can "
            "get a valid signature for a file; only who made it says whether the file comes from the project."
        ),
        hint="do not use the file, or correct the policy if the project moved its repository or workflow",
        source="issue of trust in PEP 740, section Security Implications; in-toto attestation validation model",
    ),
    Kind(
        id="identity-unexpected-signer",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "Besides a signature by an accepted signer there is a valid one by somebody the policy does not name. It "
            "counts for nothing here, but somebody put it beside the file, and another tool may rely on it."
        ),
        hint="find out who added it, or name that signer in the policy as well",
        source="several attestations a file, PEP 740",
    ),
    Kind(
        id="identity-unsupported",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The lock file names a publisher of a kind this version cannot judge, or one that lacks a field, and no "
            "other publisher it names made a signature. So it stays open whether the signer is the one that was locked."
        ),
        hint="use a newer version of epochly-verify, or name the signer in a policy file",
        source="PEP 751, `packages.attestation-identities`",
    ),
    Kind(
        id="identity-environment-unproven",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The lock file names the deployment environment the publisher used, but the certificate was issued before "
            "certificates could say one. Repository and workflow match; the environment was taken on trust."
        ),
        hint="nothing, for files signed before 2026; a release made since then proves its environment",
        source="Sigstore OID 1.3.6.1.4.1.57264.1.23, in certificates since the end of 2025",
    ),
    Kind(
        id="publisher-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance document says one publisher and holds an attestation whose certificate names another. The "
            "publisher object is not signed, so an index or a mirror can write anything there; here it is not the truth."
        ),
        hint="do not use the file; fetch its provenance again from the index itself",
        source="PEP 740, provenance objects: publisher",
    ),
    Kind(
        id="publisher-unknown",
        severity=Severity.INFO,
        strict=Severity.WARNING,
        means=(
            "The provenance document names a publisher of a kind this version does not know, so it could not be held "
            "against the certificate. Who signed was judged by the certificate alone, as always."
        ),
        hint="nothing, as the publisher object is not signed and nothing rests on it",
        source="PEP 740, provenance objects: publisher",
    ),
)
