"""Any bytes give a source of digests or an `InputError`, never another exception, and then any name an answer."""

from __future__ import annotations

import json
import re

import pytest
from hash_inputs import GOOD, ORIGIN, WHEEL, digest_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT
from epochly_verify.parse.hashes import PARSERS, parse_hash_option, parse_hash_source
from epochly_verify.parse.strictjson import load_json
from epochly_verify.parse.stricttoml import load_toml

PIECES = [
    *(
        GOOD,
        digest_of("md5"),
        digest_of("sha512"),
        WHEEL,
        "demo-pkg==1.0",
        "--hash=sha256:",
        "SHA256 (",
        ") = ",
    ),
    *(
        "  ",
        " *",
        "\\",
        "\n",
        "\r\n",
        "#",
        ";",
        "@",
        "://",
        "-r x",
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        "=",
        ".",
    ),
    *(
        "lock-version = '1.0'\n",
        "[[packages]]\n",
        "name = 'demo-pkg'\n",
        "version = '1.0'\n",
        "wheels = [{",
        "hashes",
    ),
    *(
        '"files"',
        '"urls"',
        '"releases"',
        '"digests"',
        '"filename"',
        "sha256",
        "null",
        "1e999",
        "\u2028",
        "\ud7ff",
        "\0",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join)
BYTES = st.binary(max_size=200) | TEXTS.map(str.encode)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just(GOOD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["files", "urls", "releases", "hashes", "digests", "filename", "sha256", "meta", "md5"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
FILENAMES = st.text(max_size=40) | st.just(WHEEL)


def readable(error):
    """An error is one line for a person, whatever bytes it speaks of."""
    assert error.code
    assert error.hint
    assert error.message.isprintable()


def answers(parse, data, filename):
    """Parse and ask; nothing but `InputError` may come out."""
    try:
        source = parse(data, ORIGIN, DEFAULT)
    except InputError as error:
        readable(error)
        return
    assert source.origin == ORIGIN
    source.identities_for(filename)
    for expected in source.expected_for(filename):
        assert expected.source == ORIGIN
        assert re.fullmatch("[0-9a-f]{32,128}", expected.digest)


@pytest.mark.parametrize("parse", [parse_hash_source, *PARSERS.values()])
@settings(max_examples=100, deadline=None)
@given(data=BYTES, filename=FILENAMES)
@example(data=b"[" * 100_000, filename=WHEEL)
@example(data=b'{"files":' * 100_000, filename=WHEEL)
@example(data=b"lock-version = '1.0'\npackages = " + b"[" * 100_000, filename=WHEEL)
@example(data=b"a;" + b"(" * 100_000 + b" --hash=sha256:" + GOOD.encode(), filename=WHEEL)
def test_any_bytes_give_a_source_or_an_input_error(parse, data, filename):
    """MUST: any bytes give a value or an `InputError`."""
    answers(parse, data, filename)


@settings(max_examples=100, deadline=None)
@given(document=VALUES, filename=FILENAMES)
def test_any_json_gives_a_source_or_an_input_error(document, filename):
    """MUST: a wrong type anywhere is an `InputError`."""
    answers(PARSERS["index"], json.dumps(document).encode(), filename)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=80) | TEXTS)
def test_any_option_gives_a_digest_or_an_input_error(text):
    """MUST: a mistyped option is an `InputError`."""
    try:
        assert parse_hash_option(text).digest
    except InputError as error:
        readable(error)


@pytest.mark.parametrize("load", [load_json, load_toml])
@settings(max_examples=100, deadline=None)
@given(data=BYTES)
def test_any_bytes_give_a_document_or_an_input_error(load, data):
    """MUST: what is loaded can be printed, and what cannot be loaded is an `InputError`."""
    try:
        value = load(data, ORIGIN)
    except InputError as error:
        readable(error)
    else:
        str(value).encode()
