"""Telemetry from end to end: a real accelerated program, the real service in a process of its own, TLS between them, and everything on the way seen."""

from __future__ import annotations

import base64
import json
import re
import shutil
import string
from itertools import product

import pytest
from licensed import Machine, on_a_road, split
from programs import FASTER, HOT, UNTIL

from epochly.telemetry.batch import Sender, batches

PROGRAM = (
    FASTER
    + HOT
    + UNTIL
    + """
epochly.threads(str, range(5))
until(lambda: busy(0.3) or {"jit", "worker", "compatibility"} <= received())
"""
)
BEATS = """
hot(5)
from epochly._forks import watched
until(lambda: watched()[0]._due[-1] > time.monotonic() + 30)
"""
LETTERS = string.ascii_letters + string.digits + "-_"
SHORTEST = 8  # bytes that two requests may have in common, but for what all of a version have


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service of this file's own, on whose road nobody else passes."""
    with on_a_road(tmp_path_factory.mktemp("service") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def told(service, tmp_path_factory):
    """A machine that has a licence and ran the program, and the requests of both that passed."""
    machine = Machine(service, tmp_path_factory.mktemp("machine"), "runner")
    machine.environ |= {"EPOCHLY_MODE": "aggressive", "EPOCHLY_MAX_WORKERS": "4", "EPOCHLY_CACHE": "0"}
    machine.activate(service.issue()[0])
    code, out, err = machine.start("-c", PROGRAM)
    assert (code, out) == (0, "")
    assert err.count("counts how it fares") == 1
    machine.passed = list(service.road.passed)
    return machine


def of(machine, part):
    """Requests and answers on the way to a part of the service."""
    return [(request, answer) for request, answer in machine.passed if part in request.split(b"\r\n", 1)[0]]


def test_what_a_program_did_arrives(told):
    """Its start, its functions' places, how compiling ended, its pool: received, each batch with a receipt that the log holds."""
    sent = of(told, b"/v1/telemetry/")
    assert len(sent) >= 2
    assert all(split(answer)[0].startswith(b"HTTP/1.1 200") for _, answer in sent)
    events = [event for request, _ in sent for event in json.loads(split(request)[1])["events"]]
    assert {"session_start", "routing_decision", "jit", "workload"} <= {event["e"] for event in events}
    assert {event["tier"] for event in events if event["e"] == "session_start"} == {"professional"}
    assert "compiled" in {event["outcome"] for event in events if event["e"] == "jit"}
    code, out, err = told.here("telemetry", "verify")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"\d+ lines, {len(sent)} batches, {len(sent)} receipts: the log is whole\n", out)
    code, out, _ = told.here("telemetry", "show")
    assert [line.encode() for line in out.splitlines()] == [split(request)[1] for request, _ in sent]


def test_a_changed_byte_in_the_log_is_found(told, tmp_path):
    """`verify` names the first line that is not what it was."""
    copy = tmp_path / "state"
    shutil.copytree(told.state, copy)
    other = Machine(Place(told), copy, "runner")
    (log,) = (path for path in copy.rglob("*.ndjson"))
    data = log.read_bytes()
    log.write_bytes(data.replace(b"session_start", b"session_starT", 1))
    code, out, err = other.here("telemetry", "verify")
    assert (code, out) == (1, "")
    assert f"{log.name}, line 1: holds no batch" in err


class Place:
    """The variables of a machine's service, without those of the machine."""

    def __init__(self, machine):
        names = ("EPOCHLY_API_URL", "EPOCHLY_ROOT_KEY", "SSL_CERT_FILE")
        self.environ = {name: machine.environ[name] for name in names}


def pieces(*texts):
    """All that is `SHORTEST` bytes long in them, and in what base64url in them holds."""
    found = set()
    for text in texts:
        runs = re.findall(rb"[A-Za-z0-9_-]{24,}", text)
        inner = [base64.urlsafe_b64decode(run + b"=" * (-len(run) % 4)) for run in runs if len(run) % 4 != 1]
        for each in (text, *inner):
            found |= {each[place : place + SHORTEST] for place in range(len(each) - SHORTEST + 1)}
    return found


