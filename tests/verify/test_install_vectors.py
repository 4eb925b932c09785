"""The layer `install` over every given attack wheel, by exact finding ids."""

from __future__ import annotations

import pytest
from install_inputs import evidence, fails, judged, member
from wheels import VECTORS, attack_wheel, build_sdist

from epochly_verify.checks.install import check
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Archive, ArtifactKind, NotRun, Ran
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource
from epochly_verify.policy import Policy

CASES = sorted(path.parent.name for path in (VECTORS / "attack-wheels").glob("*/*.whl"))
DISAGREE = "installers-disagree"
EXPECTED = {
    "i03_data_purelib_overwrites_other_pkg": ["pth-executes-code", "data-overwrites-project"],
    "i06b_entry_point_named_python": ["script-shadows-interpreter"],
    "i07_data_data_overwrite": ["pth-executes-code", "data-into-site-packages", "data-overwrites-program"],
    "i12_top_level_foreign_package": ["foreign-top-level"],
    "z01_dup_name_diff_content": [DISAGREE],
    "z02_local_only_entry": [DISAGREE],
    "z03_local_cd_name_differ": [DISAGREE, DISAGREE],
    "z06_zip_in_comment": [DISAGREE, DISAGREE],
    "z06b_concatenated_zip": [DISAGREE, DISAGREE],
    "z08_cd_usize_spoof": [DISAGREE],
    "z20_overlapping_entries": [DISAGREE],
    "z34_cd_extra_entry_no_local": [DISAGREE],
}


@pytest.mark.parametrize("case", CASES)
def test_install_judges_each_given_wheel_by_name(case):
    """Every given wheel gets exactly the findings of this layer that its defect is, and the others get none."""
    outcome = judged(attack_wheel(case))
    assert isinstance(outcome, Ran)
    assert sorted(finding.id for finding in outcome.findings) == sorted(EXPECTED.get(case, []))


@pytest.mark.parametrize(
    ("case", "usually", "strictly"),
    [
        ("i03_data_purelib_overwrites_other_pkg", True, True),
        ("i06b_entry_point_named_python", True, True),
        ("i07_data_data_overwrite", True, True),
        ("i12_top_level_foreign_package", False, True),
        ("z01_dup_name_diff_content", True, True),
    ],
)
def test_install_weighs_attacks_as_errors_and_policy_as_warnings(case, usually, strictly):
    """What can only be an attack fails the layer; what honest projects do too fails it under `--strict`."""
    found = {finding.id for finding in judged(attack_wheel(case)).findings}
    assert any(fails(finding_id) for finding_id in found) is usually
    assert any(fails(finding_id, strict=True) for finding_id in found) is strictly


def test_install_says_what_it_looked_at():
    """The reason counts the files, the commands and the start-up hooks."""
    assert judged(attack_wheel("00_ok")).why == "installs 4 files, no commands, no start-up hooks"
    assert judged(attack_wheel("i06b_entry_point_named_python")).why.startswith(
        "installs 5 files, 1 command,"
    )
    assert judged(attack_wheel("i07_data_data_overwrite")).why.endswith("1 start-up hook")


def test_install_does_not_run_for_an_sdist():
    """An sdist is built, not installed, so the layer says that it did not run."""
    filename = "demo_pkg-1.0.tar.gz"
    archive = read_archive(BytesSource(build_sdist({})), filename, DEFAULT)
    outcome = check(evidence(archive, filename, ArtifactKind.SDIST), Policy())
    assert outcome == NotRun("installing an sdist runs its build")


def test_install_does_not_run_without_members():
    """An archive nothing could be read from is not one that installs nothing."""
    assert check(evidence(Archive((), ())), Policy()) == NotRun("the archive could not be read")
    assert judged(b"no zip at all") == NotRun("the archive could not be read")


def test_install_judges_what_only_a_streaming_reader_sees():
    """An empty central directory over real entries is a difference between installers, not an empty wheel."""
    outcome = check(evidence(Archive((), (member("demo_pkg/__init__.py", b"evil"),))), Policy())
    assert [finding.id for finding in outcome.findings] == [DISAGREE]
