"""Whether a `.pyc` holds what its source compiles to: `checks/install_pyc.py`, `parse/pyc.py`, `parse/marshal.py`."""

from __future__ import annotations

import marshal
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from install_inputs import DATA, fails, findings, ids, member, members_judged, pyc

from epochly_verify.checks.install_pyc import MAX_COMPILED_BYTES, MAX_SOURCE_BYTES
from epochly_verify.errors import InputError
from epochly_verify.parse.marshal import MAX_DEPTH, code_fingerprint
from epochly_verify.parse.pyc import Freshness, optimisation_levels, parse_pyc_head, source_path

SOURCE = '''"""A module."""
from __future__ import annotations
import os, json as j
NUMBERS = (1, 1.0, 1j, -0.0, True, None, ..., 10**20, "caf\\u00e9", b"raw", 2**14)
def outer(a, /, b=1, *args, c, d: int = 2, **kwargs):
    def inner():
        nonlocal b
        return a, b
    assert a, "told"
    return [x for x in inner() if x in {1, 2, 3}]
class Thing:
    """A class."""
    value: int = 1
    async def go(self):
        async with self as s:
            yield lambda z: z[1:2] + f"{z!r:>{10}}"
try:
    match NUMBERS:
        case [1, *rest]: pass
except* ValueError as e:
    raise
'''
PATH = "demo_pkg/mod.py"
CACHED = "demo_pkg/__pycache__/mod.cpython-311.pyc"
TIMESTAMP, UNCHECKED, CHECKED = 0, 1, 3
OTHER = struct.pack("<H", 3413) + b"\r\n"  # Python 3.8


def wheel(content, path=CACHED, source=SOURCE):
    """The ids for a wheel with this `.pyc` and its source."""
    return ids({PATH: source, path: content})


@pytest.mark.parametrize("flags", [TIMESTAMP, UNCHECKED, CHECKED])
def test_pyc_of_its_own_source_passes(flags):
    """The same code passes, whatever file name it was compiled under and however it is checked."""
    assert wheel(pyc(SOURCE, flags=flags)) == []
    assert wheel(pyc(SOURCE, flags=flags), "demo_pkg/mod.pyc") == []


@pytest.mark.parametrize("level", [1, 2])
def test_pyc_of_an_optimisation_level_passes_under_its_name(level):
    """`.opt-1` and `.opt-2` hold optimised code; under another name it is other code."""
    content = pyc(SOURCE, optimize=level)
    assert wheel(content, f"demo_pkg/__pycache__/mod.cpython-311.opt-{level}.pyc") == []
    assert wheel(content, "demo_pkg/mod.pyc") == []
    assert wheel(content) == ["pyc-differs-from-source"]


@pytest.mark.parametrize("tag", ["cpython-311.opt-x", "cpython-311-pytest-8.0.0"])
def test_pyc_of_a_name_no_python_looks_for_is_not_compared(tag):
    """A module that pytest rewrote and cached differs from its source honestly, and Python never loads it."""
    rewritten = pyc(SOURCE, SOURCE.replace("assert a", "assert b"))
    assert wheel(rewritten, f"demo_pkg/__pycache__/mod.{tag}.pyc") == ["pyc-not-verified"]


@pytest.mark.parametrize("flags", [TIMESTAMP, UNCHECKED, CHECKED])
@pytest.mark.parametrize(
    "code",
    [
        "import os\n",
        SOURCE + "print(1)\n",
        SOURCE.replace("return a, b", "return b, a"),
        SOURCE.replace("1.0", "1"),
        SOURCE.replace("-0.0", "0.0"),
        SOURCE.replace("True", "1"),
        SOURCE.replace('b"raw"', '"raw"'),
        SOURCE.replace("def inner", "def other").replace("inner()", "other()"),
        SOURCE.replace("c, d", "d, c"),
        SOURCE.replace("except* ValueError", "except ValueError"),
    ],
)
def test_pyc_of_other_code_is_an_error(flags, code):
    """Any difference in what would run is found, however Python would check the file."""
    assert wheel(pyc(SOURCE, code, flags=flags)) == ["pyc-differs-from-source"]
    assert fails("pyc-differs-from-source")


