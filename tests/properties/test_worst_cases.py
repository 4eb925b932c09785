"""MUST: no artifact costs unbounded time or memory. The worst shapes known, each at a size that would show a square.

Time is the processor's, and its bounds are some ten times what the machine that wrote them needed. Reading is counted
in bytes, memory in what Python allocated at most.
"""

from __future__ import annotations

import gzip
import importlib.util
import struct
import tarfile
import tracemalloc
import zlib
from dataclasses import replace

import pytest
from pipeline import SDIST, judged, judged_within
from wheels import DEFLATED, Entry, build_wheel, build_zip

from epochly_verify.limits import DEFAULT, MIB

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

INFO, DATA = "demo_pkg-1.0.dist-info", "demo_pkg-1.0.data"
HEAD = "Metadata-Version: 2.1\nName: demo_pkg\nVersion: 1.0\n"
CODE = {"demo_pkg/__init__.py": "x = 1\n"}
NINES = "9" * 1_000_000


def ids(found):
    """The kinds of findings."""
    return {finding.id for finding in found.report.findings}


# --- what lies in a wheel ---


def pyc(body, source_bytes=6):
    """A `.pyc` of this Python with any body."""
    return importlib.util.MAGIC_NUMBER + bytes(8) + struct.pack("<I", source_bytes) + body


