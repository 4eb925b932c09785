"""Signs with Sigstore, keylessly: the one wrapper of the signing library. Keys live in memory, for one call.

A token comes in, signatures come out; nothing is read from the environment, and nobody is asked to log in. That the
library says it signed is no evidence: a certificate authority can answer with a certificate of another key, and the
library does not look. What was signed is judged by `epochly_verify` before it leaves (`steps/verify.py`).

Source: Sigstore client specification; `sigstore` 4, `SigningContext`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from epochly_release.errors import InputError, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sigstore.sign import Signer

    from epochly_release.attestation import ToSign


_EXPIRED = {
    "ExpiredIdentity",
    "ExpiredCertificate",
    "ExpiredSignatureError",
}  # the last is the token library's


def sign_all(wanted: Sequence[ToSign], token: str, trust_config: str) -> Iterator[tuple[ToSign, str]]:
    """Each signature as a bundle in JSON, in the order wanted; one certificate serves all in the same log.

    Args:
        wanted: what to sign.
        token: OIDC token for the audience `sigstore`.
        trust_config: client trust configuration as JSON; empty for the public instance, found by TUF.

    Raises:
        InputError: the token is refused or expired, a service is down, or the configuration is none.
    """
    signers: dict[int | None, Signer] = {}
    for one in wanted:
        try:
            if one.rekor not in signers:
                signers[one.rekor] = _signer(token, trust_config, one.rekor)
            bundle = _signed(one, signers[one.rekor])
        except ReleaseError:
            raise
        except Exception as error:  # the library raises a dozen types, some of them private; none may pass
            raise _trouble(one, error) from error
        yield one, bundle


def _signer(token: str, trust_config: str, rekor: int | None) -> Signer:
    from sigstore.models import ClientTrustConfig  # noqa: PLC0415 - half a second, only to sign
    from sigstore.oidc import IdentityToken  # noqa: PLC0415 - as above
    from sigstore.sign import Signer, SigningContext  # noqa: PLC0415 - as above

    config = ClientTrustConfig.from_json(trust_config) if trust_config else ClientTrustConfig.production()
    if rekor is not None:
        config.force_tlog_version = rekor
    return Signer(IdentityToken(token), SigningContext.from_trust_config(config))


def _signed(one: ToSign, signer: Signer) -> str:
    from sigstore.dsse import Statement  # noqa: PLC0415 - as above
    from sigstore.hashes import Hashed  # noqa: PLC0415 - as above
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415 - as above

    if one.statement:
        return signer.sign_dsse(Statement(one.statement)).to_json()
    digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(one.sha256))
    return signer.sign_artifact(digest).to_json()


def _trouble(one: ToSign, error: Exception) -> InputError:
    kinds = [type(each).__name__ for each in _causes(error)]
    if _EXPIRED & set(kinds):
        hint = "run the step again: it asks for a new token, and keeps what is signed already"
        return InputError("expired", one.name, "was not signed: the token or its certificate expired", hint)
    said = " ".join(str(error).split())[:300]
    hint = "see whether the Sigstore instance is up, then run the step again"
    return InputError("signing", one.name, f"was not signed: {kinds[0]}: {said}", hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those it came from: the library translates what its own libraries say."""
    while error is not None:
        yield error
        error = error.__cause__


def trusted_root_of(trust_config: str, where: str) -> str:
    """The trusted root inside a client trust configuration, as JSON; raises `InputError`."""
    try:
        return json.dumps(json.loads(trust_config)["trustedRoot"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "trust-config", where, "is no client trust configuration", "see `sigstore --trust-config`"
        ) from error
