"""A ledger, sorted and told: what a program touched, what cannot be seen, and a verdict that claims no more than was seen.

Values in, text out; it refuses to print. The JSON is that of `docs/spec/net-audit-v1.schema.json`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal

from epochly.net_audit.classes import CLASSES, OUTSIDE, class_of, is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from epochly.net_audit.classes import Class, Known
    from epochly.net_audit.model import Ledger

By = Literal["strace", "audit", "both"]
WAYS: tuple[By, ...] = ("strace", "audit", "both")
Form = Literal["term", "json"]
FORMS: tuple[Form, ...] = ("term", "json")
COLOURS: dict[Class, int] = {
    "base": 36,
    "proxy": 36,
    "dns": 33,
    "other": 31,
    "loopback": 32,
    "unix": 2,
    "netlink": 2,
}
NEVER_SEEN: dict[By, tuple[str, ...]] = {
    "strace": (
        "what another process does for the program: who listens on a `unix` or `loopback` destination, or was running before",
        "whose code it was; hint: `--by both` tells that for a Python program",
    ),
    "audit": (
        "sub-interpreters, `ctypes`, and C libraries that connect by themselves",
        "the programs that it starts, and workers that are spawned",
        "which address a name had: it is taken for the one that the same thread connected to next",
    ),
    "both": (
        "what another process does for the program: who listens on a `unix` or `loopback` destination, or was running before",
        "whose code it was in a child, a sub-interpreter or a C library: those are the program's here",
    ),
}
NOTED = {
    "io_uring_setup": "`io_uring` was used, and what is asked for through it is no call that `strace` sees; hint: run it with `sysctl kernel.io_uring_disabled=2`",
    "SCM_RIGHTS": "open descriptors came from another process, which may be connections",
    "pidfd_getfd": "descriptors were taken from another process, which may be connections",
}


@dataclass(frozen=True, slots=True)
class Process:
    """A process that used something, and how often; `name` is its program's, empty where its start was not seen."""

    pid: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Destination:
    """A place with its class and uses. `first_s` in seconds since the start; `code` are modules, empty where that is not known."""

    cls: Class
    family: str
    address: str
    port: int | None
    protocol: str
    names: tuple[str, ...]
    how: tuple[str, ...]
    count: int
    failed: int
    first_s: float
    processes: tuple[Process, ...]
    more_processes: bool
    code: tuple[str, ...]

    @property
    def opened(self) -> bool:
        """Whether something was, or could have been, sent there from here."""
        return self.cls in OUTSIDE and bool({"connect", "send"} & set(self.how))


@dataclass(frozen=True, slots=True)
class Name:
    """A name that was looked up."""

    name: str
    count: int
    first_s: float
    processes: tuple[Process, ...]
    code: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `base` is the service's host and port; `unseen` says what this report cannot know, `doubts` what happened besides."""

    command: tuple[str, ...]
    exit_code: int
    by: By
    seconds: float
    base: str
    destinations: tuple[Destination, ...]
    asked: tuple[Name, ...]
    unseen: tuple[str, ...]
    doubts: tuple[str, ...]


def sorted_out(
    ledger: Ledger, known: Known, by: By, started_s: float
) -> tuple[tuple[Destination, ...], tuple[Name, ...]]:
    """The destinations and names of a ledger, those outside of the machine first. `started_s` in seconds since the epoch."""
    names: dict[str, list[str]] = {}
    for name, addresses in ledger.answers.items():
        for address in addresses:
            names.setdefault(address, []).append(name)
    found = []
    for place, uses in ledger.places.items():
        cls = class_of(place, known, ledger.answers)
        if cls == "loopback" and "listen" in uses.how and _is_unspecified(place.address):
            cls = "other"  # every address of this machine: from elsewhere it can be reached
        found.append(
            Destination(
                cls,
                place.family,
                place.address,
                place.port,
                place.protocol,
                tuple(sorted(names.get(place.address, ()))),
                tuple(sorted(uses.how)),
                uses.count,
                uses.failed,
                _since(uses.first_s, started_s),
                _processes(uses.pids, ledger),
                uses.more_pids,
                () if by == "strace" else tuple(sorted(uses.code)),
            )
        )
    found.sort(key=lambda each: (CLASSES.index(each.cls), each.first_s, each.address, each.port or 0))
    asked = [
        Name(
            name,
            each.count,
            _since(each.first_s, started_s),
            _processes(each.pids, ledger),
            () if by == "strace" else tuple(sorted(each.code)),
        )
        for name, each in sorted(ledger.asked.items(), key=lambda item: (item[1].first_s, item[0]))
    ]
    return tuple(found), tuple(asked)


def doubts(notes: Mapping[str, int]) -> tuple[str, ...]:
    """What happened that a report like this cannot follow, in words."""
    return tuple(
        f"{NOTED.get(what, what)} ({count} times)" if count > 1 else NOTED.get(what, what)
        for what, count in sorted(notes.items())
    )


