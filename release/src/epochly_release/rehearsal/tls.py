"""TLS of the rehearsal: a throwaway authority and one server certificate, the only things written to disk.

`ssl` loads keys from files, so they lie in a folder of the caller's; whoever sets a client up to trust `ca_file` trusts
this rehearsal and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_release.rehearsal.authority import pem, root_authority, server_authority
from epochly_release.rehearsal.keys import private_pem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from epochly_release.rehearsal.keys import Sources


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the server loads, and what clients are told to trust."""

    certificate_file: Path
    key_file: Path
    ca_file: Path


def write_tls_files(folder: Path, hosts: Sequence[str], sources: Sources) -> TlsFiles:
    """Make an authority and a certificate for `hosts`; the authority's key is forgotten at once.

    Raises:
        OSError: the folder cannot be written.
    """
    above = root_authority("TLS", sources)
    server = server_authority(above, hosts, sources)
    files = TlsFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    files.key_file.touch(mode=0o600)
    files.key_file.write_bytes(private_pem(server.key))
    files.certificate_file.write_text(pem(server.certificate))
    files.ca_file.write_text(pem(above.certificate))
    return files
