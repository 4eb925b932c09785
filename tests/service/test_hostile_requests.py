"""Requests that no client sends: each is refused with its documented code, quickly, and with nothing of it repeated or kept."""

from __future__ import annotations

import dataclasses
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from node import Node
from sqlalchemy import delete
from test_access import kept
from wire import Device, b64u, ik, jcs

from epochly_service import nonces, schema
from epochly_service.encoding import unb64u
from epochly_service.engines import open_database
from epochly_service.nonces import NonceState

FILE = Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
REQUEST = VECTORS["request"]
PROOF, REKEY = "epochly-proof+v1", "epochly-rekey+v1"
VALIDATE = "/v1/license/validate"
CODES = {"malformed": (400, "MALFORMED"), "key": (401, "KEY_UNKNOWN"), "signature": (401, "PROOF_INVALID")}
LIMIT = 16_384  # bytes of a body, section 5
METHODS = {
    "GET",
    "POST",
    "DELETE",
    "PUT",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "QUERY",
    "get",
    "X" * 400,
}


@contextmanager
def node_in(folder, template):
    """A node over a SQLite file of its own."""
    shutil.copy(template, folder / "hostile.db")
    database = open_database(f"sqlite:///{folder}/hostile.db")
    made = Node(database, folder / "data")
    yield made
    made.close()
    database.close()


@pytest.fixture(scope="module")
def node(sqlite_template, tmp_path_factory):
    """One node for all: none of this gets as far as to an engine, or leaves anything behind."""
    with node_in(tmp_path_factory.mktemp("hostile"), sqlite_template) as made:
        yield made


def each(place, typ):
    """The vectors of a type, by what is said of them."""
    found = [vector for vector in VECTORS[place] if vector["typ"] == typ]
    return pytest.mark.parametrize(
        "vector", found, ids=[vector.get("name") or vector["reason"] for vector in found]
    )


def addresses(node):
    """(method, path) of all that is published, and the devices in paths made up."""
    paths = node.wire.send("GET", "/openapi.json").json["paths"]
    return [
        (method.upper(), path.replace("{device_id}", "dev_AAAAAAAAAAAAAAAAAAAAAA"))
        for path, operations in paths.items()
        for method in operations
    ]


# --- proofs of every kind in the vectors


@pytest.fixture(scope="module")
def vectors_node(sqlite_template, tmp_path_factory):
    """A node under the URL and with the devices' keys of the vectors."""
    with node_in(tmp_path_factory.mktemp("vectors"), sqlite_template) as made:
        assert REQUEST["url"] == "https://api.epochly.com" + VALIDATE
        url = "https://api.epochly.com"
        made.service.settings = dataclasses.replace(made.service.settings, public_url=url)
        for name in VECTORS["known"][PROOF]:
            key = VECTORS["keys"][name]
            made.service._known[key["kid"]] = key["pub"]
        yield made


@pytest.fixture
def known(vectors_node, monkeypatch):
    """That node, to which the nonces of the vectors are its own and good."""
    monkeypatch.setattr("epochly_service.proofs.nonces.judge", lambda *_: NonceState.GOOD)
    vectors_node.database.write(lambda conn: conn.execute(delete(schema.pop_replay)))
    return vectors_node


def sent(node, proof, *, shows_key=False):
    """The request that the first proof of the vectors is for, or one whose proof has to show its key."""
    headers = [("Epochly-Proof", proof), ("Content-Type", "application/json")]
    if shows_key:
        return node.wire.send("POST", "/v1/trial", jcs(Device(node.wire).machine()), headers)
    return node.wire.send("POST", VALIDATE, REQUEST["body"].encode(), headers)


@each("bad", PROOF)
def test_a_bad_proof_has_its_code(known, vector):
    """Each proof of the vectors that is wrong is told so by its documented code, and nothing of it is kept."""
    before = kept(known)
    answer = sent(known, vector["token"], shows_key="`pub`" in vector["reason"])
    expected = CODES[vector["error"]] if vector["token"] else (401, "NONCE_REQUIRED")
    assert (answer.status, answer.code) == expected
    assert kept(known) == before


@each("good", PROOF)
def test_a_good_proof_is_good_for_its_request_alone(known, vector):
    """The proof of this request gets through to the device, which is not there; one for another is a mismatch."""
    matches = vector["claims"]["htm"] == "POST" and "pub" not in vector["claims"]
    expected = "KEY_UNKNOWN" if matches else "MALFORMED" if "pub" in vector["claims"] else "PROOF_MISMATCH"
    answer = sent(known, vector["token"])
    assert answer.code == expected
    if matches:  # and not a second time
        assert sent(known, vector["token"]).code == "PROOF_REPLAYED"


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/trial", "/v1/transfer"])
def test_a_key_of_small_order_cannot_be_registered(known, path):
    """A proof that verifies because its key is one for which everything does is malformed wherever a key is shown."""
    device = Device(known.wire)
    body = device.machine()
    if path != "/v1/trial":
        body["license_key"] = known.issue()[0]
    if path == "/v1/transfer":
        body["from_device_id"] = "dev_AAAAAAAAAAAAAAAAAAAAAA"
    weak = [vector["token"] for vector in VECTORS["bad"] if "a `pub` of order" in vector.get("reason", "")]
    assert len(weak) == 14
    for token in weak:
        headers = [("Epochly-Proof", token), ("Content-Type", "application/json")]
        answer = known.wire.send("POST", path, jcs(body), headers)
        assert (answer.code, answer.json["detail"]) == (
            "MALFORMED",
            "the proof: its claim `pub` has not the right form",
        )


