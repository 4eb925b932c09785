"""The little of DER (X.690) that timestamps and certificate extensions need: write anything, read strictly.

Reading refuses indefinite and padded lengths, high tag numbers and trailing bytes; a timestamp query needs no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

BOOLEAN, INTEGER, OCTET_STRING, OID, UTF8, GENERALIZED_TIME = 0x01, 0x02, 0x04, 0x06, 0x0C, 0x18
SEQUENCE, SET = 0x30, 0x31
CONTEXT = 0xA0  # constructed, context-specific: add the number


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


@dataclass(frozen=True, slots=True)
class Item:
    """One element: tag, content and the whole encoding."""

    tag: int
    content: bytes
    encoded: bytes


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of a tag, from its encoded parts."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes, tag: int = SET) -> bytes:
    """SET OF, in DER's order."""
    return tlv(tag, *sorted(parts))


def integer(value: int) -> bytes:
    """INTEGER, not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(OID, content)


def octets(data: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, data)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8, text.encode())


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime in whole seconds, UTC."""
    return tlv(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%S}Z".encode())


def read(data: bytes) -> Item:
    """The one element that fills `data`.

    Raises:
        DerError: it is not that.
    """
    items = read_all(data)
    if len(items) != 1:
        raise DerError(f"{len(items)} elements, expected one")
    return items[0]


def read_all(data: bytes) -> list[Item]:
    """Every element of a constructed one's content.

    Raises:
        DerError: the bytes are no DER.
    """
    items, at = [], 0
    while at < len(data):
        start, tag = at, data[at]
        if tag & 0x1F == 0x1F or at + 2 > len(data):
            raise DerError("high tag number or no length")
        size, at = data[at + 1], at + 2
        if size >= 0x80:
            count = size & 0x7F
            encoded = data[at : at + count]
            size, at = int.from_bytes(encoded), at + count
            if not 1 <= count <= 4 or len(encoded) != count or size < 0x80 or encoded[0] == 0:
                raise DerError("length is not in its shortest form")
        if at + size > len(data):
            raise DerError("element goes beyond its container")
        items.append(Item(tag, data[at : at + size], data[start : at + size]))
        at += size
    return items
