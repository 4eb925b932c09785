"""What the report says: classes that nothing gets by its port or name alone, and verdicts that claim no more than was seen."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.net_audit import seen
from epochly.net_audit.classes import Known, class_of
from epochly.net_audit.model import MORE, MOST_DESTINATIONS, Ledger, Place, short
from epochly.net_audit.report import NEVER_SEEN, WAYS, Report, as_json, as_text, doubts, sorted_out, verdict

SCHEMA = Path(__file__).parents[2] / "docs/spec/net-audit-v1.schema.json"
VALID = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
BASE, PROXY, RESOLVER, FAR = "192.0.2.80", "192.0.2.81", "192.0.2.53", "192.0.2.1"
KNOWN = Known(
    ("api.example", 443),
    frozenset({("proxy.example", 3128)}),
    frozenset({RESOLVER}),
    {"proxy.example": {PROXY}},
)
ANSWERS = {"api.example": {BASE}, "other.example": {FAR}}


def tcp(address, port):
    """A place that a connection leads to."""
    return Place("AF_INET6" if ":" in address else "AF_INET", address, port, "tcp")


def reported(*touched, by="strace", asked=(), notes=(), code=""):
    """A report of a run that touched these places and asked for these names."""
    ledger = Ledger()
    ledger.names[7] = "python"
    for place, how in touched:
        ledger.touch(place, how, at_s=100.5, pid=7, code=code)
    for name in asked:
        ledger.ask(name, at_s=100.25, pid=7, code=code)
    for name, addresses in ANSWERS.items():
        ledger.answer(name, tuple(addresses))
    for what in notes:
        ledger.note(what)
    destinations, names = sorted_out(ledger, KNOWN, by, 100.0)
    told = (("python", "app.py"), 0, by, 1.25, "api.example:443")
    return Report(*told, destinations, names, NEVER_SEEN[by], doubts(ledger.notes))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (tcp(BASE, 443), "base"),
        (tcp(BASE, 80), "other"),
        (Place("AF_INET", BASE, 0, "udp"), "base"),
        (tcp(BASE, 0), "other"),
        (tcp(PROXY, 3128), "proxy"),
        (tcp(PROXY, 443), "other"),
        (Place("AF_INET", RESOLVER, 53, "udp"), "dns"),
        (tcp(RESOLVER, 443), "other"),
        (Place("AF_INET", FAR, 53, "udp"), "other"),
        (tcp(FAR, 443), "other"),
        (tcp("127.8.8.8", 443), "loopback"),
        (tcp("::1", 443), "loopback"),
        (Place("AF_UNIX", "/run/x", None), "unix"),
        (Place("AF_NETLINK", "NETLINK_ROUTE", None), "netlink"),
        (Place("AF_PACKET", "?", None), "other"),
        (Place("AF_UNKNOWN", "?", None), "other"),
    ],
)
def test_a_class_is_got_by_address_and_port_together(place, expected):
    """The service is a name's address at its port, a resolver one that the machine names; what is left is `other`."""
    assert class_of(place, KNOWN, ANSWERS) == expected


def test_a_service_on_this_machine_is_the_service():
    """Loopback is a class of what is nothing else."""
    assert class_of(tcp("127.0.0.1", 8443), Known(("127.0.0.1", 8443)), {}) == "base"
    assert class_of(tcp("::1", 8443), Known(("localhost", 8443), hosts={"localhost": {"::1"}}), {}) == "base"


