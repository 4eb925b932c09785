"""Requirements files with hashes: `parse/requirements_file.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hash_inputs import BAD, GOOD, ORIGIN, OTHER_WHEEL, SDIST, THIRD, WHEEL, digest_of, digests, refused

from epochly_verify.limits import DEFAULT
from epochly_verify.parse.requirements_file import logical_lines, parse_requirements

REQUIREMENTS = Path(__file__).parent.parent.parent / "requirements"


def parsed(text):
    """The source a requirements file makes."""
    return parse_requirements(text.encode(), ORIGIN, DEFAULT)


@pytest.mark.parametrize(
    "row",
    [
        f"demo-pkg==1.0 --hash=sha256:{GOOD}",
        f"demo-pkg == 1.0 --hash sha256:{GOOD}",
        f"Demo.Pkg==1.0.0 --hash=sha256:{GOOD.upper()}",
        f"demo_pkg===1.0 --hash='sha256:{GOOD}'",
        f"demo-pkg[fast, safe]==1.0 ; python_version >= '3.11' --hash=sha256:{GOOD}",
        f"demo-pkg==1.0 \\\n    --hash=sha256:{GOOD}\n    # via something",
        f"demo-pkg==1.0 \\\r\n    --hash=sha256:{GOOD}\r\n",
        f"demo-pkg==1.0 --config-settings=a=b --hash=sha256:{GOOD} # why",
        f"--require-hashes\n-i https://index.example/simple\n\ndemo-pkg==1.0 --hash=sha256:{GOOD}",
        f"demo-pkg @ https://files.example/a/{WHEEL}?x=1#sha256={GOOD}",
        f"https://files.example/{WHEEL}#egg=demo&sha256={GOOD}",
        f"demo-pkg @ https://u:${{TOKEN}}@files.example/{WHEEL} ; os_name == 'nt' --hash=sha256:{GOOD}",
        f"./wheels/{WHEEL} --hash=sha256:{GOOD}",
        f"{WHEEL} --hash=sha256:{GOOD}",
    ],
)
def test_requirements_reads_every_form_of_a_row(row):
    """Continuations, markers, extras, options, URLs and paths lead to the same digest."""
    assert digests(parsed(row)) == [("sha256", GOOD)]


def test_requirements_covers_every_file_of_a_release():
    """A row names a release, so its digests are alternatives for the wheels and the sdist alike."""
    source = parsed(f"demo-pkg==1.0 --hash=sha256:{GOOD} --hash=sha512:{digest_of('sha512')}\n")
    for filename in (WHEEL, OTHER_WHEEL, SDIST):
        expected = source.expected_for(filename)
        assert [one.algorithm for one in expected] == ["sha256", "sha512"]
        assert len({one.candidate for one in expected}) == 2


def test_requirements_says_where_each_digest_stands():
    """The origin is the first line of the row, as pip counts."""
    text = f"# one\nother==2 --hash=sha256:{BAD}\n\ndemo-pkg==1.0 \\\n --hash=sha256:{GOOD}\n"
    (expected,) = parsed(text).expected_for(WHEEL)
    assert (expected.origin, expected.source) == (f"{ORIGIN}:4", ORIGIN)


@pytest.mark.parametrize(
    ("row", "filename"),
    [
        ("demo-pkg==1.1", WHEEL),
        ("demo-pkg2==1.0", WHEEL),
        ("demo-pkg>=1.0", WHEEL),
        ("demo-pkg==1.*", WHEEL),
        ("demo-pkg==1.0,!=1.1", WHEEL),
        ("demo-pkg", WHEEL),
        ("demo-pkg===whatever", WHEEL),
        ("demo-pkg==1.0+cpu", "demo_pkg-1.0+cu118-py3-none-any.whl"),
        ("demo-pkg===1.0", "demo_pkg-1.0+cu118-py3-none-any.whl"),
        ("demo-pkg==1.0", "demo_pkg-1.0.post1-py3-none-any.whl"),
        ("demo-pkg==1.0", "demo_pkg.whl"),
        ("demo-pkg @ git+https://forge.example/demo-pkg", WHEEL),
    ],
)
def test_requirements_gives_nothing_for_another_release(row, filename):
    """Only one exact version vouches, and only for itself."""
    assert digests(parsed(f"{row} --hash=sha256:{GOOD}\n"), filename) == []


def test_requirements_gives_nothing_for_a_row_without_hash():
    """A pin alone says nothing about the bytes."""
    assert digests(parsed(f"demo-pkg==1.0\nother==1.0 --hash=sha256:{GOOD}\n")) == []


def test_requirements_lets_a_public_version_stand_for_its_local_ones():
    """`==1.0` selects `1.0+cu118` for an installer, so its digests bind that file too."""
    source = parsed(f"demo-pkg==1.0 --hash=sha256:{GOOD}\n")
    assert digests(source, "demo_pkg-1.0+cu118-py3-none-any.whl") == [("sha256", GOOD)]


def test_requirements_joins_rows_for_several_platforms():
    """Markers are not evaluated: the digests of all rows of a release are acceptable."""
    text = (
        f"demo-pkg==1.0 ; os_name == 'nt' --hash=sha256:{GOOD}\n"
        f"demo-pkg==1.0 ; os_name != 'nt' --hash=sha256:{BAD}\n"
    )
    assert digests(parsed(text)) == [("sha256", GOOD), ("sha256", BAD)]


def test_requirements_says_what_it_does_not_follow():
    """Nested files and unpinned rows with digests are told to the user, with their place."""
    source = parsed(f"-r base.txt\n--constraint=c.txt\ndemo-pkg>1 --hash=sha256:{GOOD}\n")
    assert source.notes == (
        f"`{ORIGIN}:1`: `base.txt` is not followed; give that file as well",
        f"`{ORIGIN}:2`: `c.txt` is not followed; give that file as well",
        f"`{ORIGIN}:3`: `demo-pkg>1` names no single release, its digests are not used",
    )


def test_requirements_ends_a_continuation_at_a_comment():
    """As in pip: a digest after a comment line belongs to no row above it."""
    text = f"demo-pkg==1.0 \\\n  # no more\n  --hash=sha256:{GOOD}\n"
    assert list(logical_lines(text)) == [(1, "demo-pkg==1.0"), (3, f"--hash=sha256:{GOOD}")]
    assert digests(parsed(text)) == []


def test_requirements_does_not_continue_a_comment():
    """As in pip: a backslash at the end of a comment joins nothing to it."""
    text = f"# made by \\\ndemo-pkg==1.0 --hash=sha256:{GOOD}\n"
    assert digests(parsed(text)) == [("sha256", GOOD)]


def test_requirements_ignores_a_digest_in_a_comment():
    """A commented digest vouches for nothing."""
    text = f"demo-pkg==1.0 --hash=sha256:{GOOD} # --hash=sha256:{BAD}\n#other==1 --hash=sha256:{THIRD}\n"
    assert digests(parsed(text)) == [("sha256", GOOD)]


def test_requirements_keeps_weak_digests_for_the_check_to_judge():
    """MD5 is read here and refused there."""
    assert digests(parsed(f"demo-pkg==1.0 --hash=md5:{digest_of('md5')}\n")) == [("md5", digest_of("md5"))]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("demo-pkg==1.0 --hash=sha256:", "bad-hash", "this is ``"),
        ("demo-pkg==1.0 --hash", "bad-hash", "no known digest algorithm"),
        (f"demo-pkg==1.0 --hash={GOOD}", "bad-hash", "no known digest algorithm"),
        (f"demo-pkg==1.0 --hash=sha256:{GOOD[:-1]}", "bad-hash", "this is 63 characters"),
        (f"demo-pkg==1.0 --hash=sha256:{GOOD[:-1]}g", "bad-hash", "64 hexadecimal digits"),
        (f"demo-pkg==1.0 --hash=crc32:{GOOD}", "bad-hash", "`crc32`"),
        (f"demo-pkg==1.0 --hash=\x1b[1m:{GOOD}", "bad-hash", r"`\u001b[1m`"),
        (f"demo pkg 1.0 --hash=sha256:{GOOD}", "bad-line", "no requirement"),
        (f"== --hash=sha256:{GOOD}", "bad-line", "no requirement"),
        ("", "empty", "is empty"),
        (b"\xff", "not-text", "byte 0"),
    ],
)
def test_requirements_refuses_a_broken_digest(text, code, says):
    """A digest that cannot be compared, or that belongs to nothing, is an error with its line."""
    refused(parse_requirements, text, code=code, says=says)


def test_requirements_bounds_a_row():
    """A requirement far longer than any real one is not given to the version parser."""
    row = f"demo-pkg=={'1' * 4200} --hash=sha256:{GOOD}"
    refused(parse_requirements, row, code="bad-line", says="more than 4096")


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_requirements_reads_every_digest_of_our_own_locks(path):
    """No digest of a real compiled file is lost."""
    data = path.read_bytes()
    source = parse_requirements(data, path.name, DEFAULT)
    assert len(source.entries) == data.count(b"--hash=sha256:") > 0
    assert all(entry.version is not None for entry in source.entries)
    assert source.notes == ()
