"""Ways to spoil honest input: bytes, lines, JSON fields, DER elements, ZIP and tar headers.

Every function takes the honest bytes and a `random.Random` (Hypothesis gives one that shrinks, the fuzzer one from
its seed) and returns other bytes, so that both search with the same tools. Nothing here knows what is being judged.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    Mutation = Callable[[bytes, random.Random], bytes]

ODD_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**63 - 1, 2**63, 10**30, 1.5, 1e308, "", "\0", "a", "\u202e", "\ud7ff"),
    *("=", " ", "*", "..", "0", "-1", "9" * 19, "-9223372036854775808", "253402300800", "A" * 3000),
    *([], {}, [[]], [None], {"": None}, [{}], {"sha256": 1}),
)
ODD_LINES = (
    *(
        b"",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b",,",
        b",",
        b'"',
        b'"a,b',
        b"a,sha256=,",
        b"a,sha256=A,9",
    ),
    *(b"../a,,", b"/a,,", b"Name: x", b"Version", b": y", b" folded", b"[x]", b"[", b"x = y:z", b"import os"),
    *(
        "\u2028".encode(),
        "\u0130".encode(),
        b"\x85",
        b"\r",
        b"a = [",
        b"[[a]]",
        b"a.b.c = 1",
        b"'''",
        b"# x",
        b"-r y",
    ),
)
PARENTS = 0x20  # the constructed bit of a DER tag


# --- any bytes ---


def any_bytes(data: bytes, r: random.Random) -> bytes:
    """Flip, overwrite, insert, delete, repeat or cut a few bytes anywhere."""
    spoilt = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        at = r.randrange(len(spoilt) + 1)
        length = r.choice((1, 1, 2, 4, 8, 64))
        match r.randrange(8):
            case 0 if at < len(spoilt):
                spoilt[at] ^= 1 << r.randrange(8)
            case 1 if at < len(spoilt):
                spoilt[at] = r.choice((0, 0x20, 0x2F, 0x7F, 0x80, 0xFF, r.randrange(256)))
            case 2:
                spoilt[at:at] = bytes(r.randrange(256) for _ in range(length % 9))
            case 3:
                del spoilt[at : at + length]
            case 4:
                spoilt[at:at] = spoilt[at : at + length]
            case 5:
                other = r.randrange(len(spoilt) + 1)
                spoilt[at : at + length] = spoilt[other : other + length]
            case 6:
                spoilt[at : at + 4] = struct.pack("<I", r.choice(ODD_NUMBERS))
            case _:
                del spoilt[at:]
    return bytes(spoilt)


def spliced(first: bytes, second: bytes, r: random.Random) -> bytes:
    """The front of one file and the back of another."""
    return first[: r.randrange(len(first) + 1)] + second[r.randrange(len(second) + 1) :]


def any_lines(data: bytes, r: random.Random) -> bytes:
    """Drop, repeat, swap, replace, insert or spoil whole lines."""
    lines = data.split(b"\n")
    for _ in range(r.choice((1, 1, 2, 3))):
        at, other = r.randrange(len(lines)), r.randrange(len(lines))
        match r.randrange(7):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = r.choice(ODD_LINES)
            case 4:
                lines.insert(at, r.choice(ODD_LINES))
            case 5:
                lines[at] = spliced(lines[at], lines[other], r)
            case _:
                lines[at] = any_bytes(lines[at], r)
    return r.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r")).join(lines)


# --- JSON, and what stands in it as base64 ---


def any_json(data: bytes, r: random.Random) -> bytes:
    """Another value in one place of a JSON document, at times inside its base64; any bytes when it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return any_bytes(data, r)
    if r.randrange(12) == 0:
        return any_bytes(data, r)
    for _ in range(r.choice((1, 1, 1, 2))):
        document = json_value(document, r)
    return json.dumps(document).encode()


