"""Whether anything is collected: every combination of every setting, by rules written a second time."""

from __future__ import annotations

import os
from itertools import product

import pytest
from commanded import run

from epochly.licensing import roots
from epochly.telemetry import start, world
from epochly.telemetry.consent import CI, consent

VALUES = (None, "1", "0", "", " yes ", "garbage")
OPT_OUTS = ("EPOCHLY_OFFLINE_MODE", "EPOCHLY_DISABLE_TELEMETRY", "DO_NOT_TRACK")
YES, NO = {"1", " yes "}, {None, "0", ""}
SWITCHES = (None, b"on\n", b"off\n", b"maybe", b"")


def test_consent_is_the_table():
    """For each of 38,880 settings: on exactly if no opt-out, no `off`, no CI without a yes, and a service that can be believed."""
    count = 0
    for offline, disable, track, telemetry, ci in product(VALUES, repeat=5):
        for kept in SWITCHES:
            given = dict(
                zip(
                    (*OPT_OUTS, "EPOCHLY_TELEMETRY", "CI"),
                    (offline, disable, track, telemetry, ci),
                    strict=True,
                )
            )
            environ = {name: value for name, value in given.items() if value is not None}
            expected = (
                all(value in NO for value in (offline, disable, track))
                and (telemetry is None or telemetry in YES)
                and kept in {None, b"on\n"}
                and (ci in NO or telemetry in YES)
            )
            found = consent(environ, kept)
            assert found.on is expected, (environ, kept)
            assert found.why
            assert "\n" not in found.why
            assert "garbage" not in found.why
            count += 1
    assert count == len(VALUES) ** 5 * len(SWITCHES) == 38_880


def linked(path):
    """A link to a yes."""
    with open(f"{path}-of-others", "wb") as file:
        file.write(b"on\n")
    os.symlink(f"{path}-of-others", path)


def mode(bits):
    """A yes that others may change, or that nobody may read."""

    def made(path):
        with open(path, "wb") as file:
            file.write(b"on\n")
        os.chmod(path, bits)

    return made


def huge(path):
    """More than such a file ever has."""
    with open(path, "wb") as file:
        file.write(b"on\n" * 500_000)


UNREADABLE = {
    "a folder": os.mkdir,
    "a link": linked,
    "readable by others": mode(0o644),
    "others' too": mode(0o666),
    "huge": huge,
}


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_choice_that_cannot_be_read_is_a_no(environ, files, session, monkeypatch, kind):
    """Whatever is in its place, and though it says `on`: nothing is collected, no sign of life is given, no thread is there, and `status` says why."""
    monkeypatch.setattr(world.Sender, "start", lambda _: pytest.fail("a thread"))
    files.write("notice", b"1\n")
    UNREADABLE[kind](os.path.join(files.path, "switch"))
    found = world.consent_in(environ, files)
    assert (found.on, found.why.startswith("what was said before cannot be read")) == (False, True)
    start.watch(session, environ | {"EPOCHLY_TELEMETRY_OPT_IN": "1", "EPOCHLY_LENS_KEY": "elk_" + "A" * 43})
    assert session.telemetry is None
    code, out, err = run(environ, "telemetry", "status")
    assert (code, "telemetry   off" in out, err) == (0, True, "")
    code, out, err = run(environ | {"EPOCHLY_TELEMETRY_OPT_IN": "1"}, "lens", "status")
    assert (code, "Traceback" in err) == (1, False) or "off" in out


def test_a_choice_that_can_be_read_begins(environ, files, session, monkeypatch):
    """The control for the above: the same with a file that is this user's alone starts the thread."""
    started = []
    monkeypatch.setattr(world.Sender, "start", lambda made: started.append(made) or True)
    files.write("notice", b"1\n")
    files.write("switch", b"on\n")
    start.watch(session, environ)
    assert len(started) == 1


@pytest.mark.parametrize("name", CI)
def test_every_ci_machine_is_off_by_itself(name):
    """Each variable by which such a machine is known turns it off, whatever it is set to but a no, and a plain yes turns it on again."""
    for value in ("1", "true", "https://ci.example/", "42"):
        assert not consent({name: value}, None).on
        assert not consent({name: value}, b"on\n").on
        assert consent({name: value, "EPOCHLY_TELEMETRY": "1"}, None).on
        assert not consent({name: value, "EPOCHLY_TELEMETRY": "1", "DO_NOT_TRACK": "1"}, None).on
    assert consent({name: "false"}, None).on


def test_a_service_that_cannot_be_believed_gets_nothing():
    """Where no receipt could be checked, the reason is told, also to who turned it on."""
    found = consent({"EPOCHLY_TELEMETRY": "1"}, b"on\n", "no root key is pinned")
    assert (found.on, found.why) == (False, "no root key is pinned")


def test_what_this_build_pins_is_what_the_cheap_look_knows():
    """The look that every program pays says what the licence client's list of pinned keys says."""
    assert bool(roots.PINNED) is start.PINNED
    assert start.ROOT_KEY == roots.ROOT_KEY
    assert not start.can_be_believed({})
    assert start.can_be_believed({"EPOCHLY_ROOT_KEY": "x"})
