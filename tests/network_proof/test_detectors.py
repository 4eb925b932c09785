"""What other people's detectors say of what left a machine with every opt-in on: Presidio's patterns, scrubadub, detect-secrets.

They have an environment of their own (`make test-detectors`), and are asked in a network with nothing in it: one of them looks for the
world when it meets an e-mail address, and is therefore a planted leak here too. Each has to find what is planted in these very payloads.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from linux import net_audit, on_linux, require, without_network
from test_canaries import scene  # noqa: F401 - the machine whose payloads are judged
from test_controls import far, static  # noqa: F401 - the same rules about source

from epochly.net.endpoints import ENDPOINTS
from epochly.telemetry.events import ARCH, EVENTS, OS
from epochly.telemetry.kinds import words_of

pytestmark = [pytest.mark.detectors, on_linux]
JUDGES = Path(__file__).parent / "judges.py"
# What a pattern for papers of some country makes of this is chance, and each place is named. These kinds are never chance: they have signs
# or check digits that nothing in a payload has.
NEVER_CHANCE = {
    "CREDIT_CARD", "CRYPTO", "DATE_TIME", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS", "PHONE_NUMBER", "URL", "UUID",
}  # fmt: skip
MEMBERS = {"arch", "day", "epochly", "events", "install", "lost", "os", "python", "seq", "session"}
WORDS = words_of(EVENTS) | MEMBERS | {*ARCH, *OS}
PROOF = re.compile(r"v4\.public\.[A-Za-z0-9_-]{200,}")  # a token, in which `v4.pub` is no host
SECRETS = {"Base64 High Entropy String", "Hex High Entropy String"}
HEADERS = {"User-Agent", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Authorization"}
PLANTED = [  # (what, who has to find it, as which kind)
    ("bob@elsewhere.com", "presidio", "EMAIL_ADDRESS"),
    ("192.168.77.1", "presidio", "IP_ADDRESS"),
    ("2001:db8:85a3::8a2e:370:7334", "presidio", "IP_ADDRESS"),
    ("02:de:ad:be:ef:07", "presidio", "MAC_ADDRESS"),
    ("+1 650 253 0000", "presidio", "PHONE_NUMBER"),
    ("4111 1111 1111 1111", "presidio", "CREDIT_CARD"),
    ("DE89370400440532013000", "presidio", "IBAN_CODE"),
    ("https://elsewhere.com/alice", "presidio", "URL"),
    ("550e8400-e29b-41d4-a716-446655440000", "presidio", "UUID"),
    ("536-90-4399", "presidio", "US_SSN"),
    ("bob@elsewhere.com", "scrubadub", "email"),
    ("+1 650 253 0000", "scrubadub", "phone"),
    ("card 4111111111111111", "scrubadub", "credit_card"),
    ("536-90-4399", "scrubadub", "social_security_number"),
    ("https://elsewhere.com/alice", "scrubadub", "url"),
    ("username: alice password: hunter2z", "scrubadub", "credential"),
    ("AKIAIOSFODNN7EXAMPLF", "detect-secrets", "AWS Access Key"),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "detect-secrets", "GitHub Token"),
    ("c3VwZXIgbG9uZyBzdHJpbmcgc2hvdWxkIGNhdXNlIGVub3VnaCBlbnRyb3B5", "detect-secrets", "Base64 High Entropy String"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----", "detect-secrets", "Private Key"),
]  # fmt: skip
LOOKS_OUTSIDE = """
from presidio_analyzer.predefined_recognizers import EmailRecognizer
from tldextract.tldextract import PUBLIC_SUFFIX_LIST_URLS
print(*PUBLIC_SUFFIX_LIST_URLS)
assert EmailRecognizer().analyze("mail bob@elsewhere.com now", ["EMAIL_ADDRESS"], None)
"""


def their_python():
    """The interpreter of the detectors' environment."""
    named = os.environ.get("DETECTORS", "")
    if not named or subprocess.run([named, "-c", "import presidio_analyzer"], check=False).returncode:
        pytest.fail("`DETECTORS` names no Python that has the detectors; hint: `make test-detectors`")
    return named


