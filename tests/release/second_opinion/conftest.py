"""Bundles signed by the real `sigstore` client, and the program of the second opinion with its library installed.

Everything is signed once, at a served rehearsal instance. The library is installed from its lock into a copy of the
folder; the tests are skipped only where there is no node or npm.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.serve import serve
from epochly_release.second_opinion import Signer, second_opinion

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "release" / "second-opinion"
PUBLIC_ROOT = ROOT / "tests" / "vectors" / "trust-roots" / "public-good" / "trusted_root.json"
RUN = Run("acme/demo-pkg")
SIGNER = Signer(
    "https://github.com/acme/demo-pkg/.github/workflows/release.yml@refs/heads/main",
    "https://token.actions.githubusercontent.com",
)
ARTIFACT = "demo_pkg-1.0-py3-none-any.whl"
KINDS = ("sign-1", "sign-2", "attest-1", "attest-2")  # what was signed, and the generation of the log
PROVENANCE = {
    "buildDefinition": {
        "buildType": "https://example.org/b",
        "externalParameters": {},
        "resolvedDependencies": [],
    },
    "runDetails": {"builder": {"id": "https://example.org/r"}, "metadata": {}},
}
OUTSIDE = """
from pathlib import Path
from sigstore.dsse import StatementBuilder, Subject
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken, detect_credential
from sigstore.sign import SigningContext

config = ClientTrustConfig.from_json(Path("trust.json").read_text())
statement = StatementBuilder([Subject(name="../file", digest={"sha256": "00" * 32})], "https://example.org/p", {})
with SigningContext.from_trust_config(config).signer(IdentityToken(detect_credential())) as signer:
    Path("outside.sigstore.json").write_text(signer.sign_dsse(statement.build()).to_json())
"""


@dataclass(frozen=True, slots=True)
class Signed:
    """A folder with an artifact, its bundles by kind, and the trusted roots `own.json` and `foreign.json`."""

    folder: Path
    signer: Signer = SIGNER
    kinds: tuple[str, ...] = KINDS

    @property
    def artifact(self) -> str:
        return str(self.folder / ARTIFACT)

    def bundle(self, kind):
        """The path of a bundle."""
        return str(self.folder / f"{kind}.sigstore.json")

    def changed(self, kind, change):
        """The path of a copy of a bundle after `change(document)`."""
        document = json.loads(Path(self.bundle(kind)).read_text())
        change(document)
        path = self.folder / f"changed-{kind}.sigstore.json"
        path.write_text(json.dumps(document))
        return str(path)


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The program with its library, in a folder of its own."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"`{program}` is not on this machine, so there is no second opinion to test")
    folder = tmp_path_factory.mktemp("installed") / "second-opinion"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Everything signed once: a bundle of each kind, and three about other files or by another workflow."""
    folder = tmp_path_factory.mktemp("made")
    (folder / ARTIFACT).write_bytes(b"content")
    (folder / "predicate.json").write_text(json.dumps(PROVENANCE))
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    with serve(tmp_path_factory.mktemp("tls"), RUN, [], sources) as served:
        (folder / "trust.json").write_text(json.dumps(served.instance.trust_config))
        (folder / "own.json").write_text(json.dumps(served.instance.trusted_root))
        for kind in KINDS:
            sign(served, folder, kind, kind)
        sign(served, folder, "sign-2", "other", artifact="predicate.json")
        as_job(served, folder, "-c", OUTSIDE)
        served.instance.issuer.run = replace(RUN, ref="refs/heads/evil")
        sign(served, folder, "sign-2", "elsewhere")
    with serve(tmp_path_factory.mktemp("tls"), RUN, [], sources) as foreign:
        (folder / "foreign.json").write_text(json.dumps(foreign.instance.trusted_root))
    return folder


def sign(served, folder, kind, name, artifact=ARTIFACT):
    """Have the real client make a bundle of an artifact."""
    what, _, log = kind.partition("-")
    predicate = ("--predicate", "predicate.json", "--predicate-type", "https://slsa.dev/provenance/v1")
    options = (*(predicate if what == "attest" else ()), "--bundle", f"{name}.sigstore.json")
    command = ("-m", "sigstore", "--trust-config", "trust.json", what, "--rekor-version", log)
    as_job(served, folder, *command, *options, artifact)


def as_job(served, folder, *arguments):
    """Run Python as a job of the instance's current run would."""
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **served.environment()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def signed(made, tmp_path):
    """A copy of everything signed, to spoil."""
    shutil.copytree(made, tmp_path / "signed")
    return Signed(tmp_path / "signed")


@pytest.fixture
def ask(machine, installed, signed):
    """The second opinion on pairs, by default under the instance's own root and about the honest signer."""

    def asked(*pairs, root="own.json", signer=SIGNER, timestamps=1):
        where = str(signed.folder / root)
        return second_opinion(machine, str(installed), pairs, where, signer, timestamps=timestamps)

    return asked


@pytest.fixture
def verify(installed):
    """The program itself, asked about the rehearsal's signer under the public root unless options say otherwise."""

    def run(*items, cwd=installed, **options):
        given = {"trusted-root": PUBLIC_ROOT, "identity-uri": SIGNER.uri, "issuer": SIGNER.issuer}
        given |= {name.replace("_", "-"): value for name, value in options.items()}
        words = [f"--{name}={value}" for name, value in given.items() if value is not None]
        return subprocess.run(
            ["node", str(cwd / "verify.mjs"), *words, *items],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
