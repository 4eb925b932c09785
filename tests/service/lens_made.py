"""Accounts with Lens for tests, and their machines, by the specification."""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from telemetry_made import JSON
from wire import jcs, unb64u

from epochly_service.admin.desk import Desk
from epochly_service.lens import keys

HOST = "ab" * 16


def desk_of(node, account_id=None):
    """What an operator may do, of the whole service or of one account."""
    return Desk(node.database, node.data, node.policy, node.now, os.urandom, "operator:tests", account_id)


class Account:
    """An account with a licence and a Lens key."""

    def __init__(self, node, *, plan="professional"):
        self.node = node
        self.license_id = node.issue(plan=plan)[1]
        self.id = node.license(self.license_id).account_id
        self.key_id, self.key = keys.add(desk_of(node), self.id)[:2]

    def ask(self, method, path, value=None, *, key=None):
        """One request with the key."""
        return asked(self.node.wire, method, path, value, key=key or self.key)

    def beat(self, *, host=HOST, pid=7, uptime_s=60, version="0.1.0"):
        """A heartbeat."""
        value = {"v": 1, "host": host, "version": version, "pid": pid, "uptime_s": uptime_s}
        return self.ask("POST", "/v1/lens/heartbeat", value)

    def hosts(self):
        """What the account is told of its hosts."""
        answer = self.ask("GET", "/v1/lens/hosts")
        assert answer.status == 200, answer.body
        return answer.json["hosts"]


def asked(wire, method, path, value=None, *, key):
    """One request with a key, whatever that is."""
    headers = [] if key is None else [("Authorization", f"Bearer {key}")]
    return wire.send(
        method, path, b"" if value is None else jcs(value), headers + ([JSON] if value is not None else [])
    )


def host_of(salt, name):
    """A host as a client names it; section 7."""
    message = b"epochly-lens-host-v1\0" + name.encode()
    return hmac.new(unb64u(salt), message, hashlib.sha256).digest()[:16].hex()


def is_key(text):
    """Whether a text is a key's form."""
    return re.fullmatch("elk_[A-Za-z0-9_-]{43}", text) is not None
