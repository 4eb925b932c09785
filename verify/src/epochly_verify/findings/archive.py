"""Findings of the layer `archive`; the file is long because it is data only, one entry a defect.

Order: the ZIP's framing, its entries' data, names, modes, and what only a tar can have.
"""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_APPNOTE = "PKWARE APPNOTE 6.3.10"
_REBUILD = "rebuild the archive with a standard build tool, and do not install this one"
_INSPECT = "do not install it; ask the publisher how it was made"

_FRAMING: tuple[Kind, ...] = (
    Kind(
        "not-a-zip",
        _ERROR,
        "The file is no ZIP archive: it neither begins with an entry nor ends with an end record. "
        "A wheel always is one, whatever its name says.",
        "check that the download is complete and is the file you meant",
        f"{_APPNOTE} 4.3.6; PEP 427",
    ),
    Kind(
        "truncated-archive",
        _ERROR,
        "The file stops in the middle of something: a member's data, a record, or before the archive's end. "
        "What is missing cannot be judged.",
        "download it again and compare its size and hash with the published ones",
        f"{_APPNOTE} 4.3.6; RFC 1952; POSIX pax",
    ),
    Kind(
        "leading-data",
        _ERROR,
        "Bytes stand before the archive's first entry. Readers that start at the end ignore them, readers that start "
        "at the front fail or see something else; the bytes may be a program or another archive.",
        _INSPECT,
        f"{_APPNOTE} 4.3.6 and 4.1.9; attack: prefixed archive",
    ),
    Kind(
        "data-between-entries",
        _ERROR,
        "Bytes between two entries, or before the central directory, belong to no entry. They are invisible to most "
        "tools and visible to some.",
        _INSPECT,
        f"{_APPNOTE} 4.3.6",
    ),
    Kind(
        "trailing-data",
        _ERROR,
        "Bytes follow the end of the archive. They take part in the file's hash but in nothing that is unpacked, and "
        "some readers take them for the beginning of something else.",
        _INSPECT,
        f"{_APPNOTE} 4.3.16; RFC 1952; attack: appended data",
    ),
    Kind(
        "concatenated-zip",
        _ERROR,
        "The file is two ZIP archives, one after the other. A reader that starts at the front unpacks the first, one "
        "that starts at the end unpacks the second.",
        _INSPECT,
        f"{_APPNOTE} 4.3.6; attack: concatenated archives",
    ),
    Kind(
        "zip-in-comment",
        _ERROR,
        "The archive's comment holds records of another ZIP. Readers that search backwards for the end record can find "
        "the inner archive and unpack that.",
        _INSPECT,
        f"{_APPNOTE} 4.3.16; attack: archive in the comment",
    ),
    Kind(
        "end-record-mismatch",
        _ERROR,
        "The end record's count, size or offset of the central directory is not what is there. Readers trust different "
        "ones of the three, so they can come to different lists of members.",
        _REBUILD,
        f"{_APPNOTE} 4.3.16 and 4.4.21 to 4.4.24; CVE-2025-8291",
    ),
    Kind(
        "multi-disk",
        _ERROR,
        "A record says that the archive is spread over several disks. A wheel is one file; readers differ in whether "
        "they notice.",
        _REBUILD,
        f"{_APPNOTE} 4.4.11 and 4.4.19",
    ),
    Kind(
        "zip64-malformed",
        _ERROR,
        "The records for large archives (ZIP64) do not fit together: a locator that leads elsewhere, a record with "
        "extra data, or values that are missing or contradict the ordinary fields. Each reader resolves that its own way.",
        _REBUILD,
        f"{_APPNOTE} 4.3.14, 4.3.15 and 4.5.3; CVE-2025-8291",
    ),
    Kind(
        "zip64-extra-differs",
        _WARNING,
        "An entry carries a ZIP64 size although its ordinary size is complete, and the two are not the same. By the "
        "specification the ordinary one counts; a careless reader takes the other.",
        _REBUILD,
        f"{_APPNOTE} 4.5.3",
        strict=_ERROR,
    ),
    Kind(
        "extra-field-malformed",
        _ERROR,
        "An entry's extra fields do not add up, or one that decides its name or size stands twice. Readers choose "
        "different ones.",
        _REBUILD,
        f"{_APPNOTE} 4.5.1; attack: chained extra fields",
    ),
    Kind(
        "unicode-path-mismatch",
        _ERROR,
        "An extra field gives the entry a second name that is not the first. Readers that know the field unpack it "
        "under the second name, all others under the first.",
        _INSPECT,
        f"{_APPNOTE} 4.6.9",
    ),
    Kind(
        "central-comment",
        _ERROR,
        "An entry in the central directory has a comment. Nothing in a wheel uses it, and it is room for hidden records.",
        _REBUILD,
        f"{_APPNOTE} 4.4.18; refused by the index's upload check",
    ),
    Kind(
        "local-entry-not-in-central-directory",
        _ERROR,
        "An entry stands in the file and not in its directory. An installer that unpacks while downloading writes it, "
        "one that reads the directory does not, and neither does most analysis.",
        _INSPECT,
        f"{_APPNOTE} 4.3.6; CVE-2025-54368",
    ),
    Kind(
        "central-entry-without-local-header",
        _ERROR,
        "The directory lists an entry that has no header of its own in the file. Readers that start at the front never "
        "see it.",
        _INSPECT,
        f"{_APPNOTE} 4.3.6",
    ),
    Kind(
        "local-and-central-differ",
        _ERROR,
        "The two headers of an entry disagree on its name, size, checksum, method or flags. Which file comes out "
        "depends on the reader.",
        _INSPECT,
        f"{_APPNOTE} 4.3.7 and 4.3.12; CVE-2025-54368",
    ),
    Kind(
        "header-details-differ",
        _WARNING,
        "The two headers of a member name different times, format versions or compression hints. Nothing is installed "
        "differently for it, but no honest writer is known to do so: two tools have worked on the file.",
        _REBUILD,
        f"{_APPNOTE} 4.3.12",
        strict=_ERROR,
    ),
    Kind(
        "entry-order-differs",
        _WARNING,
        "The directory lists the entries in another order than they stand in the file. Installers may write them in "
        "either order, which matters as soon as two of them touch the same path.",
        _REBUILD,
        f"{_APPNOTE} 4.3.12",
        strict=_ERROR,
    ),
    Kind(
        "duplicate-entry",
        _ERROR,
        "Two members have the same name. One installer keeps the first, another the last, so the same file installs "
        "different code.",
        _INSPECT,
        "CVE-2025-54368; attack: duplicate entries",
    ),
    Kind(
        "overlapping-entries",
        _ERROR,
        "Two entries use the same bytes of the file. That is how a small archive becomes a huge one, and how an entry "
        "is hidden in another.",
        _INSPECT,
        "CVE-2024-0450",
    ),
    Kind(
        "data-descriptor",
        _WARNING,
        "Entries have their sizes written after their data. A reader that does not seek has to guess where the data end, "
        "and can be led astray; the index refuses such uploads, but streaming build tools make them honestly.",
        "build it with a tool that writes to a file, not to a pipe",
        f"{_APPNOTE} 4.3.9; refused by the index's upload check",
        strict=_ERROR,
    ),
    Kind(
        "data-descriptor-mismatch",
        _ERROR,
        "The sizes and checksum written after an entry's data are missing or are not those of the directory. A reader "
        "that trusts them sees another archive.",
        _INSPECT,
        f"{_APPNOTE} 4.3.9",
    ),
)

