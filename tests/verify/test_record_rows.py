"""RECORD's rows: what can be read of them, and which paths may stand in them."""

from __future__ import annotations

import pytest
from wheel_evidence import evidence_of, ids_of, member, wheel_evidence
from wheels import build_wheel, record_row

from epochly_verify.checks.record import check
from epochly_verify.limits import Limits
from epochly_verify.policy import Policy

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"
INFO = "demo_pkg-1.0.dist-info"


def found(files=None, **lies):
    """The ids found in a wheel of one package file, told these lies."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} if files is None else files, **lies)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./" + FILE, "record-path-spelling"),
        ("demo_pkg/./__init__.py", "record-path-spelling"),
        ("demo_pkg//__init__.py", "record-path-spelling"),
        ("demo_pkg\\__init__.py", "record-path-spelling"),
        (".\\demo_pkg\\__init__.py", "record-path-spelling"),
        ("Demo_pkg/__init__.py", "record-path-spelling"),
        ("demo_pkg/__INIT__.py", "record-path-spelling"),
    ],
)
def test_record_wants_the_archives_spelling(path, expected):
    """A row that means a file in another spelling is one finding, and its hash is still compared."""
    assert found(rows={FILE: record_row(path, CODE)}) == [expected]
    assert found(rows={FILE: record_row(path, b"yyyyyy")}) == ["record-hash-mismatch", expected]


def test_record_sees_another_unicode_form():
    """A decomposed name in RECORD is not the composed one in the archive, whichever way round."""
    composed, decomposed = "demo_pkg/\u00e9.py", "demo_pkg/e\u0301.py"
    assert found({composed: CODE}, rows={composed: record_row(decomposed, CODE)}) == ["record-path-spelling"]
    assert found({decomposed: CODE}, rows={decomposed: record_row(composed, CODE)}) == [
        "record-path-spelling"
    ]
    assert found({decomposed: CODE}) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../x", "record-path-traversal"),
        ("demo_pkg/../../x", "record-path-traversal"),
        ("demo_pkg/..", "record-path-traversal"),
        ("..\\x", "record-path-traversal"),
        ("/etc/passwd", "record-path-absolute"),
        ("\\windows\\x", "record-path-absolute"),
        ("\\\\host\\share\\x", "record-path-absolute"),
        ("C:/x", "record-path-absolute"),
        ("c:x", "record-path-absolute"),
        ("gone.py", "record-names-missing-file"),
        ("demo_pkg", "record-names-missing-file"),
        ("gone/", "record-names-missing-file"),
        ("demo_pkg/", "record-lists-directory"),
    ],
)
def test_record_refuses_rows_that_are_no_file_of_the_wheel(path, expected):
    """A row for something outside the wheel has its own id for each way out, and no second finding."""
    assert found(rows={"more": record_row(path, CODE)}) == [expected]


@pytest.mark.parametrize("path", ["../esc.py", "/abs.py"])
def test_record_refuses_such_a_path_even_when_the_archive_has_it(path):
    """A path that leaves the wheel is refused in RECORD also when both sides agree on it."""
    expected = "record-path-absolute" if path[0] == "/" else "record-path-traversal"
    files = [
        member(path, CODE),
        member(f"{INFO}/RECORD", f"{record_row(path, CODE)}\n{INFO}/RECORD,,\n".encode()),
    ]
    assert ids_of(check, evidence_of(files)) == [expected]


@pytest.mark.parametrize("path", ["a\x00b", "a\nb", "a\x1bb", "a\x85b", "a\u2028b"])
def test_record_refuses_control_characters_in_paths(path):
    """A path with a control character is told, also when the archive has it."""
    text = f'"{path}",{record_row(path, CODE).removeprefix(path + ",")}\n{INFO}/RECORD,,\n'
    assert ids_of(check, evidence_of([member(path, CODE), member(f"{INFO}/RECORD", text.encode())])) == [
        "record-path-spelling"
    ]


def test_record_wants_one_row_for_each_file():
    """Equal rows are repeated ones, unequal rows are conflicting ones; each is told once."""
    good = record_row(FILE, CODE)
    assert found(rows={"again": good}) == ["record-duplicate-row"]
    assert found(rows={"again": good, "more": good}) == ["record-duplicate-row"]
    assert found(rows={"again": f"{FILE},,"}) == ["record-conflicting-rows"]
    assert found(rows={"again": f"{INFO}/RECORD,,"}) == ["record-duplicate-row"]
    assert found(rows={"gone": "gone.py,,", "again": "gone.py,,"}) == [
        "record-duplicate-row",
        "record-names-missing-file",
    ]


def test_record_compares_a_file_with_equal_rows():
    """Repeating a wrong row does not make it right."""
    bad = record_row(FILE, b"y")
    assert found(rows={FILE: bad, "again": bad}) == ["record-duplicate-row", "record-hash-mismatch"]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (f"{INFO}/RECORD,,", []),
        (record_row(f"{INFO}/RECORD", CODE), ["record-hashes-itself"]),
        (f"{INFO}/RECORD,sha256=,", ["record-hashes-itself"]),
        (f"{INFO}/RECORD,,1", ["record-size-mismatch"]),
        (f"{INFO}/RECORD,", ["record-malformed-row"]),
        (f"./{INFO}/RECORD,,", ["record-path-spelling"]),
    ],
)
def test_record_lists_itself_without_a_hash(last, expected):
    """RECORD's own row is `RECORD,,`."""
    assert found(rows={f"{INFO}/RECORD": last}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{FILE}\n", ["record-malformed-row"]),
        (f"{FILE},sha256=x\n", ["record-malformed-row"]),
        (record_row(FILE, CODE) + ",\n", ["record-malformed-row"]),
        (record_row(FILE, CODE) + "\n\n", ["record-malformed-row"]),
        ("\ufeff" + record_row(FILE, CODE) + "\n", ["record-malformed-row"]),
        (f'"{FILE}"x,,\n', ["record-malformed-row"]),
        (record_row(FILE, CODE) + '\n"open,,\n', ["record-malformed-row"]),
        ("x" * 200_000 + ",,\n", ["record-malformed-row"]),
        (",,\n" + record_row(FILE, CODE) + "\n", ["record-names-missing-file", "record-path-spelling"]),
        ("\ud800", ["record-not-utf8"]),
        (f"# {FILE}\u00e9,,\n".encode("latin-1"), ["record-not-utf8"]),
    ],
)
def test_record_tells_what_it_cannot_read(text, expected):
    """A row that is not three columns, or no CSV, or no UTF-8, is told, and nothing is concluded from its absence."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    data += f"{INFO}/RECORD,,\n".encode()
    assert ids_of(check, evidence_of([member(FILE, CODE), member(f"{INFO}/RECORD", data)])) == expected


def test_record_reads_a_bounded_number_of_rows():
    """More rows than the limit are an error, and do not make files look unlisted."""
    policy = Policy(limits=Limits(record_rows=2))
    assert ids_of(check, wheel_evidence(build_wheel({FILE: CODE})), policy) == ["record-unreadable"]
    assert (
        ids_of(check, wheel_evidence(build_wheel({FILE: CODE})), Policy(limits=Limits(record_rows=4))) == []
    )


def test_record_stays_quick_on_hostile_names():
    """Looking for other spellings is bounded: long runs of combining marks cost no more than a moment."""
    marks = "\u0301\u0316" * 2_000
    rows = "".join(f"{index}{marks},,\n" for index in range(1_500))
    record = member(f"{INFO}/RECORD", f"{rows}{INFO}/RECORD,,\n".encode())
    files = [member(f"x{index}{marks}", b"") for index in range(50)]
    ids = ids_of(check, evidence_of([*files, record]))
    assert set(ids) == {"file-not-in-record", "record-names-missing-file"}
    assert len(ids) == 1_550
