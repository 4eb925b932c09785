"""entry_points.txt: `parse/entry_points.py`, and its findings as the metadata layer reports them."""

from __future__ import annotations

import configparser
import importlib.metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheel_evidence import ids_of, wheel_evidence
from wheels import build_wheel

from epochly_verify.checks.metadata import check
from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.parse.entry_points import EntryPoint, is_object_reference, parse_entry_points

WHERE = "demo_pkg-1.0.dist-info/entry_points.txt"


def read(text):
    """The file's entries and problems, from text."""
    return parse_entry_points(text.encode("utf-8", "surrogatepass"), WHERE, DEFAULT)


def ids(text):
    """The ids of the problems in a file."""
    return sorted(problem.id for problem in read(text).problems)


def script(name="demo", value="demo_pkg:main", group="console_scripts"):
    """The ids of the problems of one entry."""
    return ids(f"[{group}]\n{name} = {value}\n")


REAL = """\
[console_scripts]
f2py = numpy.f2py.f2py2e:main
wheel=wheel._commands:main

# plug-ins
[mkdocs.plugins]
material/search = material.plugins.search.plugin:SearchPlugin

[pyinstaller40]
hook-dirs = numpy:_pyinstaller_hooks_dir
[array_api]
numpy = numpy
[gui_scripts]
demo.gui-2 = demo_pkg.gui : App.run [extra1, extra-2]
"""


def test_entry_points_reads_what_build_tools_write():
    """Sections, comments, blank lines, module targets, extras and plug-in names with slashes are all honest."""
    parsed = read(REAL)
    assert parsed.problems == ()
    assert parsed.entries[1] == EntryPoint("console_scripts", "wheel", "wheel._commands:main")
    assert parsed.entries[-1].value == "demo_pkg.gui : App.run [extra1, extra-2]"
    assert len(parsed.entries) == 6


@pytest.mark.parametrize("text", [REAL.replace("\n", "\r\n"), "", "\n\n", "# nothing"])
def test_entry_points_reads_any_line_end_and_nothing(text):
    """Files from Windows and empty files are honest."""
    assert read(text).problems == ()


def test_entry_points_reads_an_indented_text():
    """Old tools wrote the indented text of a setup script as it stood; all readers agree on it."""
    assert ids("\n    [console_scripts]\n    foo = a:b\n    bar = c:d\n    ") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo = a:b\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo: a:b\n", ["entry-points-malformed"]),
        ("[console_scripts]\n; note = a:b\n", ["entry-points-malformed"]),
        ("[console_scripts] x\nfoo = a:b\n", ["entry-points-malformed", "entry-points-malformed"]),
        ("[console_scripts]\n= a:b\n", ["entry-points-malformed"]),
        ("[]\n", ["entry-points-malformed"]),
        ("[DEFAULT]\n", ["entry-points-malformed"]),
        ("[ console_scripts ]\n", ["entry-points-malformed"]),
        ("[[console_scripts]]\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:b\n  bar = c:d\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:b\n\n\t[gui_scripts]\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:b\x0bbar = c:d\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:b\u2028bar = c:d\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:b\x00\n", ["entry-points-malformed"]),
        ("\ufeff[console_scripts]\n", ["entry-points-malformed"]),
        ("[console_scripts]\nfoo = a:\ud800\n", ["entry-points-malformed"]),
        ("[a]\n[b]\n[a]\n", ["entry-points-duplicate-section"]),
        ("[a]\nx = m\nx = n\n", ["entry-points-duplicate-name"]),
        ("[a]\nx = m\n[b]\nx = n\n", []),
        ("[a]\nx = m\nX = n\n", []),
        ("[a]\nx = m\n[a]\nx = n\n", ["entry-points-duplicate-name", "entry-points-duplicate-section"]),
    ],
)
def test_entry_points_refuses_what_readers_take_differently(text, expected):
    """Each construct that two readers in use understand differently is told."""
    assert ids(text) == expected


@pytest.mark.parametrize("name", ["../x", "../../../ep_evil", "a/b", "a\\b", "/abs", "C:x", "..", ".", "a:b"])
@pytest.mark.parametrize("group", ["console_scripts", "gui_scripts"])
def test_entry_points_refuses_script_names_that_are_paths(name, group):
    """A script's name becomes a file's name, so it must not lead anywhere (CVE-2026-8643)."""
    assert script(name, group=group) == ["entry-point-name-traversal"]
    assert script(name, group="some.plugins") == []


