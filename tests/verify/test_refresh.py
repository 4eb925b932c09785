"""Refreshing the trust root: from a real TUF repository in memory, signed with real keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient.fetcher import FetcherInterface

from epochly_verify import refresh
from epochly_verify.cli import main
from epochly_verify.errors import FetchError
from epochly_verify.refresh import refreshed_trust_root

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT_BYTES = b'{"mediaType": "x"}'


class Repository(FetcherInterface):
    """A TUF repository that serves one target; `files` may be tampered with."""

    def __init__(self, *, expired: bool = False) -> None:
        signer = CryptoSigner.generate_ed25519()
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=-1 if expired else 1)
        root = Root(expires=expires, consistent_snapshot=True)
        for role in ("root", "timestamp", "snapshot", "targets"):
            root.add_key(signer.public_key, role)
        targets = Targets(expires=expires)
        target = TargetFile.from_data("trusted_root.json", ROOT_BYTES)
        targets.targets["trusted_root.json"] = target
        snapshot = Snapshot(expires=expires, meta={"targets.json": MetaFile(1)})
        timestamp = Timestamp(expires=expires, snapshot_meta=MetaFile(1))

        def signed(role: Root | Targets | Snapshot | Timestamp) -> bytes:
            metadata = Metadata(role)
            metadata.sign(signer)
            return metadata.to_bytes()

        self.root = signed(root)
        self.files = {
            "timestamp.json": signed(timestamp),
            "1.snapshot.json": signed(snapshot),
            "1.targets.json": signed(targets),
            f"targets/{target.hashes['sha256']}.trusted_root.json": ROOT_BYTES,
        }

    def _fetch(self, url: str) -> Iterator[bytes]:
        for name, data in self.files.items():
            if url.endswith(f".dev/{name}"):
                return iter([data])
        raise DownloadHTTPError(f"no {url}", 404)


def test_refresh_returns_the_signed_trust_root(tmp_path, monkeypatch):
    """What the repository signed comes back byte for byte, and the home directory stays empty."""
    monkeypatch.setenv("HOME", str(tmp_path))
    repository = Repository()
    assert refreshed_trust_root(bootstrap=repository.root, fetcher=repository) == (
        ROOT_BYTES,
        "public-good (refreshed)",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_refresh_refuses_tampered_metadata(name):
    """A changed byte in any metadata file stops the refresh; there is no fallback."""
    repository = Repository()
    repository.files[name] = (
        repository.files[name]
        .replace(b'"version":1', b'"version":2')
        .replace(b'"version": 1', b'"version": 2')
    )
    with pytest.raises(FetchError) as caught:
        refreshed_trust_root(bootstrap=repository.root, fetcher=repository)
    assert caught.value.code == "trust-root-not-refreshed"


def test_refresh_refuses_a_tampered_target():
    """A trust root that is not the signed one is never returned."""
    repository = Repository()
    name = next(name for name in repository.files if name.startswith("targets/"))
    repository.files[name] = ROOT_BYTES.replace(b"x", b"y")
    with pytest.raises(FetchError):
        refreshed_trust_root(bootstrap=repository.root, fetcher=repository)


def test_refresh_refuses_expired_metadata():
    """A repository frozen in the past is refused."""
    repository = Repository(expired=True)
    with pytest.raises(FetchError):
        refreshed_trust_root(bootstrap=repository.root, fetcher=repository)


def test_refresh_refuses_another_repositorys_root():
    """Metadata signed by somebody else's keys is refused from the root that ships with us."""
    with pytest.raises(FetchError):
        refreshed_trust_root(fetcher=Repository())


def test_refresh_unreachable_is_one_line_and_no_verdict(tmp_path, monkeypatch, capsys):
    """Without a network the command says so in one line and exits 2: no silent fallback to an older root."""
    repository = Repository()
    repository.files.clear()
    monkeypatch.setattr(
        "epochly_verify.refresh.refreshed_trust_root",
        lambda *, staging: refreshed_trust_root(staging=staging, fetcher=repository),
    )
    assert main(["--refresh-root", str(tmp_path / "x.whl")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "hint:" in captured.err


@pytest.mark.parametrize("url", [refresh.PUBLIC_GOOD_URL, refresh.STAGING_URL])
def test_the_library_ships_a_root_to_start_from(url):
    """Ours is the library's own, so there is no second copy that could differ."""
    assert json.loads(refresh.shipped_root(url))["signed"]["_type"] == "root"


def test_an_instance_without_a_shipped_root_is_refused(monkeypatch):
    """Where there is nothing to start from, nothing is fetched and nothing is trusted."""
    monkeypatch.setattr(refresh, "PUBLIC_GOOD_URL", "https://unknown.invalid")
    with pytest.raises(FetchError):
        refreshed_trust_root()
