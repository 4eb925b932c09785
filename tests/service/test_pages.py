"""The operators' pages over TLS from a running server: who sees what, who may do what, and what a forged request gets."""

from __future__ import annotations

import os
import re
import time

import pytest
from asgi import ask
from pages_site import FORGED, NOBODY, PASSWORD, filled_in
from sqlalchemy import select

from epochly_service.admin import devices, licenses
from epochly_service.audit_chain import faults, read_head, read_rows
from epochly_service.encoding import b64u
from epochly_service.pages.app import SESSION, SIGNING_IN
from epochly_service.pages.sessions import form_token
from epochly_service.pages.views import ROUTES
from epochly_service.schema import devices as devices_table
from epochly_service.schema import licenses as licenses_table
from epochly_service.secret_files import Secrets
from epochly_service.service import Service
from epochly_service.settings import Settings
from epochly_service.web import make_app

ONE_ENGINE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)  # the database has no part in it
ACCOUNTS = ("Alder", "Birch")
OPERATORS = ("alder-admin", "alder-viewer", "birch-admin", "birch-viewer", "all-admin", "all-viewer")


def rows(site):
    """What a change would change."""
    return site.database.read(
        lambda conn: [
            [tuple(row) for row in conn.execute(select(table).order_by(table.c.id))]
            for table in (licenses_table, devices_table)
        ]
    )


def post(client, site, who, path, **fields):
    """Send a form of this session."""
    return client.post(path, data={"csrf": form_token(site.tokens.get(who, "x"))} | fields)


def expected(method, route, who, account):
    """What the rules say, written down apart from the code that keeps them."""
    if who in (NOBODY, FORGED):
        return 303, "/admin/login"
    mine, role = who.rsplit("-", 1)
    is_mine = mine in ("all", account.lower())
    if route in ("/admin/licenses", "/admin/audit", "/admin/lens", "/admin/telemetry"):
        return 200, None
    if method == "GET" and not route.endswith(("suspend", "resume", "release")):
        return (200 if is_mine else 404), None
    if role == "viewer":
        return 403, None
    if route.endswith("release"):
        return ((200 if method == "GET" else 303) if is_mine else 404), None
    if mine != "all":
        return 403, None
    return (200 if method == "GET" else 303), None


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("who", [NOBODY, FORGED, *OPERATORS])
def test_every_route_answers_every_operator_as_the_rules_say(site, who, account):
    """Each route is tried by each kind of operator about each account's objects; who may not, changes nothing."""
    with site.client(who) as client:
        for method, route, _ in ROUTES:
            status, to = expected(method, route, who, account)
            path = filled_in(route, site, account)
            before = rows(site)
            answer = client.get(path) if method == "GET" else post(client, site, who, path)
            already = (
                method == "POST" and status == 303 and answer.status_code == 409
            )  # done by one who may, before
            assert answer.status_code == status or already, (method, route, answer.status_code)
            if to is not None:
                assert answer.headers["location"] == to
                assert answer.content == b""
            if status >= 400 or method == "GET" or to is not None:
                assert rows(site) == before, (method, route)


@pytest.mark.parametrize(("who", "other"), [("alder-admin", "Birch"), ("birch-viewer", "Alder")])
def test_no_page_tells_an_operator_of_another_account(site, who, other):
    """Nothing of the other account, neither name nor id, is in any page, list, trail or refusal they can get."""
    telling = {other, site.licenses[other].id, site.licenses[other].account_id, site.devices[other]}
    paths = {filled_in(route, site, account) for _, route, _ in ROUTES for account in ACCOUNTS}
    paths |= {
        f"/admin/licenses?account={site.licenses[other].account_id}",
        f"/admin/licenses?account={other}",
        f"/admin/licenses?trials=1&after={site.licenses[other].id}",
        f"/admin/audit?about={site.licenses[other].id}",
        f"/admin/audit?about={site.devices[other]}",
        "/admin/audit?before=999999",
    }
    with site.client(who) as client:
        for path in sorted(paths):
            text = client.get(path).text
            assert not {word for word in telling if word in text}, path


def test_unknown_and_foreign_objects_get_the_same_page(site):
    """Nobody learns from an answer whether an id of another account exists."""
    with site.client("alder-admin") as client:
        foreign = client.get(f"/admin/licenses/{site.licenses['Birch'].id}")
        unknown = client.get(f"/admin/licenses/lic_{'A' * 22}")
        for one in (foreign, unknown):
            assert one.status_code == 404
        assert foreign.text == unknown.text
        foreign = post(client, site, "alder-admin", f"/admin/devices/{site.devices['Birch']}/release")
        unknown = post(client, site, "alder-admin", f"/admin/devices/dev_{'A' * 22}/release")
        assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text)


