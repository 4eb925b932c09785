"""No false alarm: the SBOMs in published wheels say nothing that their wheels contradict."""

from __future__ import annotations

import subprocess
import sys

import pytest
from wheel_evidence import wheel_evidence

from epochly_verify.checks import sbom
from epochly_verify.model import Ran
from epochly_verify.policy import Policy

WITH_SBOM = [
    *("platformdirs", "filelock", "virtualenv"),  # the project's own build tools, bundled wheels with hashes
    *("rpds-py", "pydantic-core", "rfc3161-client", "cryptography"),  # crates; a C library without root
    *("pillow", "psycopg-binary", "pybase64"),  # what auditwheel copied; by hand
]


@pytest.mark.network
@pytest.mark.parametrize("project", WITH_SBOM)
def test_published_sbom_has_no_finding(project, tmp_path):
    """MUST: no finding above info on the real wheels that carry an SBOM."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        ".",
    ]
    subprocess.run([*command, project], cwd=tmp_path, check=True, timeout=300)
    (path,) = tmp_path.glob("*.whl")
    said = sbom.check(wheel_evidence(path.read_bytes(), path.name), Policy())
    assert isinstance(said, Ran)
    assert said.findings == ()
