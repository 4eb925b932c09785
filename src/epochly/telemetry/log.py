"""The log of everything that was sent: one line of JSON for a batch before it goes out, and for each receipt; each line has the last one's hash.

Pure. It refuses a log with a line too many, too few, changed or out of order, and names the first such line. Section 3 of
`docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from time import gmtime, strftime

from epochly.telemetry.batch import BatchError, canonical, digest_of, endpoint_of, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass
    from typing import Any
else:
    from epochly._records import dataclass

MOST_BYTES = 1_048_576  # of a day's file; 50 batches, receipts and keysets have less
MOST_LINE_BYTES = 65_536  # a body's quotes take two bytes each there
MOST_FILES = 7
SUFFIX = ".ndjson"
BEGIN = "0" * 64  # what stands for the line before the first
MOST_AFTER = 2  # lines that a process may have written when it was ended, before it kept the hash of the last
MEMBERS = {  # kind -> its members besides `at`, `kind` and `prev`
    "batch": {"base", "body", "endpoint"},
    "keyset": {"keyset"},
    "receipt": {"receipt", "sha256"},
}


@dataclass(frozen=True, slots=True)
class Verified:
    """How many lines, batches and receipts there are, batches without one, and what is wrong: one line, empty for nothing."""

    lines: int = 0
    batches: int = 0
    receipts: int = 0
    wrong: str = ""


def file_of(now: int) -> str:
    """The name of the day's file."""
    return strftime("%Y-%m-%d", gmtime(now)) + SUFFIX


def line(kind: str, now: int, prev: str, **members: str) -> bytes:
    """A line with its end."""
    return canonical({"at": now, "kind": kind, "prev": prev, **members}) + b"\n"


def hash_of(written: bytes) -> str:
    """The hash that the next line has, over a line without its end."""
    return sha256(written.rstrip(b"\n")).hexdigest()


def too_many(names: Iterable[str]) -> list[str]:
    """The files that have to go before another day's is begun."""
    ours = sorted(name for name in names if name.endswith(SUFFIX))
    return ours[: max(0, len(ours) - MOST_FILES + 1)]


def end_of(files: Iterable[tuple[str, bytes]], head: str) -> str:
    """The hash that the next line has to have, where `head` was the last that was kept: a process may have been ended just before it kept another.

    Only lines that follow that one are taken for such; with none of them there it is `head`, and `verify` finds what is missing.
    """
    lines = [written for _, data in files for written in data.split(b"\n")[:-1]][-MOST_AFTER - 1 :]
    hashes = [hash_of(written) for written in lines]
    if not head:
        return hashes[-1] if hashes else ""
    if head in hashes:
        for written in lines[hashes.index(head) + 1 :]:
            entry = _entry(written)
            if entry is None or entry["prev"] != head:
                break
            head = hash_of(written)
    return head


def verify(
    files: Iterable[tuple[str, bytes]], head: str, judge: Callable[[str, str, str, bytes], str]
) -> Verified:
    """The chain, and each receipt by `judge(base, keyset, receipt, body)`, which says what is wrong with it or nothing.

    Of a log whose oldest files were removed, the first line that is left may follow any. `head` is the hash of the last line that was kept; as many
    as `MOST_AFTER` may follow it. What was sent twice is one batch.
    """
    lines = batches = 0
    prev, keyset = "", ""
    last: list[str] = []
    received: set[str] = set()
    sent: dict[str, tuple[str, bytes]] = {}
    for name, data in files:
        *whole, half = data.split(b"\n")
        for number, written in enumerate(whole, 1):
            where = f"{name}, line {number}"
            entry = _entry(written)
            if entry is None:
                return Verified(lines, batches, len(received), f"{where}: is no line of a log")
            if prev and entry["prev"] != prev:
                return Verified(lines, batches, len(received), f"{where}: does not follow the line before it")
            prev = hash_of(written)
            last = [*last[-MOST_AFTER:], prev]
            lines += 1
            if entry["kind"] == "keyset":
                keyset = entry["keyset"]
            elif entry["kind"] == "batch":
                body = entry["body"].encode()
                try:
                    right = endpoint_of(parsed(body)) == entry["endpoint"]
                except BatchError:
                    right = False
                if not right:
                    return Verified(lines, batches, len(received), f"{where}: holds no batch")
                batches += entry["body"] not in {each[1].decode() for each in sent.values()}
                sent[digest_of(body)] = (entry["base"], body)
            else:
                base, body = sent.get(entry["sha256"], ("", b""))
                wrong = (
                    judge(base, keyset, entry["receipt"], body) if base else "is for nothing that was sent"
                )
                if wrong:
                    return Verified(lines, batches, len(received), f"{where}: the receipt {wrong}")
                received.add(entry["sha256"])
        if half:
            return Verified(
                lines, batches, len(received), f"{name}, line {len(whole) + 1}: ends in the middle of a line"
            )
    if head and head not in last:
        return Verified(lines, batches, len(received), "the end of the log: lines are missing, or were added")
    return Verified(lines, batches, len(received))


def bodies(files: Iterable[tuple[str, bytes]]) -> Iterable[tuple[int, str, str, bytes, bool]]:
    """Time, base URL, endpoint, bytes, and whether there is a receipt, of everything that the log says was sent."""
    entries = [_entry(written) for _, data in files for written in data.split(b"\n") if written]
    received = {entry["sha256"] for entry in entries if entry is not None and entry["kind"] == "receipt"}
    for entry in entries:
        if entry is not None and entry["kind"] == "batch":
            body = entry["body"].encode()
            yield entry["at"], entry["base"], entry["endpoint"], body, digest_of(body) in received


def last_keyset(files: Iterable[tuple[str, bytes]]) -> str:
    """The keyset that was noted last, as a token, empty where there is none."""
    found = ""
    for _, data in files:
        for written in data.split(b"\n"):
            entry = _entry(written) if b'"kind":"keyset"' in written else None
            found = found if entry is None else entry["keyset"]
    return found


def _entry(written: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(written.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or entry.get("kind") not in MEMBERS:
        return None
    if entry.keys() != {"at", "kind", "prev"} | MEMBERS[entry["kind"]] or type(entry["at"]) is not int:
        return None
    texts = (entry[name] for name in entry if name != "at")
    if not all(isinstance(text, str) for text in texts) or canonical(entry) != written:
        return None
    return entry
