"""The token envelope against the PASETO vectors and against `pyseto`, and whatever text it is given."""

from __future__ import annotations

import contextlib
import json

import pyseto
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from epochly.licensing import tokens
from epochly.licensing.canonical import CanonicalError, b64u, canonical, from_b64u, kid_of
from epochly.licensing.tokens import TokenError, mint, read

# The published v4.public vectors 4-S-1 to 4-S-3 of the PASETO specification: one key, one message.
SEED = bytes.fromhex("b4cbfb43df4ce210727d953e4a713307fa19bb7d9f85041438d9e11b942a3774")
PUBLIC = "1eb9dbbbbc047c03fd70604e0071f0987e16b28b757225c11f00415d0e20b1a2"
MESSAGE = b'{"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"}'
FOOTER = b'{"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"}'
HEAD = (
    "v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCswMDowMCJ9"
)
TAIL = ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9"
PUBLISHED = {
    "4-S-1": (
        b"",
        b"",
        "bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-P0V54zemZDcAxFaSeef1QlXEFtkqxT1ciiQEDA",
    ),
    "4-S-2": (
        FOOTER,
        b"",
        "v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-SPo8FPp214HDw",
    ),
    "4-S-3": (
        FOOTER,
        b'{"test-vector":"4-S-3"}',
        "NPWciuD3d0o5eXJXG5pJy-DiVEoyPYWs1YSTwWHNJq6DZD3je5gf-0M4JR9ipdUSJbIovzmBECeaWmaqcaP0DQ",
    ),
}

