"""RECORD against the archive: `checks/record.py`."""

from __future__ import annotations

import base64
import dataclasses
import hashlib

import pytest
from wheel_evidence import SDIST, evidence_of, ids_of, member, read_evidence, wheel_evidence
from wheels import attack_wheel, build_wheel, record_row, vector

from epochly_verify.checks.record import check
from epochly_verify.findings import catalogue
from epochly_verify.model import ArtifactKind, Layer, Member, MemberKind, NotRun, Ran, Severity
from epochly_verify.policy import Policy

CODE = b"x = 1\n"
FILE = "demo_pkg/__init__.py"
INFO = "demo_pkg-1.0.dist-info"


def encoded(digest):
    """A digest as RECORD spells it."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def found(files=None, **lies):
    """The ids found in a wheel of one package file, told these lies."""
    return ids_of(check, wheel_evidence(build_wheel({FILE: CODE} if files is None else files, **lies)))


def row(hash_text, size="6"):
    """A RECORD row of the package file with this hash column."""
    return found(rows={FILE: f"{FILE},{hash_text},{size}"})


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("00_ok", []),
        ("01_ok_deflate", []),
        ("s00_sbom_ok", []),
        ("r01_file_not_in_record", ["file-not-in-record"]),
        ("r02_record_names_missing_file", ["record-names-missing-file"]),
        ("r03_hash_mismatch", ["record-hash-mismatch"]),
        ("r04_size_mismatch_only", ["record-size-mismatch"]),
        ("r05_empty_hash_row", ["record-hash-missing"]),
        ("r06b_sha1_hash", ["record-weak-hash"]),
        ("r07_duplicate_rows", ["record-conflicting-rows"]),
        ("r07b_duplicate_rows_good_last_bad_first", ["record-conflicting-rows"]),
        ("r08_record_hashes_itself", ["record-hashes-itself"]),
        ("r09_record_jws_unlisted", ["record-signature-file"]),
        ("r09c_nested_record_jws_unlisted", ["record-signature-file-nested"]),
        ("r10_no_record", ["record-missing"]),
        ("r11_record_traversal_row", ["record-path-traversal"]),
        ("r11b_record_absolute_row", ["record-path-absolute"]),
        ("r12b_padded_b64", ["record-hash-encoding"]),
        ("r15_record_not_self_listed", ["record-not-self-listed"]),
        ("r16_record_dot_slash_spelling", ["record-path-spelling"]),
        ("r17_record_backslash_spelling", ["record-path-spelling"]),
        ("m01_two_dist_info", []),
        ("m02_dist_info_name_mismatch", []),
        ("m07_no_WHEEL", []),
        ("i12_top_level_foreign_package", []),
        ("i10_data_traversal", ["record-path-traversal"]),
        ("z01_dup_name_diff_content", []),
        ("z23_dotdot_path", ["record-path-traversal"]),
        ("z24_drive_letter", ["record-path-absolute"]),
        ("z26_nfc_nfd_collision", []),
        ("z32_dot_and_double_slash", ["record-path-spelling", "record-path-spelling"]),
    ],
)
def test_record_judges_attack_wheels(case, expected):
    """Each given wheel has exactly the defect its name says, and the others have none in RECORD."""
    assert ids_of(check, wheel_evidence(attack_wheel(case))) == expected
    assert ids_of(check, read_evidence(attack_wheel(case))) == expected


def test_record_passes_an_honest_wheel_and_says_how_much_was_compared():
    """An honest wheel passes, with directory entries and names that need quotes, and the count is told."""
    data = build_wheel({FILE: CODE, "demo_pkg/": b"", "demo_pkg/a,b.txt": b"", 'demo_pkg/"é".txt': b""}, rows={
        'demo_pkg/"é".txt': record_row('"demo_pkg/""é"".txt"', b""),
    })  # fmt: skip
    assert check(wheel_evidence(data), Policy()) == Ran((), "5 files match RECORD")


def test_record_passes_a_signed_published_wheel():
    """A real wheel of a real project passes."""
    name = "rfc8785-0.1.2-py3-none-any.whl"
    assert ids_of(check, wheel_evidence(vector("signed", "rfc8785", name), name)) == []


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_record_passes_with_every_line_end(end):
    """Build tools on all systems end lines in their own way."""
    rows = [record_row(FILE, CODE), f"{INFO}/RECORD,,"]
    assert found(record=end.join(rows) + end, omit=["METADATA", "WHEEL"]) == []


def test_record_finds_the_changed_wheel_file_of_a_published_wheel():
    """A WHEEL file that was edited after RECORD was written is found: the defect of sentry_cli 3.8.0."""
    wheel = "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    stale = record_row(f"{INFO}/WHEEL", wheel.encode())
    assert found(wheel=wheel + "Tag: py3-none-linux_x86_64\n", rows={f"{INFO}/WHEEL": stale}) == [
        "record-hash-mismatch"
    ]


@pytest.mark.parametrize(
    "algorithm", ["sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s"]
)
def test_record_accepts_sha256_and_better(algorithm):
    """Every guaranteed algorithm of at least the strength of sha256 is accepted and compared."""
    assert row(f"{algorithm}={encoded(hashlib.new(algorithm, CODE).digest())}") == []
    assert row(f"{algorithm}={encoded(hashlib.new(algorithm, b'y').digest())}") == ["record-hash-mismatch"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "sha3_256", "blake2s"])
def test_record_compares_the_algorithm_it_names_whatever_its_line_ends(algorithm, end):
    """The verifier's own reader computes what RECORD names, also where RECORD comes from Windows."""
    for content, expected in ((CODE, []), (b"y = 2\n", ["record-hash-mismatch"])):
        text = f"{FILE},{algorithm}={encoded(hashlib.new(algorithm, content).digest())},6{end}{INFO}/RECORD,,{end}"
        data = build_wheel({FILE: CODE}, record=text, omit=["METADATA", "WHEEL"])
        assert ids_of(check, read_evidence(data)) == expected


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha3_224"])
def test_record_refuses_weak_hashes(algorithm):
    """A hash below sha256 is refused although it agrees."""
    assert row(f"{algorithm}={encoded(hashlib.new(algorithm, CODE).digest())}") == ["record-weak-hash"]


