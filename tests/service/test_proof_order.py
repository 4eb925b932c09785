"""The order of checks, section 4: of several faults the first one is told, and no fault is passed over."""

from __future__ import annotations

import dataclasses

import pytest
from wire import URL, Device, b64u, ik, jcs, signed

from epochly_service.settings import Policy

PATH = "/v1/license/validate"
ORDER = [  # faults of one request, the first first; where two are of one code, the second says where it is
    "SECRET_IN_QUERY",
    "TOO_LARGE",
    "MEDIA_TYPE",
    "MALFORMED",
    "UNKNOWN_FIELD",
    "FP_FORMAT",
    "SCHEMA",
    "MALFORMED proof",
    "NONCE_REQUIRED",
    "NONCE_EXPIRED",
    "KEY_UNKNOWN",
    "PROOF_INVALID",
    "PROOF_MISMATCH",
    "PROOF_REPLAYED",
    "CLIENT_TOO_OLD",
    "DEVICE_NOT_FOUND",
    "DEVICE_REVOKED",
    "LICENSE_SUSPENDED",
    "IDEMPOTENCY_MISMATCH",
    "DEVICE_CLONED",
    "FINGERPRINT_CHANGED",
]


class Faulty:
    """Sends one validation with any set of faults; the device behind it is put into the standing they need."""

    def __init__(self, node):
        self.node = node
        self.key, self.license_id = node.issue()
        self.used = ik()
        self.device = node.enrolled(self.key)
        assert self.device.validate(ik=self.used).status == 200
        self.row = node.device(self.device.device_id)

    def code(self, faults):
        """The code that is told of these faults."""
        node, device = self.node, self.device
        node.put_device(self.row)
        node.set_license(self.license_id, status="suspended" if "LICENSE_SUSPENDED" in faults else "active")
        if "DEVICE_REVOKED" in faults:
            node.put_device(self.row._replace(status="disabled"))
        old = node.wire.nonce()
        spent = node.wire.nonce()
        if "NONCE_EXPIRED" in faults:
            node.now += 121
        least = "9.0.0" if "CLIENT_TOO_OLD" in faults else "0.0.0"
        node.service.settings = dataclasses.replace(node.service.settings, policy=Policy(min_client=least))
        body = self.body(faults)
        nonce = node.wire.nonce()
        if "PROOF_REPLAYED" in faults:
            device.ask("GET", "/v1/devices", nonce=spent)
            nonce = spent
        if "NONCE_EXPIRED" in faults:
            nonce = old
        if "NONCE_REQUIRED" in faults:
            nonce = b64u(bytes(41))
        headers = [
            ("Epochly-Proof", self.proof(faults, body, nonce)),
            ("Content-Type", "text/plain" if "MEDIA_TYPE" in faults else "application/json"),
        ]
        query = b"token=x" if "SECRET_IN_QUERY" in faults else b""
        answer = node.wire.send("POST", PATH, body, headers, query=query)
        assert "epochly-nonce" in answer.headers
        return answer.code

    def body(self, faults):
        """The bytes of the body."""
        said = {
            "device_id": self.device.device_id,
            "fp": {"digest": self.device.digest, "v": 1},
            "ik": self.used if "IDEMPOTENCY_MISMATCH" in faults else ik(),
        }
        if "FINGERPRINT_CHANGED" in faults:
            said["fp"]["digest"] = "cd" * 32
        if "IDEMPOTENCY_MISMATCH" in faults:
            said["reenrol"] = True
        if "DEVICE_NOT_FOUND" in faults:
            said["device_id"] = "dev_AAAAAAAAAAAAAAAAAAAAAA"
        if "SCHEMA" in faults:
            said["ik"] = 7
        if "FP_FORMAT" in faults:
            said["fp"]["v"] = 2
        if "UNKNOWN_FIELD" in faults:
            said["colour"] = "red"
        if "MALFORMED" in faults:
            return jcs(said)[:-1] + b" " * (20_000 if "TOO_LARGE" in faults else 0)
        return jcs(said) + b" " * (20_000 if "TOO_LARGE" in faults else 0)

    def proof(self, faults, body, nonce):
        """The proof of the request."""
        device = Device(self.node.wire) if "KEY_UNKNOWN" in faults else self.device
        changed = {
            "htu": URL + "/v1/devices" if "PROOF_MISMATCH" in faults else URL + PATH,
            "cn": None if "MALFORMED proof" in faults else b64u(bytes(16)),
            "seq": self.device.seq - 1 if "DEVICE_CLONED" in faults else self.device.seq,
        }
        if "PROOF_INVALID" not in faults:
            return device.proof("POST", PATH, body, nonce=nonce, **changed)
        claims = {"kid": device.kid} | changed
        stranger = Device(self.node.wire)
        return stranger.proof("POST", PATH, body, nonce=nonce, **claims)


def test_of_several_faults_the_first_is_told(node):
    """A request with a fault and all that come after it is refused for the first; each fault alone is told too."""
    faulty = Faulty(node)
    for place, fault in reversed(list(enumerate(ORDER))):
        assert faulty.code(set(ORDER[place:])) == fault.partition(" ")[0], fault


