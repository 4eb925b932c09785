"""Choosing the format of a digest source by its content, and the `--hash` option: `parse/hashes.py`."""

from __future__ import annotations

import hashlib
import json

import pytest
from hash_inputs import BAD, GOOD, ORIGIN, WHEEL, digest_of, digests, refused

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT
from epochly_verify.model import ExpectedHash
from epochly_verify.parse.hash_source import DIGEST_BYTES, WEAK_ALGORITHMS
from epochly_verify.parse.hashes import (
    PARSERS,
    algorithms_to_compute,
    expected_from,
    parse_hash_option,
    parse_hash_source,
)

SUMS = f"# {WHEEL}\n{GOOD}  {WHEEL}\n"
REQUIREMENTS = f"# pip\n\ndemo-pkg==1.0 \\\n  --hash=sha256:{GOOD}\n"
PYLOCK = f"""# uv
lock-version = "1.0"
[[packages]]
name = "demo-pkg"
version = "1.0"
wheels = [{{ name = "{WHEEL}", hashes = {{ sha256 = "{GOOD}" }} }}]
[[packages.attestation-identities]]
kind = "GitHub"
"""
SIMPLE = json.dumps({"files": [{"filename": WHEEL, "hashes": {"sha256": GOOD}}]})
SOURCES = {"sums": SUMS, "requirements": REQUIREMENTS, "pylock": PYLOCK, "index": f"\n {SIMPLE}"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_source_is_known_by_its_content(name):
    """No file name is looked at, and every format answers alike."""
    data = SOURCES[name].encode()
    source = parse_hash_source(data, ORIGIN)
    assert (source.format, source.origin) == (name, ORIGIN)
    assert digests(source) == [("sha256", GOOD)]
    assert {one.source for one in source.expected_for(WHEEL)} == {ORIGIN}
    assert expected_from(name, data, WHEEL, origin=ORIGIN) == source.expected_for(WHEEL)
    assert len(source.identities_for(WHEEL)) == (name == "pylock")


def test_source_knows_every_parser():
    """Each format has an example here."""
    assert set(PARSERS) == set(SOURCES)


@pytest.mark.parametrize(
    "line", [f"SHA256 ({WHEEL}) = {GOOD}", f"{digest_of('md5')} *{WHEEL}", f"\\{GOOD}  a\\\\b"]
)
def test_source_knows_every_form_of_a_digest_list(line):
    """Tagged, escaped and weak lists are lists too."""
    assert parse_hash_source(line.encode(), ORIGIN).format == "sums"


def test_source_knows_a_requirements_file_that_starts_with_options():
    """Options and comments come before the first row in many compiled files."""
    text = f"--index-url https://index.example/simple\n-r base.txt\ndemo-pkg==1.0 --hash=sha256:{GOOD}\n"
    assert parse_hash_source(text.encode(), ORIGIN).format == "requirements"


def test_source_knows_a_requirements_file_of_urls():
    """Digests may stand in the URLs alone."""
    text = f"demo-pkg @ https://files.example/{WHEEL}#sha256={GOOD}\n"
    assert digests(parse_hash_source(text.encode(), ORIGIN)) == [("sha256", GOOD)]


def test_source_is_parsed_once_for_many_artifacts():
    """Hundreds of questions to one source cost no parsing."""
    lines = "".join(f"{digest_of(content=str(i).encode())}  p{i}-1-py3-none-any.whl\n" for i in range(3000))
    source = parse_hash_source(lines.encode(), ORIGIN)
    answers = [source.expected_for(f"p{i}-1-py3-none-any.whl") for i in range(3000)]
    assert [one.origin for (one,) in answers] == [f"{ORIGIN}:{i + 1}" for i in range(3000)]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "empty", "is empty"),
        ("hello\n", "unknown-format", "holds no digests"),
        ("demo-pkg==1.0\n", "unknown-format", "holds no digests"),
        (f"{GOOD}\n", "unknown-format", "holds no digests"),
        ("[project]\nname = 'x'\n", "unknown-format", "holds no digests"),
        ("[[package]]\nname = 'x'\n[metadata]\nlock-version = '2.1'\n", "unknown-format", "top-level"),
        ("<!DOCTYPE html><a href='x#sha1=0'>", "unknown-format", "is HTML"),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{SUMS}", "unknown-format", "PGP"),
        ('{"a": 1}', "unknown-format", "neither `files`"),
        ("{", "bad-json", "not JSON"),
        (b"PK\x03\x04\0\0", "not-text", "NUL"),
        (SUMS.encode("utf-16"), "not-text", "byte 0"),
        (b"\x89", "not-text", "byte 0"),
    ],
)
def test_source_refuses_what_it_does_not_know(text, code, says):
    """Anything else is one clear line with a hint."""
    refused(parse_hash_source, text, code=code, says=says)


@pytest.mark.parametrize(
    "text", [GOOD, GOOD.upper(), f"sha256:{GOOD}", f"SHA-256={GOOD}", f" sha256:{GOOD}\n"]
)
def test_hash_option_reads_a_digest(text):
    """The algorithm may be left out for SHA-256."""
    assert parse_hash_option(text) == ExpectedHash("sha256", GOOD, "--hash", "--hash")


@pytest.mark.parametrize("algorithm", sorted(DIGEST_BYTES))
def test_hash_option_reads_every_algorithm(algorithm):
    """Every algorithm that is read can be computed, and its length is right."""
    assert algorithm in hashlib.algorithms_guaranteed
    assert parse_hash_option(f"{algorithm}:{digest_of(algorithm)}").algorithm == algorithm


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "=",
        "sha256:",
        GOOD[:-1],
        GOOD + "0",
        f"{GOOD[:-1]}x",
        f"sha512:{GOOD}",
        f"crc32:{GOOD}",
        "sha256:" + "\u0661" * 64,
    ],
)
def test_hash_option_refuses_anything_else(text):
    """A mistyped digest is told at once, with how to write it."""
    with pytest.raises(InputError) as caught:
        parse_hash_option(text)
    assert (caught.value.code, caught.value.where) == ("bad-hash", "--hash")
    assert caught.value.message.isprintable()


def test_source_asks_for_no_weak_digest():
    """MD5 is never computed, for it is never compared."""
    listed = [ExpectedHash(name, digest_of(name), ORIGIN) for name in DIGEST_BYTES]
    assert algorithms_to_compute(listed) == set(DIGEST_BYTES) - WEAK_ALGORITHMS
    assert all(DIGEST_BYTES[name] >= 32 for name in algorithms_to_compute(listed))


def test_source_of_one_mixed_list_keeps_files_apart():
    """The digest of one file is no digest of another."""
    source = parse_hash_source(
        f"{BAD}  other-1-py3-none-any.whl\n{GOOD}  {WHEEL}\n".encode(), ORIGIN, DEFAULT
    )
    assert digests(source) == [("sha256", GOOD)]
