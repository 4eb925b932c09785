"""Signed checkpoints of a log (C2SP `tlog-checkpoint` over `signed-note`), with ECDSA as Rekor signs them.

The signer's name is the host of the log's address: sigstore-js refuses a note under any other name, though
sigstore-python does not look.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from epochly_release.rehearsal.keys import EcKey, b64, key_id, sign


def log_name(url: str) -> str:
    """The name a log signs under: host and port of its address."""
    return urlsplit(url).netloc


def checkpoint(origin: str, name: str, size: int, root: bytes, key: EcKey, *more: str) -> str:
    """A signed note that the log's first `size` entries have this root.

    Args:
        origin: first line; names the log, and in Rekor v1 also its shard.
        name: signer of the note.
        size: number of entries.
        root: root hash.
        key: the log's key.
        more: further lines of the text.
    """
    text = "\n".join([origin, str(size), b64(root), *more]) + "\n"
    return note(text, name, key_id(key), sign(key, text.encode()))


def note(text: str, name: str, log_id: bytes, signature: bytes) -> str:
    """A text with its signature, by whom it says it is; the first four bytes of the log's id are the hint."""
    return f"{text}\n\u2014 {name} {b64(log_id[:4] + signature)}\n"
