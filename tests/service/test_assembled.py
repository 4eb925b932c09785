"""A node with everything around it: rates, logs and metrics of the pages, and keys that change while it runs."""

from __future__ import annotations

import io
import json
import os
from urllib.parse import urlencode

import pytest
from asgi import ask
from filled import NOW, device_of, license_of, put
from node import Node

from epochly_service import metrics, store
from epochly_service.admin import keyring
from epochly_service.admin.desk import Desk
from epochly_service.census import census
from epochly_service.serve import Machine, assemble


@pytest.fixture
def node(database, tmp_path):
    """A node with a licence that has two devices."""
    made = Node(database, tmp_path / "data")

    def work(conn):
        row = license_of(seats_max=9)
        store.insert_account(conn, account_id=row.account_id, name="Acme", at=NOW)
        store.insert_license(conn, row)
        for number in (1, 2):
            put(conn, device_of(row, number))

    database.write(work)
    yield made
    made.close()


@pytest.fixture
def around(node):
    """The node's application, what it logs, and its metrics."""
    err = io.StringIO()
    machine = Machine(lambda: float(node.now), lambda: 0.0, os.urandom, io.StringIO(), err)
    counted = metrics.Metrics(lambda: node.database.read(census))
    return assemble(node.service, machine, counted, pages=True), err, counted


def asked(application, method, path, *, peer="192.0.2.77", body=b"", **headers):
    """Ask as a browser at an address does."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"headers": sent, "http_version": "1.1", "root_path": ""}
    return ask(application, method, path, client=(peer, 1), scope=scope, body=body)


def test_passwords_are_tried_no_more_than_so_often_from_one_address(around):
    """The eleventh try within a minute from an address is refused before anything is looked up; another address is not."""
    application, _, _ = around
    form = urlencode({"name": "x", "password": "y", "csrf": "z"}).encode()
    kind = {"content_type": "application/x-www-form-urlencoded"}
    statuses = [asked(application, "POST", "/admin/login", body=form, **kind).status for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    assert asked(application, "POST", "/admin/login", body=form, peer="192.0.2.78", **kind).status == 403


def test_log_of_the_pages_names_no_address_and_no_id(around):
    """A line tells the route's template and how it went, and nothing of who asked or about what."""
    application, err, counted = around
    asked(
        application, "GET", "/admin/licenses/lic_canary0000000000000000", cookie="__Host-epochly-admin=canary"
    )
    asked(application, "GET", "/admin/nothing/canary")
    lines = [json.loads(line) for line in err.getvalue().splitlines()]
    assert [line["route"] for line in lines] == ["/admin/licenses/{id}", "/unknown"]
    assert "canary" not in err.getvalue()
    assert "192.0.2.77" not in err.getvalue()
    assert b"canary" not in counted.render()


def test_census_counts_licences_seats_and_devices(around):
    """The numbers for Prometheus are those of the database, by plan and status."""
    text = around[2].render().decode()
    for line in (
        'epochly_licenses{plan="enterprise",status="active"} 1.0',
        'epochly_seats_used{plan="enterprise"} 2.0',
        'epochly_seats_max{plan="enterprise"} 9.0',
        'epochly_devices{status="active"} 2.0',
        "epochly_replay_rows 0.0",
        "epochly_database_up 1.0",
    ):
        assert line in text


def test_running_node_takes_up_a_rotated_key(node):
    """A key that an operator put into use signs within seconds, on a node that was running before."""
    before = node.wire.send("GET", "/v1/keyset").json["keyset"]
    desk = Desk(node.database, node.data, node.policy, node.now, os.urandom, "operator:kim")
    keyring.rotate(desk)
    node.now += 5
    after = node.wire.send("GET", "/v1/keyset").json["keyset"]
    assert after != before
    assert after == keyring.keyset(desk)[0]
