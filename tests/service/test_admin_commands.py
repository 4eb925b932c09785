"""`epochly-service admin`: each command over both engines, one line of outcome, a row of the audit for each change."""

from __future__ import annotations

import json
import stat
import time

import pytest
from filled import device_of, put

from epochly_service import license_keys, peppered, secret_files, store
from epochly_service.admin import passwords
from epochly_service.audit_chain import faults, read_head, read_rows

pytestmark = pytest.mark.usefixtures("whole_afterwards")


@pytest.fixture
def whole_afterwards(deployment):
    """Whatever a test did: seats are counted and the chain is whole."""
    yield
    assert deployment.database.read(store.seat_faults) == []
    head = read_head(deployment.database)
    assert list(faults(read_rows(deployment.database, head), head=head)) == []


@pytest.fixture
def licence(deployment):
    """A licence of an account `Acme`, issued by the command: its shape and its key."""
    deployment.admin("account", "add", "Acme")
    return deployment.ask("license", "issue", "Acme", "--plan", "enterprise", "--seats", "3", "--days", "30")


def trail(deployment):
    """(actor, action, object) of every change."""
    return [
        (row["actor_kid"], row["action"], row["object_id"])
        for row in read_rows(deployment.database, read_head(deployment.database))
    ]


def add_device(deployment, licence, number=1, **changes):
    """A device on an issued licence, with a fingerprint that opens; returns its row."""

    def work(conn):
        row = store.license_by_id(conn, licence["license"]["id"])
        secrets = secret_files.read_secrets(str(deployment.data))
        one = device_of(row, number, **changes)
        sealed = peppered.seal(secrets.pepper, one.id, "ab" * 32, lambda size: b"n" * size)
        one = device_of(row, number, **({"fp_sealed": sealed} | changes))
        put(conn, one)
        return one

    return deployment.database.write(work)


def test_account_add_makes_one_account_of_a_name(deployment):
    """An account has a name of its own; the same one again, or that of trials, is refused and changes nothing."""
    out, _ = deployment.admin("account", "add", "Æsir & Söhne", "--as", "kim")
    assert out.endswith("called `Æsir & Söhne`\n")
    assert deployment.admin("account", "add", "Æsir & Söhne", code=1)[1].count("\n") == 1
    for name in ("trial", "", "a\nb", "x" * 101, "acc_x"):
        deployment.admin("account", "add", name, code=1)
    found = deployment.ask("account", "list")["accounts"]
    assert [one["name"] for one in found] == ["Æsir & Söhne"]
    assert trail(deployment) == [("operator:kim", "account-add", found[0]["id"])]


def test_license_issue_shows_a_key_that_is_kept_as_a_mac_alone(deployment, licence):
    """The key opens the licence, and is nowhere in the database, nor in what is shown later."""
    normal = license_keys.normal_form(licence["key"])
    pepper = secret_files.read_secrets(str(deployment.data)).pepper
    macs = peppered.license_key_macs(pepper, normal)
    found = deployment.database.read(lambda conn: store.license_by_key(conn, macs))
    assert found.id == licence["license"]["id"]
    shown = json.dumps([deployment.ask("license", "list"), deployment.ask("license", "show", found.id)])
    assert licence["key"] not in shown
    assert "key_mac" not in shown
    assert normal not in json.dumps(list(read_rows(deployment.database, read_head(deployment.database))))
    assert found.expires_at == pytest.approx(time.time() + 30 * 86_400, abs=60)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--plan", "trial", "--seats", "1"], 2, "invalid choice"),
        (["--plan", "enterprise", "--seats", "0"], 1, "1 to 1000000 seats"),
        (["--plan", "enterprise", "--seats", "many"], 2, "invalid int"),
        (["--plan", "enterprise", "--seats", "1", "--days", "-1"], 1, "its end is past"),
        (["--plan", "enterprise", "--seats", "1", "--days", "99999999999999"], 1, "more than a century"),
        (["--plan", "enterprise", "--seats", "1", "--until", "2030-02-30"], 2, "this is no day"),
        (["--plan", "enterprise"], 2, "required: --seats"),
    ],
)
def test_license_issue_refuses_what_cannot_be(deployment, licence, options, code, words):
    """Each slip is one line that says what is wrong, and issues nothing."""
    assert licence
    err = deployment.admin("license", "issue", "Acme", *options, code=code)[1]
    assert words in err
    assert "hint: " in err
    assert err.count("\n") == 1
    assert len(deployment.ask("license", "list")["licenses"]) == 1


def test_license_is_suspended_and_resumed_once(deployment, licence):
    """The status goes there and back; doing it twice is refused, since somebody else may have."""
    one = licence["license"]["id"]
    for verb, status in (("suspend", "suspended"), ("resume", "active")):
        assert deployment.ask("license", verb, one)["license"]["status"] == status
        assert f"it is {status} already" in deployment.admin("license", verb, one, code=1)[1]
    assert [action for _, action, _ in trail(deployment)] == [
        "account-add",
        "license-issue",
        "license-suspend",
        "license-resume",
    ]


