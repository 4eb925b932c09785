"""Member names: what a person may be shown of them, and every reason not to unpack one.

Judges single names (`name_findings`) and names against each other (`collision_findings`). It never touches a file
system and never repairs a name: what it does not like becomes a finding, the spelling stays as it was.

Specification: PKWARE APPNOTE 4.4.17 (ZIP names), PEP 427 and the binary distribution format, PEP 706 (tar names);
Windows names after Microsoft's "Naming Files, Paths, and Namespaces".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.nametree import NameTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_SHOWN = 160  # characters of a name in a message; longer ones are cut in the middle
MAX_COMPONENT_BYTES = 255  # bytes of one path component; NAME_MAX of every common file system
MAX_COMPONENTS = 200  # folders of one name; the deepest real one seen has 24
MAX_FOLDERS = 500_000  # files and folders compared with each other, about 200 bytes each; torch has 35k

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")  # part of honest names in several scripts
_DEVICE = r"(?i:con|prn|aux|nul|conin\$|conout\$|com[1-9\u00b9\u00b2\u00b3]|lpt[1-9\u00b9\u00b2\u00b3])"
_DEVICE_COMPONENT = re.compile(_DEVICE + r"[ ]*(?:[.:].*)?\Z", re.DOTALL)
# Names that this does not match are plain ASCII and harmless on every system: nearly all names there are.
_SUSPECT = re.compile(
    r"[^\x20-\x7e]|[\\:<>\"|?*]|\A/|\A\Z|//|(?:\A|/)\.{1,2}(?:/|\Z)|[. ](?:/|\Z)|(?:\A|/)"
    + _DEVICE
    + r"(?:[ .][^/]*)?(?:/|\Z)"
)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where an archive's members may be unpacked, which decides what a name can do there.

    Attributes:
        windows: a name Windows cannot hold, or opens as a device, is an error.
        folds_case: two names that differ only in case are an error.
    """

    windows: bool = True
    folds_case: bool = True


SOURCE_TREE = Reach(windows=False, folds_case=False)


def reach_from_filename(filename: str) -> Reach:
    """Where a wheel can be installed by the platform tag of its file name; everywhere when that is unclear."""
    if not filename.lower().endswith(".whl"):
        return SOURCE_TREE
    platforms = filename[: -len(".whl")].rpartition("-")[2].lower().split(".")
    if all(tag.startswith(("manylinux", "musllinux", "linux", "android")) for tag in platforms):
        return SOURCE_TREE
    if all(
        tag.startswith(("macosx", "ios", "manylinux", "musllinux", "linux", "android")) for tag in platforms
    ):
        return Reach(windows=False, folds_case=True)
    return Reach()


def shown(name: str) -> str:
    """A name as it may be printed: nothing that moves a cursor or hides, and of bounded length."""
    if len(name) <= MAX_SHOWN and name.isascii() and name.isprintable():
        return name
    text = "".join(c if c.isprintable() and c not in _BIDI else _escaped(c) for c in name[: MAX_SHOWN * 4])
    if len(text) > MAX_SHOWN or len(name) > MAX_SHOWN * 4:
        text = f"{text[: MAX_SHOWN // 2]}...{text[-MAX_SHOWN // 4 :]} ({len(name)} characters)"
    return text


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def name_findings(name: str, reach: Reach, max_bytes: int) -> Iterator[Finding]:
    """Every reason not to unpack a member of this name.

    Args:
        name: the decoded name, `/` between components, directories with a trailing `/`.
        reach: where it would be unpacked.
        max_bytes: the longest acceptable name, in bytes of UTF-8.
    """
    if len(name) > MAX_COMPONENT_BYTES:
        yield from _length(name, max_bytes)
    if not _SUSPECT.search(name):
        return
    subject = shown(name)
    if not name:
        yield Finding("non-normal-path", "(empty name)", "a member has an empty name")
        return
    if found := _CONTROL.search(name):
        code = ord(found[0])
        yield Finding("name-control-character", subject, f"the name has the control character U+{code:04X}")
    if not name.isascii():
        if len(name) <= MAX_COMPONENT_BYTES:
            yield from _length(name, max_bytes)
        yield from _unseen(name, subject)
    if "\\" in name:
        yield Finding(
            "backslash-in-name", subject, "the name has a backslash, which Windows takes for a separator"
        )
    drive = _DRIVE.match(name)
    if name.startswith("/"):
        yield Finding(
            "absolute-path", subject, "the name begins with `/`; members are relative to the archive"
        )
    if drive:
        yield Finding("drive-letter", subject, f"the name begins with the drive `{name[:2]}`")
    parts = name.split("/")
    if not parts[-1]:
        parts.pop()  # the mark of a directory
    if ".." in parts:
        yield Finding("parent-path", subject, "the name has a `..` component, which leaves the folder")
    inner = parts[1:] if name.startswith("/") else parts
    if "." in inner or "" in inner:
        yield Finding("non-normal-path", subject, "the name has a `.` or an empty component")
    yield from _windows(parts[1:] if drive else parts, subject, reach)