@pytest.mark.parametrize(
    ("report", "epochly", "program", "text"),
    [
        (
            reported((Place("AF_UNIX", "/x", None), "connect"), (tcp("127.0.0.1", 1), "connect")),
            "nothing",
            0,
            "nothing left this machine: neither epochly nor the program opened a destination outside of it",
        ),
        (
            reported((tcp(BASE, 443), "connect"), asked=["api.example"]),
            "service",
            0,
            "epochly's service, `api.example:443`, was opened; no other destinations were",
        ),
        (
            reported((tcp(FAR, 443), "connect"), asked=["other.example"]),
            "unknown",
            1,
            "epochly's service, `api.example:443`, was not opened; 1 other destination was, and 1 name was looked up",
        ),
        (
            reported((Place("AF_INET", RESOLVER, 53, "udp"), "connect")),
            "unknown",
            0,
            "epochly's service, `api.example:443`, was not opened; no other destinations were, and 1 name was looked up",
        ),
        (
            reported((tcp(FAR, 443), "connect"), (tcp(FAR, 80), "connect"), by="both", code="app"),
            "nothing",
            2,
            "epochly opened nothing; the program opened 2 destinations",
        ),
        (
            reported((tcp(FAR, 443), "connect"), by="both"),
            "nothing",
            1,
            "epochly opened nothing; the program opened 1 destination",
        ),
        (
            reported(
                (tcp(BASE, 443), "connect"), asked=["api.example"], by="both", code="epochly.net.gateway"
            ),
            "service",
            0,
            "epochly opened its service; the program opened nothing",
        ),
        (
            reported((tcp(FAR, 443), "connect"), by="both", code="epochly.somewhere"),
            "something",
            0,
            "epochly opened 1 destination; the program opened nothing",
        ),
        (
            reported(by="audit"),
            "nothing",
            0,
            "as far as can be seen, nothing left this machine: neither epochly nor the program opened a destination outside of it",
        ),
        (
            reported(by="audit", asked=["other.example"], code="app"),
            "nothing",
            0,
            "as far as can be seen, epochly opened nothing; the program opened nothing, and 1 name was looked up",
        ),
        (
            reported(notes=["io_uring_setup"]),
            "nothing",
            0,
            "as far as can be seen, nothing left this machine: neither epochly nor the program opened a destination outside of it",
        ),
        (
            reported((tcp("0.0.0.0", 80), "listen")),
            "nothing",
            0,
            "nothing left this machine: neither epochly nor the program opened a destination outside of it; it listens on 1 place that other machines may reach",
        ),
    ],
)
def test_a_verdict_claims_what_was_seen_and_no_more(report, epochly, program, text):
    """Whose code it was is said only where hooks tell; nothing is certain where something went past."""
    found = verdict(report)
    assert (found["epochly"], found["program"], found["text"]) == (epochly, program, text)
    assert found["certain"] is not text.startswith("as far as")
    assert as_text(report).splitlines()[-1] == text
    VALID.validate(json.loads(as_json(report)))


def test_text_reads_without_colour_and_is_pretty_with_it():
    """The same words, and no sign for a terminal unless asked for."""
    report = reported(
        (tcp(FAR, 443), "connect"), (Place("AF_UNIX", "/x", None), "connect"), asked=["other.example"]
    )
    plain = as_text(report)
    assert plain == (
        "epochly net-audit: python app.py: exit code 0, 1.2 s, seen by strace\n"
        "  other  192.0.2.1:443 tcp  connect 1  at 0.50 s  by python 7  as other.example\n"
        "  unix   /x                 connect 1  at 0.50 s  by python 7\n"
        "  names looked up: other.example\n"
        + "".join(f"  not seen this way: {each}\n" for each in NEVER_SEEN["strace"])
        + "epochly's service, `api.example:443`, was not opened; 1 other destination was, and 1 name was looked up\n"
    )
    coloured = as_text(report, colour=True)
    assert "\x1b[31mother\x1b[0m" in coloured
    for sign in ("\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(sign, "")
    assert coloured == plain


def test_a_program_cannot_write_to_the_terminal_through_the_report():
    """Names, paths and what the program was called are shown with nothing that a terminal acts on."""
    evil = "x\x1b[2J\n  base  all is well\u202e"
    report = reported((Place("AF_UNIX", short(evil), None), "connect"), asked=[evil])
    text = as_text(report)
    assert not {"\x1b", "\u202e"} & set(text)
    assert not any(line.startswith("  base") for line in text.splitlines())


def test_a_report_is_bounded():
    """However much a program touches; it says that there was more, and what is behind the end of the list counts as anywhere."""
    ledger = Ledger()
    for number in range(MOST_DESTINATIONS + 5):
        ledger.touch(tcp(f"127.0.{number >> 8}.{number & 255}", 1), "send", at_s=1.0, pid=number)
        ledger.ask(f"name{number}.example", at_s=1.0, pid=number)
    assert len(ledger.places) == len(ledger.asked) == MOST_DESTINATIONS + 1
    assert [each.address for each in sorted_out(ledger, KNOWN, "strace", 0.0)[0] if each.opened] == [
        MORE.address
    ]
    assert ledger.notes == {"more destinations than are kept": 5, "more names than are kept": 5}


@settings(max_examples=40)
@given(
    st.lists(
        st.text(max_size=200)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["e", "pid", "t", "name", "port", "family", "address"]),
            st.none()
            | st.integers()
            | st.text(max_size=9)
            | st.floats()
            | st.sampled_from(["connect", "ask", "start", "AF_INET"]),
            max_size=8,
        ).map(json.dumps),
        max_size=5,
    )
)
def test_any_lines_of_a_hook_give_a_report(lines):
    """The program can write there too."""
    ledger = Ledger()
    seen.read(lines, ledger)
    for by in WAYS:
        destinations, names = sorted_out(ledger, KNOWN, by, 0.0)
        report = Report(("x",), 0, by, 0.0, "api.example:443", destinations, names, (), doubts(ledger.notes))
        VALID.validate(json.loads(as_json(report)))
        as_text(report)
