"""RFC 3161 timestamps: which trusted authority says the signature existed, and when.

The cryptography (CMS, certificate path) is `rfc3161-client`'s. Temporal authority comes only from the authority
that made the timestamp: its window of the trust root must hold the time, inclusive at both ends.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from epochly_verify.authenticity.certificate import certificates_of
from epochly_verify.parse.fields import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509
    from rfc3161_client import TimeStampResponse

    from epochly_verify.parse.trustroot import Authority

_IMPRINTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def timestamp_time(
    response: bytes, signature: bytes, authorities: Sequence[Authority], origin: str
) -> datetime:
    """The time of signing that an authority vouches for, UTC.

    Raises:
        Refusal: `timestamp-malformed`, `timestamp-mismatch`, `timestamp-not-trusted`,
            `timestamp-certificate-expired`, `timestamp-authority-outside-validity`.
    """
    import rfc3161_client  # noqa: PLC0415 - only bundles with timestamps pay for it

    try:
        decoded = rfc3161_client.decode_timestamp_response(response)
        moment = decoded.tst_info.gen_time
        is_about_signature = _is_about(decoded, signature)
        signers = frozenset(info.serial_number for info in decoded.signed_data.signer_infos)
    except (ValueError, TypeError) as error:
        raise Refusal("timestamp-malformed", origin, "a timestamp is no strict RFC 3161 response") from error
    refused: Refusal | None = None
    if not is_about_signature:
        raise Refusal("timestamp-mismatch", origin, "a timestamp is about something else than this signature")
    for authority in authorities:
        chain = certificates_of(authority)
        if len(chain) < 2:
            continue  # a signing certificate and a root are the least that can be checked
        if not _made_by(chain, decoded, signature):
            if chain[0].serial_number in signers and not _all_valid(chain, moment):
                refused = refused or Refusal(
                    "timestamp-certificate-expired",
                    origin,
                    f"timestamp of {moment:%Y-%m-%d %H:%M:%S} UTC, when its authority's certificates were not valid",
                )
            continue
        if authority.window.holds(moment):
            return moment
        refused = Refusal(
            "timestamp-authority-outside-validity",
            origin,
            f"timestamp of {moment:%Y-%m-%d %H:%M:%S} UTC, but its authority counts from {authority.window}",
        )
    raise refused or Refusal(
        "timestamp-not-trusted", origin, "no timestamp authority of the trust root made this timestamp"
    )


def _is_about(response: TimeStampResponse, signature: bytes) -> bool:
    """Whether the timestamp's message imprint is the signature's digest."""
    imprint = response.tst_info.message_imprint
    algorithm = _IMPRINTS.get(imprint.hash_algorithm.dotted_string)
    return algorithm is not None and hashlib.new(algorithm, signature).digest() == imprint.message


def _made_by(chain: Sequence[x509.Certificate], response: TimeStampResponse, signature: bytes) -> bool:
    """Whether the first certificate of `chain` made the timestamp, and leads to the last one."""
    from rfc3161_client import VerifierBuilder  # noqa: PLC0415 - see above

    builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for certificate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        return builder.build().verify_message(response, signature)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - certificates inside the response raise many kinds; a panic is no `Exception`
        return False


def _all_valid(chain: Sequence[x509.Certificate], moment: datetime) -> bool:
    return all(each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in chain)
