"""The canonical form: what it fixes, what it keeps, what it refuses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import stat
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly_release.canonical import STORED_BLOCK, canonical, canonical_sdist, canonical_wheel, members
from epochly_release.errors import Refused

EPOCH = 1_700_000_001
INFO = "demo-1.0.dist-info"
FILES = {
    "demo/__init__.py": b"x = 1\n",
    "demo/run.sh": b"#!/bin/sh\n",
    "zeta.py": b"",
    f"{INFO}/METADATA": b"Name: demo\n",
}


def digest(data):
    """A file's hash as RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def with_record(files, order=sorted):
    """The files, with a RECORD whose rows are in the given order."""
    rows = [f"{name},{digest(data)},{len(data)}" for name, data in files.items()] + [f"{INFO}/RECORD,,"]
    return files | {f"{INFO}/RECORD": ("\r\n".join(order(rows)) + "\r\n").encode()}


def wheel(
    files, *, executable=(), when=(2001, 2, 3, 4, 5, 6), method=zipfile.ZIP_DEFLATED, mode=0o600, folders=()
):
    """A wheel as some build tool may write it: any order, times, modes and compression."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in folders:
            archive.mkdir(name)
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type, entry.comment = method, b"noise"
            entry.external_attr = (stat.S_IFREG | mode | (0o100 if name in executable else 0)) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def sdist(files, *, executable=(), when=1.5, mode=0o600, level=9, owner="somebody", folders=()):
    """An sdist as some build tool may write it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in [*((name, None) for name in folders), *files.items()]:
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.uname, entry.uid = when, owner, 1000
            entry.mode = mode | (0o010 if name in executable else 0)
            entry.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            entry.size = len(data or b"")
            archive.addfile(entry, io.BytesIO(data or b""))
    return gzip.compress(buffer.getvalue(), level, mtime=when)


def test_wheel_entries_are_sorted_with_dist_info_last_and_record_at_the_end():
    """The order of a canonical wheel is its names', then dist-info, then RECORD."""
    made = canonical_wheel(wheel(dict(reversed(with_record(FILES).items()))), EPOCH)
    names = zipfile.ZipFile(io.BytesIO(made)).namelist()
    assert names == ["demo/__init__.py", "demo/run.sh", "zeta.py", f"{INFO}/METADATA", f"{INFO}/RECORD"]


def test_wheel_entries_carry_nothing_of_the_machine():
    """Time, mode, system, compression, extras and comments are fixed; only `executable` is kept of a mode."""
    made = canonical_wheel(wheel(with_record(FILES), executable=["demo/run.sh"], folders=["demo/"]), EPOCH)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            mode = 0o100755 if entry.filename == "demo/run.sh" else 0o100644
            assert entry.external_attr == mode << 16
            assert entry.date_time == (2023, 11, 14, 22, 13, 20)
            assert (entry.create_system, entry.compress_type, entry.extra, entry.comment) == (3, 0, b"", b"")


def test_wheel_time_before_1980_is_the_first_that_zip_can_say():
    """A commit of 1970 still gives a wheel."""
    made = canonical_wheel(wheel(with_record(FILES)), 0)
    assert zipfile.ZipFile(io.BytesIO(made)).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_wheel_record_is_sorted_and_says_the_same():
    """RECORD's rows are sorted, its own row is last, and every row is kept."""
    made = canonical_wheel(wheel(with_record(FILES, order=lambda rows: sorted(rows)[::-1])), EPOCH)
    lines = zipfile.ZipFile(io.BytesIO(made)).read(f"{INFO}/RECORD").decode().split("\n")
    assert lines[-2:] == [f"{INFO}/RECORD,,", ""]
    assert lines[:-2] == sorted(f"{name},{digest(data)},{len(data)}" for name, data in FILES.items())


def test_wheel_does_not_depend_on_input_order_times_modes_or_compression():
    """Two wheels with the same contents have the same canonical bytes."""
    files = with_record(FILES)
    other = wheel(
        dict(reversed(files.items())),
        executable=["zeta.py"],
        when=(2020, 1, 1, 0, 0, 0),
        method=zipfile.ZIP_STORED,
        mode=0o644,
        folders=["demo/"],
    )
    assert canonical_wheel(wheel(files, executable=["zeta.py"]), EPOCH) == canonical_wheel(other, EPOCH)


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("record-wrong", with_record(FILES) | {"demo/__init__.py": b"x = 2\n"}),
        ("record-wrong", with_record(FILES) | {"unlisted.py": b""}),
        ("record-wrong", {name: data for name, data in with_record(FILES).items() if name != "zeta.py"}),
        ("record-wrong", with_record(FILES) | {f"{INFO}/RECORD": b"\xff"}),
        ("record-wrong", with_record(FILES) | {f"{INFO}/RECORD": b"a,b\n"}),
        ("no-record", FILES),
        ("dist-info", {"a.py": b""}),
        ("dist-info", with_record(FILES) | {"other-1.dist-info/METADATA": b""}),
        ("unsafe-name", with_record(FILES | {"../out.py": b""})),
    ],
)
def test_wheel_that_is_wrong_is_refused(code, files):
    """No canonical form is given to a wheel whose RECORD or layout is wrong."""
    with pytest.raises(Refused) as caught:
        canonical_wheel(wheel(files), EPOCH)
    assert caught.value.code == code


