"""Lens for operators: keys by the command line, hosts and charts on their pages."""

from __future__ import annotations

import json
import time

import pytest
from lens_made import is_key
from pages_site import FORGED
from sqlalchemy import func, insert, select

from epochly_service import schema
from epochly_service.lens import rows
from epochly_service.settings import DAY

ONE_ENGINE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)


def test_keys_are_made_listed_and_revoked_by_command(deployment):
    """A key is shown once and kept as a MAC; a revoked one stays in the list; each change is in the audit."""
    deployment.admin("account", "add", "Acme")
    out, _ = deployment.admin("lens-key", "add", "Acme")
    assert "no licence in force of this account has Lens" in out
    deployment.admin("license", "issue", "Acme", "--plan", "professional", "--seats", "1")
    made = deployment.ask("lens-key", "add", "Acme")
    assert is_key(made["key"])
    assert made["entitled"]
    assert made["key"] not in json.dumps(deployment.ask("lens-key", "list", "Acme"))
    assert deployment.ask("lens-key", "revoke", made["id"])["id"] == made["id"]
    listed = {key["id"]: key["status"] for key in deployment.ask("lens-key", "list", "Acme")["keys"]}
    assert listed[made["id"]] == "revoked"
    assert sorted(listed.values()) == ["active", "revoked"]
    assert "it is revoked already" in deployment.admin("lens-key", "revoke", made["id"], code=1)[1]
    for wrong in ("lnk_" + "A" * 22, "x", made["key"]):
        assert "there is no such key" in deployment.admin("lens-key", "revoke", wrong, code=1)[1]
    assert "there is no such account" in deployment.admin("lens-key", "add", "Nobody", code=1)[1]
    trail = deployment.admin("audit", "export")[0]
    assert trail.count('"action":"lens-key-add"') == 2
    assert trail.count('"action":"lens-key-revoke"') == 1
    assert made["key"] not in trail
    assert deployment.ask("audit", "verify")["faults"] == []
    assert deployment.ask("doctor")["faults"] == 0


def test_hosts_of_an_account_are_forgotten_by_command(deployment):
    """Whoever asks not to be remembered is not, and other accounts are."""
    ids = [deployment.ask("account", "add", name)["account"]["id"] for name in ("Acme", "Other")]
    beat = rows.Heartbeat("ab" * 16, "0.1.0", 7, 60)
    for account_id in ids:
        deployment.database.write(lambda conn, one=account_id: rows.note(conn, one, beat, int(time.time())))
    assert deployment.ask("lens-hosts", "forget", "Acme")["hosts"] == 1
    left = select(schema.lens_hosts.c.account_id)
    assert list(deployment.database.read(lambda conn: conn.scalars(left).all())) == [ids[1]]
    wanted = select(func.count()).select_from(schema.lens_processes)
    assert deployment.database.read(lambda conn: conn.scalar(wanted)) == 1
    assert deployment.admin("audit", "export")[0].count('"action":"lens-forget"') == 1


def settled(site):
    """Hosts of two accounts, and something published."""
    now = int(time.time())

    def work(conn):
        for account, host in (("Alder", "a1"), ("Birch", "b2")):
            beat = rows.Heartbeat(host * 16, "0.1.0", 7, 3 * DAY)
            assert rows.note(conn, site.licenses[account].account_id, beat, now)
        body = {
            "k": 20,
            "from_day": now // DAY - 28,
            "to_day": now // DAY - 1,
            "charts": [
                {
                    "event": "session_start",
                    "field": "level",
                    "values": [{"value": "jit", "installs": 33, "n": 4_711}],
                },
                {"event": "gpu", "field": "asked", "values": [{"value": True, "installs": 21, "n": 22}]},
            ],
        }
        conn.execute(schema.telemetry_charts.delete())
        conn.execute(insert(schema.telemetry_charts), {"day": now // DAY, "body": json.dumps(body)})
        conn.execute(schema.telemetry_roots.delete())
        conn.execute(insert(schema.telemetry_roots), {"day": now // DAY - 1, "size": 5, "root": "c3" * 32})

    site.database.write(work)
    return site


def test_page_shows_the_hosts_of_an_operator_s_accounts(site):
    """Who runs the service sees every account's hosts, and each of them alone on request; who is bound to one sees that one's."""
    settled(site)
    alder, birch = (site.licenses[account].account_id for account in ("Alder", "Birch"))
    with site.client("all-viewer") as client:
        text = client.get("/admin/lens").text
        assert "a1" * 16 in text
        assert "b2" * 16 in text
        assert "3 days" in text
        assert "version 0.1.0" in text
        only = client.get(f"/admin/lens?account={alder}").text
        assert "a1" * 16 in only
        assert "b2" * 16 not in only
    with site.client("birch-viewer") as client:
        text = client.get("/admin/lens").text
        assert "b2" * 16 in text
        assert "a1" * 16 not in text
        assert client.get(f"/admin/lens?account={alder}").status_code == 404
        after = f"/admin/lens?after={alder}.{'0' * 32}&account={birch}"
        assert "a1" * 16 not in client.get(after).text
    with site.client(FORGED) as client:
        assert client.get("/admin/lens").headers["location"] == "/admin/login"


@ONE_ENGINE
def test_page_turns_where_there_are_many_hosts(site):
    """Fifty hosts a page, and a link to the next ones; each host is on one of them."""
    settled(site)
    now, account_id = int(time.time()), site.licenses["Alder"].account_id

    def work(conn):
        for number in range(60):
            beat = rows.Heartbeat(f"{number:032x}", "0.1.0", 7, 1)
            rows.note(conn, account_id, beat, now)

    site.database.write(work)
    seen, path = [], "/admin/lens"
    with site.client("alder-viewer") as client:
        while path:
            import html
            import re

            text = client.get(path).text
            seen += re.findall('class="id">([0-9a-f]{32})<', text)
            more = re.search('rel="next" href="([^"]+)"', text)
            path = html.unescape(more[1]) if more else None
    assert len(seen) == len(set(seen)) == 61
    site.database.write(lambda conn: rows.forget_hosts(conn, account_id))


@ONE_ENGINE
def test_page_shows_what_is_published_and_nothing_else(site):
    """Charts and roots are those that anybody may read, with values as words, whoever looks at them."""
    settled(site)
    for who in ("all-admin", "birch-viewer"):
        with site.client(who) as client:
            text = client.get("/admin/telemetry").text
        for told in ("session start", "jit", "33", "4711", "yes", "21", "c3" * 32):
            assert told in text, told
        assert "a1" * 16 not in text


@ONE_ENGINE
def test_page_says_so_where_there_is_nothing(site):
    """An operator of an account without hosts is told how they come, and a service without charts why there are none."""
    site.database.write(
        lambda conn: [conn.execute(schema.metadata.tables[name].delete()) for name in EMPTIED]
    )
    with site.client("birch-admin") as client:
        assert "lens-key add" in client.get("/admin/lens").text
        assert "Nothing is published yet" in client.get("/admin/telemetry").text


EMPTIED = ("lens_processes", "lens_hosts", "telemetry_charts", "telemetry_roots")
