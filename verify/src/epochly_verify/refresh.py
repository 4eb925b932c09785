"""The newest trust root, by The Update Framework. The only code of the package that opens a connection.

Runs only for `--refresh-root`. Starts from the root metadata that the library `sigstore` ships, never from a cache, and
works in a temporary folder that is gone afterwards: the home directory is neither read nor written. When the
repository cannot be reached the run stops (`FetchError`); it does not fall back to an older root on its own.
"""

from __future__ import annotations

import os
import tempfile
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from epochly_verify.errors import FetchError
from epochly_verify.gather import read_file

if TYPE_CHECKING:
    from tuf.ngclient.fetcher import FetcherInterface

PUBLIC_GOOD_URL = "https://tuf-repo-cdn.sigstore.dev"
STAGING_URL = "https://tuf-repo-cdn.sigstage.dev"
MAX_TRUST_ROOT_BYTES = 4 * 1024 * 1024  # bytes; the public-good root has 7 KiB


def shipped_root(url: str) -> bytes:
    """The TUF root metadata of an instance that comes with `sigstore`.

    Raises:
        OSError: this `sigstore` ships none where it is looked for.
    """
    return files("sigstore").joinpath("_store", quote(url, safe=""), "root.json").read_bytes()


def refreshed_trust_root(
    *, staging: bool = False, bootstrap: bytes | None = None, fetcher: FetcherInterface | None = None
) -> tuple[bytes, str]:
    """Fetch the trust root of an instance: its bytes, and its name for messages.

    Args:
        staging: the staging instance instead of the public-good one.
        bootstrap: TUF root metadata to start from; what `sigstore` ships by default.
        fetcher: how to fetch; HTTPS by default.

    Raises:
        FetchError: the repository cannot be reached, or what it serves is not signed as it must be.
    """
    from tuf.api.exceptions import DownloadError, RepositoryError  # noqa: PLC0415 - network code, only when asked for
    from tuf.ngclient.updater import Updater  # noqa: PLC0415

    url = STAGING_URL if staging else PUBLIC_GOOD_URL
    with tempfile.TemporaryDirectory(prefix="epochly-verify-") as folder:
        targets = os.path.join(folder, "targets")
        os.mkdir(targets)
        try:
            updater = Updater(
                metadata_dir=os.path.join(folder, "metadata"),
                metadata_base_url=url,
                target_dir=targets,
                target_base_url=f"{url}/targets/",
                fetcher=fetcher,
                bootstrap=bootstrap or shipped_root(url),
            )
            updater.refresh()
            target = updater.get_targetinfo("trusted_root.json")
            if target is None or target.length > MAX_TRUST_ROOT_BYTES:
                raise RepositoryError("it serves no usable `trusted_root.json`")
            path = updater.download_target(target)
        except (DownloadError, RepositoryError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise FetchError(
                "trust-root-not-refreshed",
                url,
                f"the trust root could not be fetched ({reason})",
                "go without `--refresh-root` to use the embedded root, or give one with `--trusted-root`",
            ) from error
        return read_file(path, MAX_TRUST_ROOT_BYTES), f"{'staging' if staging else 'public-good'} (refreshed)"
