"""Text of `strace`: what stands between quotes is never taken for more than bytes, and any text is read in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly.net_audit import syntax


def test_a_call_is_read_with_its_arguments_and_its_result():
    """Name, arguments and what the kernel gave stand where strace(1) says."""
    line = syntax.line(
        "42    1700000000.123456 connect(3<socket:[9]>, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1 EINPROGRESS (Operation now in progress)\n"
    )
    assert (line.pid, line.at_s) == (42, 1700000000.123456)
    call = syntax.call(line.text)
    assert call == syntax.Call(
        "connect",
        ("3<socket:[9]>", "{sa_family=AF_INET, sin_port=htons(80)}", "16"),
        -1,
        "EINPROGRESS",
    )
    assert syntax.members(call.arguments[1]) == {"sa_family": "AF_INET", "sin_port": "htons(80)"}


@pytest.mark.parametrize(
    "inside",
    [r"\", {sa_family=AF_INET}, 16) = 0", r"a, b) = 7 \\", "}]) = 3", "<unfinished ...>", r"\\\""],
)
def test_what_stands_between_quotes_ends_nothing(inside):
    """A payload that looks like the end of its own call, or like an address, stays a payload."""
    call = syntax.call(f'sendto(3<socket:[9]>, "{inside}", 20, 0, NULL, 0) = 20')
    assert (len(call.arguments), call.arguments[4], call.value) == (6, "NULL", 20)
    assert syntax.begun(f'sendto(3, "{inside}", 20, 0, NULL, 0) = 20') is None


def test_quoted_bytes_are_those_that_were_escaped():
    """Octal, hexadecimal and C's letters; one that was cut off is there as far as it goes."""
    assert syntax.quoted(r'"\0\1\177\x41\n\\\"z"...') == b'\0\1\x7fA\n\\"z'
    assert syntax.quoted("NULL") is None
    assert syntax.quoted('"open') is None


def test_a_call_in_two_lines_is_put_together():
    """`unfinished` and `resumed` are told apart from calls."""
    assert (
        syntax.begun("connect(3, {sa_family=AF_UNIX}, 16 <unfinished ...>")
        == "connect(3, {sa_family=AF_UNIX}, 16"
    )
    assert syntax.resumed("<... connect resumed>) = 0") == ("connect", ") = 0")
    assert syntax.resumed("connect(3) = 0") is None


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text):
    """A trace may hold anything."""
    for read in (
        syntax.line,
        syntax.begun,
        syntax.resumed,
        syntax.call,
        syntax.split,
        syntax.members,
        syntax.elements,
        syntax.quoted,
    ):
        read(text)
        read("connect(" + text)
        read("{" + text)
        read('"' + text)


@pytest.mark.parametrize(
    "text", ['"' * 65_000, "(" * 65_000, '"\\' * 32_000, "," * 65_000, "{a=" * 21_000, '"a",' * 16_000]
)
def test_the_longest_line_takes_no_time(text):
    """No text makes reading it slower than its length does."""
    began = time.process_time()
    syntax.call("sendto(" + text)
    syntax.members("{" + text)
    syntax.quoted(text)
    assert time.process_time() - began < 1
