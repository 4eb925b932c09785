"""Digest lists: `parse/sums.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hash_inputs import BAD, GOOD, ORIGIN, SDIST, THIRD, WHEEL, digest_of, digests, refused

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT
from epochly_verify.parse.sums import parse_sums


def parsed(text):
    """The source a digest list makes."""
    return parse_sums(text.encode(), ORIGIN, DEFAULT)


@pytest.mark.parametrize(
    "line",
    [
        f"{GOOD}  {WHEEL}",
        f"{GOOD} *{WHEEL}",
        f"{GOOD} {WHEEL}",
        f"{GOOD}\t{WHEEL}",
        f"{GOOD.upper()}  {WHEEL}",
        f"{GOOD}  ./{WHEEL}",
        f"{GOOD}  dist/{WHEEL}",
        f"{GOOD} *dist\\{WHEEL}",
        f"\\{GOOD}  odd\\\\dir\\nname/{WHEEL}",
        f"SHA256 ({WHEEL}) = {GOOD}",
        f"SHA256({WHEEL})= {GOOD}",
        f"SHA2-256 (a (b)/{WHEEL}) = {GOOD}",
    ],
)
def test_sums_reads_every_form_of_a_line(line):
    """GNU text, binary and escaped lines, BSD and OpenSSL tags all name the same file and digest."""
    assert digests(parsed(f"{line}\n")) == [("sha256", GOOD)]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
def test_sums_tells_the_algorithm_by_the_length(algorithm):
    """`SHA512SUMS` and its relatives are read whatever the file is called."""
    digest = digest_of(algorithm)
    assert digests(parsed(f"{digest}  {WHEEL}\n")) == [(algorithm, digest)]


def test_sums_says_where_each_digest_stands():
    """Comments, blank lines, Windows line ends and a byte-order mark do not disturb the line numbers."""
    text = f"\ufeff# made by hand\r\n\r\n{BAD}  {SDIST}\r\n{GOOD}  {WHEEL}"
    (expected,) = parsed(text).expected_for(WHEEL)
    assert (expected.origin, expected.source) == (f"{ORIGIN}:4", ORIGIN)


def test_sums_gives_nothing_for_an_unlisted_file():
    """A list speaks only of the files it names."""
    assert digests(parsed(f"{GOOD}  {SDIST}\n{GOOD}  x{WHEEL}\n{GOOD}  {WHEEL}.asc\n")) == []


def test_sums_does_not_guess_between_directories():
    """Two directories with different files of one name: only the exact name says which is meant."""
    two = f"{GOOD}  new/{WHEEL}\n{BAD}  old/{WHEEL}\n"
    assert digests(parsed(two)) == []
    for exact in (WHEEL, f"./{WHEEL}"):
        assert digests(parsed(two + f"{THIRD}  {exact}\n")) == [("sha256", THIRD)]


def test_sums_accepts_directories_that_agree():
    """The same digest in two directories leaves nothing to guess."""
    assert set(digests(parsed(f"{GOOD}  a/{WHEEL}\n{GOOD}  b/{WHEEL}\n"))) == {("sha256", GOOD)}


def test_sums_binds_the_algorithms_of_one_file_together():
    """Two algorithms of one file are one candidate, two files are two."""
    source = parsed(f"{BAD}  {SDIST}\n{GOOD}  {WHEEL}\n{digest_of('sha512')}  {WHEEL}\n")
    assert {one.candidate for one in source.expected_for(WHEEL)} == {1}
    assert {one.candidate for one in source.expected_for(SDIST)} == {0}


def test_sums_passes_over_foreign_algorithms_and_says_so():
    """A list with a digest nobody here can compute is still good for the others."""
    source = parsed(f"RMD160 ({WHEEL}) = {'0' * 40}\nSHA256 ({WHEEL}) = {GOOD}\n")
    assert digests(source) == [("sha256", GOOD)]
    assert source.notes == (f"`{ORIGIN}`: `RMD160` digests are not known and were passed over",)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "empty", "is empty"),
        (" \n\t\n", "empty", "is empty"),
        (b"\xff\xfe", "not-text", "byte 0"),
        (f"{GOOD}  {WHEEL}\0", "not-text", "NUL"),
        (f"{GOOD}  {WHEEL}\nhello\n", "bad-line", "`hello`"),
        (f"{GOOD}\n", "bad-line", "no entry"),
        (f"{GOOD}  \n", "bad-line", "no entry"),
        (f"{GOOD}  {WHEEL}\n\x1b[31m\n", "bad-line", r"`\u001b[31m`"),
        (f"{GOOD[:-1]}  {WHEEL}\n", "bad-hash", "63"),
        (f"SHA256 ({WHEEL}) = {GOOD[:-1]}\n", "bad-hash", "64 hexadecimal digits, this is 63"),
        (f"SHA512 ({WHEEL}) = {GOOD}\n", "bad-hash", "128 hexadecimal digits, this is 64"),
        (f"\\{GOOD}  a\\x{WHEEL}\n", "bad-line", r"`\x`"),
        (f"\\{GOOD}  {WHEEL}\\\n", "bad-line", "escape"),
    ],
)
def test_sums_refuses_what_it_does_not_understand(text, code, says):
    """A line that is half understood is an error with its place, not a line less."""
    refused(parse_sums, text, code=code, says=says)


def test_sums_names_the_line_it_refuses():
    """An error points into the file."""
    assert refused(parse_sums, f"{GOOD}  {WHEEL}\n\nhello\n", code="bad-line").where == f"{ORIGIN}:3"


def test_sums_refuses_a_file_above_the_limit():
    """The bound on text is held before anything is read."""
    with pytest.raises(InputError) as caught:
        parse_sums(f"{GOOD}  {WHEEL}\n".encode(), ORIGIN, replace(DEFAULT, text_bytes=20))
    assert caught.value.code == "too-large"