def json_value(document: Any, r: random.Random) -> Any:
    """The same value with one change, somewhere below it."""
    spots = list(places(document))
    path, value = r.choice(spots)
    packed = [(where, raw) for where, text in spots if (raw := _unpacked(text))]
    if packed and r.randrange(2):
        path, raw = r.choice(packed)
        return _replaced(document, path, base64.b64encode(inside(raw, r)).decode())
    match r.randrange(4):
        case 0 if isinstance(value, str):
            at = r.randrange(len(value) + 1)
            new: Any = (
                value[:at]
                + r.choice(("", "A", "\n", "\0", "-", "=", "\u00e9", "/", ".."))
                + value[at + r.randrange(2) :]
            )
        case 1 if isinstance(value, list) and value:
            new = [*value, value[r.randrange(len(value))]]
        case 2 if isinstance(value, dict) and value:
            gone = r.choice(sorted(value))
            new = {key: inner for key, inner in value.items() if key != gone}
        case 3:
            new = spots[r.randrange(len(spots))][1]
        case _:
            new = r.choice(ODD_VALUES)
    return _replaced(document, path, new)


def inside(raw: bytes, r: random.Random) -> bytes:
    """Another content for a base64 field, by what it seems to hold."""
    if raw[:1] == b"\x30":
        return any_der(raw, r)
    if raw[:1] == b"{":
        return any_json(raw, r)
    if raw[:5] == b"-----":
        return any_pem(raw, r)
    return any_bytes(raw, r)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value in a JSON document, itself first, with the way to it."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def _replaced(value: Any, path: Sequence[Any], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _unpacked(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) < 40:
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


# --- DER ---


def any_pem(data: bytes, r: random.Random) -> bytes:
    """Another DER in a PEM block, or other bytes around it."""
    lines = data.split(b"\n")
    body = _unpacked(b"".join(line for line in lines if b"-" not in line).decode("ascii", "replace"))
    if not body or r.randrange(4) == 0:
        return any_bytes(data, r)
    return (
        lines[0]
        + b"\n"
        + base64.b64encode(any_der(body, r))
        + b"\n"
        + lines[-2 if not lines[-1] else -1]
        + b"\n"
    )


def any_der(data: bytes, r: random.Random) -> bytes:
    """Another element somewhere in a DER structure, the lengths around it put right; or other bytes."""
    spoilt = data
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        elements = list(_elements(spoilt, 0))
        if not elements or r.randrange(3) == 0:
            spoilt = any_bytes(spoilt, r) or b"\0"
            continue
        at, head, length = r.choice(elements)
        tag, content = spoilt[at : at + 1], spoilt[at + head : at + head + length]
        odd_tags = b"\x01\x02\x03\x04\x05\x06\x09\x0a\x0c\x13\x16\x17\x18\x1e\x24\x30\x31\x80\xa0\xa1\xa3"
        match r.randrange(7):
            case 0:
                new = tag + b"\0"
            case 1:
                new = b""
            case 2:
                new = bytes([r.choice(odd_tags)]) + _length(length) + content
            case 3:
                content = bytes(r.randrange(256) for _ in range(r.randrange(12)))
                new = tag + _length(len(content)) + content
            case 4:
                new = (tag + _length(length) + content) * 2
            case 5:  # indefinite and impossible lengths
                new = (
                    tag
                    + r.choice((b"\x80", b"\x84\xff\xff\xff\xff", b"\x88" + b"\xff" * 8, b"\xff"))
                    + content
                )
            case _:
                other, other_head, other_length = r.choice(elements)
                new = spoilt[other : other + other_head + other_length]
        spoilt = _der_with(spoilt, elements, (at, at + head + length), new) or b"\0"
    return spoilt


def _elements(data: bytes, base: int, depth: int = 0) -> Iterator[tuple[int, int, int]]:
    """Place, length of the head and length of the content of every element, inner ones too."""
    at = 0
    while at + 2 <= len(data):
        head, length = 2, data[at + 1]
        if length & 0x80:
            count = length & 0x7F
            head, length = 2 + count, int.from_bytes(data[at + 2 : at + 2 + count], "big")
            if not 1 <= count <= 4:
                return
        if at + head + length > len(data):
            return
        yield base + at, head, length
        if depth < 30 and (data[at] & PARENTS or data[at] in {0x03, 0x04}):
            skip = head + (data[at] == 0x03)
            yield from _elements(data[at + skip : at + head + length], base + at + skip, depth + 1)
        at += head + length