def test_pyc_says_which_function_differs():
    """The message names the innermost function that is not the source's, and that Python would not look."""
    other = SOURCE.replace("return a, b", "return b, a")
    (finding,) = findings({PATH: SOURCE, CACHED: pyc(SOURCE, other, flags=UNCHECKED)})
    assert finding.subject == CACHED
    assert finding.message == (
        "`outer.<locals>.inner` is other code than `demo_pkg/mod.py` compiles to, "
        "and Python would not look at the source (unchecked-hash)"
    )
    (finding,) = findings({PATH: SOURCE, CACHED: pyc(SOURCE, "def f(): pass\n")})
    assert "`f` where `demo_pkg/mod.py` has" in finding.message
    (finding,) = findings({PATH: "x = 1\n", CACHED: pyc("x = 1\n", "y = [lambda: 0]\n")})
    assert finding.message.startswith("it has `<lambda>` where")


def test_pyc_ignores_where_code_came_from():
    """File names and line numbers do not run (a class body holds its own line number since 3.13)."""
    source = "def f(x):\n    return x + 1\n"
    assert wheel(pyc(source, "\n\n" + source), source=source) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"N",
        marshal.dumps([1]),
        marshal.dumps(compile(SOURCE, "x", "exec")) + b"\0",
        marshal.dumps(compile(SOURCE, "x", "exec"))[:-1],
        b"\xe3" + bytes(20) + b"[" * 100,
        b"\xe3" + bytes(20) + b"N" * 100_000,
    ],
)
def test_pyc_with_a_body_no_compiler_writes_is_an_error(body):
    """What cannot be read as code is not the source's code."""
    assert wheel(pyc(SOURCE, body=body)) == ["pyc-differs-from-source"]


@pytest.mark.parametrize("source", ["def f(:\n", "x = 1\0\n", "# coding: nonsense\n"])
def test_pyc_of_a_source_that_does_not_compile_is_an_error(source):
    """Code beside a source that is no Python came from somewhere else."""
    assert wheel(pyc(source, "x = 1\n"), source=source) == ["pyc-differs-from-source"]


def test_pyc_for_another_python_is_told():
    """Code of another Python cannot be compared: a warning, and an error when Python would not look at the source."""
    assert wheel(pyc(SOURCE, magic=OTHER)) == ["pyc-not-comparable"]
    assert wheel(pyc(SOURCE, magic=OTHER, flags=CHECKED)) == ["pyc-not-comparable"]
    assert wheel(pyc(SOURCE, magic=OTHER, flags=UNCHECKED)) == ["pyc-unchecked-hash"]
    assert wheel(pyc(SOURCE, magic=b"\x01\x00\r\n", flags=UNCHECKED)) == ["pyc-unchecked-hash"]
    assert not fails("pyc-not-comparable")
    assert fails("pyc-not-comparable", strict=True)
    assert fails("pyc-unchecked-hash")
    (finding,) = findings({PATH: SOURCE, CACHED: pyc(SOURCE, magic=OTHER)})
    assert finding.message == "it is for Python 3.8, which is not the one that judges"


def test_pyc_that_was_made_from_another_source_is_told():
    """A size or hash that is not the source's is told even when the code is equal."""
    assert wheel(pyc(SOURCE + "\n", SOURCE)) == ["pyc-stale"]
    assert wheel(pyc(SOURCE, flags=CHECKED, source_hash=bytes(8))) == ["pyc-stale"]
    assert wheel(pyc(SOURCE, flags=UNCHECKED, source_hash=bytes(8))) == []
    assert wheel(pyc(SOURCE + "\n", SOURCE, magic=OTHER)) == ["pyc-not-comparable", "pyc-stale"]
    assert not fails("pyc-stale")
    assert fails("pyc-stale", strict=True)