def test_license_extend_fits_the_seats_that_are_used(deployment, licence):
    """A later end and more seats are given; an earlier end, or fewer seats than are used, are not."""
    one = licence["license"]["id"]
    for number in (1, 2):
        add_device(deployment, licence, number)
    assert "nothing is to be changed" in deployment.admin("license", "extend", one, code=2)[1]
    assert (
        "no fewer than are used (2)" in deployment.admin("license", "extend", one, "--seats", "1", code=1)[1]
    )
    assert "that is before its end" in deployment.admin("license", "extend", one, "--days", "1", code=1)[1]
    found = deployment.ask("license", "extend", one, "--seats", "2", "--until", "2090-12-31")["license"]
    assert (found["seats_max"], found["seats_used"]) == (2, 2)
    assert found["expires_at"] == 3_818_448_000  # the end of that day


def test_license_transfer_takes_the_key_along_and_no_device(deployment, licence):
    """The licence is the other account's, with all seats free; each account's trail has its half."""
    other = deployment.ask("account", "add", "Other")["account"]["id"]
    add_device(deployment, licence)
    out, _ = deployment.admin("license", "transfer", licence["license"]["id"], "Other")
    assert "its 1 devices have to register again" in out
    found = deployment.ask("license", "show", licence["license"]["id"])
    assert (found["license"]["account_id"], found["license"]["seats_used"], found["devices"]) == (
        other,
        0,
        [],
    )
    rows = {
        row["action"]: row["account_id"]
        for row in read_rows(deployment.database, read_head(deployment.database))
    }
    assert rows["license-transfer-in"] == other
    assert rows["license-transfer-out"] == licence["license"]["account_id"]
    assert deployment.admin("license", "transfer", licence["license"]["id"], "Other", code=1)


def test_license_transfer_waits_for_a_seat_that_is_checked_out(deployment, licence):
    """A seat that works offline cannot be sold on."""
    deployment.admin("account", "add", "Other")
    add_device(deployment, licence, pinned_until=int(time.time()) + 1_000)
    err = deployment.admin("license", "transfer", licence["license"]["id"], "Other", code=1)[1]
    assert "checked out" in err
    assert len(deployment.ask("device", "list", licence["license"]["id"])["devices"]) == 1


def test_device_release_frees_one_seat_once(deployment, licence):
    """A released device holds no seat, and releasing it again frees no other's."""
    one, two = add_device(deployment, licence, 1), add_device(deployment, licence, 2)
    assert deployment.ask("device", "release", one.id)["device"]["status"] == "released"
    assert "released already" in deployment.admin("device", "release", one.id, code=1)[1]
    found = deployment.ask("license", "show", licence["license"]["id"])
    assert found["license"]["seats_used"] == 1
    assert {device["id"]: device["status"] for device in found["devices"]} == {
        one.id: "released",
        two.id: "active",
    }


@pytest.mark.parametrize("verb", ["release", "delete"])
def test_device_that_is_checked_out_is_neither_released_nor_deleted(deployment, licence, verb):
    """Its lease would go on offline while somebody else had the seat."""
    one = add_device(deployment, licence, pinned_until=int(time.time()) + 1_000)
    assert "its seat is checked out until" in deployment.admin("device", verb, one.id, code=1)[1]


def test_device_export_has_all_that_is_kept_of_it(deployment, licence):
    """Every row that names the device or its key is in the export, raw attributes too, and nothing of another device."""
    one, other = add_device(deployment, licence, 1), add_device(deployment, licence, 2)

    def more(conn):
        store.put_raw_attributes(conn, one, '{"cpu":"canary-one"}', 2**40)
        store.put_raw_attributes(conn, other, '{"cpu":"canary-two"}', 2**40)
        store.add_history(conn, one, row_id="his_1", kind="strike", at=1)
        store.remember(
            conn,
            store.Remembered(one.account_id, one.kid, "ik", "h" * 64, one.id, "{}", 2**40),
        )

    deployment.database.write(more)
    deployment.admin("device", "release", one.id)
    found = deployment.ask("device", "export", one.id)
    text = json.dumps(found)
    assert found["raw_attributes"] == {"cpu": "canary-one"}
    assert [row["kind"] for row in found["history"]] == ["strike"]
    assert [row["ik"] for row in found["requests"]] == ["ik"]
    assert [row["action"] for row in found["audit"]] == ["release"]
    assert found["device"]["fp_mac"] == one.fp_mac
    assert "canary-two" not in text
    assert other.id not in text
    assert trail(deployment)[-1] == ("operator:cli", "device-export", one.id)