def _length(name: str, max_bytes: int) -> Iterator[Finding]:
    total = len(name.encode("utf-8", "surrogatepass"))
    if total > max_bytes:
        yield Finding(
            "name-too-long", shown(name), f"the name has {total} bytes, at most {max_bytes} can be unpacked"
        )
        return
    if name.count("/") > MAX_COMPONENTS:
        yield Finding("name-too-long", shown(name), f"the name goes down more than {MAX_COMPONENTS} folders")
        return
    longest = max(len(part.encode("utf-8", "surrogatepass")) for part in name.split("/"))
    if longest > MAX_COMPONENT_BYTES:
        yield Finding(
            "name-too-long", shown(name), f"a component of the name has {longest} bytes, at most {MAX_COMPONENT_BYTES} can be unpacked"
        )  # fmt: skip


def _unseen(name: str, subject: str) -> Iterator[Finding]:
    import unicodedata  # noqa: PLC0415 - only names outside ASCII need the tables

    if found := next((c for c in name if c in _BIDI), ""):
        yield Finding(
            "bidi-in-name",
            subject,
            f"the name has U+{ord(found):04X}, which changes the order in which it is shown",
        )
    hidden = (c for c in name if unicodedata.category(c) == "Cf" and c not in _BIDI and c not in _JOINERS)
    if found := next(hidden, ""):
        yield Finding(
            "invisible-character-in-name", subject, f"the name has the invisible U+{ord(found):04X}"
        )


def _windows(parts: Sequence[str], subject: str, reach: Reach) -> Iterator[Finding]:
    problem = ""
    for part in parts:
        if part in {"", ".", ".."}:
            continue
        if _DEVICE_COMPONENT.match(part):
            problem = f"`{shown(part)}` is a device on Windows, not a file"
        elif part[-1] in ". ":
            problem = f"Windows drops the end of `{shown(part)}`, so it names another file there"
        elif ":" in part:
            problem = f"Windows takes `{shown(part)}` for a stream of another file"
        if problem:
            break
    if problem and reach.windows:
        yield Finding("windows-reserved-name", subject, problem)
        return
    if not problem and (odd := next((c for part in parts for c in part if c in '<>"|?*'), "")):
        problem = f"Windows cannot have `{odd}` in a name"
    if problem:
        yield Finding("not-portable-name", subject, problem)


def collision_findings(names: Iterable[str], reach: Reach) -> Iterator[Finding]:
    """Names that would fall on one file, or need one path to be a file and a folder.

    Args:
        names: decoded names of all members, directories with a trailing `/`; exact duplicates are ignored here.
        reach: where they would be unpacked.
    """
    exact, folded = NameTree(), NameTree()
    files: dict[str, tuple[int, int]] = {}
    folders: set[int] = set()
    folded_folders: set[int] = set()
    for name in names:
        if name.count("/") > MAX_COMPONENTS:
            continue  # is a finding of its own
        if len(exact) > MAX_FOLDERS:
            message = f"the names have more than {MAX_FOLDERS} different folders, so they were not compared"
            yield Finding("limit-exceeded", "the archive", message)
            return
        path = name.rstrip("/")
        places = exact.place(path), folded.place(path.casefold())
        if path == name:
            files[path] = places
        else:
            folders.add(places[0])
            folded_folders.add(places[1])
    yield from _unicode_collisions(files)
    owners: dict[int, str] = {}
    for path, (place, fold) in files.items():
        if place in folders or place in exact.parents:
            yield Finding(
                "file-directory-conflict", shown(path), "the name is a file here and a folder elsewhere"
            )
            continue
        other = owners.setdefault(fold, path)
        if other != path:
            message = f"the name differs from `{shown(other)}` only in case"
        elif fold in folded_folders or fold in folded.parents:
            message = "the name differs from that of a folder only in case"
        else:
            continue
        yield Finding("case-collision" if reach.folds_case else "not-portable-name", shown(path), message)


def _unicode_collisions(paths: Iterable[str]) -> Iterator[Finding]:
    wide = [path for path in paths if not path.isascii()]
    if len(wide) < 2:
        return
    import unicodedata  # noqa: PLC0415 - only names outside ASCII need the tables

    by_form: dict[str, str] = {}
    for path in wide:
        if max(map(len, path.split("/"))) > MAX_COMPONENT_BYTES:
            continue  # is a finding of its own, and normalising long runs of accents takes quadratic time
        other = by_form.setdefault(unicodedata.normalize("NFC", path), path)
        if other != path:
            message = "the name is another spelling (Unicode normal form) of a name already there"
            yield Finding("unicode-collision", shown(path), message)
