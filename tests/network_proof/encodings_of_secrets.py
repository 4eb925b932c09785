"""A secret in every dress it could leave in, and a search for all of them in what left, as it is and unpacked.

It looks both ways: for the secret encoded (base64 in each of its three phases, hexadecimal, percent signs, UTF-16, escapes, digests),
and for the secret plain in what the bytes come to when they are decoded.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
import zlib
from ipaddress import ip_address
from urllib.parse import quote, unquote_to_bytes

LEAST = 5  # bytes of a needle: a shorter one is found in random bytes
DEEPEST = 3  # layers that are unpacked
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){6,}")
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")


def needles(secret):
    """Every form of a text or bytes that is looked for, by its name; all in lower case, as what is searched is too."""
    plain = secret if isinstance(secret, bytes) else secret.encode()
    forms = {"plain": plain, "reversed": plain[::-1], "hexadecimal": plain.hex().encode()}
    if isinstance(secret, str):
        for name in ("utf-16-le", "utf-16-be", "utf-32-le"):
            forms[name] = secret.encode(name)
        for name in ("NFC", "NFD", "NFKC"):
            forms[name] = unicodedata.normalize(name, secret).encode()
        forms["escaped"] = "".join(f"\\u{ord(each):04x}" for each in secret).encode()
        forms["rot13"] = secret.translate(_ROT13).encode()
        forms["json"] = secret.replace("\\", "\\\\").replace("/", "\\/").encode()
    forms["percent"] = "".join(f"%{each:02x}" for each in plain).encode()
    forms["quoted"] = quote(plain, safe="").encode()
    forms["quoted twice"] = quote(quote(plain, safe=""), safe="").encode()
    for phase in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            whole = encode(b"\0" * phase + plain).rstrip(b"=")
            start, rest = (
                (0, 2, 3)[phase],
                (len(plain) + phase) % 3,
            )  # letters that hold bits of neighbours are left out
            forms[f"{name}, phase {phase}"] = whole[start : len(whole) - (1 if rest else 0)]
    forms["base32"] = base64.b32encode(plain).rstrip(b"=")[: len(plain) * 8 // 5]
    forms["base85"] = base64.b85encode(plain)
    for name in DIGESTS:
        for text in {plain, plain.lower(), plain.upper()}:
            digest = hashlib.new(name, text).digest()
            forms[f"{name} of {text!r}"] = digest[:8]
            forms[f"{name} of {text!r}, hexadecimal"] = digest.hex()[:16].encode()
            forms[f"{name} of {text!r}, base64"] = base64.b64encode(digest)[:10]
            forms[f"{name} of {text!r}, base64url"] = base64.urlsafe_b64encode(digest)[:10]
    return {name: form.lower() for name, form in forms.items() if len(form) >= LEAST}


def of_mac(text):
    """The spellings of a hardware address."""
    plain = text.replace(":", "")
    pairs = text.split(":")
    spellings = [text, text.replace(":", "-"), text.replace(":", " "), plain, str(int(plain, 16))]
    spellings += [".".join("".join(pairs[at : at + 2]) for at in (0, 2, 4)), text.upper()]
    return [*spellings, bytes.fromhex(plain)]


def of_address(text):
    """The spellings of an IP address."""
    found = ip_address(text)
    packed = [found.packed] if len(found.packed) >= LEAST else []  # four bytes are found anywhere
    return [found.compressed, found.exploded, str(int(found)), found.exploded.replace(":", ""), *packed]


def unpacked(data, depth=DEEPEST):
    """The bytes, and everything that they come to when they are decoded, unpacked or unescaped."""
    seen, layer = {data}, [data]
    for _ in range(depth):
        layer = [found for each in layer for found in _decoded(each) if found and found not in seen]
        seen.update(layer)
    return seen


def found_in(data, secrets):
    """Where any of the secrets is in the bytes: (secret, form)."""
    everything = [each.lower() for each in unpacked(data)]
    return {
        (str(secret), name)
        for secret in secrets
        for name, needle in needles(secret).items()
        for haystack in everything
        if needle in haystack
    }


def _decoded(data):
    for match in _BASE64.finditer(data):
        text = match[0].rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        yield base64.b64decode(
            text[: len(text) // 4 * 4 + (len(text) % 4 if len(text) % 4 > 1 else 0)] + b"=="
        )
    for match in _HEX.finditer(data):
        yield bytes.fromhex(match[0].decode())
    if b"%" in data:
        yield unquote_to_bytes(data)
    if b"\\" in data:
        yield re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), data).replace(
            b"\\/", b"/"
        )
    for found in _PACKED.finditer(data):
        unpacker = zlib.decompressobj(47)  # gzip or zlib, whatever comes after it
        try:
            yield unpacker.decompress(data[found.start() :], 1 << 20)
        except zlib.error:  # the two bytes were just there
            continue


_ROT13 = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)