@pytest.mark.parametrize("name", ["foo bar", "foo$", "foo;rm", "foo\u202ebar", "foo*"])
def test_entry_points_warns_of_odd_script_names(name):
    """A script's name with other characters than names have is told, short of an error."""
    assert script(name) == ["entry-point-name-unsafe"]


@pytest.mark.parametrize(
    "value",
    [
        'demo_pkg:main;__import__("os").getpid()',
        "demo_pkg:main()",
        "demo_pkg:main if x else y",
        "demo_pkg:main as x",
        "demo_pkg:main, evil",
        "demo_pkg:main  # x",
        "demo-pkg:main",
        "demo_pkg:main [extra",
        "demo_pkg:main [a;b]",
        "demo_pkg:main [a] x",
        "demo_pkg:%(x)s",
        "demo_pkg/x:main",
    ],
)
def test_entry_points_refuses_script_targets_that_are_no_reference(value):
    """A script's target is pasted into Python source, so it must be nothing but names."""
    assert script(value=value) == ["entry-point-code"]
    assert script(value=value, group="some.plugins") == ["entry-point-value-invalid"]


@pytest.mark.parametrize(
    "value", ["", "demo_pkg", "demo_pkg:", ":main", "demo_pkg:main:x", "demo_pkg..x:main", "1:2"]
)
def test_entry_points_refuses_script_targets_that_cannot_be_called(value):
    """A target of names that leads to no function is refused too, under its own id."""
    assert script(value=value) == ["entry-point-without-callable"]


@pytest.mark.parametrize(
    "value", ["a", "a.b", "a:b", "a.b:c.d", "a:b [x]", "a:b[x,y]", "a : b", "\u00e9.b:c", "a [x]"]
)
def test_object_references_are_names_with_dots(value):
    """Modules, attributes and extras, with the spaces the specification allows."""
    assert is_object_reference(value)


@pytest.mark.parametrize(
    "value", ["", ":", "a:", ":b", "a.:b", "a b:c", "a:b:c", "a-b:c", "a[x", "a[x]y", "a:b()", "a\n"]
)
def test_nothing_else_is_an_object_reference(value):
    """Anything that is not a chain of identifiers is refused; white space around it was stripped before."""
    assert not is_object_reference(value) or value != value.strip()


def test_entry_points_reads_a_bounded_number_of_entries():
    """More lines than the limit are told and not read."""
    text = b"[a]\n" + b"".join(b"x%d = m\n" % index for index in range(20))
    parsed = parse_entry_points(text, WHERE, Limits(headers=8))
    assert [problem.id for problem in parsed.problems] == ["entry-points-malformed"]
    assert len(parsed.entries) == 7


def test_entry_points_are_judged_in_the_metadata_layer():
    """What the parser finds in a wheel is a finding of that layer."""
    data = build_wheel({WHERE: "[console_scripts]\n../x = a:b\ny = z\n"})
    assert ids_of(check, wheel_evidence(data)) == [
        "entry-point-name-traversal",
        "entry-point-without-callable",
    ]


LINES = st.lists(
    st.sampled_from(
        ["[console_scripts]", "[a]", "[b]", "foo = a:b", "bar=c:d", "foo = e:f", " ind = g:h", "; c", "# c", "[DEFAULT]", "", "x", "[a",
         "x:y = z", "\t", " ", "[a] ", "k = ", "= v", "a = b = c", "\x0c", "\x85x = y"]
    ),
    max_size=8,
)  # fmt: skip


class _CaseSensitive(configparser.RawConfigParser):
    optionxform = staticmethod(str)


@given(LINES)
def test_readers_agree_on_every_file_without_a_problem(lines):
    """What passes is read alike by this parser, `importlib.metadata` and a case-sensitive `configparser`."""
    text = "\n".join(lines)
    parsed = read(text)
    if any(problem.id.startswith("entry-points-") for problem in parsed.problems):
        return
    ours = [(entry.group, entry.name, entry.value) for entry in parsed.entries]
    theirs = importlib.metadata.EntryPoints._from_text(text)
    assert [(entry.group, entry.name, entry.value) for entry in theirs] == ours
    ini = _CaseSensitive(delimiters=("=",))
    ini.read_string(text)
    assert [(group, name, value) for group in ini.sections() for name, value in ini.items(group)] == ours


@given(st.binary(max_size=300))
def test_any_bytes_give_entry_points(data):
    """Nothing in the file can raise."""
    parse_entry_points(data, WHERE, DEFAULT)
