"""Proxies: the one that the variables name, with the exceptions that they make."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.net.proxies import Proxy, ProxyError, is_excepted, parse, proxy_for


@pytest.mark.parametrize(
    ("text", "proxy", "told"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128), "http://proxy:3128"),
        ("proxy:3128", Proxy("proxy", 3128), "http://proxy:3128"),
        ("proxy", Proxy("proxy", 1080), "http://proxy:1080"),
        ("HTTP://Proxy:8080/", Proxy("proxy", 8080), "http://proxy:8080"),
        ("http://[::1]:3128", Proxy("::1", 3128), "http://[::1]:3128"),
        ("http://me:pa%40ss%3a@proxy:3128", Proxy("proxy", 3128, ("me", "pa@ss:")), "http://proxy:3128"),
        ("me@proxy:3128", Proxy("proxy", 3128, ("me", "")), "http://proxy:3128"),
    ],
)
def test_parse_reads_a_proxy_and_tells_it_without_its_password(text, proxy, told):
    """The usual spellings are read, and what is shown of a proxy is where it is."""
    assert parse(text) == proxy
    assert str(parse(text)) == told
    assert "pa" not in repr(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "https://proxy:3128",
        "socks5://me:secret@proxy:1080",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:x",
        "http://",
        "http://proxy:3128/path",
        "http://pro xy",
        "http://proxy\r\nX: y",
        "me:secret@",
    ],
)
def test_parse_refuses_what_it_cannot_use_without_repeating_it(text):
    """A kind of proxy that is not supported, or a text that is none, is told as that, without a password."""
    with pytest.raises(ProxyError) as caught:
        parse(text)
    assert "secret" not in str(caught.value)
    assert "hint: name one as `http://host:port`" in str(caught.value) or "hint: name it as" in str(
        caught.value
    )


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.text(max_size=30) | st.text("htp:/@[]ab1%.,* ", max_size=30))
def test_any_text_is_a_proxy_or_refused_and_a_list_of_exceptions(text):
    """No value of a variable ends in anything but a proxy, none, or one line that says why."""
    with contextlib.suppress(ProxyError):
        assert 0 < parse(text).port < 65_536
    assert is_excepted("host", 443, text) in {True, False}


@pytest.mark.parametrize(
    ("exceptions", "host", "excepted"),
    [
        ("", "api.epochly.com", False),
        ("*", "api.epochly.com", True),
        ("api.epochly.com", "api.epochly.com", True),
        ("API.Epochly.com", "api.epochly.com", True),
        ("epochly.com", "api.epochly.com", True),
        (".epochly.com", "api.epochly.com", True),
        ("*.epochly.com", "api.epochly.com", True),
        ("pochly.com", "api.epochly.com", False),
        ("api.epochly.com.evil", "api.epochly.com", False),
        ("a.example, epochly.com", "api.epochly.com", True),
        ("a.example epochly.com", "api.epochly.com", True),
        ("epochly.com:443", "api.epochly.com", True),
        ("epochly.com:8443", "api.epochly.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("[::1]:443", "::1", True),
        ("2001:db8::/32", "2001:db8::7", True),
        ("localhost,127.0.0.1", "localhost", True),
        ("a:b:c:99999999999", "host", False),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_networks(exceptions, host, excepted):
    """An exception is a whole name or a domain above it, an address or a network; a part of a word is none."""
    assert is_excepted(host, 443, exceptions) is excepted


def test_the_variables_are_those_that_other_programs_read():
    """Lower case goes before upper, https before all; plain http is not asked about."""
    proxy, other = Proxy("proxy", 3128), Proxy("other", 3128)
    for environ, found in [
        ({}, None),
        ({"HTTPS_PROXY": "proxy:3128"}, proxy),
        ({"https_proxy": "proxy:3128", "HTTPS_PROXY": "other:3128"}, proxy),
        ({"ALL_PROXY": "proxy:3128"}, proxy),
        ({"ALL_PROXY": "other:3128", "https_proxy": "proxy:3128"}, proxy),
        ({"HTTP_PROXY": "other:3128", "http_proxy": "other:3128"}, None),
        ({"HTTPS_PROXY": "other:3128", "NO_PROXY": "host"}, None),
        ({"HTTPS_PROXY": "other:3128", "no_proxy": "", "NO_PROXY": "host"}, other),
        ({"HTTPS_PROXY": " "}, None),
    ]:
        assert proxy_for("host", 443, environ) == found, environ
