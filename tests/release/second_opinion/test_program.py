"""The program of the second opinion: misuse, what it trusts, published bundles, and what it is installed from."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from epochly_release.errors import InputError
from epochly_release.second_opinion import Signer, second_opinion

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "release" / "second-opinion"
VECTORS = ROOT / "tests" / "vectors"
PUBLIC_ROOT = VECTORS / "trust-roots" / "public-good" / "trusted_root.json"
BEACON = Signer(
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
    "https://token.actions.githubusercontent.com",
)


@pytest.mark.parametrize(
    ("items", "options", "said"),
    [
        ((), {}, "`ITEM`: is expected"),
        (("a=b=c",), {}, "`a=b=c`: is neither"),
        (("=b",), {}, "`=b`: is neither"),
        (("b", "--issuer", "again"), {}, "`--issuer`: is expected exactly once"),
        (("b",), {"identity_uri": None}, "`--identity-uri`: is expected exactly once"),
        (("b",), {"issuer": ""}, "`--issuer`: is expected exactly once"),
        (("b",), {"tsa_threshold": "some"}, "`--tsa-threshold`: is not a number"),
        (("b",), {"tsa_threshold": "-1"}, "--tsa-threshold"),
        (("b",), {"offline": "yes"}, "Unknown option"),
        (("b",), {"trusted_root": "/absent.json"}, "`/absent.json`: cannot be read: ENOENT"),
        (("b",), {"trusted_root": "/"}, "`/`: is not a file"),
        (("/absent.sigstore.json",), {}, "`/absent.sigstore.json`: cannot be read: ENOENT"),
    ],
)
def test_verify_says_misuse_in_one_line(verify, items, options, said):
    """Misuse and what cannot be read end with 2, one line with a hint, and no verdict at all."""
    done = verify(*items, **options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: root["tlogs"][0]["publicKey"]["validFor"].pop("start"), "since when"),
        (lambda root: root.update(tlogs=[]), "no `tlogs`"),
        (lambda root: root.update(ctlogs=[]), "no `ctlogs`"),
        (lambda root: root.pop("certificateAuthorities"), "no `certificateAuthorities`"),
        (lambda root: root.update(mediaType="application/json"), "media type"),
        (lambda root: root["tlogs"][0]["publicKey"].update(rawBytes="AAAA"), "is no trusted root"),
    ],
)
def test_odd_trusted_root_is_unreadable(verify, tmp_path, change, said):
    """A root that is malformed or trusts without bounds ends with 2: there is nothing to judge by."""
    document = json.loads(PUBLIC_ROOT.read_text())
    change(document)
    path = tmp_path / "root.json"
    path.write_text(json.dumps(document))
    done = verify(str(VECTORS / "sigstore-conformance" / "a.txt"), trusted_root=path)
    assert (done.returncode, done.stdout, said in done.stderr) == (2, "", True), done.stderr


def test_verify_without_its_library_says_how_to_install_it(verify, tmp_path):
    """A folder nobody ran `npm ci` in ends with 2 and that hint, not with a stack trace."""
    bare = tmp_path / "bare"
    shutil.copytree(SOURCE, bare, ignore=shutil.ignore_patterns("node_modules"))
    done = verify("b", cwd=bare)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("`@sigstore/verify`: is not installed; hint: run `npm ci --ignore-scripts`")


def conformance():
    """The conformance cases that are bundles v0.3 of the beacon: pairs, grouped by the bytes of their trusted root."""
    groups = {}
    for bundle in sorted((VECTORS / "sigstore-conformance").glob("*/bundle.sigstore.json")):
        folder = bundle.parent
        kept = re.search(rb"bundle(\.v0\.3\+json|\+json;version=0\.3)", bundle.read_bytes())
        if not kept or any((folder / name).exists() for name in ("identity", "key.pub")):
            continue  # another format, another signer, or a key that is nobody's
        own, root = folder / "artifact", folder / "trusted_root.json"
        artifact = own if own.exists() else folder.parent / "a.txt"
        root = root if root.exists() else PUBLIC_ROOT
        groups.setdefault(root.read_bytes(), [str(root)]).append((str(artifact), str(bundle)))
    return list(groups.values())


def test_conformance_cases_get_their_verdict(machine, installed):
    """Published bundles of the real instances are believed, and every broken one is refused."""
    seen = {}
    for root, *pairs in conformance():
        if "missing-validity-start_fail" in root:
            with pytest.raises(InputError, match="since when"):
                second_opinion(machine, str(installed), pairs, root, BEACON, timestamps=0)
            continue
        for opinion in second_opinion(machine, str(installed), pairs, root, BEACON, timestamps=0):
            seen[Path(opinion.bundle).parent.name] = opinion.ok
    assert len(seen) > 20
    assert seen == {name: not name.endswith("_fail") for name in seen}


def test_lock_holds_hashes_and_no_address():
    """The lock names every package by hash and licence, from no address, and none runs anything when installed."""
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    packages = {name.removeprefix("node_modules/"): each for name, each in lock["packages"].items() if name}
    assert sorted(packages) == [
        f"@sigstore/{name}" for name in ("bundle", "core", "protobuf-specs", "verify")
    ]
    for package in packages.values():
        digest = package["integrity"].removeprefix("sha512-")
        assert len(base64.b64decode(digest, validate=True)) == 64
        assert (package["license"], package.keys() & {"resolved", "hasInstallScript"}) == (
            "Apache-2.0",
            set(),
        )
    asked = json.loads((SOURCE / "package.json").read_text())
    assert asked["private"]
    assert asked["dependencies"] == {name: packages[name]["version"] for name in asked["dependencies"]}
