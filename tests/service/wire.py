"""The other end of the wire, written by the specification alone: devices with keys, and an application to send to.

It shares no code with `epochly_service`, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import ssl
from dataclasses import dataclass, field

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

URL = "https://licences.test"
DIGEST = "ab" * 32
NODE_ID = "3f2b8c1e-9a4d-4c6e-8f10-2b7d5e9a1c34"


def b64u(data):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    """Its inverse."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ik():
    """A fresh idempotency key."""
    return b64u(os.urandom(16))


def jcs(value):
    """JCS, for values without text beyond ASCII, whose order is then that of bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _pae(*pieces):
    return len(pieces).to_bytes(8, "little") + b"".join(len(p).to_bytes(8, "little") + p for p in pieces)


def signed(key, typ, claims, *, implicit=None, footer=b""):
    """A v4.public token."""
    message = jcs({"typ": typ, **claims})
    signature = key.sign(_pae(b"v4.public.", message, footer, (implicit or typ).encode()))
    return "v4.public." + b64u(message + signature) + (f".{b64u(footer)}" if footer else "")


def opened(token, typ, keys):
    """The claims of a token that one of the raw public keys (kid -> key) signed; fails if none did."""
    head, _, footer = token.removeprefix("v4.public.").partition(".")
    data, foot = unb64u(head), unb64u(footer)
    kid = json.loads(foot)["kid"]
    pae = _pae(b"v4.public.", data[:-64], foot, typ.encode())
    Ed25519PublicKey.from_public_bytes(keys[kid]).verify(data[-64:], pae)
    claims = json.loads(data[:-64])
    assert claims["typ"] == typ
    assert jcs(claims) == data[:-64]
    return claims


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        """Its value."""
        return json.loads(self.body)

    @property
    def code(self):
        """The problem's code, or the status where there is none."""
        return (
            self.json["code"] if self.headers["content-type"] == "application/problem+json" else self.status
        )


async def _sent(app, method, path, *, body, headers, query):
    answer = Answer()
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode().lower(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "scheme": "https",
        "server": ("licences.test", 443),
        "client": ("192.0.2.7", 1234),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
        "state": {},
    }
    try:
        await app(scope, receive, send)
    except RuntimeError:  # what a server logs once the answer was sent
        if not answer.status:
            raise
    return answer