_DATA: tuple[Kind, ...] = (
    Kind(
        "encrypted-entry",
        _ERROR,
        "An entry is encrypted, or says so. Nobody can install it, and nobody can look into it.",
        _REBUILD,
        f"{_APPNOTE} 4.4.4",
    ),
    Kind(
        "unsupported-compression",
        _ERROR,
        "An entry is compressed in a way that installers do not all have. Those that have it install something that "
        "the others, and this judge, cannot see.",
        "rebuild the archive with stored or deflate compression",
        f"{_APPNOTE} 4.4.5; refused by the index's upload check",
    ),
    Kind(
        "unsupported-version",
        _ERROR,
        "An entry asks for a version of the ZIP format that does not exist. Some readers refuse the archive, others do "
        "not look.",
        _REBUILD,
        f"{_APPNOTE} 4.4.3",
    ),
    Kind(
        "compressed-data-malformed",
        _ERROR,
        "The compressed data are no valid deflate or gzip stream, so nothing, or nothing certain, comes out.",
        "download it again; if the hash is right, the publisher's file is broken",
        "RFC 1951; RFC 1952",
    ),
    Kind(
        "trailing-compressed-data",
        _ERROR,
        "An entry's compressed data go on after their end. The rest is part of the file and of no member.",
        _INSPECT,
        "RFC 1951 3.2.3",
    ),
    Kind(
        "size-mismatch",
        _ERROR,
        "Fewer bytes come out of an entry than its headers declare. The member is incomplete, or its headers lie.",
        "download it again; if the hash is right, the publisher's file is broken",
        f"{_APPNOTE} 4.4.9",
    ),
    Kind(
        "data-beyond-declared-size",
        _WARNING,
        "An entry's data go on after its declared size. Installers that seek keep the declared part, careless ones that "
        "stream keep everything, and a forged checksum fits both. The two readings are compared by later layers.",
        _INSPECT,
        f"{_APPNOTE} 4.4.9; attack: understated size",
        strict=_ERROR,
    ),
    Kind(
        "crc-mismatch",
        _ERROR,
        "A member's bytes do not have the checksum that its header declares: it was damaged or changed.",
        "download it again; if the hash is right, the publisher's file is broken",
        f"{_APPNOTE} 4.4.7",
    ),
    Kind(
        "decompression-bomb",
        _ERROR,
        "Far more comes out of the archive than a real one would give for its size. Unpacking it could fill the disk; "
        "the largest members were not read.",
        "do not unpack it; raise `ratio` in the policy only for a publisher you trust",
        "CWE-409; refused by the index's upload check",
    ),
    Kind(
        "limit-exceeded",
        _ERROR,
        "The archive has more members or larger ones than the limits allow, so not all of it was read. What was not read "
        "cannot be vouched for.",
        "raise the limit in the policy if the artifact is really that large",
        "CWE-770",
    ),
    Kind(
        "content-over-limit",
        _ERROR,
        "A member that the checks must read, such as metadata or start-up code, is too large to be kept. It was hashed, "
        "but nobody looked at what it says.",
        "raise the limit in the policy if the member is really that large",
        "CWE-770",
    ),
    Kind(
        "directory-with-content",
        _ERROR,
        "An entry is a folder by its name and has data. Most readers make a folder, some write a file, and nothing "
        "checks the data.",
        _INSPECT,
        f"{_APPNOTE} 4.3.8; POSIX pax",
    ),
)