@pytest.mark.parametrize("algorithm", ["crc32", "SHA256", "sha-256", "shake_256", "", "\u202esha256"])
def test_record_refuses_unknown_hashes(algorithm):
    """An algorithm that is not one of `hashlib`'s names is refused: nothing could be compared."""
    assert row(f"{algorithm}={encoded(hashlib.sha256(CODE).digest())}") == ["record-unknown-hash"]


GOOD = hashlib.sha256(CODE).digest()


@pytest.mark.parametrize(
    "text",
    [
        f"sha256={GOOD.hex()}",
        f"sha256={GOOD.hex().upper()}",
        f"sha256={encoded(GOOD)}=",
        f"sha256={encoded(GOOD)}==",
        f"sha256={base64.b64encode(GOOD).rstrip(b'=').decode()}",
        f"sha256={encoded(GOOD)[:-1]}R",  # the last character holds two bits that no byte has
        f"sha256={encoded(GOOD[:31])}",
        f"sha256={encoded(GOOD + b'x')}",
        f"sha256= {encoded(GOOD)}",
        f"sha256:{encoded(GOOD)}",
        encoded(GOOD),
        "sha256=",
        "sha256=é",
        "sha256=A",
    ],
)
def test_record_refuses_digests_that_are_not_url_safe_base64_without_padding(text):
    """A digest has one spelling; any other is refused once, even if it means the right bytes."""
    assert encoded(GOOD)[-1] == "Q"
    assert "_" in encoded(GOOD)
    assert row(text) == ["record-hash-encoding"]


def test_record_compares_a_badly_spelled_digest_too():
    """A digest that is hexadecimal and also of other content has both defects."""
    assert row(f"sha256={hashlib.sha256(b'y').hexdigest()}") == [
        "record-hash-encoding",
        "record-hash-mismatch",
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("", ["record-size-missing"]),
        ("7", ["record-size-mismatch"]),
        ("60", ["record-size-mismatch"]),
        ("9" * 5000, ["record-size-mismatch"]),
        ("06", ["record-malformed-row"]),
        ("-6", ["record-malformed-row"]),
        (" 6", ["record-malformed-row"]),
        ("6.0", ["record-malformed-row"]),
        ("six", ["record-malformed-row"]),
        ("٦", ["record-malformed-row"]),
    ],
)
def test_record_compares_sizes(size, expected):
    """A size is the decimal length of the file, and only its absence is forgiven."""
    assert row(f"sha256={encoded(GOOD)}", size) == expected
    assert catalogue()["record-size-missing"][1].severity is Severity.INFO


def test_record_tells_other_content_once():
    """Content of another length is one finding, which also gives the sizes."""
    outcome = check(wheel_evidence(build_wheel({FILE: CODE}, rows={FILE: record_row(FILE, b"yy")})), Policy())
    assert [finding.id for finding in outcome.findings] == ["record-hash-mismatch"]
    assert "6 bytes, RECORD says `2`" in outcome.findings[0].message


def test_record_wants_a_hash_even_with_a_size():
    """A row with a size and no hash vouches for nothing."""
    assert row("") == ["record-hash-missing"]
    assert row("", "7") == ["record-hash-missing", "record-size-mismatch"]


