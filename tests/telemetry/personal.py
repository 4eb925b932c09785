"""Somebody's machine, made up: what is known of it, the ways in which it could slip into a text, ways to write that down; and events that are clean."""

from __future__ import annotations

import base64
import json
import unicodedata
from urllib.parse import quote

from epochly.telemetry import events
from epochly.telemetry.tripwire import Known

SLASH = "/"  # what is committed here names no folder of anybody's
HOME = f"{SLASH}home{SLASH}alice"
MAC = bytes.fromhex("001a2b3c4d5e")
KNOWN = Known(
    users=("alice", "Alice Müller-Sørensen", "jörg"),
    homes=(HOME, "C:\\Users\\alice"),
    hosts=("zeus-laptop", "zeus-laptop.corp.example", "büro.example"),
    folders=(f"{HOME}/secretproject", "/opt/venvs/secretproject-env"),
    emails=("alice.m@example.com",),
    macs=(MAC,),
    addresses=("10.1.2.3", "2001:db8:dead::7", "fe80::21a:2bff:fe3c:4d5e"),
)

SHAPES = [  # (what it is, the text): each gives somebody away
    # paths
    ("a path of POSIX", f"{HOME}/project/main.py"),
    ("a path of macOS", f"{SLASH}Users/alice/Library"),
    ("a path of Windows", "C:\\Users\\alice\\Desktop"),
    ("the same as JSON has it", "C:\\\\Users\\\\alice\\\\Desktop"),
    ("the same, the other way", f"C:{SLASH}Users/alice/Desktop"),
    ("a share", "\\\\fileserver\\share\\alice"),
    ("a share of somebody else's", "\\\\host\\share\\user"),
    ("a path in percent signs", "%2Fhome%2Falice"),
    ("and once more", "%252Fhome%252Falice"),
    ("a home by its tilde", "~alice"),
    ("a home's file", "~/project/x.py"),
    ("the home of root", f"{SLASH}root"),
    ("below it", f"{SLASH}root/.ssh/id_rsa"),
    ("a home on a server", "/nfs/homes/alice"),
    ("data somewhere", "/data/alice"),
    ("a temporary folder of macOS", "/private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T"),
    ("a path in base64", base64.b64encode(HOME.encode()).decode()),
    ("with something before it", base64.b64encode(b"x" + HOME.encode()).decode()),
    ("and some more", base64.b64encode(b"xy" + HOME.encode()).decode()),
    ("for addresses", base64.urlsafe_b64encode(HOME.encode() + b"/\xff\xfe?").decode()),
    ("a path in hex", HOME.encode().hex()),
    ("a path of WSL", "/mnt/c/Users/alice"),
    ("a short name", "C:\\Users\\ALICEM~1\\x"),
    ("the environment's folder", "/opt/venvs/secretproject-env/bin/python"),
    ("the project's name", "No module named secretproject"),
    ("a location of a file", f"file://{HOME}/x"),
    ("a traceback's line", f'File "{HOME}/x.py", line 3, in main'),
    # people
    ("an e-mail address", "alice.m@example.com"),
    ("of somebody else", "bob@elsewhere.example"),
    ("in percent signs", "alice.m%40example.com"),
    ("on this machine", "alice@localhost"),
    ("in wide letters", "alice.m\uff20example.com"),
    ("with a plus", "someone+tag@example.org"),
    ("in quotes", '"very odd"@example.org'),
    ("with letters of another country", "jörg@büro.example"),
    ("with something invisible", "alice.m\u200b@exam\u200bple.com"),
    ("the name alone", "alice"),
    ("in a sentence", "permission denied for user alice on tty"),
    ("as a part of a word", "myalicebackup"),
    ("in capitals", "ALICE"),
    ("with accents apart", unicodedata.normalize("NFD", "jörg")),
    ("without accents", "jorg"),
    ("as bytes", repr("jörg".encode())),
    ("as escapes", json.dumps("jörg")),
    ("the whole name", "Alice Müller-Sørensen"),
    ("with something invisible in it", "al\u200bi\u00adce"),
    ("in wide letters, alone", "\uff41\uff4c\uff49\uff43\uff45"),
    # the host
    ("the host", "zeus-laptop"),
    ("all of its name", "zeus-laptop.corp.example"),
    ("in capitals, the host", "ZEUS-LAPTOP"),
    ("in a sentence, the host", "cannot reach zeus-laptop:8080"),
    ("as a resolver writes it", "xn--bro-hoa.example"),
    # addresses
    ("an address", "10.1.2.3"),
    ("of another machine", "192.168.77.1"),
    ("as a number", str(0x0A010203)),
    ("in a location", f"http://{0x0A010203}/"),
    ("in the name of a machine in a cloud", "ip-10-1-2-3"),
    ("in a word", "node10.1.2.3x"),
    ("backwards", "3.2.1.10.in-addr.arpa"),
    ("of version 6", "2001:db8:dead::7"),
    ("in full", "2001:0db8:dead:0000:0000:0000:0000:0007"),
    ("of version 6, elsewhere", "fe80::1%eth0"),
    ("of version 4 in 6", "::ffff:10.1.2.3"),
    # hardware
    ("a hardware address", "00:1a:2b:3c:4d:5e"),
    ("with dashes", "00-1A-2B-3C-4D-5E"),
    ("as Cisco writes it", "001a.2b3c.4d5e"),
    ("bare", "001a2b3c4d5e"),
    ("with blanks", "00 1a 2b 3c 4d 5e"),
    ("as a number, as Python has it", str(int.from_bytes(MAC, "big"))),
    ("as EUI-64", "02:1a:2b:ff:fe:3c:4d:5e"),
    ("in an address of version 6", "fe80::21a:2bff:fe3c:4d5e"),
    ("as bytes, the hardware's", repr(MAC)),
    ("in base64, the hardware's", base64.b64encode(MAC).decode()),
    # keys
    ("a key of a cloud", "AKIAIOSFODNN7EXAMPLE"),
    ("a token of a forge", "ghp_0123456789abcdefghij0123456789abcdef"),
    ("a licence key", "EPOCHLY-ABCDE-FGHJK-MNPQR-STVWX-YZ012"),
    ("a random identifier", "550e8400-e29b-41d4-a716-446655440000"),
    ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
    ("a token of the web", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.x"),
]


def _each(text, write):
    return "".join(map(write, text))


ENCODERS = {  # ways to write the same down, from which it can be read again
    "percent": lambda text: quote(text, safe=""),
    "percent all": lambda text: _each(text, lambda each: "".join(f"%{byte:02X}" for byte in each.encode())),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "json all": lambda text: "".join(
        f"\\u{unit:04x}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "repr of bytes": lambda text: repr(text.encode()),
    "hex escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "backslashes": lambda text: text.replace("/", "\\"),
    "slashes": lambda text: text.replace("\\", "/"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, second phase": lambda text: base64.b64encode(b"q" + text.encode()).decode(),
    "base64, third phase": lambda text: base64.b64encode(b"qx" + text.encode()).decode(),
    "base64 of utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 for locations": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "nfd": lambda text: unicodedata.normalize("NFD", text),
    "nfkd": lambda text: unicodedata.normalize("NFKD", text),
    "wide": lambda text: _each(text, lambda each: chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each),
    "invisible": "\u200b".join,
    "in a sentence": lambda text: f"could not open {text} now",
}
WITHOUT_CASE = {
    "capitals": str.upper,
    "small": str.lower,
    "no capitals": str.casefold,
}  # read again only at the end


def any_event(rng):
    """A clean event, any one of them."""
    name = rng.choice(list(events.EVENTS))
    made = {"e": name, "v": events.EVENTS[name].version, "n": rng.randint(1, 10**9)}
    for field in events.EVENTS[name].fields:
        made[field.name] = (
            rng.choice(field.of)
            if field.of
            else bool(rng.getrandbits(1))
            if field.kind == "flag"
            else rng.randint(field.least, field.most)
        )
    return made
