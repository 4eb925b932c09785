"""Unmodified clients against a served instance: `sigstore` with both logs, `uv publish`, `pip download`.

Each client is a program of its own that finds the instance through its command line and environment alone.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from dataclasses import replace
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from rehearsed import PUBLISHER, RUN, WHEEL, wheel

from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.serve import serve
from epochly_verify import Identity, Policy, Rule, Trust, Verdict, Wanted, verify
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root

UV = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
TAG_PUSH = replace(RUN, event="push", ref="refs/tags/v1.0")
ATTEST = """
import base64, hashlib, json, sys
from pathlib import Path
from sigstore.dsse import StatementBuilder, Subject
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken, detect_credential
from sigstore.sign import SigningContext

config = ClientTrustConfig.from_json(Path(sys.argv[1]).read_text())
config.force_tlog_version = 1
with SigningContext.from_trust_config(config).signer(IdentityToken(detect_credential())) as signer:
    for path in map(Path, sys.argv[2:]):
        subject = Subject(name=path.name, digest={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
        kind = "https://docs.pypi.org/attestations/publish/v1"
        statement = StatementBuilder().subjects([subject]).predicate_type(kind).predicate({}).build()
        bundle = json.loads(signer.sign_dsse(statement).to_json())
        material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
        attestation = {
            "version": 1,
            "verification_material": {
                "certificate": material["certificate"]["rawBytes"],
                "transparency_entries": material["tlogEntries"],
            },
            "envelope": {
                "statement": envelope["payload"],
                "signature": envelope["signatures"][0]["sig"],
            },
        }
        Path(f"{path}.publish.attestation").write_text(json.dumps(attestation))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """An instance under the machine's clock, served for all tests of this file."""
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    with serve(tmp_path_factory.mktemp("tls"), RUN, [PUBLISHER], sources) as running:
        yield running


@pytest.fixture
def client(served, tmp_path):
    """Run a program as a job of the instance's current run would; the trust configuration lies beside."""
    (tmp_path / "trust.json").write_text(json.dumps(served.instance.trust_config))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **served.environment(),
    }

    def run(*arguments):
        command = [str(argument) for argument in arguments]
        return subprocess.run(
            command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )

    yield run
    served.instance.issuer.run = RUN


def sigstore(client, *arguments):
    """Run `sigstore` with the instance's trust."""
    return client(sys.executable, "-m", "sigstore", "--trust-config", "trust.json", *arguments)


def publish(client, served, *arguments):
    """Run `uv publish` on the wheel and the attestations beside it, which it takes only when they are named."""
    assert UV is not None, "`uv` is in the development lock, so it must be there"
    return client(
        UV,
        "publish",
        "--no-cache",
        "--no-config",
        "--publish-url",
        served.upload_url,
        *arguments,
        f"{WHEEL}*",
    )


@pytest.mark.parametrize("version", ["1", "2"])
def test_sigstore_signs_and_verifies_with_each_log(client, tmp_path, version):
    """Both generations of log and the timestamp authority serve `sigstore`, which then believes the bundle."""
    (tmp_path / "artifact").write_bytes(b"content")
    signed = sigstore(client, "sign", "--rekor-version", version, "artifact")
    assert signed.returncode == 0, signed.stderr
    expected = ("--repository", RUN.repository, "--trigger", RUN.event, "--ref", RUN.ref, "--sha", RUN.sha)
    verified = sigstore(client, "verify", "github", *expected, "artifact")
    assert (verified.returncode, "OK: artifact" in verified.stderr) == (0, True), verified.stderr
    bundle = json.loads((tmp_path / "artifact.sigstore.json").read_text())
    assert bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]


def test_sigstore_refuses_a_tag_push_and_a_changed_file(client, served, tmp_path):
    """`sigstore verify github` refuses another event and ref than it is told, and other bytes than were signed."""
    served.instance.issuer.run = TAG_PUSH
    (tmp_path / "artifact").write_bytes(b"content")
    assert sigstore(client, "sign", "artifact").returncode == 0
    wanted = ("--repository", RUN.repository, "--trigger", RUN.event, "artifact")
    refused = sigstore(client, "verify", "github", *wanted)
    assert (refused.returncode, "push" in refused.stderr) == (1, True), refused.stderr
    (tmp_path / "artifact").write_bytes(b"changed")
    assert sigstore(client, "verify", "github", "--repository", RUN.repository, "artifact").returncode == 1


