"""Layer `archive` in a report, what starts when a wheel is read, and whole-file digests."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from wheels import SDIST_NAME, WHEEL_NAME, archive_of, attack_wheel, build_sdist, build_wheel

from epochly_verify.checks.archive import check
from epochly_verify.findings.archive import KINDS
from epochly_verify.model import Archive, ArtifactKind, Evidence, Member, MemberKind, Ran
from epochly_verify.parse.digests import digest_source
from epochly_verify.parse.retain import members_to_retain, source_of
from epochly_verify.parse.source import BytesSource
from epochly_verify.policy import Policy


def evidence(archive):
    """Evidence with only an archive in it."""
    return Evidence(WHEEL_NAME, WHEEL_NAME, ArtifactKind.WHEEL, 1, {"sha256": ""}, archive)


def test_archive_check_says_what_it_looked_at():
    """The layer counts members and bytes."""
    outcome = check(evidence(archive_of(build_wheel({"a.py": "1" * 2000}))), Policy())
    assert isinstance(outcome, Ran)
    assert (outcome.findings, outcome.why) == ((), "4 members, 2.4 kB unpacked")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_234_567, "1.2 MB"), (999_999, "1.0 MB"), (179_332_266_000, "179.3 GB"),
     (5_000_000_000_000, "5000.0 GB")],
)  # fmt: skip
def test_sizes_are_readable(size, text):
    """Sizes are given in decimal units."""
    archive = Archive((Member("a", MemberKind.FILE, size),), ())
    assert check(evidence(archive), Policy()).why == f"1 member, {text} unpacked"


def test_archive_check_reports_the_parsers_defects():
    """Every defect of the container is a finding of the layer; an unreadable one too."""
    for data, finding in ((attack_wheel("z09_crc_mismatch"), "crc-mismatch"), (b"", "not-a-zip")):
        outcome = check(evidence(archive_of(data)), Policy())
        assert isinstance(outcome, Ran)
        assert [f.id for f in outcome.findings] == [finding]


def test_kinds_are_explained():
    """Every finding of the layer has a text for a person, a hint and a source."""
    for kind in KINDS:
        assert kind.means.endswith(".")
        assert len(kind.means) > 60
        assert kind.hint[0].islower()
        assert not kind.hint.endswith(".")
        assert kind.source
        assert kind.id == kind.id.lower()


def test_reading_a_wheel_imports_no_archive_module():
    """The wheel path starts without `zipfile`, `tarfile` and the Unicode tables."""
    program = (
        "import sys; before = set(sys.modules)\n"
        "from epochly_verify.parse.archive import read_archive\n"
        "from epochly_verify.parse.source import BytesSource\n"
        "from epochly_verify.limits import DEFAULT\n"
        "read_archive(BytesSource(sys.stdin.buffer.read()), 'demo_pkg-1.0-py3-none-any.whl', DEFAULT, jobs=2)\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(new & {'zipfile', 'tarfile', 'gzip', 'bz2', 'lzma', 'unicodedata', 'concurrent.futures', 'queue',"
        " 'epochly_verify.parse.tar'}))"
    )
    wheel = build_wheel({"demo_pkg/__init__.py": "x = 1\n"})
    done = subprocess.run([sys.executable, "-c", program], input=wheel, capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_file_name_chooses_the_format():
    """A tar that is called a wheel is a broken wheel, and the other way round."""
    assert [f.id for f in archive_of(build_sdist({}), WHEEL_NAME).defects] == ["not-a-zip"]
    assert [f.id for f in archive_of(build_wheel({}), SDIST_NAME).defects] == ["compressed-data-malformed"]


def test_digest_source_gives_every_digest_asked_for():
    """Whole-file digests are those of the bytes, read in pieces."""
    data = bytes(range(256)) * 9000
    found = digest_source(BytesSource(data), ["sha256", "sha512", "sha256", "blake2b"])
    assert found == {name: hashlib.new(name, data).hexdigest() for name in ("sha256", "sha512", "blake2b")}
    assert digest_source(BytesSource(b""), ["sha256"]) == {"sha256": hashlib.sha256(b"").hexdigest()}


@pytest.mark.parametrize("name", ["shake_128", "sha-9", ""])
def test_digest_source_refuses_unknown_algorithms(name):
    """An algorithm without a fixed length, or unknown, is the caller's mistake."""
    with pytest.raises(ValueError, match=r"unsupported|fixed length"):
        digest_source(BytesSource(b"x"), [name])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a/__pycache__/x.cpython-311.pyc", "a/x.py"),
        ("a/__pycache__/x.cpython-311.opt-2.pyc", "a/x.py"),
        ("__pycache__/x.cpython-311.pyc", "x.py"),
        ("a/x.pyc", "a/x.py"),
        ("x.pyc", "x.py"),
    ],
)
def test_bytecode_belongs_to_its_source(name, source):
    """A `.pyc` claims to come from the `.py` that PEP 3147 says."""
    assert source_of(name) == source


def test_members_to_retain_are_what_checks_read():
    """Metadata, start-up hooks and bytecode with its source are kept, and nothing that is not in the archive."""
    names = {
        "a/b.py", "a/c.py", "a/c.pyc", "a/gone.pyc", "x.pth", "a/USERCUSTOMIZE.py", "a/sitecustomize.py",
        "a-1.dist-info/METADATA", "a-1.dist-info/sboms/s.json", "A-1.DIST-INFO/x", "a-1.dist-info/", "a/x.so",
        "a-1.data/purelib/y.pth",
    }  # fmt: skip
    assert names - members_to_retain(names) == {"a/b.py", "a-1.dist-info/", "a/x.so"}
