"""No false alarm: what people install every day passes the integrity layers, with the warnings listed here and no other.

The list is `wheels.txt`. Wheels are fetched by `pip download`, from wherever pip is configured to look, into `.cache/wheels`
in the repository; one that is there is not fetched again. Nothing of them is installed or run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from epochly_verify import verify
from epochly_verify.model import Layer, Severity, Status, Verdict
from epochly_verify.policy import INTEGRITY, Policy

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "wheels"
LINE = re.compile(r"(?P<wanted>[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+(?: --[a-z-]+ [a-z0-9_.]+)*)  # (?P<why>\S.*)")
LISTED = [
    line for line in (HERE / "wheels.txt").read_text().splitlines() if line and not line.startswith("#")
]
DOWNLOAD_S = 600  # seconds for one wheel; pip has its own time-outs within

RUNS_AT_START = {"pth-executes-code"}
RENAMED = {"wheel-tag-renamed"}
NO_SBOM = {"vendored-library-without-sbom"}
WARNINGS = {
    "setuptools==84.2.1": RUNS_AT_START,
    "coverage==7.17.3": RUNS_AT_START,
    "hunter==3.9.0": RUNS_AT_START,
    "numba-cuda==0.30.4": RUNS_AT_START,
    "pytest-cov==4.0.0": RUNS_AT_START,
    "coloredlogs==15.0.1": RUNS_AT_START,
    "future-fstrings==1.2.0": RUNS_AT_START,
    "cmeel==0.61.0": RUNS_AT_START,
    "pywin32==312 --platform win_amd64 --python-version 3.12": RUNS_AT_START,
    "pywin32==224 --platform win_amd64 --python-version 3.6": RUNS_AT_START,
    "py-spy==0.4.2 --platform manylinux1_x86_64": RENAMED,
    "Pillow==2.9.0 --platform macosx_10_9_x86_64 --python-version 2.7 --implementation cp": RENAMED | NO_SBOM,
    "shapely==1.6.4 --platform macosx_10_9_x86_64 --python-version 3.6": RENAMED | NO_SBOM,
    "numpy==2.4.6": NO_SBOM,
    "scipy==1.17.1": NO_SBOM,
    "pyzmq==27.3.0": NO_SBOM,
    "numpy==2.5.5 --platform win_amd64 --python-version 3.13": NO_SBOM,
    "numpy==2.5.5 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --python-version 3.14"
    " --abi cp314t": NO_SBOM,
    "psycopg-binary==3.3.9 --platform macosx_11_0_arm64 --python-version 3.13": NO_SBOM,
    "shapely==2.2.0 --platform win_amd64 --python-version 3.12": NO_SBOM,
    "matplotlib==3.1.0 --platform manylinux1_x86_64 --python-version 3.7": NO_SBOM,
    "numpy==1.11.3 --platform manylinux1_x86_64 --python-version 2.7 --implementation cp --abi cp27mu": NO_SBOM,
    "Pillow==4.0.0 --platform manylinux1_x86_64 --python-version 3.5": NO_SBOM,
    "h5py==2.6.0 --platform manylinux1_x86_64 --python-version 3.5": NO_SBOM | {"wheel-build-mismatch"},
    "debugpy==1.8.22 --platform any": {"native-library-in-any-wheel"},
    "coincurve==21.0.0 --platform manylinux_2_17_x86_64 --python-version 3.11": {
        "extension-module-in-purelib"
    },
    "supervisor==4.2.0": {"pyc-not-comparable", "pyc-stale"},
    "shiboken2==5.15.2 --platform manylinux1_x86_64 --python-version 3.8": {
        "pyc-malformed",
        "wheel-build-mismatch",
    },
}
"""What an honest wheel is warned about. All others are warned about nothing."""

STALE_RECORD = {"record-hash-mismatch": r"sentry_cli-3\.8\.\d\.dist-info/WHEEL"}
DEFECTS = {
    "sentry-cli==3.8.0": STALE_RECORD,
    "sentry-cli==3.8.0 --platform win_amd64": STALE_RECORD,
    "sentry-cli==3.8.2 --platform win_amd64": STALE_RECORD,
    "pypiwin32==219 --platform win_amd64 --python-version 3.5": {
        "file-not-in-record": r"win32comext/.*",
        "record-hash-encoding": r"pypiwin32\.pth|pypiwin32-219\.dist-info/(?:METADATA|metadata\.json)",
        "wheel-tag-mismatch": r"pypiwin32-219\.dist-info/WHEEL",
    },
    "wheel==0.24.0": {"record-signature-file": r"wheel-0\.24\.0\.dist-info/RECORD\.jws"},
}
"""Wheels that were published with a defect, and the errors it must give: id -> what every subject looks like."""


def wanted_by(line):
    """What a line of the list asks pip for."""
    return LINE.fullmatch(line)["wanted"]


HONEST = [wanted_by(line) for line in LISTED if wanted_by(line) not in DEFECTS]


def wheel(wanted):
    """The path of a wheel, fetched if it is not in the cache."""
    folder = CACHE / re.sub(r"[^A-Za-z0-9._]+", "-", wanted)
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
            only = ["--no-deps", "--only-binary", ":all:", "--dest", f"{scratch}/got"]
            ran = subprocess.run(
                [*pip, *only, *wanted.split()], capture_output=True, check=False, timeout=DOWNLOAD_S
            )
            assert ran.returncode == 0, f"pip cannot fetch `{wanted}`:\n{ran.stderr.decode()}"
            Path(scratch, "got").rename(folder)
    (path,) = folder.glob("*.whl")
    return path


def judged(wanted):
    """The report of one wheel whose integrity is asked for, and the ids of its findings by severity."""
    (report,) = verify(wheel(wanted), Policy(require=INTEGRITY)).artifacts
    found = {
        severity: {finding.id for finding in report.findings if finding.severity is severity}
        for severity in Severity
    }
    return report, found


@pytest.mark.network
@pytest.mark.parametrize("wanted", HONEST)
def test_popular_wheel_is_verified_with_its_expected_warnings_and_no_other(wanted):
    """A wheel people install every day passes every integrity layer, and its SBOM contradicts nothing."""
    report, found = judged(wanted)
    status = {layer.layer: layer.status for layer in report.layers}
    expected = WARNINGS.get(wanted, set())
    assert found[Severity.ERROR] == set()
    # Without options pip chooses by the machine, and a wheel for another one may vendor nothing.
    if " --" in wanted or report.path.endswith("-any.whl") or sys.platform == "linux":
        assert found[Severity.WARNING] == expected
    else:
        assert found[Severity.WARNING] <= expected | NO_SBOM
    assert {status[layer] for layer in INTEGRITY} == {Status.PASSED}
    assert status[Layer.SBOM] in {Status.PASSED, Status.NOT_RUN}
    assert report.verdict is Verdict.VERIFIED


@pytest.mark.network
@pytest.mark.parametrize("wanted", list(DEFECTS))
def test_published_defect_is_found_and_nothing_else(wanted):
    """A wheel that was published with a defect is rejected for it, with the file named."""
    report, found = judged(wanted)
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    assert found[Severity.ERROR] == set(DEFECTS[wanted])
    assert [error for error in errors if not re.fullmatch(DEFECTS[wanted][error.id], error.subject)] == []
    assert report.verdict is Verdict.REJECTED


def test_list_of_wheels_is_pinned_and_says_why():
    """Every line pins one version and has a reason; none stands twice; both tables speak of lines that exist."""
    assert [line for line in LISTED if not LINE.fullmatch(line)] == []
    wanted = Counter(map(wanted_by, LISTED))
    assert [each for each, count in wanted.items() if count > 1] == []
    assert set(WARNINGS) | set(DEFECTS) <= set(wanted)
    assert not set(WARNINGS) & set(DEFECTS)
    assert len(HONEST) >= 40