def judged(texts, folder):
    """What all judges find in each text: [(judge, kind, excerpt, where it begins)]."""
    done = subprocess.run(
        [*without_network(), their_python(), str(JUDGES)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TLDEXTRACT_CACHE": str(folder / "cache")},
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def findings(scene, tmp_path_factory):  # noqa: F811 - the fixture of that name
    """What the judges say, with the text of which: requests of telemetry and Lens, those for the licence, and a batch with something planted."""
    texts = [request.decode("latin-1").replace("\r\n", "\n") for request in scene["passed"]]
    told = [text for text in texts if re.match(r"\w+ /v1/(telemetry|lens)/", text)]
    licence = [text for text in texts if text not in told]
    (batch, *_) = (text for text in told if '"why":"hot"' in text)
    planted = [batch.replace('"why":"hot"', f'"why":"{text}"') for text, _, _ in PLANTED]
    every = [*told, *licence, *planted]
    found = list(zip(every, judged(every, tmp_path_factory.mktemp("judges")), strict=True))
    first, second = len(told), len(told) + len(licence)
    return SimpleNamespace(told=found[:first], licence=found[first:second], planted=found[second:])


def place(text, start, excerpt):
    """Where a finding stands: the line, the member of the body, and the whole word that it is in."""
    line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
    before, after = (
        re.search(r"[\w.-]*\Z", text[:start])[0],
        re.match(r"[\w.-]*", text[start + len(excerpt) :])[0],
    )
    name = re.search(r'"(\w+)":"?\Z', text[: start - len(before)])
    return line, name[1] if name else "", before + excerpt + after


def is_chance(text, kind, excerpt, start):
    """Whether a finding is nothing of anybody's, by where it stands. Presidio's patterns for papers are as weak as "five digits"."""
    line, name, word = place(text, start, excerpt)
    if kind in NEVER_CHANCE:
        return False
    if word in HEADERS and line.startswith(f"{word}: "):  # ten letters, as a number for taxes in India
        return True
    if word in WORDS:  # the same: `aggressive`, where four digits follow somewhere
        return True
    if word == "v1":  # a letter and a digit, as a driver's licence: the version in the path
        return text.partition("\n")[0].split(" ")[1].startswith("/v1/")
    if (
        line == f"Host: localhost:{word}"
    ):  # five digits, as a town in Germany: the port that this test's service has
        return word.isdigit()
    if name in {"session", "install"}:  # letters within an id of 12 random bytes, which nobody chose
        return re.fullmatch(r"[A-Za-z0-9_-]{16}", word) is not None
    if name in {"day", "pid", "uptime_s"}:  # a number that the specification has there, five digits again
        return word.isdigit() and len(word) < 8
    if name == "host":  # Lens' HMAC of the host's name under a random salt
        return re.fullmatch(r"[0-9a-f]{32}", word) is not None
    if line.startswith("GET /v1/telemetry/proofs/"):  # within the digest of a batch that was sent before
        return re.fullmatch(r"[0-9a-f]{64}", word) is not None
    return line == f"Authorization: Bearer {word}"  # the key for Lens that the operator gave: 32 random bytes


def test_each_judge_finds_what_is_planted(findings):
    """The control: e-mail, addresses, hardware, telephone, cards, keys in the place of a word of a real batch, each found by its judge."""
    for (text, judge, kind), (payload, found) in zip(PLANTED, findings.planted, strict=True):
        mine = [each for each in found if each[:2] == [judge, kind]]
        assert mine, (text, found)
        assert not any(is_chance(payload, kind, *each[2:]) for each in mine), "and is not taken for chance"


def test_judges_find_nothing_in_telemetry(findings):
    """Of all that telemetry and Lens sent, heads too, no judge finds anything; where a pattern is met by chance, it is one of these places."""
    wrong = []
    for text, found in findings.told:
        for judge, kind, excerpt, start in found:
            is_lens = kind == "Hex High Entropy String" and place(text, start, excerpt)[1] == "host"
            if not (judge == "presidio" or is_lens) or not is_chance(text, kind, excerpt, start):
                wrong.append((judge, kind, excerpt))
    assert wrong == []
    asked = {text.split(" ")[1] for text, _ in findings.told}
    names = ("metrics", "critical-events", "compatibility-reports", "lens-account", "lens-heartbeat")
    assert asked >= {ENDPOINTS[name].path for name in names}


def test_judges_find_nobody_in_what_a_licence_sends(findings):
    """No e-mail, address, hardware, telephone, card or account there either; secrets are that class' own: key, proofs, random ids."""
    wrong = []
    for text, found in findings.licence:
        for judge, kind, excerpt, start in found:
            _, name, word = place(text, start, excerpt)
            is_node = (
                kind == "UUID" and name == "node_id" and word == excerpt
            )  # random, made by this installation
            is_proof = kind == "URL" and excerpt == "v4.pub" and PROOF.fullmatch(word) is not None
            is_secret = judge == "detect-secrets" and kind in SECRETS
            if not (is_node or is_proof or is_secret or (judge == "presidio" and kind not in NEVER_CHANCE)):
                wrong.append((judge, kind, excerpt))
    assert wrong == []
    assert len(findings.licence) >= 12


def test_a_judge_that_looks_outside_is_caught(tmp_path, static):  # noqa: F811
    """Presidio's e-mail recogniser asks two hosts for a list when it meets an address: the kernel sees it and the hooks name it, source does not."""
    require(["strace", "-f", "-o", os.devnull])
    (tmp_path / "app.py").write_text(LOOKS_OUTSIDE)
    done = subprocess.run(
        [
            *without_network(),
            *net_audit(tmp_path / "report", "--by", "both"),
            their_python(),
            str(tmp_path / "app.py"),
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "TLDEXTRACT_CACHE": str(tmp_path / "cache"),
            "RES_OPTIONS": "timeout:1 attempts:1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    report = json.loads((tmp_path / "report").read_text("utf-8"))
    hosts = {url.split("/")[2] for url in done.stdout.split()}
    assert len(hosts) == 2
    assert static(LOOKS_OUTSIDE) is False
    assert {each["name"] for each in report["asked"]} == hosts
    assert all("tldextract.cache" in each["code"] for each in report["asked"])
    uses = far(report)
    assert uses
    assert all(each["failed"] == each["count"] for each in uses)  # in there nothing is reached
    assert not report["verdict"]["text"].startswith("nothing left")