def test_device_delete_leaves_nothing_but_its_id_in_the_audit(deployment, licence):
    """After it no table but the audit names the device, its key or its fingerprint, and its seat is free."""
    from sqlalchemy import select

    from epochly_service.schema import metadata

    one, other = add_device(deployment, licence, 1), add_device(deployment, licence, 2)
    deployment.database.write(lambda conn: store.put_raw_attributes(conn, one, '{"cpu":"canary"}', 2**40))
    deployment.admin("device", "delete", one.id)
    for table in metadata.sorted_tables:
        rows = deployment.database.read(
            lambda conn, table=table: [tuple(row) for row in conn.execute(select(table))]
        )
        text = repr(rows)
        assert one.kid not in text
        assert one.fp_mac not in text
        assert "canary" not in text
        assert (one.id in text) == (table.name == "audit")
        assert table.name != "devices" or other.id in text
    assert deployment.ask("license", "show", licence["license"]["id"])["license"]["seats_used"] == 1
    assert "there is no such device" in deployment.admin("device", "export", one.id, code=1)[1]


def test_operator_add_makes_a_password_unless_one_is_given(deployment, monkeypatch):
    """A made password is shown this once; a given one is never shown; a short one is refused."""
    monkeypatch.setitem(passwords.make_hash.__kwdefaults__, "n", 2)  # less work
    made = deployment.ask("operator", "add", "kim")
    assert len(made["password"]) == 24
    given = deployment.admin(
        "operator", "add", "lee", "--password-stdin", "--json", stdin="correct horse battery\n"
    )[0]
    assert "correct horse" not in given
    assert (
        "12 to 256"
        in deployment.admin("operator", "add", "max", "--password-stdin", code=1, stdin="short\n")[1]
    )
    assert "there is one of this name" in deployment.admin("operator", "add", "kim", code=1)[1]
    assert [one["name"] for one in deployment.ask("operator", "list")["operators"]] == ["kim", "lee"]
    deployment.admin("operator", "passwd", "kim")
    deployment.admin("operator", "disable", "kim")
    deployment.admin("operator", "enable", "kim")
    rows = list(read_rows(deployment.database, read_head(deployment.database)))
    assert made["password"] not in json.dumps(rows)
    assert [row["action"] for row in rows][-3:] == ["operator-passwd", "operator-disabled", "operator-active"]


def test_audit_export_and_verify_go_together(deployment, licence, tmp_path):
    """An export is a private file that `verify` finds whole, and broken once a word in it was changed."""
    file = tmp_path / "audit.ndjson"
    head = deployment.ask("audit", "export", str(file))["head"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "cannot be written" in deployment.admin("audit", "export", str(file), code=2)[1]
    assert deployment.admin("audit", "verify", str(file))[0].endswith("is whole\n")
    deployment.admin("license", "suspend", licence["license"]["id"])
    assert "is whole; head " in deployment.admin("audit", "verify", "--head", head)[0]
    other = "1:" + "0" * 64
    assert (
        "is not the one that was noted down"
        in deployment.admin("audit", "verify", "--head", other, code=1)[0]
    )
    file.write_text(file.read_text().replace("operator:cli", "operator:eve", 1))
    assert "row 1: was changed" in deployment.admin("audit", "verify", str(file), code=1)[0]
    lines = deployment.admin("audit", "export")[0].splitlines()
    assert [json.loads(line)["action"] for line in lines][-1] == "license-suspend"


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["license", "show", "lic_x"],
        ["license", "suspend", "lic_x"],
        ["license", "transfer", "lic_x", "y"],
        ["device", "list", "lic_x"],
        ["device", "release", "dev_x"],
        ["device", "export", "dev_x"],
        ["device", "delete", "dev_\0"],
        ["license", "issue", "no\0body", "--plan", "academic", "--seats", "1"],
        ["operator", "passwd", "nobody"],
        ["keys", "revoke", "k"],
    ],
)
def test_command_about_nothing_is_refused_in_one_line(deployment, arguments):
    """What is not there is named, with the command that lists what is, and nothing is changed."""
    out, err = deployment.admin(*arguments, code=1)
    assert out == ""
    assert err.count("\n") == 1
    assert "hint: " in err
    assert trail(deployment) == []
    assert deployment.ask(*arguments, code=1)["ok"] is False


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["license"],
        ["nonsense"],
        ["license", "nonsense"],
        ["license", "list", "--nonsense"],
        ["doctor", "\udc80"],
    ],
)
def test_command_line_that_is_none_is_one_line(deployment, arguments):
    """A slip on the command line is one line with exit code 2, never a page of usage."""
    out, err = deployment.admin(*arguments, code=2)
    assert out == ""
    assert err.count("\n") == 1
    assert "hint: `epochly-service admin" in err


def test_lists_of_nothing_say_so(deployment):
    """An empty list is told as one."""
    assert deployment.admin("license", "list")[0] == "0 licences\n"
    assert deployment.admin("account", "list")[0] == "0 accounts\n"
