"""The certificate authority, both logs and the timestamp authority, asked without a socket."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rehearsed import NOW, Clock, attestation, b64, certified, csr, new
from rfc3161_client import TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response

from epochly_release.rehearsal import der


def hashedrekord(key, leaf, content=b"content"):
    """A body for Rekor v1."""
    signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
    digest = {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}
    spec = {
        "data": {"hash": digest},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(leaf.encode())}},
    }
    return json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}).encode()


def test_fulcio_names_the_run_in_the_certificate():
    """The certificate is for the workflow, lives ten minutes from now, and says what the token said."""
    _, (leaf, *above) = certified(new())
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    assert len(above) == 2
    assert certificate.not_valid_before_utc == NOW
    assert (certificate.not_valid_after_utc - NOW).seconds == 600
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [
        "https://github.com/acme/demo-pkg/.github/workflows/release.yml@refs/heads/main"
    ]
    found = {
        extension.oid.dotted_string.rpartition(".57264.1.")[2]: extension.value.value
        for extension in certificate.extensions
        if ".57264.1." in extension.oid.dotted_string
    }
    assert found["20"] == b"\x0c\x11workflow_dispatch"
    assert found["23"] == b"\x0c\x04pypi"


@pytest.mark.parametrize("more", [{"audience": "pypi"}, {"exp": 1}])
def test_fulcio_refuses_a_token_for_somebody_else_or_expired(more):
    """No certificate without a token for Sigstore that is in force: 401, gRPC code 16."""
    instance = new()
    identity = instance.issuer.issue(more.pop("audience", "sigstore"), **more)
    body = csr(ec.generate_private_key(ec.SECP256R1()))
    reply = instance.fulcio.signing_certificate(f"Bearer {identity}", body)
    assert (reply.status, reply.document["code"]) == (401, 16)


def test_fulcio_refuses_a_request_without_proof_of_the_key():
    """A request whose signature is another key's gets no certificate: 400, gRPC code 3."""
    instance = new()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = base64.b64decode(json.loads(csr(key))["certificateSigningRequest"])
    data = bytearray(x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER))
    data[-1] ^= 1
    forged = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(data))
    forged += b"-----END CERTIFICATE REQUEST-----\n"
    for body in (
        json.dumps({"certificateSigningRequest": b64(forged)}).encode(),
        csr_of_another_kind(),
        b"{}",
        b'{"certificateSigningRequest": "!"}',
    ):
        identity = instance.issuer.issue("sigstore")
        reply = instance.fulcio.signing_certificate(f"Bearer {identity}", body)
        assert (reply.status, reply.document["code"]) == (400, 3)


