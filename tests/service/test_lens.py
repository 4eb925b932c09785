"""Lens for clients: heartbeats of an account's own machines, told to that account alone."""

from __future__ import annotations

import threading

import pytest
from lens_made import HOST, Account, asked, desk_of, host_of
from sqlalchemy import func, select
from telemetry_made import JSON, VECTORS
from test_access import kept
from wire import jcs, unb64u

from epochly_service import schema
from epochly_service.lens import keys, rows
from epochly_service.lens.desk import lens_of
from epochly_service.settings import DAY

BEAT = {"v": 1, "host": HOST, "version": "0.1.0", "pid": 7, "uptime_s": 60}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_account_is_told_its_id_and_its_salt(node):
    """The salt has 32 bytes, is the account's own, stays the same, and is not in the database."""
    one, other = Account(node), Account(node)
    told = [each.ask("GET", "/v1/lens/account").json for each in (one, other, one)]
    assert [each["account"] for each in told] == [one.id, other.id, one.id]
    assert told[0] == told[2]
    assert told[0]["salt"] != told[1]["salt"]
    assert len(unb64u(told[0]["salt"])) == 32
    everything = repr(kept(node))
    assert told[0]["salt"] not in everything
    assert unb64u(told[0]["salt"]).hex() not in everything


def test_a_heartbeat_makes_a_host_and_its_processes_known(node):
    """A host is told with its last version, its processes that live, the longest uptime, and when it was first and last heard of."""
    one = Account(node)
    answer = one.beat(uptime_s=60)
    assert (answer.status, answer.json) == (200, {"next_s": 300})
    assert 60 <= answer.json["next_s"] <= 3_600
    node.now += 10
    one.beat(pid=8, uptime_s=500, version="0.2.0")
    one.beat(host="cd" * 16, uptime_s=0)
    day = node.now // DAY
    assert one.hosts() == [
        {
            "host": HOST,
            "version": "0.2.0",
            "processes": 2,
            "uptime_s": 500,
            "first_day": day,
            "last_seen": node.now,
        },
        {
            "host": "cd" * 16,
            "version": "0.1.0",
            "processes": 1,
            "uptime_s": 0,
            "first_day": day,
            "last_seen": node.now,
        },
    ]


def test_a_process_is_gone_after_three_silent_intervals_and_a_host_after_thirty_days(node):
    """Up to its last second each is told, then no more; and then it is deleted."""
    one, lens = Account(node), lens_of(node.service)
    one.beat(pid=7)
    node.now += 899
    assert one.hosts()[0]["processes"] == 1
    node.now += 1
    assert (one.hosts()[0]["processes"], one.hosts()[0]["uptime_s"]) == (0, 0)
    assert lens.purge() == {"lens_processes": 1, "lens_hosts": 0}
    node.now += 30 * DAY - 901
    assert len(one.hosts()) == 1
    node.now += 1
    assert one.hosts() == []
    assert lens.purge() == {"lens_processes": 0, "lens_hosts": 1}
    assert (node.count("lens_hosts"), node.count("lens_processes")) == (0, 0)