@pytest.mark.parametrize("name", ["RECORD.jws", "RECORD.p7s"])
def test_record_exempts_no_signature_file_silently(name):
    """Signature files are told where the format has them, when listed, and where they only bear the name."""
    here, nested, outside = f"{INFO}/{name}", f"{INFO}/licenses/{name}", f"demo_pkg/{name}"
    assert found(unlisted={here: "{}"}) == ["record-signature-file"]
    assert found({FILE: CODE, here: "{}"}) == ["record-signature-file-listed"]
    assert found(unlisted={nested: "{}"}) == ["record-signature-file-nested"]
    assert found({FILE: CODE, nested: "{}"}) == []
    assert found(unlisted={outside: "{}"}) == ["file-not-in-record"]
    assert found(unlisted={f"{INFO}/{name.lower()}": "{}"}) == ["file-not-in-record"]
    assert found(unlisted={name[6:]: "{}"}) == ["file-not-in-record"]


@pytest.mark.parametrize("spelled", [f"{INFO}\\RECORD", f"./{INFO}/RECORD", f"{INFO}/record"])
def test_record_that_misspells_its_own_row_is_told_that_and_no_more(spelled):
    """RECORD's row for itself needs no hash however it is spelled; published wheels made on Windows have such a row."""
    rows = [record_row(FILE, CODE), f"{spelled},,"]
    assert found(record="\n".join(rows) + "\n", omit=["METADATA", "WHEEL"]) == ["record-path-spelling"]


def test_record_that_was_too_large_to_keep_is_an_error():
    """RECORD that was hashed and not kept cannot be judged, and is no pass."""
    kept = member(f"{INFO}/RECORD", b"x")
    outcome = check(evidence_of([dataclasses.replace(kept, content=None)]), Policy())
    assert [finding.id for finding in outcome.findings] == ["record-unreadable"]


def test_record_is_not_run_without_anything_to_compare():
    """An sdist, an archive without readable members and an unreadable RECORD are not run, with a reason."""
    unreadable = Member(FILE, MemberKind.FILE, 0)
    record = Member(f"{INFO}/RECORD", MemberKind.FILE, 0)
    honest = wheel_evidence(build_wheel({FILE: CODE}))
    sdist = dataclasses.replace(honest, kind=ArtifactKind.SDIST, filename=SDIST)
    assert check(sdist, Policy()) == NotRun("an sdist has no RECORD")
    assert check(evidence_of([]), Policy()) == NotRun("the archive could not be read")
    assert check(evidence_of([unreadable]), Policy()) == NotRun("the archive could not be read")
    assert check(evidence_of([member(FILE, CODE), record]), Policy()) == NotRun("RECORD could not be read")


def test_record_is_not_run_when_a_file_could_not_be_read():
    """A file whose content could not be read was not compared, so the layer cannot have passed."""
    honest = wheel_evidence(build_wheel({FILE: CODE})).archive.members
    hurt = [
        dataclasses.replace(each, digests={}, size_bytes=0) if each.name == FILE else each for each in honest
    ]
    assert check(evidence_of(hurt), Policy()) == NotRun("1 of 4 files could not be read")


def test_record_takes_the_dist_info_of_the_file_name():
    """Of several dist-info folders the file name's own is judged, wherever it stands."""
    other = {"aaa-1.0.dist-info/RECORD": "nonsense", "Zzz-9.dist-info/RECORD": "nonsense"}
    assert found({**other, FILE: CODE}) == []


def test_record_compares_the_last_of_two_members_with_one_name():
    """Duplicates are judged as `zipfile` reads them; that there are two is the archive layer's finding."""
    honest = wheel_evidence(build_wheel({FILE: CODE})).archive.members
    assert ids_of(check, evidence_of([member(FILE, b"evil"), *honest])) == []
    assert ids_of(check, evidence_of([*honest, member(FILE, b"evil")])) == ["record-hash-mismatch"]


@pytest.mark.parametrize("kind", [MemberKind.SYMLINK, MemberKind.OTHER])
def test_record_must_list_what_is_no_regular_file(kind):
    """A link or device in a ZIP is written as a file by installers, so it needs a row."""
    honest = wheel_evidence(build_wheel({FILE: CODE})).archive.members
    odd = dataclasses.replace(member("demo_pkg/link", b"target"), kind=kind)
    assert ids_of(check, evidence_of([*honest, odd])) == ["file-not-in-record"]


def test_record_kinds_belong_to_the_layer():
    """Every id this layer can raise is in its own catalogue and nowhere else."""
    kinds = {id_ for id_, (layer, _) in catalogue().items() if layer is Layer.RECORD}
    assert "record-missing" in kinds
    assert all(id_.startswith("record-") or id_ == "file-not-in-record" for id_ in kinds)