CONTENTS = {
    "a million RECORD rows": lambda: build_wheel(
        CODE, record="".join(f"demo_pkg/{i}.py,,\n" for i in range(1_000_000))
    ),
    "a million bad RECORD rows": lambda: build_wheel(
        CODE, record="".join(f"../{i}\\x/./,md5=AA,-1\n" for i in range(1_000_000))
    ),
    "one RECORD row, a million times": lambda: build_wheel(CODE, record="demo_pkg/__init__.py,,\n" * 1_000_000),
    "one long RECORD row": lambda: build_wheel(CODE, record='"' + "a" * 20_000_000),
    "a million headers": lambda: build_wheel(CODE, metadata=HEAD + "Requires-Dist: a\n" * 1_000_000),
    "a million folded lines": lambda: build_wheel(CODE, metadata=HEAD + "X: y\n" + " z\n" * 1_000_000),
    "requirements nobody can parse": lambda: build_wheel(
        CODE,
        metadata=HEAD
        + f"Requires-Dist: a;{'(' * 1_000_000}\nRequires-Dist: {'a-' * 1_000_000}\nRequires-Dist: a[{'b,' * 1_000_000}\n"
        + "Requires-Dist: a;((((((((((((((((((((\n" * 3_000,
    ),
    "numbers of a million digits": lambda: build_wheel(
        CODE,
        metadata=f"Metadata-Version: {NINES}\nName: demo_pkg\nVersion: {NINES}\nRequires-Python: >={NINES}\nRequires-Dist: a=={NINES}\n",
        wheel=f"Wheel-Version: {NINES}.{NINES}\nBuild: {NINES}\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        record=f"a,,{'9' * 30_000}\nb,sha256=x,{'9' * 5_000}\n",
    ),
    "tags in great number": lambda: build_wheel(
        CODE,
        wheel="Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        + f"Tag: {'-'.join(['.'.join(f'a{i}' for i in range(200))] * 3)}\n" * 5_000,
    ),
    "entry points of all lengths": lambda: build_wheel(
        CODE
        | {
            f"{INFO}/entry_points.txt": f"[console_scripts]\na = {'b.' * 1_000_000}\n{'[' * 500_000}\n[a{' ' * 500_000}x\n"
             f"a{' ' * 500_000}b\nc = d:e {'[' * 500_000}\n"
            + "".join(f"k{i} = m:f\n" for i in range(200_000))
        }
    ),
    "start-up lines in great number": lambda: build_wheel(
        CODE | {"demo_pkg.pth": "".join(f"import a{i}; x = {'(' * 90}{')' * 90}\n" for i in range(50_000))}
    ),
    "start-up files in great number": lambda: build_wheel(
        CODE | {f"p{i}.pth": f"import a{i}; {'x = ' * 400}1\n" * 40 for i in range(500)}
    ),
    "code that compiles for ever": lambda: build_wheel(
        {
            f"m{i}.py": text
            for i, text in enumerate(
                [f"{'a.' * 100_000}b\n", f"{'(' * 190}{')' * 190}\n" * 500, f"x = {'-' * 200_000}1\n", "lambda:" * 30_000]
            )
        }
        | {f"m{i}.pyc": pyc(b"\xe3" + bytes(400)) for i in range(4)}
    ),
    "a tuple of eight million values": lambda: build_wheel(
        {"m.py": "x" * 200_000, "m.pyc": pyc(b"\xe3" + bytes(20) + b"(" + struct.pack("<i", 8_000_000) + b"N" * 8_000_000)}
    ),
    "values nested deep": lambda: build_wheel({"m.py": "x", "m.pyc": pyc(b"\xe3" + bytes(20) + b"\xa9\x01" * 100_000)}),
    "metadata folders in great number": lambda: build_wheel({f"a{i}-1.dist-info/METADATA": "" for i in range(8_000)}),
    "top-level names in great number": lambda: build_wheel({f"n{i}.py": "" for i in range(8_000)}),
    "licences in great number": lambda: build_wheel(
        {f"{INFO}/licenses/{i}": "" for i in range(9_000)},
        metadata=HEAD + "".join(f"License-File: {i}x\n" for i in range(9_000)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", CONTENTS)
def test_costly_contents_are_judged_soon(shape):
    """Files of every costly shape, in an archive that is small or large, are judged in seconds."""
    found = judged_within(20, CONTENTS[shape]())
    assert found.report.verdict != "verified"


# --- archives ---


def deflated(size):
    """So many zero bytes, deflated."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(stream.compress(bytes(MIB)) for _ in range(size // MIB)) + stream.flush()


def bomb(length, **more):
    """An entry that comes out a thousand times as long, and says so unless told otherwise."""
    declared = {"size": length, "crc": 0} | more
    return Entry("x", payload=deflated(length), method=DEFLATED, local=declared, central=declared)


def nested():
    """A ZIP in a ZIP in a ZIP, the inner one a bomb; only the outer one is an archive to us."""
    data = build_zip([bomb(64 * MIB)])
    for depth in range(3):
        data = build_zip([Entry(f"{depth}-{i}.zip", data, method=DEFLATED) for i in range(16)])
    return data


ARCHIVES = {
    "a bomb": lambda: build_zip([bomb(300 * MIB)]),
    "a bomb that denies it": lambda: build_zip([bomb(128 * MIB, size=1)]),
    "nested bombs": nested,
    "many names that are one": lambda: build_zip([Entry("p/x.py", b"%d" % i) for i in range(20_000)]),
    "names that clash when folded": lambda: build_zip([Entry(f"P{i}/X" * (1 + i % 2), b"") for i in range(10_000)]),
    "long names outside ASCII": lambda: build_zip([Entry("p/" + "\u0390" * 1300 + str(i), b"") for i in range(2_000)]),
    "accents without end": lambda: build_zip([Entry("a" + "\u0301\u0327" * 8_000 + str(i), b"") for i in range(200)]),
    "extra fields": lambda: build_zip(
        [Entry(f"{i}.py", b"", central={"extra": b"\x99\x99\0\0" * 16_000}) for i in range(200)]
    ),
    "local headers nobody lists": lambda: build_zip([Entry("x")], prefix=(b"PK\x03\x04" + bytes(26)) * 40_000),
    "end records in the comment": lambda: build_zip([Entry("x")], comment=b"PK\x05\x06" * 16_000),
    "end records after the end": lambda: build_zip([Entry("x")], trailing=(b"PK\x05\x06" + bytes(18)) * 200_000),
    "descriptors without sizes": lambda: build_zip(
        [
            Entry(str(i), method=DEFLATED, payload=bytes(2_000), flags=8, local={"size": 0, "compressed": 0}, in_central=i == 0)
            for i in range(1_000)
        ]
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", ARCHIVES)
def test_costly_archives_are_judged_soon(shape):
    """ZIPs of every costly shape are judged in seconds, and not read many times over."""
    data = ARCHIVES[shape]()
    found = judged_within(20, data)
    assert found.report.verdict != "verified"
    assert found.source.bytes_read < 40 * len(data) + 64 * MIB


@pytest.mark.slow
def test_more_members_than_the_limit_are_not_read():
    """210,000 entries: the first 200,000 are judged, and the report says that the rest are not."""
    many = {"count": 0xFFFF, "disk_count": 0xFFFF}
    data = build_zip([Entry(f"p/{i}.py") for i in range(210_000)], end64=True, end_fields=many)
    assert "limit-exceeded" in ids(judged_within(120, data))


def test_more_members_than_a_small_limit_are_not_read():
    """The same at a limit that a policy sets."""
    found = judged_within(
        10, build_zip([Entry(f"p/{i}.py") for i in range(3_000)]), limits=replace(DEFAULT, members=1_000)
    )
    assert "limit-exceeded" in ids(found)
    assert found.source.reads < 4_000


def tar(*headers, size=0):
    """A gzip-compressed tar of raw headers."""
    return gzip.compress(b"".join(headers) + bytes(1024 + size), 6, mtime=0)


def header(name="demo_pkg-1.0/x", kind=tarfile.REGTYPE, link="", size=0):
    """One raw header."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info.tobuf(tarfile.USTAR_FORMAT)


TARS = {
    "a bomb": lambda: tar(header(size=160 * MIB), size=160 * MIB),
    "headers in great number": lambda: tar(header() * 50_000),
    "links in a chain": lambda: tar(
        *(header(f"demo_pkg-1.0/l{i}", tarfile.SYMTYPE, f"l{i + 1}") for i in range(10_000))
    ),
    "links that go up": lambda: tar(
        *(header(f"demo_pkg-1.0/{i}", tarfile.SYMTYPE, "../" * 30 + "a") for i in range(10_000))
    ),
    "hard links": lambda: tar(*(header(f"demo_pkg-1.0/{i}", tarfile.LNKTYPE, f"demo_pkg-1.0/{i}") for i in range(10_000))),
    "extension headers": lambda: tar((header(kind=b"L", size=512) + bytes(512)) * 20_000),
    "a long extension header": lambda: tar(header(kind=b"x", size=MIB) + b"9" * MIB),
    "names too deep": lambda: tar(*(header(f"demo_pkg-1.0/{i}/" + "a/" * 60) for i in range(5_000))),
}  # fmt: skip


@pytest.mark.parametrize("shape", TARS)
def test_costly_sdists_are_judged_soon(shape):
    """Compressed tars of every costly shape are judged in seconds."""
    found = judged_within(20, TARS[shape](), SDIST)
    assert found.report.verdict != "verified"


# --- shapes that once cost too much ---


def test_entries_that_share_their_data_are_read_a_bounded_number_of_times():
    """Hundreds of central headers over one stream: the work is bounded by the size of the file, not by their number."""
    entries = [Entry("x", b"\0", payload=deflated(64 * MIB), method=DEFLATED)]
    entries += [replace(entries[0], in_local=False, central={"offset": 0, "crc": i}) for i in range(300)]
    data = build_zip(entries)
    found = judged_within(10, data)
    assert "overlapping-entries" in ids(found)
    assert found.source.bytes_read < 40 * len(data)


def test_deep_names_cost_bounded_memory():
    """Names of thousands of components, each in a folder of its own, take no more memory than any other wheel of a megabyte."""
    data = build_wheel({f"{i}/{'a/' * 2000}x.py": "" for i in range(300)})
    assert peak_bytes(data) < 128 * MIB


def test_deep_names_beside_a_folder_in_record_cost_bounded_memory():
    """The same, where RECORD lists a folder, so that all folders have to be known."""
    data = build_wheel({f"{i}/{'a/' * 2000}x.py": "" for i in range(60)}, rows={"z": "z/,,"})
    assert peak_bytes(data) < 128 * MIB


def test_long_folder_names_in_data_are_matched_in_linear_time():
    """A folder name of 60,000 dashes below `.data` is read once, not once for every dash."""
    judged_within(0.5, build_wheel({f"{DATA}/purelib/{'-' * 65_000}/a.py": ""}))


def peak_bytes(data):
    """What judging a wheel allocated at most."""
    judged(build_wheel(CODE))  # imports and caches
    tracemalloc.start()
    try:
        judged(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_odd_dependencies_are_read_up_to_a_bound():
    """Thousands of long `Requires-Dist` lines are not all read, and that is said."""
    lines = "".join(
        f"Requires-Dist: a{i} ; os_name == '{'x' * 3_900}' or extra == 'y'\n" for i in range(3_000)
    )
    metadata = f"Metadata-Version: 2.1\nName: demo_pkg\nVersion: 1.0\n{lines}"
    found = judged(build_wheel({**CODE, f"{INFO}/METADATA": metadata}))
    assert any("the rest was not read" in finding.message for finding in found.report.findings)