def test_heartbeats_that_come_at_once_are_all_noted(node):
    """Eight processes of a new host, at the same moment over two nodes, are one host with eight processes."""
    one, statuses = Account(node), []
    wires = [node.wired(node.another()) for _ in range(8)]
    for wire in wires:
        assert wire.send("GET", "/healthz").status == 200
    gate = threading.Barrier(8)

    def send(wire, pid):
        gate.wait()
        statuses.append(asked(wire, "POST", "/v1/lens/heartbeat", BEAT | {"pid": pid}, key=one.key).status)

    threads = [threading.Thread(target=send, args=(wire, pid)) for pid, wire in enumerate(wires, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert [host["processes"] for host in one.hosts()] == [8]


def test_every_pair_of_accounts_is_kept_apart(node):
    """Each of three accounts is told its own hosts, whatever the others report under the same names, ids and pids."""
    accounts = [Account(node, plan=plan) for plan in ("professional", "enterprise", "professional")]
    for number, one in enumerate(accounts):
        assert one.beat(pid=7, uptime_s=number, version=f"0.{number}.0").status == 200
        assert one.beat(host=f"{number:032x}").status == 200
    for number, one in enumerate(accounts):
        told = one.hosts()
        assert {host["host"] for host in told} == {HOST, f"{number:032x}"}
        shared = next(host for host in told if host["host"] == HOST)
        assert (shared["version"], shared["uptime_s"], shared["processes"]) == (f"0.{number}.0", number, 1)
    for one in accounts:  # and by whoever is bound to an account at a desk
        for other in accounts:
            desk = desk_of(node, one.id)
            if one is other:
                assert [key["id"] for key in keys.listing(desk, other.id)] == [other.key_id]
                continue
            before = kept(node)
            for refused in (
                lambda desk=desk, other=other: keys.listing(desk, other.id),
                lambda desk=desk, other=other: keys.add(desk, other.id),
                lambda desk=desk, other=other: keys.revoke(desk, other.key_id),
                lambda desk=desk, other=other: keys.forget(desk, other.id),
            ):
                with pytest.raises(keys.ServiceError, match="there is no such"):
                    refused()
            assert kept(node) == before


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_key_that_is_none_or_was_revoked_is_unknown(node):
    """Whatever is in the header but a key in use gets the same 401, which asks for a bearer; and nothing changes."""
    one = Account(node)
    revoked = keys.add(desk_of(node), one.id)
    keys.revoke(desk_of(node), revoked[0])
    before = kept(node)
    for key in (
        None,
        "",
        "elk_",
        "elk_" + "A" * 43,
        one.key[:-1],
        one.key + "A",
        one.key.upper(),
        revoked[1],
    ):
        for method, path, value in (
            ("GET", "/v1/lens/account", None),
            ("GET", "/v1/lens/hosts", None),
            ("POST", "/v1/lens/heartbeat", BEAT),
        ):
            answer = asked(node.wire, method, path, value, key=key)
            assert (answer.status, answer.code) == (401, "KEY_UNKNOWN"), key
            assert answer.headers["www-authenticate"] == "Bearer"
            assert key is None or len(key) < 5 or key not in answer.body.decode()
    for header in (
        one.key,
        f"Basic {one.key}",
        f"Bearer {one.key} ",
        f"Bearer {one.key},x",
        f"Bearer\t{one.key}",
    ):
        answer = node.wire.send("GET", "/v1/lens/hosts", b"", [("Authorization", header)])
        assert answer.code == "KEY_UNKNOWN", header
    twice = [("Authorization", f"Bearer {one.key}")] * 2
    assert node.wire.send("GET", "/v1/lens/hosts", b"", twice).code == "KEY_UNKNOWN"
    assert (
        node.wire.send("GET", "/v1/lens/hosts", b"", [("Authorization", f"bearer {one.key}")]).status == 200
    )
    assert kept(node) == before


@pytest.mark.parametrize(
    ("plan", "change", "status"),
    [
        ("professional", {}, 200),
        ("enterprise", {}, 200),
        ("academic", {}, 403),
        ("professional", {"status": "suspended"}, 403),
        ("professional", {"expires_at": 1_800_000_000}, 403),
        ("professional", {"expires_at": 1_800_000_001}, 200),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_lens_is_for_accounts_whose_licence_in_force_has_it(node, plan, change, status):
    """A plan without Lens, a suspended licence or one that has ended are told 403, and nothing is noted."""
    one = Account(node, plan=plan)
    if change:
        node.set_license(one.license_id, **change)
    answer = one.beat()
    assert answer.status == status
    assert answer.status == 200 or answer.code == "FEATURE_NOT_ENTITLED"
    assert node.count("lens_hosts") == (status == 200)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_another_account_s_licence_entitles_nobody_else(node):
    """An account without Lens is not helped by another one that has it."""
    Account(node, plan="enterprise")
    assert Account(node, plan="academic").beat().code == "FEATURE_NOT_ENTITLED"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_key_cannot_fill_the_disk(node, monkeypatch):
    """Beyond its hosts, or a host's processes, an account is told to wait; what is there goes on."""
    monkeypatch.setattr(rows, "HOSTS_MAX", 2)
    monkeypatch.setattr(rows, "PROCESSES_MAX", 2)
    one, other = Account(node), Account(node)
    for number in (1, 2):
        assert one.beat(host=f"{number:032x}", pid=1).status == 200
    assert one.beat(host=f"{1:032x}", pid=2).status == 200
    answers = [one.beat(host=f"{3:032x}"), one.beat(host=f"{1:032x}", pid=3)]
    assert [answer.code for answer in answers] == ["RATE_LIMITED"] * 2
    assert answers[0].headers["retry-after"] == "3600"
    assert one.beat(host=f"{1:032x}", pid=2).status == 200
    assert other.beat(host=f"{3:032x}").status == 200
    assert (node.count("lens_hosts"), node.count("lens_processes")) == (3, 4)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_is_kept_of_a_host_is_a_hash_and_what_it_said(node):
    """Neither the name of a host, nor an address, nor the key is in any column."""
    one = Account(node)
    salt = one.ask("GET", "/v1/lens/account").json["salt"]
    one.beat(host=host_of(salt, "canary-host.example"))
    everything = repr(kept(node))
    for secret in ("canary", "192.0.2.7", one.key, one.key.removeprefix("elk_")):
        assert secret not in everything


def test_an_account_that_goes_takes_its_lens_along(node):
    """When an account is deleted, keys, salt, hosts and processes go with it."""
    one = Account(node)
    one.beat()
    node.database.write(
        lambda conn: (
            conn.execute(schema.licenses.delete()),
            conn.execute(schema.accounts.delete().where(schema.accounts.c.id == one.id)),
        )
    )
    for table in ("lens_keys", "lens_accounts", "lens_hosts", "lens_processes"):
        wanted = select(func.count()).select_from(schema.metadata.tables[table])
        assert node.database.read(lambda conn, wanted=wanted: conn.scalar(wanted)) == 0, table


# --- one engine is enough for what no engine sees


@pytest.mark.parametrize("vector", VECTORS["lens_hosts"], ids=lambda vector: vector["name"] or "no name")
def test_vectors_name_hosts_as_the_specification_says(vector):
    """What the vectors say of a host's name is HMAC-SHA256 under the salt, of its lower-case NFC."""
    import unicodedata

    normal = unicodedata.normalize("NFC", vector["name"]).lower()
    assert host_of(vector["salt"], normal) == vector["host"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"v": 2}, "SCHEMA"),
        ({"v": True}, "SCHEMA"),
        ({"host": "AB" * 16}, "SCHEMA"),
        ({"host": "ab" * 15}, "SCHEMA"),
        ({"host": "canary.example"}, "SCHEMA"),
        ({"host": 1}, "SCHEMA"),
        ({"version": "1"}, "SCHEMA"),
        ({"version": "1.0-canary"}, "SCHEMA"),
        ({"version": "1.0\n"}, "SCHEMA"),
        ({"pid": 0}, "SCHEMA"),
        ({"pid": 2**31}, "SCHEMA"),
        ({"pid": True}, "SCHEMA"),
        ({"pid": "7"}, "SCHEMA"),
        ({"pid": 2**31 - 1}, 200),
        ({"uptime_s": 10**9}, 200),
        ({"uptime_s": 10**9 + 1}, "SCHEMA"),
        ({"uptime_s": None}, "MALFORMED"),
        ({"uptime_s": -1}, "MALFORMED"),
        ({"uptime_s": 1.5}, "MALFORMED"),
        ({"name": "canary"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_heartbeat_is_what_it_says_or_refused(node, changed, code):
    """Each member is of its kind, none is missing and none is more."""
    one = Account(node)
    answer = one.ask("POST", "/v1/lens/heartbeat", BEAT | changed)
    assert answer.code == code
    assert "canary" not in answer.body.decode()
    assert node.count("lens_hosts") == (code == 200)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_other_requests_to_lens_are_refused(node):
    """HEAD and other methods, queries, bodies where there are none, other media types and large bodies, as elsewhere."""
    one = Account(node)
    mine = ("Authorization", f"Bearer {one.key}")
    for path, method in (("account", "GET"), ("hosts", "GET"), ("heartbeat", "POST")):
        target = f"/v1/lens/{path}"
        for other in {"GET", "HEAD", "POST", "PUT", "DELETE"} - {method}:
            answer = node.wire.send(other, target, b"", [mine])
            assert (answer.status, answer.headers["allow"]) == (405, method)
        assert node.wire.send(method, target, b"", [mine], query=b"account=1").code == "MALFORMED"
        key = one.key.encode()
        assert node.wire.send(method, target, b"", [mine], query=b"x=" + key).code == "SECRET_IN_QUERY"
        assert node.wire.send(method, target, b"x" * 16_385, [mine]).code == "TOO_LARGE"
    assert node.wire.send("GET", "/v1/lens/hosts", b"{}", [mine]).code == "MALFORMED"
    assert node.wire.send("POST", "/v1/lens/heartbeat", jcs(BEAT), [mine]).code == "MEDIA_TYPE"
    spaced = jcs(BEAT).replace(b":", b": ")
    assert node.wire.send("POST", "/v1/lens/heartbeat", spaced, [mine, JSON]).code == "MALFORMED"
    assert node.count("lens_hosts") == 0
