"""What clients are told to trust: trusted root, signing configuration, and both in one client trust configuration.

Formats: `sigstore_trustroot.proto`, trusted root v0.1 and signing configuration v0.2, as JSON. All services stand at
one address, and both logs are offered: a client takes the newest it knows, or the one it is told to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.authority import HEAD_START, der
from epochly_release.rehearsal.keys import b64, key_id, spki

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

    from epochly_release.rehearsal.keys import EcKey
    from epochly_release.rehearsal.state import Instance

_OPERATOR = "release rehearsal"


def trusted_root(instance: Instance) -> dict[str, Any]:
    """Certificates and keys of the instance, valid from a little before it began."""
    window = _window(instance)
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(each.key, instance.url, window) for each in (instance.rekor1, instance.rekor2)],
        "ctlogs": [_log(instance.fulcio.ct_key, instance.url, window)],
        "certificateAuthorities": [
            _authority("Fulcio", instance.url, instance.fulcio.authority.chain, window)
        ],
        "timestampAuthorities": [
            _authority("timestamps", f"{instance.url}/api/v1/timestamp", instance.tsa.authority.chain, window)
        ],
    }


def signing_config(instance: Instance) -> dict[str, Any]:
    """Where the instance's services are."""
    window, url = _window(instance), instance.url

    def service(at: str, version: int = 1) -> dict[str, Any]:
        return {"url": at, "majorApiVersion": version, "validFor": window, "operator": _OPERATOR}

    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service(url)],
        "oidcUrls": [service(url)],
        "rekorTlogUrls": [service(url, 2), service(url, 1)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [service(f"{url}/api/v1/timestamp")],
        "tsaConfig": {"selector": "ANY"},
    }


def client_trust_config(instance: Instance) -> dict[str, Any]:
    """Both in one document, for `--trust-config`."""
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": trusted_root(instance),
        "signingConfig": signing_config(instance),
    }


def _window(instance: Instance) -> dict[str, str]:
    return {"start": f"{instance.began - HEAD_START:%Y-%m-%dT%H:%M:%SZ}"}


def _log(key: EcKey, url: str, window: dict[str, str]) -> dict[str, Any]:
    details = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": window}
    log_id = {"keyId": b64(key_id(key))}
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": details, "logId": log_id}


def _authority(
    name: str, url: str, chain: Iterable[x509.Certificate], window: dict[str, str]
) -> dict[str, Any]:
    return {
        "subject": {"organization": _OPERATOR, "commonName": name},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": b64(der(each))} for each in chain]},
        "validFor": window,
    }