def verdict(report: Report) -> dict[str, Any]:
    """What can be said. `epochly`: `nothing`, `service`, `something`, or `unknown` where the kernel alone was asked and more was opened.

    `program` and `names` are the destinations and look-ups that are not known to be epochly's; a proxy is one of the former.
    """
    opened = [each for each in report.destinations if each.opened and each.cls != "dns"]
    asked = [each for each in report.asked if each.name != "localhost"]
    unread = any(each.opened and each.cls == "dns" for each in report.destinations) and not asked
    told = report.by != "strace"
    ours = [each for each in opened if (_all_ours(each.code) if told else each.cls == "base")]
    service = report.base.rpartition(":")[0]
    names = len([each for each in asked if not (_all_ours(each.code) or each.name == service)]) + unread
    program, certain = len(opened) - len(ours), report.by != "audit" and not report.doubts
    if not opened and not asked and not unread:
        epochly = "nothing"
        text = "nothing left this machine: neither epochly nor the program opened a destination outside of it"
    elif told:
        epochly = (
            "something" if any(each.cls == "other" for each in ours) else "service" if ours else "nothing"
        )
        what = {"nothing": "nothing", "service": "its service"}.get(epochly, _many(len(ours), "destination"))
        text = f"epochly opened {what}; the program opened {_many(program, 'destination')}"
    else:
        epochly = "service" if ours else "unknown"
        text = f"epochly's service, `{report.base}`, was {'' if ours else 'not '}opened; "
        text += f"{_many(program, 'other destination')} {'was' if program == 1 else 'were'}"
    if names:
        text += f", and {_many(names, 'name')} {'was' if names == 1 else 'were'} looked up"
    listens = sum(1 for each in report.destinations if each.cls == "other" and "listen" in each.how)
    if listens:
        text += f"; it listens on {_many(listens, 'place')} that other machines may reach"
    return {
        "epochly": epochly,
        "program": program,
        "names": names,
        "listens": listens,
        "certain": certain,
        "text": text if certain else f"as far as can be seen, {text}",
    }


def as_json(report: Report) -> str:
    """The report as one JSON object."""
    whole = {"version": 1, **asdict(report), "verdict": verdict(report)}
    for each in whole["destinations"]:
        each["class"] = each.pop("cls")
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"


def as_text(report: Report, *, colour: bool = False) -> str:
    """The report for a terminal; the last line is the verdict."""
    seen = {"strace": "by strace", "audit": "by audit hooks", "both": "by strace and audit hooks"}[report.by]
    command = " ".join(report.command)
    lines = [
        f"epochly net-audit: {command}: exit code {report.exit_code}, {report.seconds:.1f} s, seen {seen}"
    ]
    rows = [_row(each) for each in report.destinations]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(4)]
    for each, row in zip(report.destinations, rows, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        first = f"\x1b[{COLOURS[each.cls]}m{padded[0]}\x1b[0m" if colour else padded[0]
        lines.append("  " + "  ".join([first, *padded[1:], *row[4:]]).rstrip())
    if report.asked:
        told = ", ".join(
            each.name if each.count == 1 else f"{each.name} ({each.count} times)" for each in report.asked
        )
        lines.append(f"  names looked up: {told}")
    lines += [f"  this happened, and is not followed: {each}" for each in report.doubts]
    lines += [f"  not seen this way: {each}" for each in report.unseen]
    text = str(verdict(report)["text"])
    lines.append(f"\x1b[1m{text}\x1b[0m" if colour else text)
    return "\n".join(lines) + "\n"


def _processes(pids: Mapping[int, int], ledger: Ledger) -> tuple[Process, ...]:
    counted: dict[tuple[int, str], int] = {}
    for pid, count in pids.items():
        process = ledger.process(pid)
        counted[process] = counted.get(process, 0) + count
    return tuple(Process(pid, name, count) for (pid, name), count in sorted(counted.items()))


def _row(each: Destination) -> list[str]:
    at = f"[{each.address}]" if each.family == "AF_INET6" else each.address
    where = at if each.port is None else f"{at}:{each.port}"
    failed = f", {each.failed} failed" if each.failed else ""
    who = ", ".join(f"{process.name or 'process'} {process.pid}" for process in each.processes)
    return [
        each.cls,
        f"{where} {each.protocol}".strip(),
        f"{'+'.join(each.how)} {each.count}{failed}",
        f"at {each.first_s:.2f} s",
        "by " + who + (" and more" if each.more_processes else ""),
        *([f"from {', '.join(each.code)}"] if each.code else []),
        *([f"as {', '.join(each.names)}"] if each.names else []),
    ]


def _since(at_s: float, started_s: float) -> float:
    return round(max(0.0, at_s - started_s), 6)


def _many(count: int, what: str) -> str:
    if not count:
        return "nothing" if what == "destination" else f"no {what}s"
    return f"{count} {what}{'' if count == 1 else 's'}"


def _all_ours(code: Collection[str]) -> bool:
    return bool(code) and all(module.partition(".")[0] == "epochly" for module in code)


def _is_unspecified(address: str) -> bool:
    return is_loopback(address) and ip_address(address).is_unspecified