def test_pyc_without_source_is_told():
    """A `.pyc` nobody can read is a warning; one that would stand in for another wheel's module is an error."""
    assert ids({"demo_pkg/hidden.pyc": pyc(SOURCE)}) == ["pyc-without-source"]
    assert ids({"demo_pkg/hidden.pyc": pyc(SOURCE, flags=UNCHECKED)}) == ["pyc-without-source"]
    assert ids({"demo_pkg/__pycache__/h.cpython-311.pyc": pyc(SOURCE)}) == ["pyc-without-source"]
    assert ids({"demo_pkg/__pycache__/h.cpython-311.pyc": pyc(SOURCE, flags=UNCHECKED)}) == [
        "pyc-unchecked-hash"
    ]
    assert not fails("pyc-without-source")
    assert fails("pyc-without-source", strict=True)


def test_pyc_finds_its_source_where_it_would_be_installed():
    """A `.pyc` from `.data` is compared with the source it lands beside."""
    source = member(PATH, SOURCE.encode())
    evil = member(f"{DATA}/purelib/{CACHED}", pyc(SOURCE, "import os\n", flags=UNCHECKED))
    assert members_judged([source, evil]) == ["pyc-differs-from-source"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(15),
        b"\xa7\x0d\r\n" + struct.pack("<L", 2) + bytes(8),
        b"\xa7\x0d\r\n" + struct.pack("<L", 4) + bytes(8),
        struct.pack("<H", 3351) + b"\r\n" + bytes(40),
        b"\xa7\x0dxx" + bytes(40),
    ],
)
def test_pyc_with_a_broken_head_is_told(content):
    """A head that no supported Python writes is told."""
    assert wheel(content) == ["pyc-malformed"]
    assert not fails("pyc-malformed")
    assert fails("pyc-malformed", strict=True)


def test_pyc_that_was_not_kept_is_an_error():
    """Padding cannot keep a `.pyc` from being looked at; a source that was not kept leaves it unverified."""
    assert members_judged([member(PATH, b"x = 1\n"), member(CACHED, b"x", kept=False)]) == ["pyc-unread"]
    assert fails("pyc-unread")
    unkept = member(PATH, b"x = 1\n", kept=False)
    assert members_judged([unkept, member(CACHED, pyc("x = 1\n"))]) == ["pyc-not-verified"]
    assert members_judged([unkept, member(CACHED, pyc("x = 1\n", flags=UNCHECKED))]) == ["pyc-unchecked-hash"]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n" + "#" * MAX_SOURCE_BYTES,
        "import a" + ".b" * 200 + "\n",
        "import \u00e9" + ".\u00e9" * 200 + "\n",
        "[a " + "for a in b " * 2_001 + "]\n",
        "lambda: 0\n" * 3_001,
        "x = f'" + "{x}" * 20_001 + "'\n",
        "a=1\n" * 10_001,
        "# coding: utf-7\nx = 1\n",
        "# coding: unicode_escape\nx = 1\n",
        "a" + "()" * 100_000 + "\n",
    ],
)
def test_pyc_of_a_costly_source_is_not_compiled(source):
    """A source that could cost too much leaves its `.pyc` unverified, and an unchecked one is refused."""
    assert wheel(pyc(source, "x = 1\n"), source=source) == ["pyc-not-verified"]
    assert wheel(pyc(source, "x = 1\n", flags=UNCHECKED), source=source) == ["pyc-unchecked-hash"]
    assert not fails("pyc-not-verified")
    assert fails("pyc-not-verified", strict=True)


def test_pyc_files_share_a_budget():
    """Many sources are compiled up to a bound, and the rest is said not to be verified."""
    source = "#" * (MAX_SOURCE_BYTES - 1)
    count = MAX_COMPILED_BYTES // MAX_SOURCE_BYTES + 3
    files = {}
    for number in range(count):
        files[f"demo_pkg/m{number}.py"] = source
        files[f"demo_pkg/__pycache__/m{number}.cpython-311.pyc"] = pyc(source, "")
    assert ids(files) == ["pyc-not-verified"] * 3


