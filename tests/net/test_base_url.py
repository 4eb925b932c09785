"""Base URLs: one spelling of each good one, and every other text refused without a word of it repeated."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.net.base_url import DEFAULT, BaseUrl, BaseUrlError, base_url, parse

GOOD = {
    "https://api.epochly.com": "https://api.epochly.com",
    "https://api.epochly.com/": "https://api.epochly.com",
    "https://api.epochly.com:443": "https://api.epochly.com",
    "HTTPS://API.Epochly.COM": "https://api.epochly.com",
    "https://localhost:8443": "https://localhost:8443",
    "https://localhost:8443/licences/v2/": "https://localhost:8443/licences/v2",
    "https://host/A_b~c.d-e": "https://host/A_b~c.d-e",
    "https://127.0.0.1:65535": "https://127.0.0.1:65535",
    "https://[::1]:8443": "https://[::1]:8443",
    "https://[2001:DB8:0:0::1]": "https://[2001:db8::1]",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "https://licence_server.internal": "https://licence_server.internal",
}
BAD = [
    "http://api.epochly.com",
    "http://localhost:8000",
    "http://127.0.0.1",
    "api.epochly.com",
    "//api.epochly.com",
    "https:/api.epochly.com",
    "https:api.epochly.com",
    "file:///etc/passwd",
    "ftp://api.epochly.com",
    "javascript://api.epochly.com",
    "https://",
    "https:///path",
    "https://:443",
    "https://user@host",
    "https://user:secret@host",
    "https://api.epochly.com@evil.example",
    "https://host?",
    "https://host?license_key=secret",
    "https://host/#",
    "https://host#fragment",
    "https://host\\@evil.example",
    "https://host\\path",
    "https://host:",
    "https://host:0",
    "https://host:00443",
    "https://host:65536",
    "https://host:99999",
    "https://host:-1",
    "https://host:4 43",
    "https://host:443:443",
    "https://host:port",
    "https://ho st",
    "https://host\t",
    "https://host\n.evil.example",
    "https://host\r\nX: y",
    "https://host\0",
    "https://h\u00f6st",
    "https://\uff48ost",
    "https://host\u3002evil",
    "https://%68ost",
    "https://host/%2e%2e",
    "https://host/../admin",
    "https://host/./x",
    "https://host/a/...",
    "https://host//",
    "https://host/a//b",
    "https://host/a;b",
    "https://host/a:b",
    "https://-host",
    "https://host-",
    "https://host.",
    "https://.host",
    "https://ho..st",
    "https://" + "a" * 64,
    "https://" + "a." * 130 + "example",
    "https://127.1",
    "https://0x7f.0.0.1",
    "https://0x7f000001",
    "https://2130706433",
    "https://127.0.0.01",
    "https://256.1.1.1",
    "https://1.2.3.4.5",
    "https://[::1",
    "https://::1",
    "https://[::1]x",
    "https://[fe80::1%eth0]",
    "https://[host]",
    "https://[]",
    "https://[1:2:3]",
    "https://host/" + "a" * 300,
]
QUICK = settings(max_examples=200, derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("text", GOOD)
def test_parse_gives_one_spelling(text):
    """A base URL comes out in lower case, without the usual port and without a slash at its end."""
    assert str(parse(text)) == GOOD[text]
    assert parse(GOOD[text]) == parse(text)


@pytest.mark.parametrize("text", BAD)
def test_parse_refuses_what_is_no_base_url(text):
    """Every other scheme, form of an address and part of a URL is refused in one line that repeats nothing of it."""
    with pytest.raises(BaseUrlError) as caught:
        parse(text)
    said = str(caught.value)
    assert said.isprintable()
    assert said.startswith("`EPOCHLY_API_URL` ")
    assert "; hint: " in said
    assert "secret" not in said
    assert "evil" not in said


def test_parse_says_how_other_letters_are_spelled():
    """A host in other letters is told that it has one spelling in ASCII, instead of being guessed at."""
    with pytest.raises(BaseUrlError) as caught:
        parse("https://b\u00fccher.example")
    assert caught.value.hint == "spell other letters of a host as `xn--...`"


@QUICK
@given(st.text() | st.text("https:/.@?#[]%\\ab1-:\n", max_size=30).map(lambda text: "https://" + text))
def test_parse_of_any_text_is_a_base_url_or_refused(text):
    """What is accepted is what the standard library also reads as the same https host and port, with nothing else in it."""
    with contextlib.suppress(BaseUrlError):
        found = parse(text)
        parts = urlsplit(str(found))
        assert (parts.scheme, parts.hostname, parts.port or 443) == ("https", found.host, found.port)
        assert (parts.username, parts.query, parts.fragment, parts.path) == (None, "", "", found.path)
        assert parse(str(found)) == found


def test_base_url_is_the_default_where_the_environment_names_none():
    """An unset, empty or blank variable is the public service."""
    for environ in ({}, {"EPOCHLY_API_URL": ""}, {"EPOCHLY_API_URL": "  "}):
        assert str(base_url(environ)) == DEFAULT
    assert base_url({"EPOCHLY_API_URL": " https://localhost:8443 "}) == BaseUrl("localhost", 8443)
    with pytest.raises(BaseUrlError):
        base_url({"EPOCHLY_API_URL": "http://localhost:8443"})
