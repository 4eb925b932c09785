"""The commands: every answer says what it is and the way out, on the right stream, with the right exit code."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import pytest
from fake_service import BASE, BEGIN, DAY_S, KEY, SEEN, Licence, held, may

import epochly.cli
from epochly.licensing import licence_key, words
from epochly.licensing.answers import SIGNED, NotReached, Refused, Told
from epochly.licensing.operations import Reply
from epochly.net.messages import Listed, ListedDevice, ListedLicense

ONE_LINE = re.compile(r"epochly: [^\n]+; hint: [^\n]+\n")
OTHER_KEY = "EPOCHLY-9FTH4-BSM8N-ACAEY-Y5TXR-SMNQ5"
UNSIGNED = ("LICENSE_NOT_FOUND", "DEVICE_NOT_FOUND", "KEY_UNKNOWN", "PROOF_INVALID", "SCHEMA", "NOT_FOUND")


@pytest.mark.parametrize("how", ["stdin", "variable", "argument"])
def test_a_key_is_typed_set_or_given(run, machine, how):
    """From stdin or a variable silently; as an argument with a word about who can see those. It is never shown."""
    code, out, err = run(
        "license",
        "activate",
        *([KEY.lower()] if how == "argument" else []),
        typed=f"{KEY}\n" if how == "stdin" else "",
        **({"EPOCHLY_LICENSE_KEY": KEY} if how == "variable" else {}),
    )
    assert code == 0
    assert ("can see arguments; hint: leave the key out" in err) is (how == "argument")
    assert err.count("\n") == (how == "argument")
    assert re.search(r"^plan +professional$", out, re.MULTILINE)
    assert re.search(r"^good until +2027-01-18 08:00 UTC \(in 3 days\)$", out, re.MULTILINE)
    assert KEY[8:].lower() not in (out + err).lower()
    assert may(machine())


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["activate"], "", "a licence key is needed"),
        (["activate"], "EPOCHLY-00000", "that is no licence key"),
        (["activate"], KEY[:-1] + "H", "that is no licence key"),
        (["activate", "a", "b"], "", "takes one key"),
        (["activate", KEY[:-1] + "H"], "", "hint: look for a typing error"),
        (["transfer"], "", "needs the id of the device"),
        (["checkout"], "", "a number of days"),
        (["checkout", "31"], "", "a number of days"),
        (["checkout", "-1"], "", "a number of days"),
        (["transfer", "dev_1"], "", "a device is named by its id"),
        (["trial", "now"], "", "`trial` takes no `now`"),
        (["release", "--all"], "", "a device is named by its id"),
        (["release", "--forget", "x"], "", "`release` takes no `x`"),
        (["steal"], "", "no command `license steal`"),
        ([], "", "needs another word"),
    ],
)
def test_a_command_that_makes_no_sense_is_one_line(run, service, arguments, typed, said):
    """It is told before anybody is asked, exit code 2."""
    code, out, err = run("license", *arguments, typed=typed)
    assert (code, out) == (2, "")
    assert said in err
    assert ONE_LINE.fullmatch(err)
    assert service.requests == []


def test_help_says_what_there_is(run):
    """Of each command."""
    for command in ("license", "device", "compatibility"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert "epochly license status" in out


def test_a_life_of_a_licence(run, machine, service):
    """Trial, status, devices, checkout, release: each says what holds now."""
    assert run("license", "status")[0] == 0
    code, out, err = run("license", "status")
    assert re.search(r"^plan +community$", out, re.MULTILINE)
    assert err == ""
    assert run("license", "trial")[0] == 0
    code, out, err = run("license", "status")
    assert (code, err) == (0, "")
    assert re.search(r"^plan +trial$", out, re.MULTILINE)
    assert re.search(rf"^service +{BASE}$", out, re.MULTILINE)
    assert run("license", "activate", typed=KEY)[0] == 0
    code, out, _ = run("license", "devices")
    assert code == 0
    assert re.search(r"^\* dev_\S+ +active +seen 2027-01-15 +lease until 2027-01-18", out, re.MULTILINE)
    before = held(machine()).lease
    assert run("license", "refresh")[0] == 0
    assert held(machine()).lease != before
    code, out, _ = run("license", "checkout", "14")
    assert code == 0
    assert "(in 14 days)" in out
    code, out, err = run("license", "release")
    assert (code, out) == (1, "")
    assert "is checked out" in err
    assert ONE_LINE.fullmatch(err)
    service.now += 14 * DAY_S
    assert run("license", "release")[:2] == (0, "the seat is free, and nothing is held here any more\n")
    code, out, err = run("license", "release")
    assert code == 1
    assert "holds no licence of `https://licence.example`; hint: `epochly license activate`" in err
    code, out, err = run("license", "refresh")
    assert (code, out) == (1, "")
    assert "holds no licence of `https://licence.example`; hint: `epochly license activate`" in err
    assert not may(machine())


def test_a_seat_is_transferred(run, machine, service):
    """The other machine's device is named; its seat is this one's now."""
    other = machine("other")
    other.activate(KEY)
    code, _, err = run("license", "activate", typed=KEY)
    assert (code, "all seats of the licence are taken (1 of 1); hint: " in err) == (1, True)
    code, out, _ = run("license", "transfer", held(other).device_id, typed=KEY)
    assert code == 0
    assert "professional" in out
    assert other.refresh().code == "DEVICE_REVOKED"
    assert service.licence.seats_max == 1


def test_a_seat_that_another_licence_took_the_place_of_is_named(run, machine, service):
    """Activating a second licence leaves the first one's seat taken: the line says so, and how it is freed."""
    first = machine().trial().lease.dev
    code, _, err = run("license", "activate", typed=KEY)
    assert (code, err) == (
        0,
        f"epochly: the seat of `{first}` is still taken; hint: `epochly license release {first}` frees it\n",
    )
    assert run("license", "activate", typed=KEY)[2] == ""
    assert run("license", "release", first)[:2] == (
        0,
        "the seat is free, and the other licence is still held here\n",
    )
    assert service.devices[first].status == "released"
    assert may(machine())
    code, _, err = run("license", "release", "dev_" + "x" * 22)
    assert (code, "no such device is known there" in err) == (1, True)