ONE, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([each]) * 32) for each in (1, 2))
QUICK = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.booleans() | st.integers(0, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
CLAIMS = st.dictionaries(TEXT.filter(lambda name: name not in {"typ", "kid"}), VALUES, max_size=5)


def raw(key):
    """The raw public key of a private one."""
    return key.public_key().public_bytes_raw()


KEYS = {kid_of(raw(key)): raw(key) for key in (ONE, OTHER)}
KID = kid_of(raw(ONE))


def as_pyseto(key):
    """The same private or public key, as `pyseto` takes it."""
    if isinstance(key, Ed25519PrivateKey):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    else:
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pyseto.Key.new(version=4, purpose="public", key=pem)


def by_pyseto(message, key=ONE, footer=b"", typ=tokens.LEASE):
    """A token over any bytes, made by the other implementation."""
    return pyseto.encode(as_pyseto(key), message, footer, implicit_assertion=typ.encode()).decode()


def minted(typ, claims=None, key=ONE):
    """A token of a type, with the footer or the claim that names its key."""
    kid = kid_of(raw(key))
    if typ in tokens.OF_A_DEVICE:
        return mint(typ, {**(claims or {}), "kid": kid}, key)
    return mint(typ, claims or {}, key, kid)


@pytest.mark.parametrize("name", PUBLISHED)
def test_tokens_are_the_published_ones(name):
    """Each published vector is made and read to the byte."""
    footer, implicit, signature = PUBLISHED[name]
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    text = HEAD + signature + (TAIL if footer else "")
    assert raw(key).hex() == PUBLIC
    assert tokens.sealed(MESSAGE, footer, implicit, key) == text
    message, signed, tail = tokens.parts(text, 4096)
    assert (message, tail) == (MESSAGE, footer)
    key.public_key().verify(signed, tokens.pae(b"v4.public.", message, footer, implicit))


def test_pae_is_the_published_one():
    """Pre-authentication encoding gives what the PASETO specification's own examples say."""
    assert tokens.pae() == bytes(8)
    assert tokens.pae(b"") == b"\1" + bytes(15)
    assert tokens.pae(b"test") == b"\1" + bytes(7) + b"\4" + bytes(7) + b"test"


@QUICK
@given(st.sampled_from(sorted(tokens.TYPES)), CLAIMS)
def test_mint_and_read_are_inverse_and_agree_with_pyseto(typ, claims):
    """What one implementation makes, both read, and both make the same bytes."""
    token = minted(typ, claims)
    named = {**claims, "typ": typ} | ({"kid": KID} if typ in tokens.OF_A_DEVICE else {})
    footer = b"" if typ in tokens.OF_A_DEVICE else canonical({"kid": KID})
    assert read(typ, token, KEYS.get) == named
    assert by_pyseto(canonical(named), footer=footer, typ=typ) == token
    theirs = pyseto.decode(as_pyseto(ONE.public_key()), token, implicit_assertion=typ.encode())
    assert json.loads(theirs.payload) == named
    assert theirs.footer == footer


@QUICK
@given(
    st.text()
    | st.text().map(lambda text: "v4.public." + text)
    | st.binary().map(lambda b: "v4.public." + b64u(b))
)
def test_read_of_any_text_gives_a_token_error(text):
    """No text that was not signed is more than a `TokenError` with a code and one line of words."""
    with pytest.raises(TokenError) as caught:
        read(tokens.LEASE, text, KEYS.get)
    assert caught.value.code in {"malformed", "key"}
    assert str(caught.value) == caught.value.what
    assert caught.value.what.isprintable()


@QUICK
@given(st.binary(max_size=200), st.binary(max_size=60), st.sampled_from(sorted(tokens.TYPES)))
def test_read_of_any_signed_bytes_gives_claims_of_the_type_or_a_token_error(message, footer, typ):
    """A signature makes no sense of nonsense: payload and footer have to be canonical and of the type all the same."""
    assume(message)
    with pytest.raises(TokenError):
        read(typ, by_pyseto(message, footer=footer, typ=typ), lambda _: raw(ONE))


@QUICK
@given(st.sampled_from(sorted(tokens.TYPES)), st.data())
def test_a_token_with_another_character_is_refused(typ, data):
    """No character of a token can be dropped, doubled or replaced."""
    token = minted(typ, {"a": "b"})
    at = data.draw(st.integers(0, len(token) - 1))
    new = data.draw(st.sampled_from(["", token[at] * 2, *"AZaz09-_.= \n\u00e9"]))
    assume(new != token[at])
    with pytest.raises(TokenError):
        read(typ, token[:at] + new + token[at + 1 :], KEYS.get)


@pytest.mark.parametrize("typ", sorted(tokens.TYPES))
@pytest.mark.parametrize("place", sorted(tokens.TYPES))
def test_a_token_is_good_at_its_own_place_alone(typ, place):
    """A refusal is no lease, and a proof no rekey, whoever signed it."""
    token = minted(typ)
    if typ == place:
        assert read(place, token, KEYS.get)["typ"] == typ
    else:
        with pytest.raises(TokenError):
            read(place, token, KEYS.get)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (b'{"typ":"epochly-lease+v1","x":1.0}', "it holds a float"),
        (b'{"typ":"epochly-lease+v1","x":1e3}', "it holds a float"),
        (b'{"typ":"epochly-lease+v1","x":NaN}', "it holds a float"),
        (b'{"typ":"epochly-lease+v1","x":null}', "it holds `null`"),
        (b'{"typ":"epochly-lease+v1","x":-1}', "it holds an int below 0 or above 2^53-1"),
        (b'{"typ":"epochly-lease+v1","x":9007199254740992}', "it holds an int below 0 or above 2^53-1"),
        (b'{"typ":"epochly-lease+v1","x":' + b"9" * 4000 + b"}", "it holds an int below 0 or above 2^53-1"),
        (b'{"typ":"epochly-lease+v1","x":1,"x":1}', "it holds a name that comes twice"),
        (b'{"typ":"epochly-lease+v1","x":{"y":1,"\\u0079":1}}', "it holds a name that comes twice"),
        (b'{"x":1,"typ":"epochly-lease+v1"}', "it holds not in canonical form (RFC 8785)"),
        (b'{"typ": "epochly-lease+v1"}', "it holds not in canonical form (RFC 8785)"),
        (b'{"typ":"epochly\\u002dlease+v1"}', "it holds not in canonical form (RFC 8785)"),
        (b'{"typ":"epochly-lease+v1","x":01}', "it holds not JSON in UTF-8"),
        (b'{"typ":"epochly-lease+v1","x":"\\ud800"}', "it holds text that is not Unicode"),
        (b'{"typ":"epochly-lease+v1","\\ud800":1}', "it holds text that is not Unicode"),
        (b'{"typ":"epochly-lease+v1","x":"\xff"}', "it holds not JSON in UTF-8"),
        (b'\xef\xbb\xbf{"typ":"epochly-lease+v1"}', "it holds not JSON in UTF-8"),
        (b'{"typ":"epochly-lease+v1"}\n', "it holds not in canonical form (RFC 8785)"),
        (b'{"typ":"epochly-lease+v1"', "it holds not JSON in UTF-8"),
        (b"[" * 4000, "it holds nested deeper than 16 levels"),
        (
            b'{"typ":"epochly-lease+v1","x":' + b'{"x":' * 16 + b"1" + b"}" * 17,
            "it holds nested deeper than 16 levels",
        ),
        (b'["epochly-lease+v1"]', "its payload is no object"),
        (b'"epochly-lease+v1"', "its payload is no object"),
        (b"{}", "its `typ` is not `epochly-lease+v1`"),
        (b'{"typ":["epochly-lease+v1"]}', "its `typ` is not `epochly-lease+v1`"),
        (b'{"typ":"epochly-lease+v1","x":"' + b"a" * 4096 + b'"}', "a part of it is missing or too long"),
    ],
)
def test_a_payload_outside_of_the_specification_is_refused(message, what):
    """Each rule about payloads is held although the signature is good, and says which one it is."""
    with pytest.raises(TokenError) as caught:
        read(tokens.LEASE, by_pyseto(message, footer=canonical({"kid": KID})), KEYS.get)
    assert (caught.value.code, caught.value.what) == ("malformed", what)


