"""Messages of DNS and the resolver's files: names and addresses in them, and nothing from what is none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from epochly.net_audit.questions import answers, hosts, questions, resolvers

ASK = b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0\3api\7Example\3com\0\0\1\0\1"
ANSWER = (
    b"\x12\x34\x81\x80\0\1\0\3\0\0\0\0\3api\7example\3com\0\0\1\0\1"
    b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3cdn\xc0\x10"
    b"\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
    b"\xc0\x2d\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\x0d\xb8" + bytes(11) + b"\7"
)


def test_a_question_tells_its_name():
    """In lower case, as names are compared; an answer asks nothing."""
    assert questions(ASK) == ("api.example.com",)
    assert questions(ANSWER) == ()


def test_an_answer_tells_the_addresses_behind_an_alias_too():
    """All addresses in it are those of the name that was asked."""
    assert answers(ANSWER) == ("api.example.com", ("192.0.2.7", "2001:db8::7"))
    assert answers(ASK) is None


def test_a_name_that_leads_to_itself_ends():
    """Compression in a circle is no name."""
    assert questions(ASK[:12] + b"\xc0\x0c\0\1\0\1") == ()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data):
    """A payload to port 53 may be anything."""
    for message in (data, ASK[:12] + data, ANSWER[:33] + data):
        questions(message)
        answers(message)


@given(st.text(max_size=200))
def test_any_file_is_read_without_an_error(text):
    """So may the files be; `localhost` is this machine whatever they say."""
    assert hosts(text)["localhost"] >= {"127.0.0.1", "::1"}
    assert resolvers(text)


def test_files_tell_what_their_manuals_say():
    """Comments, aliases, zones and several servers."""
    assert hosts("::ffff:192.0.2.9 a B # c\nnonsense d\n")["b"] == {"192.0.2.9"}
    assert "d" not in hosts("nonsense d\n")
    assert resolvers("search x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n") == {"192.0.2.1", "fe80::1"}
    assert resolvers("") == {"127.0.0.1", "::1"}