def test_telemetry_and_licence_share_nothing(told):
    """No 8 bytes in a row are in requests of both, but for what any other machine with this version would send; and no connection is."""
    telemetry = [request for request, _ in of(told, b"/v1/telemetry/")]
    licence = [request for request, _ in told.passed if request not in telemetry]
    assert licence
    assert telemetry
    for request in telemetry:  # one connection each, and no header but those of every request
        names = {line.split(b":")[0] for line in split(request)[0].split(b"\r\n")[1:]}
        assert names == {
            b"Host", b"User-Agent", b"Accept", b"Accept-Encoding", b"Connection", b"Content-Length", b"Content-Type",
        }  # fmt: skip
    told_of_it = [
        line
        for request in licence
        for line in split(request)[0].split(b"\r\n")
        if line.startswith(b"Epochly-Proof")
    ]
    paths = [request.split(b" ")[1] for request in licence]
    one = pieces(*(split(request)[1] for request in licence), *told_of_it, *paths)
    body = json.loads(split(telemetry[0])[1])
    other = Sender("A" * 16, "B" * 16, body["epochly"], body["python"], body["os"], body["arch"])
    two = {("gpu", True, each): 1 for each in (True, False)}
    of_anybody = [made for seq in range(60) for _, made in batches(two, body["lost"], other, 1, seq)]
    # a `session` ends with any two letters, and where a fingerprint's digest ends so, `","v":1` follows it too: 1 run in 64
    of_anybody += [f'{last}{after}","v":1}}'.encode() for last, after in product(LETTERS, repeat=2)]
    assert one & pieces(*(split(request)[1] for request in telemetry)) - pieces(*of_anybody) == set()
    assert len(one) > 1_000


# What other tools look for in texts, written down from Sentry's Relay (its rules `@ip`, `@mac`, `@email`, `@userpath`, `@uuid`, `@creditcard`)
# and from detect-secrets (keys, and runs of base64 and hex that are as good as random): judges that know nothing of ours.
DETECTORS = {
    "ip": r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b",
    "ipv6": r"(?i)(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{1,4}|::[0-9a-f]{1,4}",
    "mac": r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b|\b(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}\b",
    "email": r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+",
    "userpath": r"(?i)(?:[a-z]:)?[\\/]+(?:users|home|documents and settings|root|tmp|var)[\\/]",
    "uuid": r"(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b",
    "creditcard": r"\b(?:\d[ -]?){13,19}\b",
    "key": r"AKIA[0-9A-Z]{16}|gh[pousr]_\w{20}|eyJ[\w-]{10}|-----BEGIN|elk_|EPOCHLY-|dev_|lic_|acc_",
    "random": r"[A-Za-z0-9+/_-]{20,}",
}


def test_other_detectors_find_nothing(told):
    """What other tools take for personal or secret is in no body that was sent."""
    for request, _ in of(told, b"/v1/telemetry/"):
        body = split(request)[1].decode()
        assert {
            name: re.findall(rule, body) for name, rule in DETECTORS.items() if re.search(rule, body)
        } == {}


def test_the_days_root_is_asked_for_after_the_day(told, service):
    """On the same day nothing can be said yet; the command says that, and asks for no more than digests."""
    service.road.passed.clear()
    code, out, err = told.here("telemetry", "verify", "--online")
    assert (code, err) == (0, "")
    assert re.search(
        r"^0 batches are in the published roots of their days, \d+ not told yet, 0 are not$",
        out,
        re.MULTILINE,
    )
    assert all(re.fullmatch(r"GET /v1/telemetry/proofs/[0-9a-f]{64}", line) for line in service.road.lines())


def test_lens_has_signs_of_life_of_who_asked_for_it(service, tmp_path):
    """With a key of the account and the opt-in, a host is there by its hash; without the opt-in nothing is asked; a revoked key is no key."""
    if not service.has_customer:
        service.issue()
    issued = service.admin("lens-key", "add", "Northwind")
    text = json.dumps(issued)
    key, key_id = re.search(r"elk_[\w-]{43}", text)[0], re.search(r"lnk_[\w-]{22}", text)[0]
    machine = Machine(service, tmp_path / "lens")
    assert machine.here("lens", "login", typed=key)[0] == 1
    machine.environ["EPOCHLY_TELEMETRY_OPT_IN"] = "1"
    code, out, err = machine.here("lens", "login", typed=key)
    assert (code, key in out + err) == (0, False), err
    service.road.passed.clear()
    code, _, _ = machine.start("-c", FASTER + HOT + UNTIL + BEATS)
    assert code == 0
    beats = [request for request, _ in service.road.passed if b"/v1/lens/heartbeat" in request]
    assert len(beats) == 1
    assert set(json.loads(split(beats[0])[1])) == {"v", "host", "version", "pid", "uptime_s"}
    assert f"Authorization: Bearer {key}".encode() in beats[0]
    assert all(
        b"Authorization" not in request for request, _ in service.road.passed if b"/v1/lens/" not in request
    )
    service.admin("lens-key", "revoke", key_id)
    code, out, _ = machine.here("lens", "status")
    assert "does not know the key" in out
