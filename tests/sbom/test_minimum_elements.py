"""The NTIA minimum elements, by the words of an independent checker: `sbomaudit` from the Python index.

https://www.ntia.gov/report/2021/minimum-elements-software-bill-materials-sbom
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from epochly_sbom.describe import wheel_sbom
from epochly_sbom.parse.lock import parse_lock

pytestmark = pytest.mark.slow  # the checker is no part of the development tools


@pytest.fixture
def text(sample):
    """The SBOM of a wheel with everything: locked dependencies, native and vendored code."""
    files = {
        "demo_pkg/core.so": sample.ELF,
        "demo_pkg.libs/libz.so.1": sample.ELF + b"z",
        "demo_pkg/_vendor/six.py": b"y = 2\n",
        "demo_pkg/_vendor/vendor.txt": b"beta==2\n",
    }
    lock = parse_lock(f"alpha==1.5 --hash=sha256:{sample.DIGEST}\n".encode(), "lock.txt")
    return wheel_sbom(sample.wheel(files, metadata=sample.requires("alpha>=1")), sample.OPTIONS, lock)


def conformant(document, folder):
    """The checker's verdict, out of its report."""
    (folder / "sbom.json").write_text(json.dumps(document))
    code = "import sys; from sbomaudit.cli import main; main(sys.argv)"
    arguments = ["--offline", "--verbose", "-i", "sbom.json", "-o", "report.json"]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, check=True, capture_output=True)
    summary = json.loads((folder / "report.json").read_text())["summary"]
    states = [line["state"] for line in summary if line["text"].startswith("NTIA conformant")]
    assert len(states) == 1
    return states[0] == "Pass"


def test_sbom_has_the_minimum_elements(text, tmp_path):
    """Supplier, name, version, unique id, relationships, author and timestamp are there, and the checker agrees."""
    document = json.loads(text)
    for component in [document["metadata"]["component"], *document["components"]]:
        assert all(component.get(field) for field in ("supplier", "name", "version", "purl", "bom-ref"))
    assert all(document["metadata"][field] for field in ("authors", "timestamp"))
    assert conformant(document, tmp_path)


@pytest.mark.parametrize("lost", ["supplier", "version", "timestamp", "dependencies"])
def test_checker_misses_what_is_taken_out(text, tmp_path, lost):
    """The checker's word means something: without one element it is not content."""
    document = json.loads(text)
    for holder in (document, document["metadata"], *document["components"]):
        holder.pop(lost, None) if lost != "version" or "bom-ref" in holder else None
    assert not conformant(document, tmp_path)
