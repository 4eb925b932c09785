"""Memory stays flat: what is judged is read in pieces, however large the wheel or one file in it."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import zipfile

import pytest

MIB = 1 << 20
ZEROS = bytes(MIB)
SIZE_MIB = 2048  # of the one large file
MOST_MIB = 64  # at its peak; measured are 24, of which Python and the imports are 20
INFO = "demo_pkg-1.0.dist-info"
SMALL = {
    "demo_pkg/__init__.py": b"",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
# The high-water mark of this program alone; `ru_maxrss` may still hold what the test runner had when it forked.
JUDGE = """
import sys
from epochly_verify import verify
from epochly_verify.policy import INTEGRITY, Policy
print(verify(sys.argv[1], Policy(require=INTEGRITY)).verdict.value)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


class SparseFile(io.FileIO):
    """A file that leaves a hole where a piece of nothing but zeros is written, so that 2 GiB take no room."""

    def write(self, data):
        """Write, or step over zeros."""
        if data != ZEROS:
            return super().write(data)
        self.seek(len(data), io.SEEK_CUR)
        return len(data)


def write_large_wheel(path):
    """An honest wheel with one stored file of `SIZE_MIB` MiB of zeros."""
    digest = hashlib.sha256()
    rows = []

    def row(name, sha256, size):
        rows.append(f"{name},sha256={base64.urlsafe_b64encode(sha256).rstrip(b'=').decode()},{size}")

    with SparseFile(path, "w") as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("demo_pkg/zeros.bin", "w", force_zip64=True) as member:
            for _ in range(SIZE_MIB):
                member.write(ZEROS)
                digest.update(ZEROS)
        row("demo_pkg/zeros.bin", digest.digest(), SIZE_MIB * MIB)
        for name, content in SMALL.items():
            archive.writestr(name, content)
            row(name, hashlib.sha256(content).digest(), len(content))
        archive.writestr(f"{INFO}/RECORD", "\n".join([*rows, f"{INFO}/RECORD,,", ""]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the high-water mark from /proc")
def test_memory_stays_flat_for_a_wheel_of_2_gib(tmp_path):
    """A wheel of 2 GiB is verified in no more memory than a small one needs."""
    path = tmp_path / "demo_pkg-1.0-py3-none-any.whl"
    write_large_wheel(path)
    ran = subprocess.run(
        [sys.executable, "-c", JUDGE, str(path)], capture_output=True, check=True, timeout=120, text=True
    )
    verdict, peak_kib = ran.stdout.split()
    assert path.stat().st_size > SIZE_MIB * MIB
    assert verdict == "verified"
    assert int(peak_kib) < MOST_MIB * 1024