_NAMES: tuple[Kind, ...] = (
    Kind(
        "name-not-utf8",
        _ERROR,
        "A member's name is not UTF-8. What it is called after unpacking depends on the reader and its language settings.",
        "rename the member",
        f"{_APPNOTE} appendix D; PEP 427",
    ),
    Kind(
        "name-without-utf8-flag",
        _ERROR,
        "A member's name is UTF-8 without saying so. Some readers follow the standard and take it for code page 437, "
        "others guess right: two installers give the file two names.",
        "rebuild the archive with a tool that sets the UTF-8 flag",
        f"{_APPNOTE} 4.4.4 bit 11 and appendix D",
    ),
    Kind(
        "name-control-character",
        _ERROR,
        "A member's name has a NUL or another control character. Readers cut the name there or not, and a terminal that "
        "shows it may obey it.",
        _INSPECT,
        "CWE-158; attack: NUL in a name",
    ),
    Kind(
        "name-too-long",
        _ERROR,
        "A member's name, or one component of it, is longer than file systems allow, so unpacking fails half-way.",
        "shorten the name",
        "POSIX NAME_MAX and PATH_MAX",
    ),
    Kind(
        "backslash-in-name",
        _ERROR,
        "A member's name has a backslash. It is part of the name on Linux and a folder separator on Windows.",
        "rebuild the archive with `/` between folders",
        f"{_APPNOTE} 4.4.17.1",
    ),
    Kind(
        "absolute-path",
        _ERROR,
        "A member's name begins at the root of the file system, so a careless installer writes outside the environment.",
        _INSPECT,
        f"{_APPNOTE} 4.4.17.1; CVE-2026-1703; PEP 706",
    ),
    Kind(
        "drive-letter",
        _ERROR,
        "A member's name begins with a Windows drive, so a careless installer writes outside the environment.",
        _INSPECT,
        f"{_APPNOTE} 4.4.17.1",
    ),
    Kind(
        "parent-path",
        _ERROR,
        "A member's name has a `..` component, so a careless installer writes outside the environment.",
        _INSPECT,
        "CVE-2007-4559; CVE-2026-1703; CVE-2026-24049",
    ),
    Kind(
        "non-normal-path",
        _ERROR,
        "A member's name is empty or has an empty or `.` component. It is another spelling of a shorter name, and checks "
        "that compare names miss it.",
        "rebuild the archive with plain names",
        "PEP 427; attack: `./` and `//`",
    ),
    Kind(
        "windows-reserved-name",
        _ERROR,
        "Windows opens a device, a hidden stream or another file under a member's name. Reported where the wheel's tags "
        "let it be installed on Windows.",
        "rename the member, or build wheels for other platforms only",
        "Microsoft, Naming Files, Paths, and Namespaces",
    ),
    Kind(
        "not-portable-name",
        _INFO,
        "A member's name cannot be had on every system. It does no harm where this artifact can be installed.",
        "rename the member if it should be portable",
        "Microsoft, Naming Files, Paths, and Namespaces",
    ),
    Kind(
        "bidi-in-name",
        _ERROR,
        "A member's name has a character that turns the direction of text, so that it is shown as another name than it is.",
        _INSPECT,
        "Unicode TR 36; CVE-2021-42574",
    ),
    Kind(
        "invisible-character-in-name",
        _WARNING,
        "A member's name has a character that is not shown, so that it looks like another name.",
        "rename the member",
        "Unicode TR 36",
        strict=_ERROR,
    ),
    Kind(
        "file-directory-conflict",
        _ERROR,
        "One path is a file, or a link, and also a folder for other members. Unpacking fails, or writes somewhere else.",
        _INSPECT,
        "PEP 706; attack: file and folder of one name",
    ),
    Kind(
        "case-collision",
        _ERROR,
        "Two members differ only in upper and lower case. On Windows and macOS one overwrites the other. Reported where "
        "the wheel's tags let it be installed there.",
        "rename one of them",
        "PEP 427; attack: case collision",
    ),
    Kind(
        "unicode-collision",
        _ERROR,
        "Two members have the same name in two Unicode spellings. They look alike, and on some systems one overwrites "
        "the other.",
        "rename one of them",
        "Unicode TR 15; attack: NFC and NFD",
    ),
)

