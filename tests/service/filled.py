"""Rows for tests that need a database with something in it: two accounts, a licence each, devices, and what hangs on them."""

from __future__ import annotations

from sqlalchemy import insert

from epochly_service import audit, schema, store
from epochly_service.encoding import b64u, new_id
from epochly_service.model import Device, License

NOW = 1_800_000_000  # 2027-01-15
DAY = 86_400


def numbered(prefix, number):
    """An id that says which one it is."""
    return new_id(prefix, number.to_bytes(16, "big"))


ONE, OTHER = numbered("acc", 1), numbered("acc", 2)


def license_of(account_id=ONE, number=1, **changes):
    """An enterprise licence with five node seats and a year to go."""
    values = {
        "account_id": account_id,
        "id": numbered("lic", number),
        "key_mac": f"1.{number:064x}",
        "plan": "enterprise",
        "seat": "node",
        "status": "active",
        "seats_max": 5,
        "seats_used": 0,
        "created_at": NOW - 30 * DAY,
        "expires_at": NOW + 365 * DAY,
        "policy_version": 1,
    }
    return License(**(values | changes))


def device_of(row, number=1, **changes):
    """An active device that holds a seat."""
    values = {
        "account_id": row.account_id,
        "id": numbered("dev", number),
        "license_id": row.id,
        "kid": b64u(number.to_bytes(32, "big")),
        "pub": b64u(number.to_bytes(32, "big")),
        "fp_mac": f"1.{number:064x}",
        "fp_sealed": f"1.{number:064x}",
        "fp_version": 1,
        "node_id": f"00000000-0000-4000-8000-{number:012d}",
        "client_version": "1.0.0",
        "status": "active",
        "holds_seat": 1,
        "seat_until": None,
        "pinned_until": None,
        "lease_seq": 3,
        "lease_exp": NOW + DAY,
        "lease_ik": b64u(number.to_bytes(16, "big")),
        "rekey_count": 0,
        "created_day": NOW // DAY - 10,
        "last_seen_day": NOW // DAY,
    }
    unused = dict.fromkeys(Device._fields)
    return Device(**(unused | values | changes))


def put(conn, row):
    """Insert a device and take its seat."""
    store.insert_device(conn, row)
    if row.holds_seat:
        assert store.take_seat(conn, store.license_by_id(conn, row.license_id))


def fill(database, *, name="Æsir & Söhne"):
    """Two accounts with a licence each; the first has three devices with a history, the second one device."""

    def work(conn):
        for number, account_id in enumerate((ONE, OTHER), 1):
            store.insert_account(conn, account_id=account_id, name=f"{name} {number}", at=NOW - 40 * DAY)
            store.insert_license(conn, license_of(account_id, number))
        rows = [device_of(license_of(), number) for number in (1, 2, 3)]
        rows.append(device_of(license_of(OTHER, 2), 4))
        for row in rows:
            put(conn, row)
        store.put_raw_attributes(conn, rows[0], '{"cpu":"x"}', NOW + DAY)
        store.add_history(conn, rows[0], row_id="his_1", kind="reenrol", at=NOW - DAY)
        store.insert_replay(conn, "a" * 64, NOW + 300)
        conn.execute(
            insert(schema.trials),
            {"fp_mac": "1.b", "account_id": OTHER, "license_id": rows[3].license_id, "at": 1},
        )
        store.insert_signing_key(
            conn, kid="k" * 43, pub="p" * 43, nbf=NOW - DAY, exp=NOW + DAY, status="active"
        )
        store.insert_keyset(conn, v=1, token="v4.public.x", issued=NOW)
        operator = {
            "id": "ope_1", "name": "kim", "password_hash": "scrypt$", "role": "admin", "status": "active",
            "account_id": None, "created_at": 1,
        }  # fmt: skip
        conn.execute(insert(schema.operators), operator)
        session = {"token_hash": "t", "operator_id": "ope_1", "created_at": 1, "expires_at": NOW + DAY}
        conn.execute(insert(schema.operator_sessions), session)
        for row in rows:
            audit.append(
                conn,
                at=NOW,
                account_id=row.account_id,
                actor_kid=row.kid,
                action="register",
                object_id=row.id,
                before={},
                after={"status": "active"},
            )

    database.write(work)
