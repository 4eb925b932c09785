"""The hidden command `verify-bundle`: the client protocol of the sigstore-conformance suite.

    verify-bundle --bundle F (--certificate-identity I --certificate-oidc-issuer U | --key K)
                  [--trusted-root F] [--staging] FILE_OR_DIGEST

Judges one bundle over any file or digest; the file's inside and its name do not matter. Exit 0, or not 0 with one
line on stderr. The policy is an exact subject and issuer, as the protocol asks.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING

from epochly_verify.authenticity.keys import load_pem_key
from epochly_verify.errors import InputError
from epochly_verify.gather import embedded_trust_root, open_source, read_file
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.digests import digest_source
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.signatures import Target, authenticate

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGEST = re.compile(r"sha256:[0-9a-fA-F]{64}")


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code: 0, 1 for a refusal, 2 for usage."""
    parser = argparse.ArgumentParser(prog="epochly-verify verify-bundle", allow_abbrev=False)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--certificate-identity")
    parser.add_argument("--certificate-oidc-issuer")
    parser.add_argument("--key")
    parser.add_argument("--trusted-root")
    parser.add_argument("--staging", action="store_true")
    parser.add_argument("file_or_digest")
    options = parser.parse_args(argv)
    named = options.certificate_identity is not None, options.certificate_oidc_issuer is not None
    if options.key is not None and any(named):
        parser.error("a key and a certificate identity exclude each other")
    if options.key is None and not all(named):
        parser.error("give both a certificate identity and its issuer, or a key")
    reason = _refusal(options)
    if reason:
        sys.stderr.write(f"epochly-verify: {reason}\n")
    return 1 if reason else 0


def _refusal(options: argparse.Namespace) -> str:
    """Why the bundle is refused, or empty."""
    if options.trusted_root is not None:
        data, origin = read_file(options.trusted_root, DEFAULT.text_bytes), options.trusted_root
    else:
        data, origin = embedded_trust_root(staging=options.staging)
    key = None
    if options.key is not None:
        key = load_pem_key(read_file(options.key, DEFAULT.text_bytes))
        if key is None:
            raise InputError("key-malformed", options.key, "no supported PEM public key", "give a public key")
    bundle = read_file(options.bundle, DEFAULT.evidence_bytes)
    (signed,) = authenticate(
        (Attached(options.bundle, EvidenceKind.BUNDLE, bundle),),
        Target(_digest(options.file_or_digest)),
        parse_trust_root(data, origin),
        key,
        DEFAULT,
    )
    if signed.problems:
        return "; ".join(f"{problem.id}: {problem.message}" for problem in signed.problems)
    if key is not None:
        return ""
    assert signed.claims is not None
    found = signed.claims.san, signed.claims.issuer
    wanted = options.certificate_identity, options.certificate_oidc_issuer
    return "" if found == wanted else f"identity-mismatch: signed by `{found[0]}` of `{found[1]}`"


def _digest(file_or_digest: str) -> bytes:
    """The SHA-256 of a file, or the one given as `sha256:HEX` where no such file exists."""
    if _DIGEST.fullmatch(file_or_digest) and not os.path.exists(file_or_digest):
        return bytes.fromhex(file_or_digest.removeprefix("sha256:"))
    with open_source(file_or_digest) as source:
        return bytes.fromhex(digest_source(source, ("sha256",))["sha256"])
