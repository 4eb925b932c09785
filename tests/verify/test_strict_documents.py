"""JSON and TOML with one meaning and bounded cost: `parse/strictjson.py` and `parse/stricttoml.py`."""

from __future__ import annotations

import time

import pytest

from epochly_verify.errors import InputError
from epochly_verify.parse.strictjson import MAX_DEPTH, load_json
from epochly_verify.parse.stricttoml import MAX_KEY_PARTS, load_toml


def test_strictjson_reads_json():
    """Ordinary documents are read as `json` reads them."""
    text = ' {"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}, "": {"a": 1}}\n'
    assert load_json(text.encode(), "x") == {"a": [1, -2500.0, True, None, "é😀"], "b": {}, "": {"a": 1}}
    assert load_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "x")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON at line 1 column 1"),
        (b"{} {}", "not JSON at line 1 column 4"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b'{"a": 1, "\\u0061": 2}', "`a` stands twice"),
        (b'[{"x": {"\\u001b": 1, "\\u001b": 2}}]', "`\\u001b` stands twice"),
        (b"[NaN]", "NaN is no JSON number"),
        (b"-Infinity", "-Infinity is no JSON number"),
        (b"1e999", "1e999 is too large"),
        (b"9" * 5000, "too many digits"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b'"\\ude00\\ud83d"', "surrogate"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
        (b'{"a":' * 1_000_000, "nested deeper"),
    ],
    ids=range(18),
)
def test_strictjson_refuses_a_second_meaning(data, says):
    """What two readers could read differently, or no reader should, is one clear error."""
    with pytest.raises(InputError) as caught:
        load_json(data, "x")
    assert (caught.value.code, caught.value.where) == ("bad-json", "x")
    assert says in caught.value.message


def test_stricttoml_reads_toml():
    """Ordinary documents are read as `tomllib` reads them; dots in strings do not count."""
    dots = ".".join("a" * MAX_KEY_PARTS)
    assert load_toml(b"a.b.'c.d' = 1\n[x]\ny = ['1.2.3']\n", "x") == {
        "a": {"b": {"c.d": 1}},
        "x": {"y": ["1.2.3"]},
    }
    assert load_toml(f"{dots} = 1".encode(), "x")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a", "not TOML"),
        (b"a = 1\na = 2", "not TOML"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"a = " + b"[" * 100_000, "nested"),
        (b"a = " + b"1" * 5000, "digits"),
        (b"a." * 1_000_000 + b"b = 1", "dotted parts"),
        (b"[" + b"'a' . " * 100_000 + b"b]", "dotted parts"),
        (b"x = {" + b'"a"\t.' * 100_000 + b"b = 1}", "dotted parts"),
    ],
    ids=range(8),
)
def test_stricttoml_refuses_what_costs_or_breaks(data, says):
    """Every failure is one clear error, in about the time that reading the bytes takes."""
    started = time.perf_counter()
    with pytest.raises(InputError) as caught:
        load_toml(data, "x")
    assert time.perf_counter() - started < 5
    assert (caught.value.code, caught.value.where) == ("bad-toml", "x")
    assert says in caught.value.message
