"""A node of the service for tests: its own database, secrets and keys, a clock that is set by hand, licences to give out."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from unittest.mock import patch

from sqlalchemy import event, func, select
from wire import URL, Device, Wire, opened

from epochly_service import keys, license_keys, peppered, secret_files, store
from epochly_service.encoding import new_id
from epochly_service.engines import Line
from epochly_service.model import License
from epochly_service.schema import metadata, raw_attributes
from epochly_service.service import Service
from epochly_service.settings import DAY, Policy, Settings
from epochly_service.together import Together
from epochly_service.web import Edge, make_app

NOW = 1_800_000_000


def renewed(service, call, body):
    """What a node tells of a next lease that is asked for by itself."""
    return asyncio.run(Together(service).renew(call, body))


class Node:
    """One node, and what an operator would do with it."""

    def __init__(self, database, data, *, policy=None, now=NOW):
        self.database, self.data = database, str(data)
        self.now = now
        self.policy = policy or Policy()
        self.secrets = secret_files.make_secrets(self.data, os.urandom)
        self.root = keys.make_root(self.data, os.urandom)
        self._wires = []
        self.rotate()
        self.service = self.another()
        self.wire = self.wired(self.service)

    def close(self):
        """End what requests run in."""
        for wire in self._wires:
            wire.close()

    def another(self):
        """One more node on the same database and secrets."""
        settings = Settings(URL, str(self.database.engine.url), self.data, self.policy)
        return Service(self.database, self.secrets, settings, lambda: self.now, os.urandom)

    def wired(self, service):
        """A wire to a node."""
        return self.wire_to(Edge(make_app(service), os.urandom))

    def wire_to(self, app):
        """A wire to an application."""
        wire = Wire(app, keys.raw_public(self.root))
        self._wires.append(wire)
        return wire

    def rotate(self):
        """Put a new signing key into use."""
        return self.database.write(
            lambda conn: keys.rotate(
                conn, root=self.root, data=self.data, now=self.now, policy=self.policy, rng=os.urandom
            )
        )

    def issue(self, *, plan="professional", seat="node", seats=2, days=365, account_id=None):
        """A licence of an account, or of a new one; returns its key and its id."""
        shown = license_keys.make(os.urandom(license_keys.RANDOM_BYTES))
        macs = peppered.license_key_macs(self.secrets.pepper, license_keys.normal_form(shown))
        row = License(
            account_id=account_id or new_id("acc", os.urandom(16)),
            id=new_id("lic", os.urandom(16)),
            key_mac=macs[0],
            plan=plan,
            seat=seat,
            status="active",
            seats_max=seats,
            seats_used=0,
            created_at=self.now,
            expires_at=self.now + days * DAY,
            policy_version=1,
        )

        def work(conn):
            if account_id is None:
                store.insert_account(conn, account_id=row.account_id, name="tests", at=self.now)
            store.insert_license(conn, row)

        self.database.write(work)
        return shown, row.id

    def enrolled(self, key, **more):
        """A device that has just taken a seat."""
        device = Device(self.wire, **more)
        assert device.register(key).status == 201
        return device

    def keyset_version(self, token):
        """`v` of a keyset that the root signed."""
        return opened(token, "epochly-keyset+v1", self.roots())["v"]

    def license(self, license_id):
        """A licence's row."""
        return self.database.read(lambda conn: store.license_by_id(conn, license_id))

    def set_license(self, license_id, **changes):
        """Change a licence as an operator would."""
        row = self.license(license_id)
        self.database.write(lambda conn: store.update_license(conn, row, **changes))

    def device(self, device_id):
        """A device's row."""
        return self.database.read(lambda conn: store.device_by_id(conn, device_id))

    def put_device(self, row):
        """Write a device's row as it is to be."""
        self.database.write(lambda conn: store.update_device(conn, row))

    @contextmanager
    def statements(self):
        """The statements that the database is sent within the block."""
        seen = []

        def note(_conn, _cursor, statement, *_):
            seen.append(statement)

        def note_of(method):
            def noting(line, statement, values):
                seen.append(statement.sqlite[0] if self.database.is_sqlite else statement.postgresql)
                return method(line, statement, values)

            return noting

        engines = {self.database.engine, self.database._reading}
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        with (
            patch.object(Line, "look", note_of(Line.look)),
            patch.object(Line, "change", note_of(Line.change)),
        ):
            yield seen
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)

    def faults(self):
        """Invariants that do not hold."""
        return self.database.read(store.seat_faults)

    def count(self, table):
        """How many rows a table has."""
        wanted = select(func.count()).select_from(metadata.tables[table])
        return self.database.read(lambda conn: conn.scalar(wanted))

    def raw_attributes(self):
        """What is kept of those who opted in."""
        return self.database.read(lambda conn: list(conn.scalars(select(raw_attributes.c.attributes))))

    def roots(self):
        """The root's public key: kid -> raw."""
        return {keys.key_id(self.root): keys.raw_public(self.root)}