def test_licence_is_suspended_and_resumed_by_forms(site):
    """The buttons do what the command does, once, and the trail names who pressed them."""
    path = f"/admin/licenses/{site.licenses['Birch'].id}"
    if site.status("Birch") == "suspended":
        licenses.resume(site.desk, site.licenses["Birch"].id)
    with site.client("all-admin") as client:
        for verb, status in (("suspend", "suspended"), ("resume", "active")):
            answer = post(client, site, "all-admin", f"{path}/{verb}")
            assert answer.status_code == 303
            page = client.get(answer.headers["location"])
            assert 'role="status"' in page.text
            assert site.status("Birch") == status
            assert post(client, site, "all-admin", f"{path}/{verb}").status_code == 409
    last = list(read_rows(site.database, read_head(site.database)))[-2:]
    assert [(row["action"], row["actor_kid"]) for row in last] == [
        ("license-suspend", "operator:all-admin"),
        ("license-resume", "operator:all-admin"),
    ]


def test_device_is_released_by_its_own_accounts_admin(site):
    """A customer's admin frees the seat of a machine they lost; a seat that is checked out waits."""
    lost = site.add_device("Alder")
    away = site.add_device("Alder", pinned_until=int(time.time()) + 3_600)
    with site.client("alder-admin") as client:
        assert post(client, site, "alder-admin", f"/admin/devices/{lost}/release").status_code == 303
        assert site.device(lost).status == "released"
        answer = post(client, site, "alder-admin", f"/admin/devices/{away}/release")
        assert answer.status_code == 409
        assert "checked out" in answer.text
        assert site.device(away).holds_seat == 1
    head = read_head(site.database)
    assert list(faults(read_rows(site.database, head), head=head)) == []


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {}),
        ({}, {"csrf": ""}),
        ({}, {"csrf": form_token("another session")}),
        ({"origin": "https://evil.example"}, None),
        ({"origin": "null"}, None),
        ({"sec-fetch-site": "cross-site"}, None),
        ({"sec-fetch-site": "same-site"}, None),
        ({"content-type": "text/plain"}, None),
        ({"content-type": "multipart/form-data; boundary=x"}, None),
        ({}, {"csrf": None, "x": "y" * 5_000}),
        ({}, {"csrf": None, **{f"x{number}": "" for number in range(20)}}),
    ],
)
@ONE_ENGINE
def test_forged_form_changes_nothing(site, headers, fields):
    """A form without this session's token, from another site, of another type or too large is refused before it is read."""
    path = f"/admin/licenses/{site.licenses['Alder'].id}/suspend"
    right = form_token(site.tokens["all-admin"])
    sent = (
        {"csrf": right}
        if fields is None
        else {name: right if value is None else value for name, value in fields.items()}
    )
    before = rows(site)
    with site.client("all-admin") as client:
        if "content-type" in headers:
            answer = client.post(path, content=f"csrf={right}", headers=headers)
        else:
            answer = client.post(path, data=sent, headers=headers)
        assert answer.status_code == 403
        twice = client.post(
            path,
            content=f"csrf=x&csrf={right}",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert twice.status_code == 403
        assert client.post("/admin/logout", headers=headers).status_code == 403
    assert rows(site) == before
    with site.client("all-admin") as client:
        assert client.get("/admin/licenses").status_code == 200


@ONE_ENGINE
def test_signing_in_and_out(site):
    """The page gives a cookie that scripts and other sites cannot use, the right form a new session, and signing out ends it."""
    with site.client() as client:
        page = client.get("/admin/login")
        secret = page.cookies[SIGNING_IN]
        form = {"csrf": form_token(secret), "name": "all-viewer", "password": "wrong horse battery"}
        wrong = client.post("/admin/login", data=form)
        assert wrong.status_code == 403
        assert "wrong horse" not in wrong.text
        assert SESSION not in wrong.cookies
        right = client.post("/admin/login", data=form | {"password": PASSWORD})
        assert (right.status_code, right.headers["location"]) == (303, "/admin/licenses")
        token = right.cookies[SESSION]
        assert token != secret
        cookie = next(line for line in right.headers.get_list("set-cookie") if line.startswith(SESSION))
        for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
            assert word in cookie
        assert "Domain" not in cookie
        assert "all-viewer" in client.get("/admin/licenses").text
        assert client.get("/admin/login").status_code == 303
        left = client.post("/admin/logout", data={"csrf": form_token(token)})
        assert left.headers["location"] == "/admin/login"
    site.tokens["left"] = token
    with site.client("left") as client:
        assert client.get("/admin/licenses").status_code == 303


@ONE_ENGINE
def test_sign_in_form_of_another_browser_is_refused(site):
    """Somebody else's form cannot sign a browser in as them."""
    with site.client() as client:
        other = form_token(client.get("/admin/login").cookies[SIGNING_IN])
    with site.client() as client:
        client.get("/admin/login")
        form = {"csrf": other, "name": "all-viewer", "password": PASSWORD}
        assert client.post("/admin/login", data=form).status_code == 403
        assert SESSION not in client.cookies


def test_long_lists_go_on(site):
    """More licences and changes than fit a page are reached by its last link, each once."""
    account = site.licenses["Birch"].account_id
    have = len(licenses.listing(site.desk, account=account).licenses)
    for _ in range(60 - have):
        licenses.issue(
            site.desk,
            account,
            plan="professional",
            seat="node",
            seats=1,
            expires_at=int(time.time()) + 99_999,
        )
    with site.client("birch-viewer") as client:
        for path, pattern in (
            ("/admin/licenses", r"(lic_[A-Za-z0-9_-]{22})</code></a></th>"),
            ("/admin/audit", r"<tr>\n<td"),
        ):
            counts, seen, there = [], [], path
            while there:
                text = client.get(there).text
                found = re.findall(pattern, text)
                counts.append(len(found))
                seen += found
                more = re.search(r'rel="next" href="([^"]+)"', text)
                there = more and more[1].replace("&amp;", "&")
            assert counts[0] == 50
            assert len(counts) >= 2
            if path == "/admin/licenses":
                assert len(seen) == len(set(seen)) == 60


def test_made_up_requests_are_answered_without_failing(site):
    """Odd paths, ids, queries, cookies and bodies get an answer of ours, never a failure of the server."""
    odd = ["%00", "%FF", "..%2f..%2fetc", "lic_%00" + "A" * 21, "é" * 30, "x" * 3_000, "{id}", "' OR 1=1 --"]
    with site.client("all-admin") as client:
        for word in odd:
            for path in (
                f"/admin/licenses/{word}",
                f"/admin/devices/{word}",
                f"/admin/{word}",
                f"/admin/licenses/{word}/suspend",
            ):
                assert client.get(path).status_code in (303, 404), path
            names = ("status", "account", "after", "before", "about", "done", "trials")
            for page in ("licenses", "audit"):
                answer = client.get(f"/admin/{page}?" + "&".join(f"{name}={word}" for name in names))
                assert answer.status_code in (200, 404), answer.url
            assert post(client, site, "all-admin", f"/admin/licenses/{word}/suspend").status_code == 404
        for body in (b"\xff", b"%", b"=" * 300, b"csrf=%ff%fe", b"csrf=%ED%A0%80"):
            headers = {"content-type": "application/x-www-form-urlencoded"}
            assert client.post("/admin/logout", content=body, headers=headers).status_code == 403
            assert client.post("/admin/login", content=body, headers=headers).status_code == 403
    with site.client() as client:
        for cookie in ("x", "A" * 43, b64u(b"x" * 32), "%00", '"', "A" * 5_000):
            assert client.get("/admin/licenses", headers={"cookie": f"{SESSION}={cookie}"}).status_code == 303


@ONE_ENGINE
def test_pages_are_off_unless_asked_for(site):
    """A server that was not asked to show pages has none."""
    app = make_app(
        Service(site.database, Secrets({}, {}), Settings(site.url, "", site.data), time.time, os.urandom)
    )
    scope = {"state": {"request_id": "req_x"}, "http_version": "1.1"}
    assert ask(app, path="/admin/login", scope=scope).status == 404


@ONE_ENGINE
def test_devices_of_a_list_are_those_of_the_database(site):
    """What a page shows of a licence is what the command shows."""
    row = site.licenses["Alder"]
    with site.client("alder-viewer") as client:
        text = client.get(f"/admin/licenses/{row.id}").text
    for one in devices.listing(site.desk, row.id):
        assert one.id in text
    assert "Release…" not in text
    assert "Suspend…" not in text
