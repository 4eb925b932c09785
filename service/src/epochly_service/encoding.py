"""`b64u` and ids of the specification, section 1, read strictly: one text for a value, one value for a text."""

from __future__ import annotations

import binascii
import hashlib

ID_BYTES = 16
B64U_16 = "[A-Za-z0-9_-]{21}[AQgw]"  # what `b64u` writes of 16 bytes, as a regular expression; the last digit has bits to spare
B64U_32 = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_SMALL_ORDER = frozenset(  # with the sign of x cleared; those with `ed` and `ee` are not canonical, and libraries take them
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


# What `base64` does in Python. A letter that is none of base64url becomes `!`, which decoding leaves out and comparing tells.
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), str.maketrans("-_+/", "+/!!")


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def unb64u(text: str) -> bytes:
    """The bytes of canonical base64url.

    Raises:
        ValueError: it is not what `b64u` writes.
    """
    try:
        data = binascii.a2b_base64(text.translate(_FROM_URL) + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not base64url") from error
    if b64u(data) != text:
        raise ValueError("it is not canonical base64url")
    return data


def kid(pub: bytes) -> str:
    """The name of a raw public key."""
    return b64u(hashlib.sha256(pub).digest())


def is_small_order(pub: bytes) -> bool:
    """Whether anybody can sign for a raw public key: section 2."""
    return pub[:-1] + bytes([pub[-1] & 0x7F]) in _SMALL_ORDER


def new_id(prefix: str, random: bytes) -> str:
    """An id such as `dev_...`, from 16 random bytes."""
    if len(random) != ID_BYTES:
        raise ValueError(f"an id is made of {ID_BYTES} bytes, not {len(random)}")
    return f"{prefix}_{b64u(random)}"


def is_b64u_of(text: str, size_bytes: int) -> bool:
    """Whether a text is the canonical base64url of so many bytes."""
    try:
        return len(unb64u(text)) == size_bytes
    except ValueError:
        return False