def csr_of_another_kind():
    """A request for an Ed25519 key, which this authority does not certify."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = request.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(serialization.Encoding.PEM)
    return json.dumps({"certificateSigningRequest": b64(pem)}).encode()


def test_rekor1_logs_an_entry_once():
    """An entry is found again by its number and id; logging it again is a conflict: 409."""
    instance = new()
    key, (leaf, *_) = certified(instance)
    body = hashedrekord(key, leaf)
    reply = instance.rekor1.create(body)
    ((uuid, entry),) = reply.document.items()
    assert (reply.status, entry["logIndex"]) == (201, 0)
    assert instance.rekor1.by_uuid(uuid).document[uuid]["body"] == entry["body"]
    assert instance.rekor1.by_index("0").document == instance.rekor1.by_uuid(uuid).document
    again = instance.rekor1.create(body)
    assert (again.status, again.headers["Location"]) == (409, f"/api/v1/log/entries/{uuid}")
    assert instance.rekor1.by_index("1").status == instance.rekor1.by_uuid("x").status == 404
    assert instance.rekor1.information().document["treeSize"] == 1


def test_rekor1_refuses_a_wrong_signature():
    """What another key signed is not logged: 400, and the tree does not grow."""
    instance = new()
    _, (leaf, *_) = certified(instance)
    reply = instance.rekor1.create(hashedrekord(ec.generate_private_key(ec.SECP256R1()), leaf))
    assert (reply.status, instance.rekor1.tree.size) == (400, 0)
    assert "invalid signature" in reply.document["message"]


def test_rekor2_logs_a_digest_without_a_time():
    """The second generation answers with a proof and a checkpoint, and vouches for no time."""
    instance = new()
    key, (leaf, *_) = certified(instance)
    raw = x509.load_pem_x509_certificate(leaf.encode()).public_bytes(serialization.Encoding.DER)
    verifier = {"x509Certificate": {"rawBytes": b64(raw)}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    for number in range(3):
        content = b"content %d" % number
        signature = b64(key.sign(content, ec.ECDSA(hashes.SHA256())))
        request = {
            "digest": b64(hashlib.sha256(content).digest()),
            "signature": {"content": signature, "verifier": verifier},
        }
        reply = instance.rekor2.create(json.dumps({"hashedRekordRequestV002": request}).encode())
        assert (reply.status, reply.document["integratedTime"]) == (201, "0")
    assert len(reply.document["inclusionProof"]["hashes"]) == 1
    assert instance.rekor2.latest_checkpoint().text.startswith("localhost:4443\n3\n")
    request["digest"] = b64(hashlib.sha256(b"other").digest())
    refused = instance.rekor2.create(json.dumps({"hashedRekordRequestV002": request}).encode())
    assert (refused.status, refused.document["code"]) == (400, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"kind":"dsse","apiVersion":"0.0.1","spec":[]}',
        b'{"kind":"intoto","apiVersion":"0.0.2","spec":{}}',
    ]
    + [
        json.dumps(
            {
                "kind": "dsse",
                "apiVersion": "0.0.1",
                "spec": {"proposedContent": {"envelope": text, "verifiers": ["eA=="]}},
            }
        ).encode()
        for text in (
            "",
            "[" * 100_000,
            '{"signatures":[]}',
            '{"signatures":[{"sig":""}],"payload":"","payloadType":1}',
            7,
        )
    ]
    + [
        b'{"hashedRekordRequestV002":[]}',
        b'{"hashedRekordRequestV002":{"signature":{"verifier":{"keyDetails":"RSA"}}}}',
    ],
)
def test_logs_refuse_any_other_bytes(body):
    """Whatever is no entry is a 400 in both logs, never a fault of the log."""
    instance = new()
    assert instance.rekor1.create(body).status == instance.rekor2.create(body).status == 400


def test_timestamp_is_accepted_by_a_strict_client():
    """The authority's own DER satisfies `rfc3161-client`, for the data and the nonce that were asked about."""
    instance = new()
    request = TimestampRequestBuilder().data(b"signature").nonce(nonce=True).build()
    reply = instance.tsa.respond(request.as_bytes())
    assert (reply.status, reply.media_type) == (201, "application/timestamp-reply")
    response = decode_timestamp_response(reply.body)
    assert response.tst_info.gen_time == NOW
    assert response.tst_info.nonce == request.nonce
    leaf, root = instance.tsa.authority.chain
    verifier = VerifierBuilder.from_request(request).tsa_certificate(leaf).add_root_certificate(root).build()
    assert verifier.verify_message(response, b"signature")


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x03\x02\x01\x01",
        b"x" * 50,
        b"\x30\x05\x02\x01\x02\x30\x00",
    ],
)
def test_timestamp_authority_refuses_what_is_no_query(query):
    """Any other bytes are a 400."""
    assert new().tsa.respond(query).status == 400


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (256, "02020100")]
)
def test_der_integers_are_shortest(value, encoded):
    """Integers have no needless byte and never look negative (X.690, 8.3)."""
    assert der.integer(value).hex() == encoded


def test_der_lengths_and_identifiers_are_as_specified():
    """Long lengths, and arcs of several bytes, are those of X.690."""
    assert der.octets(b"x" * 200)[:3].hex() == "0481c8"
    assert der.octets(b"x" * 300)[:4].hex() == "0482012c"
    assert der.oid("1.2.840.113549.1.7.2").hex() == "06092a864886f70d010702"
    with pytest.raises(der.DerError):
        der.read(b"\x04\x81\x01x")


def test_instances_of_one_seed_are_equal():
    """With time, randomness and keys given, certificates and trust come out the same."""
    one, two, other = new(), new(), new(seed=b"other")
    assert one.trust_config == two.trust_config != other.trust_config


def test_instances_do_not_share_a_log():
    """What one instance logged another knows nothing of."""
    one, two = new(Clock()), new(Clock(), seed=b"other")
    attestation(one, b"x")
    assert (one.rekor1.tree.size, two.rekor1.tree.size) == (1, 0)
