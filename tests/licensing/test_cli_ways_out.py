"""Ways out that the commands name: each is one that helps, and none costs more than it says."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_service import BASE, KEY, Licence, Signer, held, kid_here, may

import epochly.cli
from epochly.licensing import licence_key
from epochly.licensing.places import may_hold_a_licence

OTHER_KEY = "EPOCHLY-9FTH4-BSM8N-ACAEY-Y5TXR-SMNQ5"


def test_a_key_on_another_licence_is_told_before_it_is_changed(run, machine, service):
    """The other device would keep a key that is gone from here, and its seat with it: release it first, or say so."""
    service.licences[licence_key.normal(OTHER_KEY)] = Licence("lic_" + service.random())
    run("license", "activate", typed=OTHER_KEY)
    other = held(machine()).device_id
    run("license", "activate", typed=KEY)
    before = kid_here(machine())
    code, out, err = run("device", "rekey")
    assert (code, out, kid_here(machine())) == (1, "", before)
    assert err == (
        f"epochly: `{other}` of another licence has this key too, and would keep the old one; hint: "
        f"`epochly license release {other}` first, or `epochly device rekey --anyway`\n"
    )
    assert run("license", "release", other)[0] == 0
    assert run("device", "rekey")[0] == 0
    assert kid_here(machine()) != before
    run("license", "activate", typed=OTHER_KEY)
    assert run("device", "rekey", "--anyway")[0] == 0
    assert run("device", "rekey", "--now")[0] == 2


def test_what_is_named_and_not_held_is_not_forgotten_instead(run, service):
    """To drop what is kept here is no way out where it was not asked to be released."""
    run("license", "activate", typed=KEY)
    assert "--forget" not in run("license", "release", "dev_AAAAAAAAAAAAAAAAAAAAAA")[2]
    service.down = True
    assert "`epochly license release --forget` drops what is kept here" in run("license", "release")[2]


def test_to_forget_nothing_makes_nothing(run, machine):
    """Neither a folder nor a word of a seat."""
    assert run("license", "release", "--forget") == (0, "nothing was held here\n", "")
    assert not os.path.lexists(machine().world.state.path)


def test_a_licence_of_another_service_says_which_one_is_asked(run, machine, service):
    """With another `EPOCHLY_API_URL` nothing of the first service counts, and the way back is named."""
    run("license", "activate", typed=KEY)
    elsewhere = machine()
    elsewhere.world = replace(elsewhere.world, base_url="https://other.example")
    _, out, err = run("license", "status", session=elsewhere)
    assert re.search(r"^plan +community$", out, re.MULTILINE)
    assert "of another service than the one that is asked; hint: `EPOCHLY_API_URL` names that" in err
    for command in ("refresh", "devices", "release"):
        _, _, err = run("license", command, session=elsewhere)
        assert "holds no licence of `https://other.example`; hint: " in err
    assert service.devices


def test_who_asks_nobody_by_their_own_setting_is_not_told_to_try_again(capsys, tmp_path):
    """The real gateway stops it, and the way out is the setting."""
    root = tmp_path / "root.pem"
    root.write_bytes(
        Signer("root").private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    environ = {
        "EPOCHLY_API_URL": BASE,
        "EPOCHLY_ROOT_KEY": str(root),
        "EPOCHLY_STATE_DIR": str(tmp_path / "state"),
        "EPOCHLY_OFFLINE_MODE": "1",
    }
    assert epochly.cli.main(["license", "trial"], environ=environ) == 1
    assert capsys.readouterr().err == (
        "epochly: the licence service was not reached: `EPOCHLY_OFFLINE_MODE` is set to 1; hint: unset it to ask; "
        "what is held here goes on until it ends\n"
    )


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff"), "two\nlines", "x" * 300])
def test_a_name_that_is_no_line_of_text_is_told_by_the_commands_and_breaks_no_program(
    run, machine, tmp_path, name
):
    """Bytes that are no UTF-8 are among what a variable can hold."""
    environ = {"EPOCHLY_NODE_ID": name, "EPOCHLY_STATE_DIR": str(tmp_path)}
    assert not may_hold_a_licence(environ, "linux")
    for command in (["license", "trial"], ["license", "activate"], ["device", "show"]):
        code, out, err = run(*command, typed=KEY, **environ)
        assert (code, out) == (1, "")
        assert err == (
            "epochly: `EPOCHLY_NODE_ID` is no line of at most 256 characters; hint: give each node a short name\n"
        )
    assert not may(machine(environ=environ))


def test_what_cannot_be_shown_is_escaped(run, tmp_path, monkeypatch):
    """A path of other bytes, and words with the codes of a terminal."""
    assert "no command `license ?[31mred`; hint: " in run("license", "\x1b[31mred")[2]
    assert "takes no `?[31mred`; hint: " in run("license", "status", "\x1b[31mred")[2]
    monkeypatch.undo()  # the real session
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    environ = {"EPOCHLY_STATE_DIR": folder, "EPOCHLY_API_URL": BASE, "EPOCHLY_OFFLINE_MODE": "1"}
    with open(tmp_path / "out", "w", encoding="utf-8") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        assert epochly.cli.main(["license", "status"], environ=environ) == 0
    assert r"/\udcff" in (tmp_path / "out").read_text("utf-8")


def test_a_reader_that_went_away_is_no_fault(run, monkeypatch):
    """`epochly license status | head -1` ends quietly."""
    run("license", "trial")
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        assert epochly.cli.main(["license", "status"], environ={}) == 1