def test_pyc_head_is_read():
    """The head gives the Python, the kind of check and what it compares."""
    head = parse_pyc_head(struct.pack("<H", 3531) + b"\r\n" + struct.pack("<LLL", 0, 7, 9))
    assert (head.python, head.freshness, head.source_size) == ("3.12", Freshness.TIMESTAMP, 9)
    head = parse_pyc_head(b"\xff\xff\r\n" + struct.pack("<L", 3) + b"12345678")
    assert (head.python, head.freshness, head.source_hash) == ("", Freshness.CHECKED_HASH, b"12345678")


@pytest.mark.parametrize(
    ("path", "source", "levels"),
    [
        ("a/__pycache__/b.cpython-311.pyc", "a/b.py", (0,)),
        ("a/__pycache__/b.cpython-311.opt-2.pyc", "a/b.py", (2,)),
        ("a/__pycache__/b.cpython-311.opt-9.pyc", "a/b.py", ()),
        ("__pycache__/b.cpython-311.pyc", "b.py", (0,)),
        ("a/__pycache__/b.cpython-311-pytest-8.0.0.pyc", "a/b.py", ()),
        ("a/b.pyc", "a/b.py", (0, 1, 2)),
        ("b.pyc", "b.py", (0, 1, 2)),
    ],
)
def test_pyc_names_lead_to_their_source(path, source, levels):
    """The name gives the source and the levels of optimisation it may have (PEP 3147, PEP 488)."""
    assert source_path(path) == source
    assert optimisation_levels(path) == levels


def test_marshal_does_not_depend_on_how_code_was_written():
    """Shared and repeated values, and old and new versions of the format, give one fingerprint."""
    code = compile(SOURCE, "x", "exec", dont_inherit=True)
    prints = {code_fingerprint(marshal.dumps(code, version), "x").digest for version in (2, 3, 4)}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"r\0\0\0\0",
        b"(\xff\xff\xff\x7f",
        b"s\xff\xff\xff\xff",
        b"l\0\0\0\x80",
        b")\x01" * (MAX_DEPTH + 2),
        b"u\x01\0\0\0\xff",
        b"\xa9\x01r\0\0\0\0",
        b"{0",
        b"?",
        b"z",
    ],
)
def test_marshal_refuses_what_no_compiler_writes(data):
    """References to nothing, lengths that lie, deep nesting and other kinds of value are refused."""
    with pytest.raises(InputError) as caught:
        code_fingerprint(b"c" + bytes(20) + data, "x")
    assert caught.value.code == "not-code"


def test_marshal_reads_a_reference_bomb_in_no_time():
    """Values that refer to each other over and over cost what they are long, not what they would be."""
    layers = b"".join(
        b"\xa9\x02" + b"r" + struct.pack("<L", n) + b"r" + struct.pack("<L", n) for n in range(60)
    )
    data = b"c" + bytes(20) + b"(" + struct.pack("<L", 61) + b"\xee" + layers
    with pytest.raises(InputError):
        code_fingerprint(data, "x")


@given(st.binary(max_size=300))
def test_marshal_any_bytes_give_a_value_or_an_error(data):
    """Any bytes are code or refused."""
    for body in (data, b"\xe3" + bytes(20) + data):
        with suppress(InputError):
            assert len(code_fingerprint(body, "x").digest) == 32


@settings(max_examples=50)
@given(st.data())
def test_pyc_any_change_of_a_byte_gives_a_judgement(data):
    """A `.pyc` with any byte changed is judged without an error."""
    content = bytearray(pyc("def f(a=1):\n return [a, 'x']\n"))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = members_judged([member(PATH, b"def f(a=1):\n return [a, 'x']\n"), member(CACHED, bytes(content))])
    assert all(each.startswith("pyc-") for each in found)