@pytest.mark.parametrize(
    "footer",
    [
        b"",
        b"kid",
        b"{}",
        b'{"kid":"' + KID.encode() + b'","x":1}',
        b'{"kid": "' + KID.encode() + b'"}',
        b'{"kid":"' + KID.encode() + b'","kid":"' + KID.encode() + b'"}',
        b'{"kid":"' + b"a" * 250 + b'"}',
    ],
)
def test_a_footer_outside_of_the_specification_is_refused(footer):
    """The service's tokens name their key in the footer, and say nothing else there."""
    with pytest.raises(TokenError) as caught:
        read(tokens.LEASE, by_pyseto(b'{"typ":"epochly-lease+v1"}', footer=footer), KEYS.get)
    assert caught.value.code == "malformed"


def test_a_device_token_with_a_footer_is_refused():
    """There is one place for a device's `kid`, and it is not the footer."""
    message = canonical({"typ": tokens.PROOF, "kid": KID})
    with pytest.raises(TokenError) as caught:
        read(tokens.PROOF, by_pyseto(message, footer=canonical({"kid": KID}), typ=tokens.PROOF), KEYS.get)
    assert (caught.value.code, caught.value.what) == ("malformed", "its footer is not that of its type")


@pytest.mark.parametrize(
    ("kid", "code", "what"),
    [(kid, "malformed", "the `kid` it names is none") for kid in (1, ["a"], {"b": "c"}, True, "", "unknown")]
    + [("A" * 43, "key", "the key it names is not known")],
)
def test_a_key_that_is_not_known_is_told_apart(kid, code, what):
    """Who rotates keys needs to know whether the key was strange or the signature."""
    for typ, footer, claims in [(tokens.LEASE, {"kid": kid}, {}), (tokens.PROOF, None, {"kid": kid})]:
        message = canonical({"typ": typ, **claims})
        token = by_pyseto(message, footer=canonical(footer) if footer else b"", typ=typ)
        with pytest.raises(TokenError) as caught:
            read(typ, token, KEYS.get)
        assert (caught.value.code, caught.value.what) == (code, what)


def test_a_signature_by_another_key_is_refused():
    """A known key that did not sign it does not make it good; nor does a signature with the group's order added."""
    token = mint(tokens.LEASE, {}, ONE, kid_of(raw(OTHER)))
    with pytest.raises(TokenError) as caught:
        read(tokens.LEASE, token, KEYS.get)
    assert (caught.value.code, caught.value.what) == ("signature", "its signature does not verify")
    message, signature, footer = tokens.parts(minted(tokens.LEASE), 4096)
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    again = b64u(message + signature[:32] + scalar.to_bytes(32, "little"))
    with pytest.raises(TokenError) as caught:
        read(tokens.LEASE, f"v4.public.{again}.{b64u(footer)}", KEYS.get)
    assert caught.value.code == "signature"


def test_sizes_are_bounded_where_the_specification_says():
    """A payload of 4,096 bytes is read and one more is not, a keyset's of 16,384; a text without end costs nothing."""
    for typ, most in [(tokens.LEASE, 4_096), (tokens.KEYSET, 16_384)]:
        room = most - len(canonical({"typ": typ, "x": ""}))
        assert len(minted(typ, {"x": "a" * room})) > most
        with pytest.raises(CanonicalError):
            minted(typ, {"x": "a" * (room + 1)})
        assert read(typ, minted(typ, {"x": "a" * room}), KEYS.get)
    with pytest.raises(TokenError, match="it is too long"):
        read(tokens.LEASE, "v4.public." + "A" * 20_000, KEYS.get)


def test_mint_makes_no_token_that_the_specification_has_not():
    """A wrong type, a footer on a device's token, none on the service's: the caller is told at once."""
    for typ, kid, claims in [
        ("epochly-lease+v2", KID, {}),
        (tokens.PROOF, KID, {}),
        (tokens.LEASE, None, {}),
        (tokens.LEASE, KID, {"typ": tokens.REFUSAL}),
        (tokens.LEASE, KID, {"x": None}),
        (tokens.LEASE, KID, {"x": 0.5}),
        (tokens.LEASE, KID, {"x": b"bytes"}),
        (tokens.LEASE, KID, {"x": {1: 2}}),
        (tokens.LEASE, KID, {"x": "\ud800"}),
    ]:
        with pytest.raises(ValueError, match=r"."):
            mint(typ, claims, ONE, kid)


@QUICK
@given(st.binary(max_size=40), st.text("ABQRZabz019_-+/= \n", max_size=9))
def test_b64u_has_one_text_for_each_bytes(data, text):
    """What is encoded is decoded to the same bytes, and what is decoded is encoded to the same text."""
    assert from_b64u(b64u(data)) == data
    with contextlib.suppress(CanonicalError):
        assert b64u(from_b64u(text)) == text


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "QQ==", "QR", "QUJ", "+w", "/w", "Q Q", "QQ\n", "\u00e9\u00e9"]
)
def test_b64u_refuses_other_spellings(text):
    """Another alphabet, padding, white space, a lone character and stray bits are refused."""
    with pytest.raises(CanonicalError):
        from_b64u(text)
