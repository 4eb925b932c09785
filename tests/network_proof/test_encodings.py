"""The search for secrets finds them in every dress, and cries at nothing that holds none."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import zlib
from urllib.parse import quote

import pytest
from encodings_of_secrets import found_in, of_address, of_mac

SECRET = "zq7canaryuser"
HIDDEN = {
    "plain": SECRET.encode(),
    "upper case": SECRET.upper().encode(),
    "in a path": f"C:\\\\Users\\\\{SECRET}\\\\x".encode(),
    "json escapes": "".join(f"\\u{ord(each):04x}" for each in SECRET).encode(),
    "utf-16": SECRET.encode("utf-16"),
    "hexadecimal": SECRET.encode().hex().upper().encode(),
    "percent": "".join(f"%{each:02X}" for each in SECRET.encode()).encode(),
    "percent twice": quote("".join(f"%{each:02X}" for each in SECRET.encode())).encode(),
    "base64": base64.b64encode(f"/home/{SECRET}/x".encode()),
    "base64, phase 1": base64.urlsafe_b64encode(f"home/{SECRET}/x".encode()),
    "base64, phase 2": base64.b64encode(f"ho/{SECRET}/x".encode()),
    "base64 in base64": base64.b64encode(base64.b64encode(f"/home/{SECRET}/x".encode())),
    "base64 within a word": b"prefix" + base64.b64encode(f"abc{SECRET}".encode()).rstrip(b"="),
    "gzip": gzip.compress(f"/home/{SECRET}/".encode() * 3),
    "zlib": zlib.compress(f"/home/{SECRET}/".encode() * 3),
    "gzip in base64": base64.b64encode(gzip.compress(SECRET.encode() * 3)),
    "base32": base64.b32encode(SECRET.encode()),
    "reversed": SECRET[::-1].encode(),
    "sha256": hashlib.sha256(SECRET.encode()).hexdigest().encode(),
    "md5 of upper case": hashlib.md5(SECRET.upper().encode()).digest(),
    "sha1 in base64": base64.b64encode(hashlib.sha1(SECRET.encode()).digest()),
}


@pytest.mark.parametrize("dress", HIDDEN)
def test_a_secret_is_found_in_each_dress(dress):
    """Also between other bytes, as in a request."""
    sent = (
        b"POST /v1/telemetry/metrics HTTP/1.1\r\n\r\n" + json.dumps({"v": 1}).encode() + HIDDEN[dress] + b"}"
    )
    assert found_in(sent, [SECRET])


@pytest.mark.parametrize(
    "text", ["02deadbeef07", "02-de-ad-be-ef-07", "02DE.ADBE.EF07", "3155420966663", "02:DE:AD:BE:EF:07"]
)
def test_a_hardware_address_is_found_in_each_spelling(text):
    """By colons, dashes, dots, as a number as `uuid.getnode` has it, and as six bytes."""
    assert int("02deadbeef07", 16) == 3155420966663
    assert found_in(text.encode(), of_mac("02:de:ad:be:ef:07"))
    assert found_in(b"xx\x02\xde\xad\xbe\xef\x07", of_mac("02:de:ad:be:ef:07"))


def test_an_address_is_found_in_each_spelling():
    """Short, long, as bytes and as a number."""
    for text in (
        b"2001:db8:dead::7",
        b"2001:0DB8:DEAD:0000:0000:0000:0000:0007",
        bytes.fromhex("20010db8dead") + bytes(9) + b"\7",
    ):
        assert found_in(text, of_address("2001:db8:dead::7"))


def test_nothing_is_found_where_nothing_is():
    """Neither in words nor in 200 kB of random bytes and their base64."""
    noise = b"".join(os.urandom(1000) + base64.b64encode(os.urandom(1000)) + b" " for _ in range(80))
    assert (
        found_in(
            b"zq7canary user epochly/0.1.0 (python/3.11; linux; proto/1)" + noise,
            [SECRET, *of_mac("02:de:ad:be:ef:07")],
        )
        == set()
    )
