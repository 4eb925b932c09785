"""Judges the proof of a request, in the order of the specification, section 4, up to the signature and what it covers.

What follows, the single use of the nonce, needs the database and is in `service.py`, in the transaction of the request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_service import nonces, tokens
from epochly_service.encoding import kid, unb64u
from epochly_service.errors import Problem
from epochly_service.settings import PROOF_MAX_CHARS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came: method, path without a query, exact bytes of the body, header `Epochly-Proof`."""

    method: str
    path: str
    body: bytes
    proof: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has proved to hold a key, and what else the proof says."""

    kid: str
    pub: str
    cn: str
    nonce: str
    seq: int
    client_version: str


def judge(
    call: Call,
    *,
    public_url: str,
    nonce_keys: Mapping[int, bytes],
    now: int,
    brings_key: bool,
    key_of: Callable[[str], str | None],
) -> Caller:
    """The caller of a request.

    Args:
        call: the request.
        public_url: base URL that clients use.
        nonce_keys: secrets that nonces are made with.
        now: Unix seconds.
        brings_key: whether the proof shows its own public key, or the service has to know it.
        key_of: kid -> b64u of the public key, or None.

    Raises:
        Problem: the first check that does not hold.
    """
    if not call.proof:
        raise Problem("NONCE_REQUIRED", "the request has no proof; ask for a nonce and sign one")
    if len(call.proof) > PROOF_MAX_CHARS:
        raise Problem("TOO_LARGE", f"a proof has at most {PROOF_MAX_CHARS} characters")
    try:
        read = tokens.read(call.proof, tokens.PROOF)
    except tokens.TokenError as error:
        raise Problem("MALFORMED", f"the proof: {error}") from error
    claims = read.claims
    if ("pub" in claims) != brings_key:
        said = "has to show its public key" if brings_key else "may not show a key"
        raise Problem("MALFORMED", f"the proof {said} here")
    judge_nonce(claims["nonce"], nonce_keys, now)
    pub = claims["pub"] if brings_key else key_of(claims["kid"])
    if pub is None or (brings_key and kid(unb64u(pub)) != claims["kid"]):
        raise Problem("KEY_UNKNOWN", "no device has this key; `epochly license activate` makes it one")
    if not read.holds(unb64u(pub)):
        raise Problem("PROOF_INVALID", "the signature of the proof does not hold")
    covered = (call.method, public_url + call.path, hashlib.sha256(call.body).hexdigest())
    if covered != (claims["htm"], claims["htu"], claims["bdg"]):
        raise Problem("PROOF_MISMATCH", "the proof is for another method, address or body")
    return Caller(claims["kid"], pub, claims["cn"], claims["nonce"], claims["seq"], claims["cv"])


def judge_nonce(nonce: str, keys: Mapping[int, bytes], now: int) -> None:
    """Whether a nonce is ours and young enough.

    Raises:
        Problem: it is not.
    """
    state = nonces.judge(keys, nonce, now)
    if state is nonces.NonceState.FOREIGN:
        raise Problem("NONCE_REQUIRED", "the proof has no nonce of this service; take the one of this answer")
    if state is nonces.NonceState.EXPIRED:
        raise Problem("NONCE_EXPIRED", "the nonce is too old; take the one of this answer")


def judge_rekey(new_proof: str, caller: Caller) -> tuple[str, str]:
    """(kid, pub) of the new key that a device changes to; its owner signed over the old key and the nonce.

    Raises:
        Problem: the first check that does not hold.
    """
    try:
        read = tokens.read(new_proof, tokens.REKEY)
    except tokens.TokenError as error:
        raise Problem("MALFORMED", f"the new key's proof: {error}") from error
    claims = read.claims
    pub = unb64u(claims["pub"])
    if kid(pub) != claims["kid"]:
        raise Problem("KEY_UNKNOWN", "the new key's proof names another key than it shows")
    if not read.holds(pub):
        raise Problem("PROOF_INVALID", "the signature of the new key's proof does not hold")
    if (claims["old"], claims["nonce"]) != (caller.kid, caller.nonce) or claims["kid"] == caller.kid:
        raise Problem("PROOF_MISMATCH", "the new key's proof is for another key or another request")
    return str(claims["kid"]), str(claims["pub"])