@each("bad", REKEY)
def test_a_bad_new_key_has_its_code(node, vector):
    """Each proof of a new key that is wrong is told so; what is no token at all is no body of that address."""
    device = node.enrolled(node.issue()[0])
    path, before = f"/v1/devices/{device.device_id}/rekey", kept(node)
    answer = device.ask("POST", path, {"ik": ik(), "new_proof": vector["token"]})
    expected = CODES[vector["error"]] if vector["token"].startswith("v4.public.") else (422, "SCHEMA")
    assert (answer.status, answer.code) == expected
    assert kept(node) == before


# --- queries, methods, bodies


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("license_key=EPOCHLY-AAAAA", "SECRET_IN_QUERY"),
        ("x=epochly-aaaaa", "SECRET_IN_QUERY"),
        ("LICENCE=1", "SECRET_IN_QUERY"),
        ("x=" + "ab" * 16, "SECRET_IN_QUERY"),
        ("x=" + "A_-9" * 10, "SECRET_IN_QUERY"),
        ("fp=1", "SECRET_IN_QUERY"),
        ("a=b&fp=1", "SECRET_IN_QUERY"),
        ("x=v4.public.AAAA", "SECRET_IN_QUERY"),
        ("%6cicense%5Fkey=1", "SECRET_IN_QUERY"),
        ("Epochly-Proof=1", "SECRET_IN_QUERY"),
        ("api+token=1", "SECRET_IN_QUERY"),
        ("access_credential", "SECRET_IN_QUERY"),
        ("page=2", "MALFORMED"),
        ("=", "MALFORMED"),
        ("&", "MALFORMED"),
        ("\xff", "MALFORMED"),
        ("a=" * 40_000, "MALFORMED"),
    ],
)
def test_a_query_is_refused_everywhere(node, query, code):
    """No address takes one; what looks like a secret is told so, before anything else is looked at, and is not repeated."""
    before = kept(node)
    for method, path in addresses(node):
        answer = node.wire.send(method, path, b"", [], query=query.encode("latin-1"))
        assert (answer.status, answer.code) == (400, code), (method, path)
        assert query not in answer.body.decode() or len(query) == 1
    assert kept(node) == before


def test_a_method_that_an_address_has_not_is_refused_with_those_it_has(node):
    """405 for every other method, whatever it is called, with what is published in `Allow`."""
    allowed = {}
    for method, path in addresses(node):
        allowed.setdefault(path, set()).add(method)
    for path, there in allowed.items():
        for method in METHODS - there:
            answer = node.wire.send(method, path)
            assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED"), (method, path)
            assert set(answer.headers["allow"].split(", ")) == there


def posted(node, device, body, *, media="application/json", more=()):
    """A validation with any body, and a proof over it."""
    proof = device.proof("POST", VALIDATE, body)
    headers = [("Epochly-Proof", proof), *([("Content-Type", media)] if media is not None else []), *more]
    return node.wire.send("POST", VALIDATE, body, headers)


def asked(device):
    """A good body."""
    return jcs({"device_id": device.device_id, "fp": {"digest": device.digest, "v": 1}, "ik": ik()})


def test_a_body_has_at_most_16_kib(node):
    """One byte more is refused before it is read, said or not; as many are read, and judged."""
    device = node.enrolled(node.issue()[0])
    full = b'{"' + b"a" * (LIMIT - 6) + b'":1}'
    assert len(full) == LIMIT
    assert posted(node, device, full).code in {"SCHEMA", "UNKNOWN_FIELD"}
    assert posted(node, device, full + b" ").code == "TOO_LARGE"
    for length in ("16385", "99999999999999999999", "-1", "1e3", "0x10", "", " ", "٣"):
        said = [("Content-Length", length)] if length.isascii() else [("Content-Length", "\xb2")]
        assert posted(node, device, asked(device), more=said).code == "TOO_LARGE"
    for method, path in addresses(node):
        assert node.wire.send(method, path, b"x" * (LIMIT + 1)).code == "TOO_LARGE"
        if method != "POST" or path == "/v1/nonce":
            assert node.wire.send(method, path, b"{}").code == "MALFORMED"