def _der_with(
    data: bytes, elements: Sequence[tuple[int, int, int]], span: tuple[int, int], new: bytes
) -> bytes:
    """`data` with `new` in place of `span`, and the lengths of all elements around it to match."""
    start, stop = span
    around = [e for e in elements if e[0] < start and e[0] + e[1] + e[2] >= stop]
    for at, head, length in sorted(around, reverse=True):
        content = data[at + head : start] + new + data[stop : at + head + length]
        new = data[at : at + 1] + _length(len(content)) + content
        start, stop = at, at + head + length
    return data[:start] + new + data[stop:]


def _length(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


# --- archives ---

# Signature -> (offset, bytes) of the fields behind it (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16).
ZIP_FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 1)),
    b"PK\x01\x02": (
        *((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2)),
        *((32, 2), (34, 2), (36, 2), (38, 4), (42, 4), (46, 1)),
    ),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (12, 2), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
    b"PK\x07\x08": ((4, 4), (8, 4), (12, 4)),
}


def any_zip(data: bytes, r: random.Random) -> bytes:
    """Another value in header fields, another order or number of parts, or other bytes."""
    parts = [(at, kind) for kind in ZIP_FIELDS for at in _found(data, kind)]
    if not parts or r.randrange(5) == 0:
        return any_bytes(data, r)
    spoilt = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 3))):
        at, kind = r.choice(parts)
        if r.randrange(6) == 0:  # a part taken out, or put in once more
            end = min((other for other, _ in parts if other > at), default=len(spoilt))
            spoilt[at:end] = b"" if r.randrange(2) else spoilt[at:end] * 2
            break
        offset, length = r.choice(ZIP_FIELDS[kind])
        before = int.from_bytes(spoilt[at + offset : at + offset + length], "little")
        value = r.choice((before + 1, before - 1, before ^ (1 << r.randrange(8 * length)), *ODD_NUMBERS))
        spoilt[at + offset : at + offset + length] = (value % (1 << 8 * length)).to_bytes(length, "little")
    return bytes(spoilt)


def any_tar(data: bytes, r: random.Random) -> bytes:
    """Another value in a tar header, its checksum put right; or other bytes, inside the compression or out of it."""
    try:
        tar = bytearray(gzip.decompress(data))
    except (OSError, EOFError, zlib.error):
        return any_bytes(data, r)
    choice = r.randrange(6)
    if choice == 0:
        return any_bytes(data, r)
    if choice == 1 or len(tar) < 1024:
        return gzip.compress(any_bytes(bytes(tar), r), 1, mtime=0)
    headers = [at for at in range(0, len(tar) - 511, 512) if tar[at + 257 : at + 262] == b"ustar"] or [0]
    at = r.choice(headers)
    start, length = r.choice(
        ((0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (257, 8), (329, 16), (345, 155))
    )
    odd = (
        b"",
        b"\0",
        b"7777777",
        b"-1",
        b"\x80" + b"\xff" * 11,
        b"\xff" * 12,
        b"../x",
        b"/x",
        b"x/",
        b"0",
        b"1",
        b"2",
    )
    types = (b"3", b"5", b"6", b"7", b"L", b"K", b"x", b"g", b"S", b"V", b"\xc3\xa9")
    tar[at + start : at + start + length] = r.choice((*odd, *types))[:length].ljust(length, b"\0")
    tar[at + 148 : at + 156] = b" " * 8
    tar[at + 148 : at + 156] = b"%06o\0 " % sum(tar[at : at + 512])
    return gzip.compress(bytes(tar), 1, mtime=0)


def _found(data: bytes, kind: bytes) -> Iterator[int]:
    at = data.find(kind)
    while at >= 0:
        yield at
        at = data.find(kind, at + 1)