def test_release_is_published_and_downloaded_by_real_clients(client, served, tmp_path):
    """Attest with `sigstore`, publish with `uv`, download with `pip`, fetch the provenance, and it verifies."""
    content = wheel()
    (tmp_path / WHEEL).write_bytes(content)
    attested = client(sys.executable, "-c", ATTEST, "trust.json", WHEEL)
    assert attested.returncode == 0, attested.stderr
    before = len(served.instance.seen)
    published = publish(client, served, "--trusted-publishing", "always")
    assert published.returncode == 0, published.stderr
    assert served.instance.seen[before:] == [
        "GET /_/oidc/audience 200",
        "GET /idtoken 200",
        "POST /_/oidc/mint-token 200",
        "POST /legacy/ 200",
        "POST /_/oidc/burn-token 202",
    ]
    pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "download", "--no-deps")
    at = ("--index-url", served.simple_url, "--cert", served.files.ca_file, "--no-cache-dir", "-d", "got")
    fetched = client(*pip, *at, "demo-pkg==1.0")
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "got" / WHEEL).read_bytes() == content
    report = verified(served, tmp_path / "got" / WHEEL)
    assert report.verdict is Verdict.VERIFIED, report


def verified(served, path):
    """The report on a downloaded wheel, with the provenance that the index names for it."""
    context = ssl.create_default_context(cafile=str(served.files.ca_file))
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    with urlopen(Request(f"{served.simple_url}demo-pkg/", headers=accept), context=context) as reply:
        (file,) = json.load(reply)["files"]
    with urlopen(file["provenance"], context=context) as reply:
        evidence = Attached("provenance", EvidenceKind.PROVENANCE, reply.read())
    identity = Identity(
        kind="github",
        repository="https://github.com/acme/demo-pkg",
        workflow="release.yml",
        trigger=("workflow_dispatch",),
        environment="pypi",
    )
    policy = Policy(rules=(Rule(identities=(identity,), origin="test"),))
    trust = Trust(parse_trust_root(json.dumps(served.instance.trusted_root).encode(), "rehearsal"))
    return verify(path, policy, wanted=Wanted(evidence=(evidence,)), trust=trust)


def refusal(client, served, folder, *arguments):
    """Publish a wheel that must not get through: the requests made, and what the client told its user."""
    (folder / WHEEL).write_bytes(wheel(text="x = 3\n"))
    before = len(served.instance.seen)
    done = publish(client, served, *arguments)
    assert done.returncode != 0
    return served.instance.seen[before:], done.stderr


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=x", b"no form at all"),
        ("multipart/form-data", b""),
        ("application/json", b"{}"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\n\r\n--x--',
        ),
    ],
)
def test_upload_of_no_form_is_refused(served, kind, body):
    """Bytes that are no upload get an answer, never a fault of the server."""
    context = ssl.create_default_context(cafile=str(served.files.ca_file))
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(served.upload_url, body, {"Content-Type": kind}), context=context)
    with refused.value as reply:
        assert reply.code in (400, 403)


def test_uv_publish_is_refused_with_a_static_token(client, served, tmp_path):
    """A long-lived token is worth nothing: 403, and the client shows the index's reason."""
    seen, said = refusal(client, served, tmp_path, "--token", "pypi-static")
    assert seen == ["POST /legacy/ 403"]
    assert "Invalid or non-existent authentication information" in said


@pytest.mark.parametrize(
    "change",
    [{"environment": "staging"}, {"repository": "evil/demo-pkg"}, {"workflow": "ci.yml"}],
    ids=["environment", "repository", "workflow"],
)
def test_uv_publish_is_refused_for_another_run(client, served, tmp_path, change):
    """Another environment, repository or workflow gets no upload token: 422, `invalid-publisher`."""
    served.instance.issuer.run = replace(RUN, **change)
    seen, said = refusal(client, served, tmp_path, "--trusted-publishing", "always")
    assert seen[-1] == "POST /_/oidc/mint-token 422"
    assert "invalid-publisher" in said


def test_uv_publish_is_refused_for_a_wheel_changed_after_signing(client, served, tmp_path):
    """The attestation beside the wheel is about other bytes: 400, and the client shows why."""
    (tmp_path / WHEEL).write_bytes(wheel(text="x = 2\n"))
    attested = client(sys.executable, "-c", ATTEST, "trust.json", WHEEL)
    assert attested.returncode == 0, attested.stderr
    served.instance.index.files.pop(WHEEL, None)
    seen, said = refusal(client, served, tmp_path, "--trusted-publishing", "always")
    assert "POST /legacy/ 400" in seen
    assert "Invalid attestations supplied during upload" in said
