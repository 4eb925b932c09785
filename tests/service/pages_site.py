"""A running server with the operators' pages, over TLS, with two accounts and an operator of each kind."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import httpx
from filled import DAY, device_of, put
from sqlalchemy import insert

from epochly_service import peppered, secret_files, store
from epochly_service.admin import accounts, licenses, operators, passwords
from epochly_service.admin.desk import Desk
from epochly_service.encoding import b64u
from epochly_service.engines import open_database
from epochly_service.pages.app import SESSION
from epochly_service.schema import operator_sessions
from epochly_service.settings import Policy

PASSWORD = "correct horse battery"
START_S = 60  # seconds until a server answers; measured: 2
NOBODY, FORGED = "nobody", "forged"  # visitors without a session


@dataclass
class Site:
    """Where the server is, its database from another process, and what is in it. `who` -> session token."""

    url: str
    data: str
    database: object
    tokens: dict = field(default_factory=dict)
    licenses: dict = field(default_factory=dict)
    devices: dict = field(default_factory=dict)

    @property
    def desk(self):
        """What whoever runs the service may do."""
        return Desk(self.database, self.data, Policy(), int(time.time()), os.urandom, "operator:tests")

    @property
    def authority(self):
        """The certificate a client trusts."""
        return os.path.join(self.data, "tls", "ca.pem")

    def client(self, who=NOBODY):
        """A browser without manners: cookies as set here, no redirect followed."""
        token = {NOBODY: None, FORGED: b64u(os.urandom(32))}.get(who, self.tokens.get(who))
        cookies = {} if token is None else {SESSION: token}
        return httpx.Client(base_url=self.url, verify=_context(self.authority), cookies=cookies, timeout=30)

    def add_device(self, account, **changes):
        """One more device on an account's licence; returns its id."""
        peppers = secret_files.read_secrets(self.data).pepper
        number = int.from_bytes(os.urandom(6), "big")
        row = self.licenses[account]
        one = device_of(row, number, created_day=1, last_seen_day=int(time.time()) // DAY)
        sealed = peppered.seal(peppers, one.id, "ab" * 32, os.urandom)
        self.database.write(lambda conn: put(conn, device_of(row, number, fp_sealed=sealed, **changes)))
        return one.id

    def status(self, account):
        """What an account's licence is."""
        return self.database.read(lambda conn: store.license_by_id(conn, self.licenses[account].id)).status

    def device(self, device_id):
        """A device's row."""
        return self.database.read(lambda conn: store.device_by_id(conn, device_id))


def _context(authority):
    return ssl.create_default_context(cafile=authority)


@contextmanager
def running_site(data, url, *options):
    """Serve `data` with the pages until the block ends."""
    command = [
        sys.executable,
        "-m",
        "epochly_service",
        "serve",
        "--pages",
        "--port",
        "0",
        "--data",
        str(data),
    ]
    server = subprocess.Popen(
        [*command, "--database-url", url, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    database = open_database(url)
    try:
        said = ""
        for line in server.stdout:
            said += line
            if line.startswith("operators sign in at"):
                break
        found = re.search(r"serving (https://\S+)", said)
        assert found, said
        site = Site(found[1], str(data), database)
        _wait(site)
        yield site
    finally:
        server.terminate()
        server.communicate()
        database.close()


def _wait(site):
    late = time.monotonic() + START_S
    with site.client() as client:
        while True:
            try:
                client.get("/healthz")
            except httpx.TransportError:
                assert time.monotonic() < late
                time.sleep(0.05)
            else:
                return


def settle(site):
    """Two accounts with a licence and a device each; for each an admin and a viewer, and both for the whole service."""
    for account in ("Alder", "Birch"):
        accounts.add(site.desk, account)
        row, _ = licenses.issue(
            site.desk,
            account,
            plan="enterprise",
            seat="node",
            seats=50,
            expires_at=int(time.time()) + 90 * DAY,
        )
        site.licenses[account] = row
        site.devices[account] = site.add_device(account)
    for account in ("Alder", "Birch", None):
        for role in operators.ROLES:
            name = f"{(account or 'all').lower()}-{role}"
            with mock.patch.dict(
                passwords.make_hash.__kwdefaults__, n=2
            ):  # less work; a sign-in makes it good
                made = operators.add(site.desk, name, PASSWORD, role=role, account=account)
            site.tokens[name] = b64u(os.urandom(32))
            session = {
                "token_hash": hashlib.sha256(site.tokens[name].encode()).hexdigest(),
                "operator_id": made.id,
                "created_at": int(time.time()),
                "expires_at": int(time.time()) + 600,
            }
            site.database.write(
                lambda conn, session=session: conn.execute(insert(operator_sessions), session)
            )
    return site


def filled_in(route, site, account):
    """The address of a route about an account's licence or device."""
    about = site.devices[account] if "/devices/" in route else site.licenses[account].id
    return route.replace("{id}", about)