def test_what_is_held_can_be_dropped_without_asking(run, machine, service):
    """Where the service is gone for good; the line says that the seat may still be taken."""
    run("license", "activate", typed=KEY)
    service.down = True
    code, _, err = run("license", "release")
    assert code == 1
    assert "--forget` drops what is kept here" in err
    assert run("license", "release", "--forget")[0] == 0
    assert held(machine()) is None


def test_status_renews_and_says_where_it_cannot(run, machine, service):
    """In grace it is good; after it, it is the community's; a refusal says what took it."""
    run("license", "activate", typed=KEY)
    service.now += 2 * DAY_S
    code, out, err = run("license", "status")
    assert (code, err, held(machine()).seq) == (0, "", 2)
    service.down = True
    service.now += 10 * DAY_S
    code, out, err = run("license", "status")
    assert code == 0
    assert re.search(r"^state +in grace", out, re.MULTILINE)
    assert "was not reached: no connection" in err
    service.now += 10 * DAY_S
    code, out, err = run("license", "status")
    assert code == 1
    assert re.search(r"^plan +community$", out, re.MULTILINE)
    assert "has expired and could not be renewed; hint: " in err
    service.down = False
    service.licence.status = "suspended"
    code, out, err = run("license", "status")
    assert code == 1
    assert err == "epochly: the licence is suspended; hint: ask who issued it\n"
    service.licence.status = "active"
    assert run("license", "status")[0] == 0


def test_status_says_by_how_much_a_clock_is_behind(run, machine, service):
    """What was seen last is later than now: the line says by how much."""
    run("license", "activate", typed=KEY)
    service.down = True
    service.now += 5 * DAY_S
    machine().note_time()
    service.now -= 4 * DAY_S
    code, _, err = run("license", "status")
    assert code == 1
    assert "the clock was set back by 4 days; hint: " in err


@pytest.mark.parametrize("code", sorted(SIGNED | {*UNSIGNED}))
def test_every_code_explains_itself(code):
    """In a sentence without capitals, with the way out; what nobody signed says so."""
    answer = Refused(code, "the service's words") if code in SIGNED else Told(code, "the service's words")
    line = words.refusal_line(answer)
    assert "; hint: " in line
    known = code not in {"PROOF_INVALID", "SCHEMA", "NOT_FOUND"}
    assert (code not in line) is known
    assert ("nobody signed" in line) is (code not in SIGNED)


def test_a_hostile_word_is_shown_as_one_plain_line(run, service):
    """Escape sequences, line breaks and miles of text do not reach the terminal."""
    detail = "\x1b[2J\n\u202e" + "x" * 5_000
    service.instead = lambda _q, _r: Reply(
        400, json.dumps({"code": "SCHEMA\x1b[1m", "detail": detail}).encode(), ""
    )
    run("license", "activate", typed=KEY)
    answer = Told("A", "b")
    assert words.refusal_line(answer).isprintable()
    code, _, err = run("compatibility")
    assert (code, err.count("\n")) == (1, 1)
    assert len(err) < 500


