"""The service's side of telemetry in one object, for the client's tests: real signatures, a list of what it received, and ways to misbehave."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from loopback import reply

from epochly.licensing import tokens
from epochly.licensing.canonical import b64u, canonical, kid_of
from epochly.telemetry.post import Reply
from epochly.telemetry.receipts import RECEIPT, ROOT

DAY_S = 86_400
BORN = 1_800_000_000


class Signer:
    """A key pair and its id, made from a name."""

    def __init__(self, name):
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.public = self.private.public_key().public_bytes_raw()
        self.kid = kid_of(self.public)

    def sealed(self, typ, claims):
        """A token of any type."""
        return tokens.sealed(
            canonical({**claims, "typ": typ}), canonical({"kid": self.kid}), typ.encode(), self.private
        )

    def pem(self):
        """The public key as `EPOCHLY_ROOT_KEY` has it."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Receiver:
    """See the module. `script` answers in the place of a receipt: a status and a body."""

    base: str = "https://telemetry.example"
    now: int = BORN
    born: int = BORN
    root: Signer = field(default_factory=lambda: Signer("root"))
    signing: Signer = field(default_factory=lambda: Signer("signing"))
    version: int = 1
    received: list = field(default_factory=list)
    script: object = None

    def keyset(self):
        """Its keys by the root's word."""
        key = {
            "kid": self.signing.kid,
            "pub": b64u(self.signing.public),
            "nbf": self.born - 30 * DAY_S,
            "exp": self.born + 60 * DAY_S,
            "status": "active",
        }
        return self.root.sealed(tokens.KEYSET, {"v": self.version, "issued": self.born, "keys": [key]})

    def receipt(self, body, **changes):
        """A receipt for these bytes."""
        claims = {
            "iss": self.base,
            "sha256": sha256(body).hexdigest(),
            "accepted": len(json.loads(body)["events"]),
            "dropped": 0,
            "day": self.now // DAY_S,
        }
        return self.signing.sealed(RECEIPT, claims | changes)

    def head(self, size, root, **changes):
        """The head of a day's tree."""
        claims = {"iss": self.base, "day": self.now // DAY_S, "size": size, "root": root}
        return self.signing.sealed(ROOT, claims | changes)

    def answer(self, body):
        """Status and body of the answer to a batch."""
        if self.script is not None:
            return self.script(body)
        self.received.append(body)
        return 200, json.dumps({"receipt": self.receipt(body), "keyset": self.keyset()}).encode()

    def send(self, _endpoint, body):
        """The same without a network."""
        status, answer = self.answer(body)
        return Reply(status, answer)

    def on_the_wire(self, connection, request):
        """The same as a script of a server of `loopback`."""
        _, _, body = request.partition(b"\r\n\r\n")
        status, answer = self.answer(body)
        connection.sendall(reply(answer, f"{status} X"))