_MODES: tuple[Kind, ...] = (
    Kind(
        "symlink-entry",
        _ERROR,
        "A wheel's entry is a symbolic link. Wheels may not have any: some installers write the target's name into a "
        "file, others could follow it out of the environment.",
        "rebuild the wheel with the file itself",
        "PEP 427; PEP 778",
    ),
    Kind(
        "special-file",
        _ERROR,
        "A member is a device, a FIFO, a socket, or says two things at once. No package needs one.",
        _INSPECT,
        "PEP 706; PEP 427",
    ),
    Kind(
        "setuid-mode",
        _ERROR,
        "A member has the setuid or setgid bit: a program that runs with its owner's rights.",
        "rebuild the archive with ordinary permissions",
        "PEP 706; CWE-732",
    ),
)

_TAR: tuple[Kind, ...] = (
    Kind(
        "not-a-tar",
        _ERROR,
        "The gzip stream does not hold a tar archive, or an empty one.",
        "check that the download is complete and is the file you meant",
        "PEP 625; POSIX pax",
    ),
    Kind(
        "tar-header-malformed",
        _ERROR,
        "A tar header has a wrong checksum, unreadable numbers or contradictory extensions. Readers go on at different "
        "places, so nothing after it was read.",
        _INSPECT,
        "POSIX pax; PEP 721",
    ),
    Kind(
        "gzip-multi-member",
        _ERROR,
        "The file is several gzip members, one after the other. A reader that stops at the first sees another archive.",
        "rebuild the sdist with a standard build tool",
        "RFC 1952 2.2",
    ),
    Kind(
        "sparse-member",
        _ERROR,
        "A member leaves out runs of zeros in a form that readers differ in. No source file needs that.",
        "rebuild the sdist with a standard build tool",
        "GNU tar manual, sparse formats",
    ),
    Kind(
        "link-outside",
        _ERROR,
        "A link leads out of the sdist's folder, nowhere, or out by way of another link. Unpacking it could let a later "
        "member be written anywhere.",
        _INSPECT,
        "PEP 721; CVE-2007-4559; CVE-2025-4517",
    ),
    Kind(
        "link-in-sdist",
        _INFO,
        "The sdist has a link to another of its own members. That is allowed; not every system can unpack it.",
        "ship the file itself if Windows users build from source",
        "PEP 721",
    ),
    Kind(
        "sdist-top-folder",
        _ERROR,
        "The sdist is not one folder named like the file. Unpacking writes beside it, or the build finds other sources "
        "than those judged.",
        "rebuild the sdist with a standard build tool",
        "PEP 625",
    ),
)

KINDS: tuple[Kind, ...] = (*_FRAMING, *_DATA, *_NAMES, *_MODES, *_TAR)