def test_lists_are_shown_plainly():
    """Whatever the service calls its devices, and however late its days."""
    device = ListedDevice("dev\x1b[1m\n", "a" * 300, 0, 10**15, 2**53 - 1, this=False)
    lines = words.device_lines(Listed((ListedLicense("lic\n", "p", "s", 1, 2, (device,)),)), BEGIN)
    assert all(line.isprintable() for line in lines)
    assert words.device_lines(Listed(()), BEGIN) == ["no licence has this device's key"]


def test_compatibility_says_whether_this_epochly_is_served(run, service):
    """It needs no licence and no key; too old a client is told."""
    code, out, _ = run("compatibility")
    assert code == 0
    assert re.search(r"^plan academic +gpu, multi-core$", out, re.MULTILINE)
    for old, new in ((b'"min_client":"0.1"', b'"min_client":"9"'), (b'"protocols":[1]', b'"protocols":[2]')):
        service.instead = lambda _q, reply, old=old, new=new: replace(
            reply, body=reply.body.replace(old, new)
        )
        code, _, err = run("compatibility")
        assert code == 1
        assert ONE_LINE.fullmatch(err)
    service.down = True
    assert run("compatibility")[0] == 1


def test_a_proxy_that_took_part_is_told(run, service):
    """Who it was, on stderr, whether it came to an answer or not."""
    service.instead = lambda _q, reply: replace(reply, via_proxy="http://proxy:1080")
    assert run("compatibility")[2] == "epochly: asked through the proxy `http://proxy:1080`\n"
    service.instead = lambda _q, _r: NotReached("x", via_proxy="http://proxy:1080")
    code, _, err = run("license", "trial")
    assert (code, err.count("http://proxy:1080")) == (1, 1)


def test_device_show_tells_what_is_sent(run, machine):
    """Names of attributes and the digest; with `--raw` their values, here only; and it makes nothing."""
    code, out, err = run("device", "show")
    assert (code, err) == (0, "")
    assert re.search(r"^identified by +the machine's own identifier$", out, re.MULTILINE)
    digest = re.search(r"^digest, which is sent +([0-9a-f]{64})$", out, re.MULTILINE)[1]
    assert not os.path.exists(machine().world.state.path)
    assert "cpu-model" in out
    assert machine().world.seen().identifier not in out
    run("license", "activate", typed=KEY)
    _, out, _ = run("device", "show", "--raw")
    assert digest in out
    assert re.search(r"^cpu-model +A$", out, re.MULTILINE)
    assert machine().world.seen().identifier in out
    bare = machine("bare", seen=replace(SEEN, identifier=None))
    assert "made when a licence is activated" in run("device", "show", session=bare)[1]
    assert run("device", "show", "--all")[0] == 2
    assert run("device", "rekey")[0] == 0


def test_trouble_is_a_line_and_exit_code_one(run, machine):
    """Of the folder, and of settings that make no sense."""
    run("license", "activate", typed=KEY)
    os.chmod(machine().world.state.path, 0o777)
    for arguments in (
        ("license", "status"),
        ("license", "checkout", "3"),
        ("device", "show"),
        ("license", "trial"),
    ):
        code, _, err = run(*arguments)
        assert code == 1
        assert ONE_LINE.fullmatch(err)
        assert "is writable by others" in err


def test_settings_that_make_no_sense_are_a_line(capsys):
    """Without a session at all."""
    code = epochly.cli.main(["license", "status"], environ={"EPOCHLY_STATE_DIR": "relative"})
    assert code == 1
    assert ONE_LINE.fullmatch(capsys.readouterr().err)


def test_durations_and_moments_read_well():
    """In the largest unit of which there are two."""
    assert [words.duration(each) for each in (-5, 1, 30, 70, 90, 7_200, 180_000, 259_199)] == [
        "0 seconds", "1 second", "30 seconds", "2 minutes", "2 minutes", "2 hours", "2 days", "3 days",
    ]  # fmt: skip
    assert words.moment(2**53 - 1, 0) == "the end of time"
    assert words.moment(BEGIN, BEGIN + 7_200) == "2027-01-15 08:00 UTC (2 hours ago)"
    assert words.refusal_line(NotReached("x", 7_200)).endswith(
        "try again, in 2 hours; what is held here goes on until it ends"
    )


def test_a_second_licence_has_its_rows(run, service):
    """A plan without features is a lease as well."""
    service.licences[licence_key.normal(OTHER_KEY)] = Licence("lic_" + service.random(), "community")
    assert run("license", "activate", typed=OTHER_KEY)[0] == 0
    code, out, _ = run("license", "status")
    assert code == 0
    assert re.search(r"^features +none$", out, re.MULTILINE)