def test_a_spent_nonce_stays_spent_whatever_became_of_its_request(node):
    """A request that is refused, or fails inside, has used its nonce up; one whose proof is wrong has not."""
    key, license_id = node.issue()
    device = node.enrolled(key)

    def twice(**changed):
        nonce = node.wire.nonce()
        said = {"device_id": device.device_id, "fp": {"digest": device.digest, "v": 1}, "ik": ik()}
        return [device.ask("POST", PATH, said | changed, nonce=nonce).code for _ in range(2)]

    assert twice(device_id="dev_AAAAAAAAAAAAAAAAAAAAAA") == ["DEVICE_NOT_FOUND", "PROOF_REPLAYED"]
    node.set_license(license_id, status="suspended")
    assert twice() == ["LICENSE_SUSPENDED", "PROOF_REPLAYED"]
    node.set_license(license_id, status="active")
    nonce = node.wire.nonce()
    body = jcs({"ik": ik()})
    path = f"/v1/devices/{device.device_id}/heartbeat"
    for swapped in (jcs({"ik": ik()}), b""):
        headers = [
            ("Epochly-Proof", device.proof("POST", path, body, nonce=nonce)),
            ("Content-Type", "application/json"),
        ]
        assert node.wire.send("POST", path, swapped, headers).code in {"PROOF_MISMATCH", "MALFORMED"}
    headers = [
        ("Epochly-Proof", device.proof("POST", path, body, nonce=nonce)),
        ("Content-Type", "application/json"),
    ]
    assert node.wire.send("POST", path, body, headers).status == 200


@pytest.mark.parametrize(("place", "seat"), [("renewals.change", "node"), ("store.remember", "floating")])
def test_a_nonce_is_spent_even_where_its_transaction_fails(node, monkeypatch, place, seat):
    """Where everything of a request is undone, the use of its nonce is not, be it at once or the long way."""
    device = node.enrolled(node.issue(seat=seat)[0])
    nonce = node.wire.nonce()
    path = f"/v1/devices/{device.device_id}/heartbeat"
    before = node.device(device.device_id)

    def fail(*_, **__):
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(f"epochly_service.{place}", fail)
        assert device.ask("POST", path, {"ik": ik()}, nonce=nonce).code == "INTERNAL"
    assert node.device(device.device_id) == before
    assert device.ask("POST", path, {"ik": ik()}, nonce=nonce).code == "PROOF_REPLAYED"
    assert device.heartbeat().status == 200


def test_a_proof_is_good_for_one_key_one_method_one_address_and_one_body(node):
    """Swapping key, method, path, body or base URL under a proof is refused, each with its own code."""
    device, other = node.enrolled(node.issue()[0]), node.enrolled(node.issue()[0])
    path = f"/v1/devices/{device.device_id}/heartbeat"
    body = {"ik": ik()}
    for changed, code in (
        ({"htm": "DELETE"}, "PROOF_MISMATCH"),
        ({"htu": URL + f"/v1/devices/{other.device_id}/heartbeat"}, "PROOF_MISMATCH"),
        ({"htu": URL + path + "?x"}, "MALFORMED"),
        ({"htu": "https://elsewhere.test" + path}, "PROOF_MISMATCH"),
        ({"htu": URL.upper() + path}, "MALFORMED"),
        ({"bdg": "0" * 64}, "PROOF_MISMATCH"),
        ({"kid": other.kid}, "PROOF_INVALID"),
        ({"pub": b64u(device.pub)}, "MALFORMED"),
        ({"seq": -1}, "MALFORMED"),
        ({"seq": True}, "MALFORMED"),
        ({"typ": "epochly-rekey+v1"}, "MALFORMED"),
    ):
        assert device.ask("POST", path, body, **changed).code == code, changed
    stranger = Device(node.wire)
    key, _ = node.issue()
    assert stranger.ask("POST", "/v1/devices", stranger.machine(license_key=key)).code == "MALFORMED"
    shown = stranger.machine(license_key=key)
    assert stranger.ask("POST", "/v1/devices", shown, pub=True, kid=device.kid).code == "KEY_UNKNOWN"
    assert stranger.ask("POST", "/v1/devices", shown, pub=True, colour="red").code == "MALFORMED"


def test_a_request_with_two_proofs_or_none_is_refused(node):
    """Which of two proofs counts is not guessed, and no proof is no nonce."""
    device = node.enrolled(node.issue()[0])
    proofs = [("Epochly-Proof", device.proof("GET", "/v1/devices")) for _ in range(2)]
    assert node.wire.send("GET", "/v1/devices", b"", proofs).code == "MALFORMED"
    assert node.wire.send("GET", "/v1/devices").code == "NONCE_REQUIRED"
    assert node.wire.send("GET", "/v1/devices", b"", [("Epochly-Proof", "A" * 9_000)]).code == "TOO_LARGE"
    assert node.wire.send("GET", "/v1/devices", b"", [("Epochly-Proof", "v4.public.é")]).code == "MALFORMED"
    token = signed(device.key, "epochly-proof+v1", {}, footer=b"{}")
    assert node.wire.send("GET", "/v1/devices", b"", [("Epochly-Proof", token)]).code == "MALFORMED"
