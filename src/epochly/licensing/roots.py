"""Whose word counts: the root keys that may sign a service's keyset.

This build pins no root yet. The public service is therefore believed nothing, and everybody is at the community level there,
until a release pins two of its keys in `PINNED`. Who runs a service of their own names its root in `EPOCHLY_ROOT_KEY`. It refuses a
service of somebody's own without it: a changed URL may not change who is believed. Section 9 of
`docs/spec/epochly-pop-v1.md`; RFC 7468, RFC 8410.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from epochly.licensing.canonical import is_small_order, kid_of
from epochly.licensing.state import StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT_KEY = "EPOCHLY_ROOT_KEY"
PINNED: tuple[bytes, ...] = ()  # raw public keys, current and next; none is pinned yet, see above
MOST_ROOTS = 2
MOST_BYTES = 8_192  # bytes of the file; two keys have 230
HINT = f"`{ROOT_KEY}` names the file of the service's public root keys, its `root.pub.pem`"
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----")


def roots_for(
    base_url: str, public_url: str, environ: Mapping[str, str], read: Callable[[str], bytes]
) -> dict[str, bytes]:
    """Root keys by their ids: those in `EPOCHLY_ROOT_KEY`, or the pinned ones for the public service.

    `read` gives a file's bytes and raises `OSError`. Raises `StateProblem` where nobody can be believed.
    """
    path = environ.get(ROOT_KEY, "").strip()
    if path:
        return {kid_of(key): key for key in _keys_in(path, read)}
    if base_url != public_url:
        raise StateProblem(
            base_url,
            "is not the public service, and nothing says whose signature counts there",
            f"name its root key's file in `{ROOT_KEY}`",
        )
    if not PINNED:
        raise StateProblem(
            base_url,
            "cannot be believed: this build of epochly pins no root key of it",
            f"use a release that does, or a service of your own with `EPOCHLY_API_URL` and `{ROOT_KEY}`",
        )
    return {kid_of(key): key for key in PINNED}


def _keys_in(path: str, read: Callable[[str], bytes]) -> list[bytes]:
    try:
        text = read(path)[: MOST_BYTES + 1].decode("ascii", "replace")
    except OSError as error:
        raise StateProblem(path, f"cannot be read: {(error.strerror or 'no file').lower()}", HINT) from None
    if "PRIVATE" in text:
        raise StateProblem(path, "holds a private key", "keep that secret; " + HINT)
    blocks = _PEM.findall(text)
    if not 1 <= len(blocks) <= MOST_ROOTS or len(text) > MOST_BYTES:
        raise StateProblem(path, "is no PEM file of one or two public keys", HINT)
    found: list[bytes] = []
    for block in blocks:
        try:
            key = load_pem_public_key(block.encode())
        except (ValueError, TypeError):
            key = None
        except Exception:  # noqa: BLE001 - whatever else the library says of hostile bytes
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise StateProblem(path, "holds a key that is not Ed25519", HINT)
        found.append(key.public_bytes_raw())
        if is_small_order(found[-1]):
            raise StateProblem(path, "holds a key that anybody can sign for", HINT)
    return found
