"""Nonces of the service: made without storing anything, good for 120 seconds, and only if they were made here."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import b64u, unb64u

from epochly_service.nonces import NonceState, judge, make, spent

KEYS = {1: b"a" * 32, 2: b"b" * 32}
NOW = 1_800_000_000


def test_make_is_what_the_specification_says():
    """Version, time, randomness and 16 bytes of HMAC-SHA256 over a label and these, by the newest key."""
    made = unb64u(make(KEYS, NOW, bytes(16)))
    head = b"\x02" + NOW.to_bytes(8, "big") + bytes(16)
    assert made == head + hmac.digest(KEYS[2], b"epochly-nonce-v1" + head, "sha256")[:16]


def test_judge_lets_a_nonce_live_120_seconds_by_the_servers_clock():
    """A nonce is good before 120 seconds have passed since it was made, and on a node whose clock is as much behind."""
    nonce = make(KEYS, NOW, bytes(16))
    states = [judge(KEYS, nonce, NOW + age) for age in (-120, -119, 0, 119, 120)]
    expired, good = NonceState.EXPIRED, NonceState.GOOD
    assert states == [expired, good, good, good, expired]


def test_judge_knows_nonces_of_an_older_key_until_it_is_gone():
    """Changing the key refuses nobody who asked a moment before."""
    nonce = make({1: KEYS[1]}, NOW, bytes(16))
    assert judge(KEYS, nonce, NOW) is NonceState.GOOD
    assert judge({2: KEYS[2]}, nonce, NOW) is NonceState.FOREIGN


@given(st.integers(0, 40), st.integers(1, 255))
def test_judge_refuses_a_nonce_with_any_byte_changed(place, flip):
    """No byte of a nonce is free."""
    data = bytearray(unb64u(make(KEYS, NOW, bytes(range(16)))))
    data[place] ^= flip
    assert judge(KEYS, b64u(bytes(data)), NOW) is NonceState.FOREIGN


@given(st.text(max_size=200))
def test_judge_takes_any_text(text):
    """Whatever stands where a nonce should be is judged, not crashed on."""
    assert judge(KEYS, text, NOW) is NonceState.FOREIGN


def test_spent_differs_by_nonce_and_by_key():
    """What is kept of a used nonce is a digest over it and the key that used it."""
    assert spent("n", "k") == hashlib.sha256(b"nk").hexdigest()


def test_make_needs_its_16_bytes():
    """Too little randomness is told."""
    with pytest.raises(ValueError, match="16 random bytes"):
        make(KEYS, NOW, b"")
