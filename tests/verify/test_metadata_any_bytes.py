"""What is read in `.dist-info` holds for any bytes, and for what other readers make of them."""

from __future__ import annotations

import email
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from wheel_evidence import SDIST, evidence_of, member

from epochly_verify.checks import metadata, record
from epochly_verify.limits import DEFAULT
from epochly_verify.model import NotRun, Ran
from epochly_verify.parse import dependency_specifiers
from epochly_verify.parse.headers import parse_headers
from epochly_verify.parse.record import STRONG, digest_text, parse_record, path_problem, read_digest
from epochly_verify.policy import Policy

INFO = "demo_pkg-1.0.dist-info"
HEADER_LINES = ["Name: a", "name : b", "Version: 1.0", "X: y: z", ": z", " folded", "\tfolded", "", " ", "stray", "X:", "É: é",
                "From x", "body: no"]  # fmt: skip
HEADER_TEXT = st.tuples(
    st.lists(st.sampled_from(HEADER_LINES), max_size=8), st.sampled_from(["\n", "\r\n", "\r"])
)
ROW = st.lists(
    st.sampled_from(["a.py", '"', '"a,b"', "sha256=", "6", "", "..", "/x", "\\", "\r", "\ufeff"]), max_size=5
)


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
@example(b"", b"", b"", b"")
def test_any_bytes_in_dist_info_give_a_report(record_bytes, metadata_bytes, wheel_bytes, entry_points_bytes):
    """Whatever the four files hold, both layers give an outcome and raise nothing."""
    files = {
        "RECORD": record_bytes,
        "METADATA": metadata_bytes,
        "WHEEL": wheel_bytes,
        "entry_points.txt": entry_points_bytes,
    }
    evidence = evidence_of([member(f"{INFO}/{name}", data) for name, data in files.items()])
    assert isinstance(record.check(evidence, Policy()), Ran | NotRun)
    assert isinstance(metadata.check(evidence, Policy()), Ran | NotRun)


@given(st.lists(st.text(max_size=30), max_size=6), st.text(max_size=40), st.binary(max_size=60))
@example(
    ["x.dist-info", ".dist-info", "/.dist-info", ".data/x", "-1.data/purelib/.dist-info"],
    "-1-py3-none-any.whl",
    b"",
)
def test_any_names_give_a_report(names, filename, data):
    """Whatever members and file are called, both layers give an outcome and raise nothing."""
    members = [member(name, data) for name in names]
    for called in (filename, filename + ".whl", SDIST):
        evidence = evidence_of(members, called)
        assert isinstance(record.check(evidence, Policy()), Ran | NotRun)
        assert isinstance(metadata.check(evidence, Policy()), Ran | NotRun)


@given(HEADER_TEXT)
def test_headers_are_what_email_reads(parts):
    """Until a line that is no header, this reader and Python's `email` see the same headers."""
    lines, end = parts
    text = end.join(lines)
    ours = parse_headers(text, DEFAULT)
    if lines and lines[0][:1] in {" ", "\t"}:
        return  # `email` drops a continuation without a header; here it is a broken line
    if any(line.startswith((":", "From ")) for line in lines):
        return  # `email` takes an empty name and a mailbox line for headers
    theirs = email.message_from_string(text)
    unfolded = [(name.lower(), re.sub(r"\r\n|\r", "\n", value).strip()) for name, value in theirs.items()]
    assert list(ours.fields) == unfolded


@given(st.lists(ROW, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_rows_are_read_or_told(rows, end):
    """Every line of RECORD becomes a row or a problem; none is lost in silence."""
    text = end.join(",".join(row) for row in rows)
    read = parse_record(text.encode(), "RECORD", DEFAULT)
    assert all(isinstance(column, str) for row in read.rows for column in (row.path, row.hash, row.size))
    assert read.complete or read.problems
    if '"' not in text and not any("\r" in column for row in rows for column in row):
        lines = len(text.removeprefix("\ufeff").split(end)) - (
            1 if not text.removeprefix("\ufeff").split(end)[-1] else 0
        )
        byte_order_mark = text.startswith("\ufeff")
        assert len(read.rows) + len(read.problems) == lines + byte_order_mark


@given(st.text(max_size=60))
def test_any_digest_text_is_right_or_told(text):
    """A digest without a problem has exactly the one right spelling."""
    digest, problem = read_digest(text, 32)
    assert problem or (digest is not None and digest_text(digest) == text)


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_is_read_back(digest):
    """What `digest_text` writes is read as the same digest, without a problem."""
    assert read_digest(digest_text(digest), STRONG["sha256"]) == (digest, "")


@given(st.lists(st.sampled_from(["a", "b.py", "..", ".", "", "C:", "\\", "/"]), min_size=1, max_size=6))
def test_a_path_without_a_problem_stays_inside(parts):
    """A path that passes has no way out, on Windows neither."""
    path = "/".join(parts)
    if path_problem(path) is None:
        assert not re.match(r"[/\\]|[A-Za-z]:", path)
        assert ".." not in re.split(r"[/\\]", path)


REQUIREMENT = st.lists(
    st.sampled_from(
        ["a", "Foo.Bar_x-1", " ", ">=", "==", "~=", "!=", "<", ">", "===", "1.0", "1", "2.*", ",", ";", "extra", "==",
         "python_version", "'x'", '"3.8"', "and", "[x]", "(", ")", "@", "-", "."]
    ),
    min_size=1,
    max_size=9,
).map("".join)  # fmt: skip


@given(REQUIREMENT)
@example('a>=1.0,<2.0; extra == "x"')
@example("a~=1.0;python_version=='3.8'")
def test_requirements_are_judged_as_packaging_judges_them(text):
    """The short cut for common lines accepts nothing that `packaging` refuses, and refuses nothing it accepts."""
    assert dependency_specifiers.is_requirement(text) == _readable(Requirement, InvalidRequirement, text)
    assert dependency_specifiers.is_version_range(text) == _readable(SpecifierSet, InvalidSpecifier, text)


@pytest.mark.parametrize(
    "text", ["a>=1.0,<2.0; extra == 'x'", "Foo.Bar >=2.0", "a (>=1.0)", "a", 'a; os_name=="nt"']
)
def test_common_requirements_are_accepted(text):
    """The lines nearly all projects have pass, by the short cut or without it."""
    assert dependency_specifiers.is_requirement(text)


def _readable(reader, refusal, text):
    try:
        reader(text)
    except refusal:
        return False
    return True
