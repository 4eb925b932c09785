"""The doctor: quiet where all is well, and each broken invariant told by the check that is for it."""

from __future__ import annotations

import os
import time

import pytest
from filled import DAY, device_of, license_of, put
from sqlalchemy import delete, insert, text, update

from epochly_service import peppered, schema, secret_files, store
from epochly_service.doctor import CHECKS, Place, examine


@pytest.fixture
def well(deployment):
    """A deployment with a licence and a device, as it should be; returns how to examine it."""
    now = int(time.time())
    peppers = secret_files.read_secrets(str(deployment.data)).pepper

    def work(conn):
        row = license_of()
        store.insert_account(conn, account_id=row.account_id, name="Acme", at=now)
        store.insert_license(conn, row)
        one = device_of(row)
        sealed = peppered.seal(peppers, one.id, "ab" * 32, os.urandom)
        put(conn, device_of(row, fp_sealed=sealed))

    deployment.database.write(work)
    deployment.admin("account", "add", "Other")

    def faults(at=now):
        report = examine(Place(deployment.database, str(deployment.data), at))
        return {one.name: " ".join(one.faults) for one in report if one.faults}

    return deployment, faults, now


def test_doctor_finds_nothing_where_all_is_well(well):
    """A deployment that nobody touched has no fault, and every check says what it claims."""
    deployment, faults, _ = well
    assert faults() == {}
    out = deployment.admin("doctor")[0]
    assert out.endswith("all is well\n")
    assert out.count("ok    ") == len(CHECKS)
    assert "note: the private root key lies here" in out


LICENSE = license_of().id
REPLAY = insert(schema.pop_replay).values(h="x", expires_at=1)
SESSION = "INSERT INTO audit_head (id, seq, hash) VALUES (2, 0, '')"


@pytest.mark.parametrize(
    ("statement", "check", "words"),
    [
        (update(schema.licenses).values(seats_used=2), "seats", "counts 2 seats, its devices hold 1"),
        (update(schema.audit).values(action="other"), "audit", "row 1: was changed"),
        (delete(schema.audit), "audit", "the chain says that it ends here"),
        (REPLAY, "retention", "`pop_replay` has 1 rows past their time"),
        (update(schema.signing_keys).values(exp=1), "keys", "no signing key is good now"),
        (update(schema.signing_keys).values(status="retired"), "keys", "0 signing keys are in use"),
        (update(schema.signing_keys).values(nbf=7), "keyset", "says something else of key"),
        (update(schema.keysets).values(v=9), "keyset", "keyset 9 says that it is 1"),
        (update(schema.keysets).values(token="v4.public.x.y"), "keyset", "it does not hold"),
        (delete(schema.keysets), "keyset", "no keyset was made yet"),
        (update(schema.devices).values(fp_mac="7.ab"), "secrets", "made with pepper 7, which is missing"),
        (update(schema.devices).values(fp_sealed="1.AAAA"), "secrets", "does not open under the pepper"),
        (text("UPDATE alembic_version SET version_num = '0000'"), "schema", "the schema is 0000"),
        (text("DROP TABLE operator_sessions"), "retention", "could not be checked: "),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_tells_what_is_broken(well, statement, check, words):
    """Each invariant that somebody's hand broke is told by its own check."""
    deployment, faults, _ = well
    deployment.database.write(lambda conn: conn.execute(statement))
    found = faults()
    assert words in found.get(check, ""), found


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_tells_a_clock_that_was_set_back(well):
    """A change in the future means leases with wrong ends."""
    _, faults, now = well
    assert "in the future" in faults(now - DAY)["clock"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_has_a_word_on_a_key_that_ends_soon(well):
    """Two weeks before the end of the signing key there is a note, which is no fault."""
    deployment, _, _ = well
    soon = int(time.time()) + 7 * DAY
    deployment.database.write(lambda conn: conn.execute(update(schema.signing_keys).values(exp=soon)))
    notes = [note for check in deployment.ask("doctor", code=1)["checks"] for note in check["notes"]]
    assert any("ends in" in note for note in notes)


@pytest.mark.parametrize(
    ("spoil", "check", "words"),
    [
        (lambda data: os.chmod(data / "secrets.json", 0o644), "private", "`chmod 600"),
        (lambda data: os.chmod(data, 0o755), "private", "`chmod 700"),
        (lambda data: os.chmod(data / "signing", 0o750), "private", "`chmod 700"),
        (lambda data: os.unlink(data / "secrets.json"), "secrets", "could not be checked"),
        (lambda data: (data / "secrets.json").write_text("{}"), "secrets", "does not hold the secrets"),
        (
            lambda data: [os.unlink(file) for file in (data / "signing").iterdir()],
            "keys",
            "could not be checked",
        ),
        (lambda data: os.unlink(data / "root-key" / "root.pub.pem"), "keyset", "could not be checked"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_tells_what_is_wrong_with_files(well, spoil, check, words):
    """A file that others may read, that is missing or that holds something else is a fault of its check."""
    deployment, faults, _ = well
    spoil(deployment.data)
    assert words in faults()[check]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_tells_a_damaged_file(well):
    """A page of SQLite's file overwritten is found by SQLite's own check."""
    deployment, faults, _ = well
    deployment.database.close()
    path = deployment.database.engine.url.database
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) - 4096)
        file.write(b"\xff" * 4096)
    assert faults()
