"""Findings of the layer `record`: RECORD, the wheel's own list of its files, against the files."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_FORMAT = "Binary distribution format, The .dist-info directory"
_SIGNED = "Binary distribution format, Signed wheel files"
_INSTALLED = "Recording installed projects, The RECORD file"

KINDS: tuple[Kind, ...] = (
    Kind(
        "record-missing",
        Severity.ERROR,
        "The wheel has no RECORD, so nothing says which files belong to it or what they should contain. Installers"
        " refuse such a wheel.",
        "rebuild the wheel with a current build tool",
        _FORMAT,
    ),
    Kind(
        "record-unreadable",
        Severity.ERROR,
        "RECORD is larger, or has more rows, than any real wheel needs. It was not judged to the end, so files may be"
        " hidden behind the part that was.",
        "treat the wheel as hostile unless you know why it is so large; a policy can raise the limit",
        "resource limits",
    ),
    Kind(
        "record-not-utf8",
        Severity.ERROR,
        "RECORD holds bytes that are not UTF-8. Readers decode them differently and so disagree on which files the"
        " wheel has.",
        "rebuild the wheel with a current build tool",
        _INSTALLED,
    ),
    Kind(
        "record-malformed-row",
        Severity.ERROR,
        "A row of RECORD is not three well-formed CSV columns with a decimal size. Installers differ on such rows: some"
        " skip them, some stop, some take them as they are.",
        "rebuild the wheel; a file edited by hand should be re-packed with `wheel pack`",
        _INSTALLED,
    ),
    Kind(
        "file-not-in-record",
        Severity.ERROR,
        "The archive holds a file that RECORD does not list. It was added after the wheel was built, or hidden from"
        " tools that read only RECORD; installers unpack it, and nothing vouches for its content.",
        "do not install it; compare the file with the project's sources",
        f"{_FORMAT}; attack row 26",
    ),
    Kind(
        "record-names-missing-file",
        Severity.ERROR,
        "RECORD lists a file the archive does not hold. A file was removed after the build, or RECORD is another"
        " wheel's; on uninstalling, the listed path is deleted even if it belongs to another project.",
        "do not install it; fetch the wheel again from its publisher",
        f"{_FORMAT}; attack row 27",
    ),
    Kind(
        "record-hash-mismatch",
        Severity.ERROR,
        "A file's content is not what RECORD says it is. The file was changed after the wheel was built, by a build"
        " step that forgot RECORD or by an attacker; most installers do not notice.",
        "do not install it; ask the publisher, or compare the file with the project's sources",
        f"{_SIGNED}; attack row 28",
    ),
    Kind(
        "record-size-mismatch",
        Severity.ERROR,
        "A file's size is not what RECORD says it is, although its hash, if there is one, agrees. RECORD was written by"
        " hand or changed after the build.",
        "rebuild the wheel; re-pack changed files with `wheel pack`",
        f"{_INSTALLED}; attack row 29",
    ),
    Kind(
        "record-size-missing",
        Severity.INFO,
        "A row of RECORD has a hash and no size. The hash alone settles the content, so this is no danger.",
        "nothing to do; current build tools write sizes",
        _INSTALLED,
    ),
    Kind(
        "record-hash-missing",
        Severity.ERROR,
        "A row of RECORD has no hash. Every file but RECORD must have one; without it the file can be exchanged"
        " unnoticed.",
        "rebuild the wheel with a current build tool",
        f"{_FORMAT}; attack row 30",
    ),
    Kind(
        "record-hash-encoding",
        Severity.ERROR,
        "A digest in RECORD is not URL-safe Base64 without padding, of its algorithm's length. Some installers cannot"
        " compare it and skip the file.",
        "rebuild the wheel with a current build tool",
        f"{_SIGNED}; attack row 37",
    ),
    Kind(
        "record-weak-hash",
        Severity.ERROR,
        "RECORD vouches for a file with a hash that can be forged, such as MD5 or SHA-1, or that is shorter than"
        " SHA-256.",
        "rebuild the wheel with a tool that writes sha256",
        f"{_FORMAT} (sha256 or better); attack row 31",
    ),
    Kind(
        "record-unknown-hash",
        Severity.ERROR,
        "RECORD names a hash algorithm that is not known here, so the file could not be checked. Only the algorithms"
        " every Python has, from sha256 up, are allowed.",
        "rebuild the wheel with a tool that writes sha256",
        f"{_INSTALLED} (hashlib.algorithms_guaranteed)",
    ),
    Kind(
        "record-duplicate-row",
        Severity.ERROR,
        "RECORD lists one file more than once, with the same hash and size each time. It must have one row for each"
        " file; repeated rows are what is left of duplicated or replaced files.",
        "rebuild the wheel; the file is probably packed twice",
        "attack row 32; pypa/pip#5913",
    ),
    Kind(
        "record-conflicting-rows",
        Severity.ERROR,
        "RECORD lists one file more than once and says different things about it. Tools that keep the first row and"
        " tools that keep the last accept different contents.",
        "do not install it; fetch the wheel again from its publisher",
        "attack row 32; pypa/pip#5913",
    ),
    Kind(
        "record-hashes-itself",
        Severity.ERROR,
        "RECORD gives a hash for itself. It cannot contain its own hash, so the row was made up or copied.",
        "rebuild the wheel; the row of RECORD must be `RECORD,,`",
        f"{_SIGNED}; attack row 33",
    ),
    Kind(
        "record-not-self-listed",
        Severity.ERROR,
        "RECORD has no row for itself. It must list every file of the wheel; without the row RECORD stays behind when"
        " the project is uninstalled.",
        "rebuild the wheel; add the row `RECORD,,`",
        f"{_INSTALLED}; attack row 33",
    ),
    Kind(
        "record-signature-file",
        Severity.ERROR,
        "The wheel holds RECORD.jws or RECORD.p7s, the signature files that the format once had. No installer checks"
        " them, RECORD cannot list them, so the file's content is vouched for by nothing and can be anything.",
        "remove the file; sign with an attestation instead, and if the file is expected lower the severity in the"
        " policy",
        f"{_SIGNED}; PEP 815 (deprecated); attack row 34",
    ),
    Kind(
        "record-signature-file-listed",
        Severity.ERROR,
        "RECORD lists RECORD.jws or RECORD.p7s. A signature of RECORD is made after RECORD, so it cannot be in it; a"
        " tool that exempts signature files by name would skip this row.",
        "remove the file and its row",
        f"{_SIGNED}; attack row 34",
    ),
    Kind(
        "record-signature-file-nested",
        Severity.ERROR,
        "A file named like a signature of RECORD lies deeper in the dist-info folder and is not listed. Some installers"
        " exempt that name anywhere, which lets any payload through.",
        "do not install it; look at what the file contains",
        f"{_SIGNED}; attack row 34",
    ),
    Kind(
        "record-path-traversal",
        Severity.ERROR,
        "A row of RECORD climbs out of the wheel with `..`. Installers keep RECORD for uninstalling, and uninstalling"
        " then deletes files of others.",
        "do not install it; if it is installed, remove the row from its RECORD before uninstalling",
        "GHSA-pjjw-68hj-v9mw; attack row 36",
    ),
    Kind(
        "record-path-absolute",
        Severity.ERROR,
        "A row of RECORD is an absolute path. Uninstalling the project would delete that file, wherever it is.",
        "do not install it; if it is installed, remove the row from its RECORD before uninstalling",
        "GHSA-pjjw-68hj-v9mw; attack row 36",
    ),
    Kind(
        "record-path-spelling",
        Severity.ERROR,
        "A path in RECORD is not spelled as the archive spells it: a backslash, `./`, `//`, another case or another"
        " Unicode form. Some tools see the same file, others a missing and an unlisted one.",
        "rebuild the wheel with a current build tool",
        f"{_INSTALLED}; attack row 37",
    ),
    Kind(
        "record-lists-directory",
        Severity.WARNING,
        "RECORD has a row for a directory. It should list files only; installers may stumble over the row.",
        "rebuild the wheel with a current build tool",
        f"{_INSTALLED} (directories should not be listed)",
    ),
)
