"""Many operators at once: every change is counted, none is lost, and the audit stays one chain."""

from __future__ import annotations

import threading

from filled import NOW, device_of, license_of, put

from epochly_service import store
from epochly_service.admin import devices, licenses
from epochly_service.audit_chain import faults, read_head, read_rows
from epochly_service.errors import ServiceError

OPERATORS = 8


def test_operators_who_press_the_same_button_release_a_device_once(deployment):
    """Eight at once release the same three devices: each is released by one of them, and the others are told."""
    row = license_of(expires_at=2**40)

    def work(conn):
        store.insert_account(conn, account_id=row.account_id, name="Acme", at=NOW)
        store.insert_license(conn, row)
        for number in (1, 2, 3):
            put(conn, device_of(row, number))

    deployment.database.write(work)
    start, told, lock = threading.Barrier(OPERATORS), [], threading.Lock()

    def press(number):
        desk = deployment.desk(actor=f"operator:op{number}")
        start.wait()
        for device in (1, 2, 3):
            try:
                devices.release(desk, device_of(row, device).id)
                outcome = "released"
            except ServiceError as error:
                outcome = error.code
            with lock:
                told.append(outcome)
        licenses.extend(desk, row.id, seats=5 + number)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(OPERATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count("released") == 3
    assert told.count("device-status") == 3 * OPERATORS - 3
    assert deployment.database.read(store.seat_faults) == []
    assert deployment.database.read(lambda conn: store.license_by_id(conn, row.id)).seats_used == 0
    head = read_head(deployment.database)
    rows = list(read_rows(deployment.database, head))
    assert list(faults(rows, head=head)) == []
    assert len(rows) == 3 + OPERATORS
