"""What is read: wheels (`parse/archive.py`, `parse/metadata.py`) and locks (`parse/lock.py`), good and bad."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_sbom.errors import InputError
from epochly_sbom.model import Lock, Wheel
from epochly_sbom.parse.archive import parse_wheel
from epochly_sbom.parse.lock import parse_lock
from epochly_sbom.parse.metadata import parse_metadata

D = "a" * 64
PYLOCK = f"""
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "Alpha"
version = "1.5"
marker = "python_version > '3'"
dependencies = [{{ name = "beta" }}]
wheels = [{{ name = "alpha-1.5-py3-none-any.whl", hashes = {{ sha256 = "{D}" }} }}]
[[packages]]
name = "beta"
version = "2"
sdist = {{ name = "beta-2.tar.gz", hashes = {{ sha256 = "{D}" }} }}
"""


def test_pylock_is_read_with_its_graph():
    """Names, versions, hashes, markers and edges of a `pylock.toml` are taken over."""
    lock = parse_lock(PYLOCK.encode(), "pylock.toml")
    assert [(each.project, each.version, each.hashes) for each in lock.packages] == [
        ("alpha", "1.5", (("sha256", D),)),
        ("beta", "2", (("sha256", D),)),
    ]
    assert lock.packages[0].marker == "python_version > '3'"
    assert lock.needs == {("alpha", "beta")}


def test_requirements_are_read_with_their_graph():
    """Every way to write `# via` is understood; inputs are no packages."""
    text = (
        f"# a header\n--index-url x\nalpha[x]==1 ; python_version > '3' \\\n  --hash=sha256:{D} \\\n  --hash=md5:aa\n"
        f"    # via\n    #   -r in.txt\n    #   beta\nbeta==2 --hash=sha256:{D}  # via gamma, delta\n"
        f"gamma==3 --hash=sha256:{D}\n    # via my-app (pyproject.toml)\n    # a remark\n"
    )
    lock = parse_lock(text.encode(), "requirements.txt")
    assert [each.project for each in lock.packages] == ["alpha", "beta", "gamma"]
    assert lock.needs == {("beta", "alpha"), ("gamma", "beta")}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.txt", "alpha==1\n", "`alpha` has no hash"),
        ("r.txt", f"alpha==1 --hash=md5:{'a' * 32}\n", "`alpha` has no hash"),
        ("r.txt", f"alpha>=1 --hash=sha256:{D}\n", "not pinned"),
        ("r.txt", f"alpha==1.* --hash=sha256:{D}\n", "not pinned"),
        ("r.txt", "-e .\n", "`-e .` is not locked"),
        ("r.txt", "-r other.txt\n", "is not locked"),
        ("r.txt", "what is this\n", "is no requirement"),
        ("r.txt", f"a==1 --hash=sha256:{D}\nA==1 --hash=sha256:{D}\n", "is there twice"),
        ("r.txt", b"\xff", "is not UTF-8"),
        ("p.toml", "][", "is no TOML"),
        ("p.toml", "packages = []", "`lock-version`"),
        ("p.toml", "lock-version = '1.0'\npackages = [1]", "list of tables"),
        ("p.toml", "lock-version = '1.0'\n[[packages]]\nversion = '1'", "has no name"),
        ("p.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'", "has no version"),
        ("p.toml", "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'", "has no hash"),
    ],
)
def test_what_locks_nothing_is_no_lock(name, text, message):
    """A package that is not held by version and strong hash is an error that names it."""
    with pytest.raises(InputError, match=message):
        parse_lock(text if isinstance(text, bytes) else text.encode(), name)


def zip_with(change):
    """A ZIP with one member `a`, whose entry `change` may alter."""
    out = io.BytesIO()
    entry = zipfile.ZipInfo("a")
    change(entry)
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, b"x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: setattr(entry, "filename", "../a"), "no plain relative path"),
        (lambda entry: setattr(entry, "filename", "/a"), "no plain relative path"),
        (lambda entry: setattr(entry, "filename", "C:/a"), "no plain relative path"),
        (lambda entry: setattr(entry, "external_attr", (stat.S_IFLNK | 0o777) << 16), "is a link"),
        (lambda entry: setattr(entry, "compress_type", zipfile.ZIP_BZIP2), "do not allow"),
        (lambda _: None, "has no `.dist-info` folder"),
    ],
)
def test_member_that_no_wheel_may_have_is_refused(sample, change, message):
    """What would land elsewhere, or cannot be read safely, is an error that names the member."""
    with pytest.raises(InputError, match=message):
        parse_wheel(zip_with(change), sample.NAME)


def test_wheel_that_disagrees_with_itself_is_refused(sample):
    """File name, dist-info folder and METADATA are of one project and version."""
    for name in ("other-1.0-py3-none-any.whl", "demo_pkg-2.0-py3-none-any.whl"):
        with pytest.raises(InputError, match="of another project or version"):
            parse_wheel(sample.build(), name)
    with pytest.raises(InputError, match="METADATA is of another"):
        sample.wheel(metadata=sample.METADATA.replace("Version: 1.0", "Version: 1.1"))
    with pytest.raises(InputError, match="no name of a wheel"):
        parse_wheel(sample.build(), "demo.zip")


@pytest.mark.parametrize(
    ("fields", "supplier"),
    [
        ("Author: Ada  L\n", "Ada L"),
        ("Author-email: Ada <a@x.org>, Bo <b@x.org>\n", "Ada, Bo"),
        ("Author: UNKNOWN\nMaintainer-email: c@x.org\n", "c@x.org"),
        ("", ""),
    ],
)
def test_supplier_is_whom_metadata_names(fields, supplier):
    """Names come before addresses and authors before maintainers; nobody is made up."""
    data = f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{fields}".encode()
    assert parse_metadata(data, "METADATA").supplier == supplier


@pytest.mark.parametrize("data", [b"\xff", b"Name: a\n", b"Name: a\nVersion: 1\nRequires-Dist: ?\n"])
def test_broken_metadata_is_refused(data):
    """What an SBOM cannot be made of is an error, not an empty field."""
    with pytest.raises(InputError):
        parse_metadata(data, "METADATA")


@given(st.binary(max_size=300), st.sampled_from(["r.txt", "p.toml"]))
def test_any_bytes_as_a_lock_give_a_lock_or_an_error(data, name):
    """Hostile input never gives a traceback."""
    with contextlib.suppress(InputError):
        assert isinstance(parse_lock(data, name), Lock)


@given(st.data())
def test_any_damage_to_a_wheel_gives_a_wheel_or_an_error(sample, data):
    """A flipped byte or a cut never gives a traceback."""
    raw = bytearray(sample.build())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        with contextlib.suppress(InputError):
            assert isinstance(parse_wheel(damaged, sample.NAME), Wheel)
