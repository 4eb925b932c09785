"""Messages over a pipe: a length in four bytes, then JSON. Bytes in, values out, and the other way round; pure.

It refuses messages above `MOST_BYTES`, which only a peer that lost its way would send.
"""

from __future__ import annotations

import json
import struct
from typing import Any

LENGTH = struct.Struct(">I")
MOST_BYTES = 2**22  # bytes; a description is at most a quarter of it


class BrokenError(Exception):
    """Bytes that are no message."""


def packed(message: dict[str, Any]) -> bytes:
    """A message as bytes."""
    data = json.dumps(message).encode()
    return LENGTH.pack(len(data)) + data


def unpacked(buffer: bytearray) -> list[dict[str, Any]]:
    """The whole messages at the front of a buffer, which keeps the rest; `BrokenError` for what is none."""
    found: list[dict[str, Any]] = []
    while len(buffer) >= LENGTH.size:
        (length,) = LENGTH.unpack_from(buffer)
        if length > MOST_BYTES:
            raise BrokenError(f"a message of {length} bytes")
        if len(buffer) < LENGTH.size + length:
            break
        try:
            message = json.loads(bytes(buffer[LENGTH.size : LENGTH.size + length]))
        except ValueError as error:
            raise BrokenError(str(error)) from None
        if not isinstance(message, dict):
            raise BrokenError("a message that is no object")
        found.append(message)
        del buffer[: LENGTH.size + length]
    return found