class Wire:
    """Sends requests to an application, and knows the root by which its answers are judged."""

    def __init__(self, app, root_pub=None):
        self.app, self.root_pub = app, root_pub
        self._loop = asyncio.new_event_loop()

    def close(self):
        """End the loop that requests run in."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def send(self, method, path, body=b"", headers=(), query=b""):
        """One request, exactly as said."""
        return self._loop.run_until_complete(
            _sent(self.app, method, path, body=body, headers=list(headers), query=query)
        )

    def send_all(self, requests):
        """The answers to requests (method, path, body, headers) that come at the same time, in this order."""

        async def gathered():
            sending = (
                _sent(self.app, method, path, body=body, headers=list(headers), query=b"")
                for method, path, body, headers in requests
            )
            return await asyncio.gather(*sending)

        return self._loop.run_until_complete(gathered())

    def nonce(self):
        """A fresh nonce."""
        return self.send("POST", "/v1/nonce").json["nonce"]

    def keys(self, keyset):
        """The signing keys of a keyset that the root signed: kid -> raw public key."""
        kid = b64u(hashlib.sha256(self.root_pub).digest())
        claims = opened(keyset, "epochly-keyset+v1", {kid: self.root_pub})
        return {key["kid"]: unb64u(key["pub"]) for key in claims["keys"] if key["status"] != "revoked"}


class RemoteWire(Wire):
    """Sends requests to a server that listens, over TLS."""

    def __init__(self, url, authority, root_pub=None):
        self.root_pub = root_pub
        self._client = httpx.Client(
            base_url=url, verify=ssl.create_default_context(cafile=authority), timeout=30, trust_env=False
        )

    def close(self):
        """Close the connections."""
        self._client.close()

    def send(self, method, path, body=b"", headers=(), query=b""):
        """One request, exactly as said."""
        target = path + (f"?{query.decode()}" if query else "")
        got = self._client.request(method, target, content=body, headers=list(headers))
        return Answer(got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.content)


class Device:
    """A key pair at its owner, with the last lease."""

    def __init__(self, wire, *, digest=DIGEST, key=None, url=URL):
        self.wire, self.url = wire, url
        self.key = key or Ed25519PrivateKey.generate()
        self.digest = digest
        self.device_id, self.seq, self.lease = "", 0, None
        self.cn = self.signer = ""

    @property
    def pub(self):
        """The raw public key."""
        return self.key.public_key().public_bytes_raw()

    @property
    def kid(self):
        """Its name."""
        return b64u(hashlib.sha256(self.pub).digest())

    def proof(self, method, path, body=b"", *, pub=False, **changed):
        """A proof for a request; `changed` are claims that are to be otherwise, None for absent."""
        self.cn = b64u(os.urandom(16))
        claims = {
            "kid": self.kid,
            "htm": method,
            "htu": self.url + path,
            "bdg": hashlib.sha256(body).hexdigest(),
            "nonce": changed.pop("nonce", None) or self.wire.nonce(),
            "cn": self.cn,
            "iat": 1_800_000_000,
            "jti": b64u(os.urandom(16)),
            "seq": self.seq,
            "cv": "0.1.0",
        }
        if pub:
            claims["pub"] = b64u(self.pub)
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        return signed(self.key, "epochly-proof+v1", claims)

    def ask(self, method, path, value=None, *, pub=False, **changed):
        """One request with its proof; a lease that comes back is judged and kept."""
        body = b"" if value is None else jcs(value)
        headers = [("Epochly-Proof", self.proof(method, path, body, pub=pub, **changed))]
        if value is not None:
            headers.append(("Content-Type", "application/json"))
        answer = self.wire.send(method, path, body, headers)
        if answer.status < 300 and "lease" in answer.json:
            self.take(answer.json)
        return answer

    def take(self, answer):
        """Judge a lease as a client does, and keep it."""
        lease = opened(answer["lease"], "epochly-lease+v1", self.wire.keys(answer["keyset"]))
        assert lease["iss"] == self.url
        assert lease["aud"] == self.kid
        assert lease["cn"] == self.cn
        assert lease["fp"] == hashlib.sha256(self.digest.encode()).hexdigest()
        assert lease["dev"] == answer["device_id"]
        self.device_id, self.seq, self.lease = answer["device_id"], lease["seq"], lease
        self.signer = json.loads(unb64u(answer["lease"].rpartition(".")[2]))["kid"]

    def refusal(self, answer):
        """The claims of a signed refusal, judged as a client does."""
        keyset = self.wire.send("GET", "/v1/keyset").json["keyset"]
        claims = opened(answer.json["refusal"], "epochly-refusal+v1", self.wire.keys(keyset))
        assert (claims["aud"], claims["cn"], claims["code"]) == (self.kid, self.cn, answer.code)
        assert claims["iss"] == self.url
        return claims

    def machine(self, **more):
        """The members that enrolling requests have in common."""
        said = {
            "fp": {"digest": self.digest, "v": 1},
            "node_id": NODE_ID,
            "client_version": "0.1.0",
            "ik": ik(),
        }
        return said | more

    def register(self, license_key, **more):
        """Take a seat."""
        return self.ask("POST", "/v1/devices", self.machine(license_key=license_key, **more), pub=True)

    def trial(self, **more):
        """Begin a trial."""
        return self.ask("POST", "/v1/trial", self.machine(**more), pub=True)

    def transfer(self, license_key, source, **more):
        """Take over a seat."""
        said = self.machine(license_key=license_key, from_device_id=source.device_id, **more)
        return self.ask("POST", "/v1/transfer", said, pub=True)

    def validate(self, **more):
        """Ask for the next lease."""
        said = {
            "device_id": self.device_id,
            "fp": {"digest": self.digest, "v": 1},
            "ik": ik(),
        }
        return self.ask("POST", "/v1/license/validate", said | more)

    def heartbeat(self, **more):
        """Ask for the next lease without a fingerprint."""
        path = f"/v1/devices/{self.device_id}/heartbeat"
        return self.ask("POST", path, {"ik": ik()} | more)

    def checkout(self, days, **more):
        """Go offline for days."""
        path = f"/v1/devices/{self.device_id}/checkout"
        return self.ask("POST", path, {"ik": ik(), "days": days} | more)

    def release(self):
        """Give the seat back."""
        return self.ask("DELETE", f"/v1/devices/{self.device_id}")

    def devices(self):
        """The licences of this key."""
        return self.ask("GET", "/v1/devices")

    def rekeyed(self, new, *, again=None, nonce=None, old=None, proof_key=None):
        """Change to the key of `new`, which takes the lease."""
        path = f"/v1/devices/{self.device_id}/rekey"
        nonce = nonce or self.wire.nonce()
        said = {"kid": new.kid, "pub": b64u(new.pub), "old": old or self.kid, "nonce": nonce, "iat": 1}
        token = signed(proof_key or new.key, "epochly-rekey+v1", said)
        body = jcs({"ik": again or ik(), "new_proof": token})
        headers = [("Epochly-Proof", self.proof("POST", path, body, nonce=nonce))]
        answer = self.wire.send("POST", path, body, [*headers, ("Content-Type", "application/json")])
        if answer.status == 200:
            new.cn = self.cn
            new.take(answer.json)
        return answer