@pytest.mark.parametrize(
    ("media", "more", "code"),
    [
        ("application/json", (), 200),
        ("Application/JSON", (), 200),
        ("application/json; charset=utf-8", (), 200),
        ('application/json;charset="UTF-8"', (), 200),
        (None, (), "MEDIA_TYPE"),
        ("", (), "MEDIA_TYPE"),
        ("text/plain", (), "MEDIA_TYPE"),
        ("text/json", (), "MEDIA_TYPE"),
        ("application/json+x", (), "MEDIA_TYPE"),
        ("application/problem+json", (), "MEDIA_TYPE"),
        ("application/jsonp", (), "MEDIA_TYPE"),
        ("multipart/form-data; boundary=x", (), "MEDIA_TYPE"),
        ("application/json; charset=utf-16", (), "MEDIA_TYPE"),
        ("application/json; charset=utf-8; x=y", (), "MEDIA_TYPE"),
        ("application/json", (("Content-Encoding", "gzip"),), "MEDIA_TYPE"),
        ("application/json", (("Content-Type", "text/plain"),), "MEDIA_TYPE"),
        ("text/plain", (("Content-Type", "application/json"),), "MEDIA_TYPE"),
    ],
)
def test_a_body_is_json_as_it_is(node, media, more, code):
    """One media type, one encoding, said once."""
    device = node.enrolled(node.issue()[0])
    assert posted(node, device, asked(device), media=media, more=more).code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body.replace(b'"ik":', b'"ik":"x","ik":'), "MALFORMED"),
        (lambda body: body.replace(b'{"digest"', b'{"digest":"x","digest"'), "MALFORMED"),
        (lambda body: body.replace(b'"ik":', b'"ik":1,"i\\u006b":'), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":1.0}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":1e0}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":NaN}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":null}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":-1}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":" + b"9" * 6_000 + b"}"), "MALFORMED"),
        (lambda body: body.replace(b":1}", b":true}"), "FP_FORMAT"),
        (lambda body: body[:-1] + b',"reenrol":1}', "SCHEMA"),
        (lambda body: body[:-1] + b',"reenrol":false}', "SCHEMA"),
        (lambda body: body[:-1] + b',"reenrol":true}', 200),
        (lambda body: body.replace(b":1}", b':"1"}'), "FP_FORMAT"),
        (lambda body: b"\xef\xbb\xbf" + body, "MALFORMED"),
        (lambda body: body.decode().encode("utf-16"), "MALFORMED"),
        (lambda body: body.replace(b'"ik":"', b'"ik":"\xff'), "MALFORMED"),
        (lambda body: body.replace(b'"ik":"', b'"ik":"\\ud800'), "MALFORMED"),
        (lambda body: body + b"\n", "MALFORMED"),
        (lambda body: b"[" + body + b"]", "MALFORMED"),
        (lambda body: body[:-1], "MALFORMED"),
        (lambda _: b"", "MALFORMED"),
        (lambda _: b"1", "MALFORMED"),
        (lambda _: b"[" * LIMIT, "MALFORMED"),
        (lambda _: b'{"a":' * (LIMIT // 6) + b"1" + b"}" * (LIMIT // 6), "MALFORMED"),
        (lambda body: body.replace(b'"ik":', b'"a":' + b"[" * 5_000 + b"]" * 5_000 + b',"ik":'), "MALFORMED"),
        (lambda body: body.replace(b'"ik":', b'"a":' + b"[" * 9 + b"]" * 9 + b',"ik":'), "MALFORMED"),
        (
            lambda body: body.replace(b'{"device_id"', b'{"a":' + b"[" * 9 + b"]" * 9 + b',"device_id"'),
            "UNKNOWN_FIELD",
        ),
    ],
)
def test_a_body_means_one_thing(node, change, code):
    """Names that come twice, numbers of other kinds, other encodings, any depth: told as what they are, and nothing falls over."""
    device = node.enrolled(node.issue()[0])
    before = kept(node)
    assert posted(node, device, change(asked(device))).code == code
    assert (kept(node) == before) == (code != 200)


def test_a_header_that_is_no_proof_is_malformed(node):
    """Whatever is in the header, however long, in any bytes that a header can have."""
    device = node.enrolled(node.issue()[0])
    for proof in (
        "x",
        "Bearer x",
        "v4.public.",
        "v4.public.\xff",
        "v4.local." + "A" * 200,
        "v4.public." + "A" * 8_000,
    ):
        headers = [("Epochly-Proof", proof)]
        assert node.wire.send("GET", "/v1/devices", b"", headers).code == "MALFORMED", proof[:20]
    assert node.wire.send("GET", "/v1/devices", b"", [("Epochly-Proof", "x" * 8_193)]).code == "TOO_LARGE"
    assert device.devices().status == 200


def test_a_nonce_of_any_form_is_not_ours(node):
    """Text that is no nonce, another service's, or ours with a bit changed: the same code."""
    device = node.enrolled(node.issue()[0])
    ours = unb64u(node.wire.nonce())
    flipped = [ours[:at] + bytes([ours[at] ^ 1]) + ours[at + 1 :] for at in range(len(ours))]
    for nonce in [*flipped, b"\0", bytes(nonces.SIZE_BYTES), ours[:-1], ours + b"\0"]:
        assert device.ask("GET", "/v1/devices", nonce=b64u(nonce)).code == "NONCE_REQUIRED"
