"""A backup that was restored: devices hold leases the database does not know of, and go on; copies of a key are still told apart."""

from __future__ import annotations

import json

import pytest
from node import NOW, Node
from sqlalchemy import select
from wire import Device, ik

from epochly_service import doctor
from epochly_service.backup import back_up, restore
from epochly_service.census import census
from epochly_service.engines import open_database
from epochly_service.schema import audit
from epochly_service.settings import DAY

ON_SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])  # no engine has a part in it


@pytest.fixture
def node(engine_url, tmp_path):
    """A node that serves a database until `restored` puts it on another one."""
    database = open_database(engine_url)
    made = Node(database, tmp_path / "data")
    yield made
    made.close()
    made.database.close()


@pytest.fixture
def restored(node, empty_url_beside, tmp_path):
    """Back up now; what is given puts the node on an empty database with that backup in it."""

    def begin():
        back_up(node.database, str(tmp_path / "backup"), at=node.now, actor="operator:kim")

        def end():
            node.database.close()
            node.database = open_database(empty_url_beside)
            restore(node.database, str(tmp_path / "backup"), at=node.now, actor="operator:kim")
            node.service = node.another()
            node.wire.app = node.wired(node.service).app

        return end

    return begin


@pytest.fixture
def empty_url_beside(engine_name, request, tmp_path):
    """URL of one more empty database on the same engine."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path}/beside.db"
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


def lost_rows(node):
    """What the audit chain says of leases that were lost: (device, before, after)."""
    wanted = select(audit).where(audit.c.action == "rows-lost").order_by(audit.c.seq)
    rows = node.database.read(lambda conn: conn.execute(wanted).all())
    return [
        (row.object_id, json.loads(row.before)["lease_seq"], json.loads(row.after)["lease_seq"])
        for row in rows
    ]


def renewed(device, times):
    """Leases one after the other."""
    for _ in range(times):
        assert device.validate().status == 200


def test_devices_go_on_after_a_backup_was_restored(node, restored):
    """Whatever gives a lease takes a device's sequence over, once; the audit, the doctor and the metrics say so."""
    key, _ = node.issue(seats=5)
    ways = {
        "validate": Device.validate,
        "heartbeat": Device.heartbeat,
        "checkout": lambda device: device.checkout(2),
        "register": lambda device: device.register(key),
    }
    devices = {name: node.enrolled(key) for name in ways}
    put_back = restored()
    for device in devices.values():
        renewed(device, 3)
    put_back()
    for name, device in devices.items():
        before = device.seq
        assert ways[name](device).status in (200, 201), name
        assert device.seq == before + 1
        renewed(device, 2)
        assert node.device(device.device_id).status == "active"
    told = {devices[name].device_id for name in ("validate", "heartbeat", "checkout")}
    assert {(device_id, before, after) for device_id, before, after in lost_rows(node)} == {
        (device_id, 1, 4) for device_id in told
    }
    assert node.database.read(census)["device_history"] == {("transfer",): 0, ("reenrol",): 0, ("strike",): 3}
    (check,) = [
        one
        for one in doctor.examine(doctor.Place(node.database, node.data, node.now))
        if one.name == "sequence"
    ]
    assert check.faults == ()
    assert check.notes[0].startswith(
        "3 devices had leases that were lost here, the last one told on 2027-01-15"
    )
    later = doctor.examine(doctor.Place(node.database, node.data, node.now + 31 * DAY))
    assert [one.notes for one in later if one.name == "sequence"] == [()]
    assert node.faults() == []


@ON_SQLITE
def test_a_rekey_and_a_lost_answer_go_on_as_well(node, restored):
    """A device may change its key first thing, and one that waits for an answer which was lost on both sides gets a next one."""
    key, _ = node.issue(seats=2)
    old, waits = node.enrolled(key), node.enrolled(key)
    put_back = restored()
    renewed(old, 2)
    renewed(waits, 1)
    again, before = ik(), waits.seq
    assert waits.validate(ik=again).status == 200
    waits.seq = before
    put_back()
    new = Device(node.wire)
    assert old.rekeyed(new).status == 200
    assert new.seq == 4
    renewed(new, 2)
    assert waits.validate(ik=again).status == 200
    renewed(waits, 2)


@ON_SQLITE
def test_what_was_enrolled_since_the_backup_activates_again(node, restored):
    """A key that the database has forgotten is told so unsigned, so that it keeps its lease, and takes a seat again."""
    key, license_id = node.issue(seats=1)
    put_back = restored()
    device = node.enrolled(key)
    put_back()
    refused = device.validate()
    assert (refused.status, refused.code, "refusal" in refused.json) == (401, "KEY_UNKNOWN", False)
    assert device.register(key).status == 201
    renewed(device, 1)
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])


@ON_SQLITE
@pytest.mark.parametrize("first", ["owner", "copy"])
def test_copies_are_told_apart_after_a_restore_too(node, restored, first):
    """Whichever of two copies asks first, with numbers from before or after the backup: two requests later one was told, and both are then."""
    key, _ = node.issue()
    owner = node.enrolled(key)
    copy = Device(node.wire, key=owner.key)
    copy.device_id, copy.seq = owner.device_id, owner.seq
    put_back = restored()
    renewed(owner, 3)
    put_back()
    one, other = (owner, copy) if first == "owner" else (copy, owner)
    codes = [each.validate().code for each in (one, other, one, other)]
    assert "DEVICE_CLONED" in codes[:3]
    assert codes[3] == "DEVICE_CLONED"
    assert owner.heartbeat().code == "DEVICE_CLONED"


@ON_SQLITE
def test_a_number_that_was_made_up_gains_one_lease_and_is_told(node):
    """A copy that says it is ahead is followed once in 30 days; its owner is behind then, and both have to show the licence key."""
    key, _ = node.issue()
    owner = node.enrolled(key)
    copy = Device(node.wire, key=owner.key)
    copy.device_id, copy.seq = owner.device_id, 1_000_000
    assert copy.validate().status == 200
    assert copy.seq == 1_000_001
    assert owner.validate().code == "DEVICE_CLONED"
    assert copy.validate().code == "DEVICE_CLONED"
    assert owner.register(key).status == 201
    copy.seq += 5
    assert copy.heartbeat().code == "DEVICE_CLONED"  # the third time: the made-up number counted as well
    assert node.device(owner.device_id).status == "disabled"


@ON_SQLITE
@pytest.mark.parametrize("seq", [1_000_002, 2**53 - 1])
def test_a_number_out_of_all_proportion_is_a_fork(node, seq):
    """Nobody uses up the numbers: what no lost rows explain is two copies at work, and the device has numbers left after it."""
    key, _ = node.issue()
    device = node.enrolled(key)
    device.seq = seq
    assert device.validate().code == "DEVICE_CLONED"
    assert device.register(key).status == 201
    assert device.seq == 2
    assert (lost_rows(node), node.now) == ([], NOW)
