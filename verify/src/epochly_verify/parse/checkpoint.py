"""Signed checkpoints of transparency logs (C2SP `tlog-checkpoint` and `signed-note`).

Text, a blank line, then signature lines; the text is the log's origin, the tree size and the root hash.
Cosignatures of witnesses may stand beside the log's own signature, in any order.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from epochly_verify.parse.fields import Refusal

MALFORMED = "checkpoint-malformed"
MAX_SIGNATURES = 64  # signature lines; a handful of witnesses is usual
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the signer's name, the first four bytes of its key id, the signature."""

    name: str
    key_hint: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's signed statement that its tree of `size` leaves has this root."""

    origin: str
    size: int
    root_hash: bytes
    signed_text: bytes
    signatures: tuple[NoteSignature, ...]


def parse_checkpoint(envelope: str, origin: str) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        Refusal: `checkpoint-malformed`.
    """
    text, blank, rest = envelope.partition("\n\n")
    if not blank or not rest.endswith("\n"):
        raise Refusal(MALFORMED, origin, "the checkpoint is no signed note (text, blank line, signatures)")
    lines = text.split("\n", 3)
    if len(lines) < 3:
        raise Refusal(MALFORMED, origin, f"the checkpoint's text has {len(lines)} lines, needs three")
    name, size, root = lines[:3]
    if not name or not (size.isascii() and size.isdecimal() and len(size) <= 20):
        raise Refusal(MALFORMED, origin, "the checkpoint has no origin line or no tree size")
    if rest.count("\n") > MAX_SIGNATURES:
        raise Refusal(MALFORMED, origin, f"the checkpoint has more than {MAX_SIGNATURES} signatures")
    signatures = [_signature(line, origin) for line in rest[:-1].split("\n")]
    root_hash = _decode(root, origin, "root hash")
    if len(root_hash) != 32:
        raise Refusal(MALFORMED, origin, f"the checkpoint's root hash has {len(root_hash)} bytes, not 32")
    return Checkpoint(name, int(size), root_hash, f"{text}\n".encode(), tuple(signatures))


def _signature(line: str, origin: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not name:
        raise Refusal(MALFORMED, origin, "the checkpoint has a line that is no signature")
    decoded = _decode(encoded, origin, "signature")
    if len(decoded) < 5:
        raise Refusal(MALFORMED, origin, "the checkpoint has a signature that is too short")
    return NoteSignature(name, decoded[:4], decoded[4:])


def _decode(text: str, origin: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(MALFORMED, origin, f"the checkpoint's {what} is not base64") from error
