"""A licence service in one object: the protocol of `docs/spec/epochly-pop-v1.md` with real signatures, no HTTP and no database.

Its clock is a number that tests move. `lose` drops answers after they had their effect, `down` drops requests, and `instead`
lets somebody in between answer. It is small on purpose: races, rate limits and storage are the real service's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from epochly.licensing import licence_key, tokens
from epochly.licensing.anchor import Seen
from epochly.licensing.answers import NotReached
from epochly.licensing.canonical import b64u, canonical, from_b64u, kid_of
from epochly.licensing.claims import Proof, Rekey, read_as
from epochly.licensing.device_key import kept_key
from epochly.licensing.entitlement import PLANS, Entitled, entitled
from epochly.licensing.held import read as read_held
from epochly.licensing.operations import Reply

BASE = "https://licence.example"
BEGIN = 1_800_000_000
NODE_S, GRACE_S, FLOATING_S, BEAT_S, TRIAL_S, DAY_S = 72 * 3600, 14 * 86400, 1800, 600, 30 * 86400, 86400
KEY = "EPOCHLY-DRT0Q-77ZPD-X9H75-58KKB-PY0AG"  # one of the specification's vectors
ATTRIBUTES = {
    "cpu-model": "A",
    "cpu-vendor": "B",
    "board-name": "C",
    "board-vendor": "D",
    "root-filesystem": "E",
}
SEEN = Seen("linux", "x86_64", "9f2c4d8e1b7a4063a5d0e8c7f1b23946\n", ATTRIBUTES)  # a machine to speak with
FORBIDDEN = {"LICENSE_SUSPENDED", "LICENSE_EXPIRED", "DEVICE_REVOKED", "TRIAL_USED", "FEATURE_NOT_ENTITLED"}
CONFLICT = {"DEVICE_CLONED", "SEAT_LIMIT_REACHED", "FINGERPRINT_CHANGED", "IDEMPOTENCY_MISMATCH", "TRANSFER_LIMIT",
            "SEAT_CHECKED_OUT"}  # fmt: skip
SIGNED = FORBIDDEN | CONFLICT


class Signer:
    """A key pair and its id, made from a name."""

    def __init__(self, name):
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.public = self.private.public_key().public_bytes_raw()
        self.kid = kid_of(self.public)


@dataclass
class Licence:
    """A licence, by its key's normal form or a trial's fingerprint."""

    id: str
    plan: str = "professional"
    seat: str = "node"
    seats_max: int = 1
    status: str = "active"
    ends: int = BEGIN + 365 * DAY_S


@dataclass
class Device:
    """A key pair on a licence."""

    id: str
    lic: Licence
    kid: str
    pub: bytes
    fp: str
    status: str = "active"
    seq: int = 0
    ik: str = ""
    exp: int = 0
    pinned: int = 0
    old_kid: str = ""


class Said(Exception):  # noqa: N818 - an answer, not a fault
    """A problem to answer with."""

    def __init__(self, code, **more):
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class FakeService:
    """See the module."""

    base: str = BASE
    now: int = BEGIN
    root: Signer = field(default_factory=lambda: Signer("root"))
    signing: Signer = field(default_factory=lambda: Signer("signing"))
    version: int = 1
    statuses: dict = field(default_factory=dict)
    licences: dict = field(default_factory=dict)
    devices: dict = field(default_factory=dict)
    answered: dict = field(default_factory=dict)
    nonces: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    lose: int = 0
    down: bool = False
    instead: object = None
    count: int = 0

    def __post_init__(self):
        self.known = [self.signing]
        self.licences[licence_key.normal(KEY)] = Licence("lic_" + self.random())

    def random(self, size=16):
        """Bytes that are never the same, as text."""
        self.count += 1
        return b64u(sha256(f"{self.count}".encode()).digest()[:size])

    @property
    def licence(self):
        """The licence of `KEY`."""
        return self.licences[licence_key.normal(KEY)]

    def rotate(self, name):
        """A new signing key in a newer keyset; the old ones are retired."""
        self.statuses |= {key.kid: "retired" for key in self.known if key.kid not in self.statuses}
        self.signing = Signer(name)
        self.known.append(self.signing)
        self.version += 1

    def keyset(self):
        """The keyset as a token of the root."""
        keys = [
            {
                "kid": key.kid,
                "pub": b64u(key.public),
                "nbf": 0,
                "exp": BEGIN + 90 * DAY_S,
                "status": self.statuses.get(key.kid, "active"),
            }
            for key in self.known
        ]
        claims = {"v": self.version, "issued": BEGIN, "keys": keys}
        return tokens.mint(tokens.KEYSET, claims, self.root.private, self.root.kid)

    def send(self, request):
        """What a gateway would do with a request: an answer, or that nobody was reached."""
        self.requests.append(request)
        if self.down:
            return NotReached("no connection to `licence.example`: connection refused")
        if self.instead is not None:
            return self.instead(request, self._answer(request))
        reply = self._answer(request)
        if self.lose and request.endpoint.name not in {"nonce", "keyset"}:
            self.lose -= 1
            return NotReached("no whole answer from `licence.example` within 5 s")
        return reply

    def names(self):
        """The endpoints that were asked, in order."""
        return [request.endpoint.name for request in self.requests]

    def _answer(self, request):
        name = request.endpoint.name
        if name == "nonce":
            nonce = self._nonce()
            return Reply(200, self._json({"nonce": nonce, "exp_in": 120, "server_time": self.now}), nonce)
        if name == "keyset":
            return Reply(200, self._json({"keyset": self.keyset()}), self._nonce())
        if name == "compatibility":
            plans = {plan: list(features) for plan, features in PLANS.items()}
            body = {"min_client": "0.1", "protocols": [1], "plans": plans, "server_time": self.now}
            return Reply(200, self._json(body), self._nonce())
        proof = None
        try:
            proof = self._proof(request)
            body = json.loads(request.body) if request.body else {}
            status, value = getattr(self, f"_{name}")(proof, body, request.device_id)
            return Reply(status, self._json(value), self._nonce())
        except Said as said:
            return self._problem(said, proof)

    def _problem(self, said, proof):
        status = 403 if said.code in FORBIDDEN else 409 if said.code in CONFLICT else 401
        status = 404 if said.code.endswith("_NOT_FOUND") else status
        body = {"type": f"urn:epochly:problem:{said.code}", "title": said.code, "status": status, "code": said.code,
                "detail": f"because of {said.code}", "request_id": "req_" + self.random(), **said.more}  # fmt: skip
        if said.code in SIGNED and proof is not None:
            body["refusal"] = self.refusal(proof, said.code)
        return Reply(status, self._json(body), self._nonce())

    def refusal(self, proof, code):
        """A signed refusal of the request that a proof belongs to."""
        claims = {"iss": self.base, "aud": proof.kid, "cn": proof.cn, "jti": self.random(), "code": code}
        times = {"iat": self.now, "srv_time": self.now}
        return tokens.mint(tokens.REFUSAL, claims | times, self.signing.private, self.signing.kid)

    def _nonce(self):
        nonce = self.random(24)
        self.nonces[nonce] = self.now
        return nonce

    def _proof(self, request):
        known = {device.kid: device.pub for device in self.devices.values()}
        known |= {
            device.old_kid: self.olds[device.old_kid] for device in self.devices.values() if device.old_kid
        }
        claims = tokens.parsed_canonical(tokens.parts(request.proof, 4096)[0])
        if claims["kid"] not in known:
            if "pub" not in claims:
                raise Said("KEY_UNKNOWN")
            known[claims["kid"]] = from_b64u(claims["pub"])
        proof = read_as(Proof, request.proof, known.get)
        issued = self.nonces.pop(proof.nonce, None)
        if issued is None:
            raise Said("PROOF_REPLAYED")
        if self.now - issued > 120:
            raise Said("NONCE_EXPIRED")
        wanted = (request.endpoint.method, self.base + request.endpoint.target(request.device_id),
                  sha256(request.body).hexdigest())  # fmt: skip
        if (proof.htm, proof.htu, proof.bdg) != wanted:
            raise Said("PROOF_MISMATCH")
        return proof

    olds: dict = field(default_factory=dict)

    def _register(self, proof, body, _id):
        lic = self.licences.get(licence_key.normal(body["license_key"]))
        if lic is None:
            raise Said("LICENSE_NOT_FOUND")
        return self._enter(proof, body, lic)

    def _trial(self, proof, body, _id):
        digest = body["fp"]["digest"]
        lic = self.licences.get(digest)
        if lic is None:
            lic = self.licences[digest] = Licence("lic_" + self.random(), "trial", ends=self.now + TRIAL_S)
        elif not any(device.lic is lic and device.kid == proof.kid for device in self.devices.values()):
            raise Said("TRIAL_USED")
        return self._enter(proof, body, lic)

    def _transfer(self, proof, body, _id):
        source = self.devices.get(body["from_device_id"])
        lic = self.licences.get(licence_key.normal(body["license_key"]))
        if source is None or source.lic is not lic or source.status != "active":
            raise Said("DEVICE_NOT_FOUND")
        if source.pinned > self.now:
            raise Said("SEAT_CHECKED_OUT")
        source.status = "released"
        return self._enter(proof, body, lic)

    def _enter(self, proof, body, lic):
        self._standing(lic)
        mine = [each for each in self.devices.values() if each.lic is lic and each.kid == proof.kid]
        device = mine[0] if mine else None
        if device is not None and device.ik == body["ik"]:
            return 201, self._leased(proof, device, again=True)
        if device is None or device.status == "released":
            self._seat(lic)
        if device is None:
            device = Device("dev_" + self.random(), lic, proof.kid, from_b64u(proof.pub), "")
            self.devices[device.id] = device
        if device.status == "disabled":
            raise Said("DEVICE_REVOKED")
        if mine:
            device.seq = max(device.seq, proof.seq)
        device.status, device.fp, device.ik = "active", body["fp"]["digest"], body["ik"]
        return 201, self._leased(proof, device)

    def _seat(self, lic):
        taken = [
            each
            for each in self.devices.values()
            if each.lic is lic and each.status != "released" and (lic.seat == "node" or each.exp > self.now)
        ]
        if len(taken) >= lic.seats_max:
            raise Said("SEAT_LIMIT_REACHED", seats_used=len(taken), seats_max=lic.seats_max)

    def _standing(self, lic):
        if lic.status != "active":
            raise Said("LICENSE_SUSPENDED")
        if lic.ends <= self.now:
            raise Said("LICENSE_EXPIRED")

    def _mine(self, proof, device_id, ik=None):
        device = self.devices.get(device_id)
        if device is None or proof.kid not in (device.kid, device.old_kid):
            raise Said("DEVICE_NOT_FOUND")
        if ik is not None:
            if device.status != "active":
                raise Said("DEVICE_CLONED" if device.status == "contended" else "DEVICE_REVOKED")
            self._standing(device.lic)
            again = ik == device.ik and proof.seq == device.seq - 1
            if not again and proof.seq < device.seq:
                device.status = "contended"
                raise Said("DEVICE_CLONED")
            device.seq = max(device.seq, proof.seq)  # it lost rows; the real one counts how often
            return device, again
        return device

    def _validate(self, proof, body, _id):
        device, again = self._mine(proof, body["device_id"], body["ik"])
        if body["fp"]["digest"] != device.fp and not body.get("reenrol"):
            raise Said("FINGERPRINT_CHANGED")
        device.fp, device.ik = body["fp"]["digest"], body["ik"]
        return 200, self._leased(proof, device, again=again)

    def _heartbeat(self, proof, body, device_id):
        device, again = self._mine(proof, device_id, body["ik"])
        device.ik = body["ik"]
        return 200, self._leased(proof, device, again=again)

    def _checkout(self, proof, body, device_id):
        device, again = self._mine(proof, device_id, body["ik"])
        device.ik, device.pinned = body["ik"], self.now + body["days"] * DAY_S
        return 200, self._leased(proof, device, again=again)

    def _rekey(self, proof, body, device_id):
        device, again = self._mine(proof, device_id, body["ik"])
        claims = tokens.parsed_canonical(tokens.parts(body["new_proof"], 4096)[0])
        new = read_as(Rekey, body["new_proof"], {claims["kid"]: from_b64u(claims["pub"])}.get)
        if new.nonce != proof.nonce or new.old != proof.kid:
            raise Said("PROOF_MISMATCH")
        if not again:
            self.olds[device.kid] = device.pub
            device.old_kid, device.kid, device.pub = device.kid, new.kid, from_b64u(new.pub)
        device.ik = body["ik"]
        return 200, self._leased(proof, device, again=again)

    def _release(self, proof, _body, device_id):
        device = self._mine(proof, device_id)
        if device.pinned > self.now:
            raise Said("SEAT_CHECKED_OUT")
        device.status = "released"
        claims = {"iss": self.base, "aud": proof.kid, "cn": proof.cn, "jti": self.random(), "act": "release"}
        more = {"dev": device_id, "iat": self.now}
        return 200, {
            "receipt": tokens.mint(tokens.RECEIPT, claims | more, self.signing.private, self.signing.kid)
        }

    def _list(self, proof, _body, _id):
        lics = {device.lic.id: device.lic for device in self.devices.values() if device.kid == proof.kid}
        return 200, {"licenses": [self._listed(proof, lic) for lic in lics.values()]}

    def _listed(self, proof, lic):
        devices = [
            {"device_id": each.id, "status": each.status, "created_day": BEGIN // DAY_S,
             "last_seen_day": self.now // DAY_S, "lease_exp": each.exp, "this": each.kid == proof.kid}
            for each in self.devices.values()
            if each.lic is lic
        ]  # fmt: skip
        used = sum(each["status"] != "released" for each in devices)
        return {"license_id": lic.id, "plan": lic.plan, "seat": lic.seat, "seats_used": used,
                "seats_max": lic.seats_max, "devices": devices}  # fmt: skip

    def _leased(self, proof, device, *, again=False):
        if not again:
            device.seq += 1
        exp = self.now + (FLOATING_S if device.lic.seat == "floating" else NODE_S)
        grace = exp + (GRACE_S if device.lic.plan != "trial" and device.lic.seat == "node" else 0)
        refresh = self.now + (BEAT_S if device.lic.seat == "floating" else NODE_S // 2)
        if device.pinned > self.now:
            exp = grace = device.pinned
            refresh = (self.now + exp) // 2
        device.exp = min(exp, device.lic.ends)
        claims = {
            "iss": self.base, "aud": device.kid, "cn": proof.cn, "jti": self.random(), "lic": device.lic.id,
            "dev": device.id, "plan": device.lic.plan, "features": list(PLANS[device.lic.plan]),
            "seat": device.lic.seat, "fp": sha256(device.fp.encode()).hexdigest(), "iat": self.now,
            "nbf": self.now, "exp": device.exp, "grace_until": min(grace, device.lic.ends),
            "refresh_after": min(refresh, device.exp), "seq": device.seq, "srv_time": self.now, "pol": 1,
        }  # fmt: skip
        lease = tokens.mint(tokens.LEASE, claims, self.signing.private, self.signing.kid)
        return {"device_id": device.id, "lease": lease, "keyset": self.keyset()}

    def _json(self, value):
        return canonical(value)


def held(session):
    """What is on disk."""
    data = session.world.state.read("licence.json")
    return None if data is None else read_held(data)


def may(session, feature="gpu"):
    """Whether a feature may be used now, from the files alone."""
    standing = session.standing()
    return isinstance(entitled(standing.lease, feature, session.world.now(), standing.latest), Entitled)


def kid_here(session):
    """The id of a session's key."""
    return kept_key(session.world.state).kid