def test_wheel_with_a_link_or_a_duplicate_is_refused():
    """A link and a name that comes twice have no canonical form."""
    buffer = io.BytesIO(wheel(with_record(FILES)))
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo("link.py")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "zeta.py")
    with pytest.raises(Refused, match="no regular file"):
        canonical_wheel(buffer.getvalue(), EPOCH)
    buffer = io.BytesIO(wheel(with_record(FILES)))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("zeta.py", b"")
    with pytest.raises(Refused, match="twice"):
        canonical_wheel(buffer.getvalue(), EPOCH)


SDIST = {"demo-1.0/PKG-INFO": b"Name: demo\n", "demo-1.0/b.py": b"", "demo-1.0/a.sh": b"#!/bin/sh\n"}


def test_sdist_carries_nothing_of_the_machine():
    """Owners, names, times and modes of a canonical sdist are fixed, and its gzip header too."""
    made = canonical_sdist(sdist(SDIST, executable=["demo-1.0/a.sh"], folders=["demo-1.0"]), EPOCH)
    assert made[:10] == b"\x1f\x8b\x08\x00" + EPOCH.to_bytes(4, "little") + b"\x00\xff"
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == sorted(SDIST)
    assert [entry.mode for entry in entries] == [0o644, 0o755, 0o644]
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime, str(e.pax_headers)) for e in entries} == {
        (0, 0, "", "", EPOCH, "{}")
    }


def test_sdist_of_more_than_one_stored_block_is_whole():
    """Contents larger than one stored DEFLATE block come back as they were."""
    files = SDIST | {"demo-1.0/large": bytes(range(256)) * (STORED_BLOCK // 100)}
    made = canonical_sdist(sdist(files), EPOCH)
    assert {member.name: member.data for member in members("demo-1.0.tar.gz", made)} == files


def test_sdist_long_and_foreign_names_use_pax_without_times():
    """A name that ustar cannot hold gets a pax record of the path and nothing else."""
    name = "demo-1.0/" + "d" * 160 + "/\u00e9.py"
    made = canonical_sdist(sdist(SDIST | {name: b"1"}), EPOCH)
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        assert archive.getmember(name).pax_headers == {"path": name}


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("sdist-shape", sdist({"demo-1.0/a.py": b""})),
        ("sdist-shape", sdist(SDIST | {"other/PKG-INFO": b""})),
        ("unsafe-name", sdist(SDIST | {"demo-1.0/../x": b""})),
        ("unreadable", b"no gzip"),
        ("unreadable", gzip.compress(b"no tar" * 200, mtime=0)),
        ("unreadable", sdist(SDIST)[:-9]),
        ("unreadable", sdist(SDIST) + b"more"),
        ("unreadable", b""),
    ],
)
def test_sdist_that_is_wrong_is_refused(code, data):
    """No canonical form is given to an sdist that is broken or strays."""
    with pytest.raises(Refused) as caught:
        canonical_sdist(data, EPOCH)
    assert caught.value.code == code


def test_other_files_have_no_canonical_form():
    """Only wheels and sdists are released."""
    with pytest.raises(Refused, match="neither"):
        canonical("demo.zip", b"", EPOCH)


part = st.text("abcXYZ019_-\u00e9", min_size=1, max_size=12)
names = st.builds("/".join, st.lists(part, min_size=1, max_size=3))
trees = st.dictionaries(names, st.binary(max_size=60), max_size=6).filter(
    lambda tree: not any(one != two and two.startswith(f"{one}/") for one in tree for two in tree)
)
epochs = st.integers(min_value=0, max_value=4_000_000_000)


@given(trees, st.randoms(use_true_random=False), epochs)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_canonical_wheel_is_a_fixed_point_that_keeps_contents(tree, rng, epoch):
    """Canonical of canonical is the same bytes; contents are unchanged; the input's noise has no influence."""
    files = with_record({f"pkg/{name}": data for name, data in tree.items()} | {f"{INFO}/METADATA": b"n"})
    shuffled = list(files.items())
    rng.shuffle(shuffled)
    first = canonical_wheel(wheel(files), epoch)
    other = wheel(
        dict(shuffled), when=(1999, 9, 9, 9, 9, 8), method=rng.choice([0, 8]), mode=rng.choice([0o600, 0o664])
    )
    assert canonical_wheel(other, epoch) == first == canonical_wheel(first, epoch)
    kept = {member.name: member.data for member in members("d.whl", first)}
    record = f"{INFO}/RECORD"
    assert sorted(kept.pop(record).split()) == sorted(files.pop(record).split())
    assert kept == files


@given(trees, st.randoms(use_true_random=False), epochs)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_canonical_sdist_is_a_fixed_point_that_keeps_contents(tree, rng, epoch):
    """The same for an sdist."""
    files = {f"d-1/x/{name}": data for name, data in tree.items()} | {"d-1/PKG-INFO": b"n"}
    shuffled = list(files.items())
    rng.shuffle(shuffled)
    first = canonical_sdist(sdist(files), epoch)
    other = sdist(
        dict(shuffled),
        when=rng.choice([0, 7.25]),
        mode=rng.choice([0o600, 0o664]),
        level=rng.choice([0, 1, 9]),
        owner="x",
    )
    assert canonical_sdist(other, epoch) == first == canonical_sdist(first, epoch)
    assert {member.name: member.data for member in members("d-1.tar.gz", first)} == files


@given(st.sampled_from(["a.whl", "a.tar.gz"]), st.binary(max_size=200))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_any_bytes_are_made_canonical_or_refused(name, data):
    """Broken input ends in a refusal, never in another error."""
    with pytest.raises(Refused):
        canonical(name, data, EPOCH)
