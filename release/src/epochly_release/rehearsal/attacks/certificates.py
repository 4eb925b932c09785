"""Certificates that prove nothing: out of their time, for another key, or never shown to the certificate log.

Each is put into a bundle over the release's own wheel, which a user then judges. That a client says it signed is no
evidence, which is why one attack is done with the unmodified `sigstore` and looks like a success to it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from epochly_release.attestation import BUNDLE, ToSign
from epochly_release.errors import InputError
from epochly_release.rehearsal.attacks.hand import (
    Signer,
    log_of,
    request_for,
    sha256_of,
    signed_by_hand,
)
from epochly_release.rehearsal.attacks.model import JUDGE, LOG, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import judged
from epochly_release.rehearsal.fulcio import Fulcio
from epochly_release.rehearsal.keys import canonical_json, sign
from epochly_release.rehearsal.rekor2 import Rekor2
from epochly_release.rehearsal.reply import Reply, json_object
from epochly_release.steps.attest import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.rehearsal.attacks.hand import Log
    from epochly_release.rehearsal.attacks.scene import Scene
    from epochly_release.rehearsal.keys import EcKey, Sources

LATE = timedelta(minutes=20)  # twice the life of a certificate


class _Between(Fulcio):
    """Stands between clients and the authority, and has another key certified than the one that was asked for."""

    def __init__(self, honest: Fulcio, key: EcKey) -> None:
        self.authority, self.ct_key = honest.authority, honest.ct_key
        self._honest, self._key = honest, key

    def signing_certificate(self, authorization: str, body: bytes) -> Reply:  # noqa: ARG002 - the request is dropped
        """The honest authority's answer to another request."""
        return self._honest.signing_certificate(authorization, request_for(self._key))


class _Unlogged(Fulcio):
    """An authority that does not ask the certificate log, and makes up its promise."""

    def __init__(self, honest: Fulcio, stranger: EcKey, sources: Sources) -> None:
        self.authority, self.ct_key = honest.authority, honest.ct_key
        self._stranger, self._sources = stranger, sources

    def sign_timestamp(self, entry: bytes) -> bytes:
        """Under the log's id, with a key that is not the log's."""
        return sign(self._stranger, entry)


class _Accomplice(Rekor2):
    """A log that takes what it is given, without a look at the signature."""

    def __init__(self, honest: Rekor2) -> None:
        self._honest = honest
        self.key, self.tree = honest.key, honest.tree

    def create(self, body: bytes) -> Reply:
        """What the honest log answers when the signature holds."""
        request = (json_object(body) or {})["hashedRekordRequestV002"]
        spec = {
            "data": {"algorithm": "SHA2_256", "digest": request["digest"]},
            "signature": request["signature"],
        }
        entry = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}}
        return self._honest.log(canonical_json(entry))


def over_wheel(scene: Scene, signer: Signer, log: Log) -> str:
    """A bundle over the release's wheel."""
    sha256 = sha256_of(scene.read(scene.wheel))
    return signed_by_hand(ToSign(scene.wheel + BUNDLE, scene.wheel, sha256), signer, log)


def judged_with(scene: Scene, bundle: str) -> Outcome | NotRefused:
    """What a user is told of the wheel beside which this bundle lies, with all other evidence as released."""
    path = scene.copied_wheel()
    scene.world().write(f"{path}{BUNDLE}", bundle.encode())
    return with_bundle(judged(scene, path), path)


def with_bundle(came: Outcome | NotRefused, path: str) -> Outcome | NotRefused:
    """The same, with the file whose bundle the `sigstore` client can be asked about."""
    return replace(came, bundled=path)


def _issued_by(scene: Scene, authority: Fulcio, before: timedelta = timedelta()) -> Signer:
    """A certificate for the run that speaks now, issued some time ago."""
    instance, key = scene.served.instance, scene.sources.new_key()
    now = scene.sources.clock()
    claims = instance.issuer.verify(scene.world().identity_token(AUDIENCE), AUDIENCE, now)
    return Signer(key, authority.issue(key.public_key(), claims, now - before))


def _expired(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    age = LATE if malicious else timedelta()
    signer = _issued_by(scene, scene.served.instance.fulcio, age)
    return judged_with(scene, over_wheel(scene, signer, log_of(scene)))


def _forged_sct(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    honest = scene.served.instance.fulcio
    authority = _Unlogged(honest, scene.sources.new_key(), scene.sources) if malicious else honest
    return judged_with(scene, over_wheel(scene, _issued_by(scene, authority), log_of(scene)))


@contextmanager
def _lying(scene: Scene, *, log_too: bool) -> Iterator[None]:
    """At the authority's address somebody else answers; at the log's too, if it is an accomplice."""
    instance = scene.served.instance
    fulcio, rekor2 = instance.fulcio, instance.rekor2
    instance.fulcio = _Between(fulcio, scene.sources.new_key())
    instance.rekor2 = _Accomplice(rekor2) if log_too else rekor2
    try:
        yield
    finally:
        instance.fulcio, instance.rekor2 = fulcio, rekor2


def _signed_by_client(scene: Scene, path: str) -> tuple[int, str]:
    """The real client signs a file and leaves the bundle beside it: its exit code and what it said."""
    instance = scene.served.instance
    identity = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": instance.token_request_url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": instance.issuer.request_token,
    }
    options = ("--trust-config", scene.places.trust_config)
    command = [sys.executable, "-P", "-m", "sigstore", *options, "sign", "--overwrite", path]
    ran = scene.world(**identity).run(command)
    return ran.status, (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace")


def _another_key(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """The client is sure that it signed; the user is not."""
    path = scene.copied_wheel()
    if malicious:
        with _lying(scene, log_too=True):
            status, said = _signed_by_client(scene, path)
    else:
        status, said = _signed_by_client(scene, path)
    if status:
        raise InputError("sigstore", "sigstore sign", f"ended with {status}: {said[-200:]}", "run it by hand")
    return with_bundle(judged(scene, path), path)


def _another_key_at_log(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """The client asks an honest log to take the signature."""
    path = scene.copied_wheel()
    before = len(scene.served.instance.seen)
    if malicious:
        with _lying(scene, log_too=False):
            status, said = _signed_by_client(scene, path)
    else:
        status, said = _signed_by_client(scene, path)
    if status == 0:
        return NotRefused("logged")
    code = "invalid hashedrekord request"
    if "POST /api/v2/log/entries 400" in scene.seen_since(before) and code in said:
        words = next(line for line in said.splitlines() if code in line)
        return Outcome(By(LOG, f"400 {code}"), words.partition(f"{code}: ")[2])
    return Outcome(By("sigstore", f"exit code {status}"), said[-200:])


ATTACKS = (
    Attack(
        "expired certificate",
        f"sign and log {LATE // timedelta(minutes=1)} minutes after the certificate was issued",
        By(JUDGE, "certificate-not-valid-when-signed"),
        _expired,
    ),
    Attack(
        "certificate for another key",
        "give the client a certificate for another key; the log looks",
        By(LOG, "400 invalid hashedrekord request"),
        _another_key_at_log,
    ),
    Attack(
        "certificate for another key",
        "the same, and the log is an accomplice: `sigstore sign` says it signed",
        By(JUDGE, "signature-invalid"),
        _another_key,
    ),
    Attack(
        "forged SCT",
        "use a certificate that the authority never logged, with a made-up promise",
        By(JUDGE, "certificate-timestamp-invalid"),
        _forged_sct,
    ),
)
