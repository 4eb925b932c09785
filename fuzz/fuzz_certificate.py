"""DER certificates, and everything the judge asks one: an answer or a `Refusal`."""

from __future__ import annotations

from mutations import any_der
from pipeline import parsed
from specimens import public_good

from epochly_verify.authenticity import certificate
from epochly_verify.parse.trustroot import Authority

mutate = any_der


def one_input(data: bytes) -> None:
    """Read it as a leaf, and as the certificate of an authority."""
    leaf = parsed(certificate.load_certificate, data, "x")
    root = public_good()
    certificate.certificates_of(Authority("", (data, data), root.certificate_authorities[0].window))
    if leaf is None:
        return
    certificate.is_root(leaf)
    certificate.claims_from(leaf)
    parsed(certificate.require_code_signing, leaf, "x")
    moments = [leaf.not_valid_before_utc]
    parsed(certificate.require_issued, leaf, root.certificate_authorities, moments, "x")
    for authority in root.certificate_authorities:
        for issuer in certificate.certificates_of(authority):
            parsed(certificate.require_logged, leaf, issuer, root.ct_logs, "x")
