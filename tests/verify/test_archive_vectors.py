"""The archive layer against every given vector: the exact finding ids, and nothing on honest files."""

from __future__ import annotations

import pytest
from wheels import VECTORS, archive_of, attack_wheel, defect_ids, vector

from epochly_verify.findings import catalogue
from epochly_verify.model import Severity

ZIP_ATTACKS = {
    "z01_dup_name_diff_content": ["duplicate-entry"],
    "z02_local_only_entry": ["local-entry-not-in-central-directory"],
    "z03_local_cd_name_differ": ["local-and-central-differ"],
    "z06_zip_in_comment": ["zip-in-comment"],
    "z06b_concatenated_zip": ["concatenated-zip"],
    "z07_data_descriptor": ["data-descriptor"],
    "z08_cd_usize_spoof": ["local-and-central-differ"],
    "z08b_local_usize_spoof": ["local-and-central-differ"],
    "z09_crc_mismatch": ["crc-mismatch"],
    "z11_backslash_name": ["backslash-in-name"],
    "z14_encrypted_flag": ["encrypted-entry"],
    "z16_symlink_entry": ["symlink-entry"],
    "z19_bomb_120MB_1000x": ["decompression-bomb"],
    "z20_overlapping_entries": ["central-entry-without-local-header", "overlapping-entries"],
    "z21_file_dir_conflict": ["file-directory-conflict"],
    "z23_dotdot_path": ["parent-path"],
    "z24_drive_letter": ["drive-letter"],
    "z26_nfc_nfd_collision": ["unicode-collision"],
    "z27_windows_reserved": ["windows-reserved-name"],
    "z28_cd_entry_comment": ["central-comment"],
    "z29_eocd_count_mismatch": ["end-record-mismatch"],
    "z32_dot_and_double_slash": ["non-normal-path"],
    "z34_cd_extra_entry_no_local": ["central-entry-without-local-header", "overlapping-entries"],
    "i10_data_traversal": ["parent-path"],
}

REJECTED = {
    "8bitcomment": ["multi-disk", "zip-in-comment"],
    "cd_comment": ["central-comment", "end-record-mismatch"],
    "cd_extra_entry": ["duplicate-entry", "overlapping-entries"],
    "data_descriptor": ["data-descriptor", "local-and-central-differ"],
    "data_descriptor_bad_crc": ["data-descriptor", "data-descriptor-mismatch", "local-and-central-differ"],
    "data_descriptor_bad_crc_0": [
        "data-descriptor",
        "data-descriptor-mismatch",
        "local-and-central-differ",
        "size-mismatch",
    ],
    "data_descriptor_bad_usize_no_sig": [
        "data-descriptor",
        "data-descriptor-mismatch",
        "local-and-central-differ",
    ],
    "data_descriptor_zip64_csize": [
        "data-descriptor",
        "data-descriptor-mismatch",
        "local-and-central-differ",
    ],
    "dupe_eocd": ["end-record-mismatch", "header-details-differ"],
    "eocd64_locator_mismatch": ["zip64-malformed"],
    "missing_local_file": ["central-entry-without-local-header", "end-record-mismatch", "multi-disk"],
    "non_ascii_original_name": ["name-not-utf8", "unicode-path-mismatch"],
    "second_unicode_extra": ["extra-field-malformed", "unicode-path-mismatch"],
    "unicode_extra_chain": ["extra-field-malformed", "unicode-path-mismatch"],
    "zip64_eocd_confusion": ["zip-in-comment", "zip64-malformed"],
    "zip64_extra_csize": ["overlapping-entries", "trailing-compressed-data"],
    "zip64_extra_too_short": ["overlapping-entries", "zip64-malformed"],
}

ACCEPTED = {
    "comment": [],
    "deflate": [],
    "normal_deflate": [],
    "nosubdir": [],
    "short_usize": ["data-beyond-declared-size"],
    "short_usize_zip64": ["data-beyond-declared-size", "zip64-extra-differs"],
    "subdir": [],
}


@pytest.mark.parametrize("case", sorted(ZIP_ATTACKS))
def test_attack_wheel_gets_the_finding_that_names_its_defect(case):
    """Every attack on the container is reported under exactly the ids that name it."""
    assert defect_ids(attack_wheel(case)) == ZIP_ATTACKS[case]


@pytest.mark.parametrize(
    "case", sorted({path.name for path in (VECTORS / "attack-wheels").iterdir()} - set(ZIP_ATTACKS))
)
def test_attack_wheel_of_another_layer_has_a_clean_container(case):
    """A wheel whose fault is in RECORD, metadata or code is no worse than honest as an archive."""
    archive = archive_of(attack_wheel(case))
    assert archive.defects == ()
    assert archive.members == archive.streamed


@pytest.mark.parametrize("case", sorted(path.stem for path in (VECTORS / "zip-framing/reject").iterdir()))
def test_framing_vector_is_refused_for_its_reason(case):
    """Every malformed framing has at least one error, and exactly the expected ids."""
    ids = defect_ids(vector("zip-framing", "reject", f"{case}.zip"))
    assert ids == REJECTED[case]
    assert Severity.ERROR in {catalogue()[finding][1].severity for finding in ids}


@pytest.mark.parametrize("case", sorted(path.stem for path in (VECTORS / "zip-framing/accept").iterdir()))
@pytest.mark.parametrize("filename", ["demo_pkg-1.0-py3-none-any.whl", "comment.zip"])
def test_framing_vector_is_readable(case, filename):
    """An acceptable framing gives members with digests and no error, whatever the file is called."""
    archive = archive_of(vector("zip-framing", "accept", f"{case}.zip"), filename)
    assert sorted({finding.id for finding in archive.defects}) == ACCEPTED[case]
    assert Severity.ERROR not in {catalogue()[finding][1].severity for finding in ACCEPTED[case]}
    assert all("sha256" in member.digests for member in archive.members if member.kind == "file")


@pytest.mark.parametrize(
    "path", ["rfc8785/rfc8785-0.1.2-py3-none-any.whl",
             "circleci/circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
             "pypi-attestations-0.0.19/pypi_attestations-0.0.19.tar.gz"]
)  # fmt: skip
def test_signed_artifact_is_clean(path):
    """Real signed artifacts have no defect, and one view."""
    archive = archive_of(vector("signed", *path.split("/")), path.rpartition("/")[2])
    assert archive.defects == ()
    assert archive.members == archive.streamed


def test_understated_size_gives_the_two_readers_their_own_bytes():
    """Where data go on after the declared size, a seeking reader has the declared part, a streaming one everything."""
    archive = archive_of(vector("zip-framing", "accept", "short_usize.zip"))
    assert [member.size_bytes for member in archive.members] == [9]
    assert [member.size_bytes for member in archive.streamed] == [51]
    assert archive.members[0].digests["sha256"] != archive.streamed[0].digests["sha256"]
