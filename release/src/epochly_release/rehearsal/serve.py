"""An instance served over TLS on the loopback interface, in a thread of this process.

The port is taken before anything is made, because certificates, logs and trust files name the address. Only the
loopback interface is bound: nothing outside the machine reaches it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from epochly_release.rehearsal.app import build_app
from epochly_release.rehearsal.state import new_instance
from epochly_release.rehearsal.tls import write_tls_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.oidc import Run
    from epochly_release.rehearsal.publisher import Publisher
    from epochly_release.rehearsal.state import Instance
    from epochly_release.rehearsal.tls import TlsFiles

START_TIMEOUT_S = 10  # seconds until the server must listen; it takes a tenth of one
_ADDRESS = "127.0.0.1"
_CUT_S = 0.05  # seconds in which the loop sees to it that cut connections are closed


class ServeError(RuntimeError):
    """The server did not start."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running instance and how clients find it."""

    instance: Instance
    files: TlsFiles

    @property
    def upload_url(self) -> str:
        """Legacy upload interface."""
        return f"{self.instance.url}/legacy/"

    @property
    def simple_url(self) -> str:
        """Simple index."""
        return f"{self.instance.url}/simple/"

    def environment(self) -> dict[str, str]:
        """Variables of a job at GitHub, and trust in the server's certificate; nothing else a client needs."""
        ca_file = str(self.files.ca_file)
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.instance.token_request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.instance.issuer.request_token,
            "SSL_CERT_FILE": ca_file,
            "REQUESTS_CA_BUNDLE": ca_file,
            "NO_PROXY": "localhost,127.0.0.1",
        }


@contextmanager
def serve(
    folder: Path,
    run: Run,
    publishers: Sequence[Publisher],
    sources: Sources,
    *,
    port: int = 0,
    hosts: Sequence[str] = (),
    url: str = "",
) -> Iterator[Served]:
    """Serve a new instance until the block ends.

    Args:
        folder: where the TLS files go; nothing else is written.
        run: the workflow run that asks for tokens.
        publishers: those the index knows.
        sources: time, randomness and keys.
        port: 0 for any free one.
        hosts: names the certificate is for, besides `localhost`.
        url: address clients use; `https://localhost:PORT` by default.

    Raises:
        OSError: the port is taken or the folder cannot be written.
        ServeError: the server did not start in time.
    """
    with socket.create_server((_ADDRESS, port)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each small answer waits 40 ms
        address = url or f"https://localhost:{listener.getsockname()[1]}"
        files = write_tls_files(folder, ["localhost", *hosts], sources)
        instance = new_instance(address, run, publishers, sources)
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(instance),
                ssl_certfile=str(files.certificate_file),
                ssl_keyfile=str(files.key_file),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(
            target=asyncio.run, args=[_until_told(server, listener)], name="rehearsal", daemon=True
        )
        thread.start()
        try:
            _await_start(server, thread)
            yield Served(instance, files)
        finally:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)


async def _until_told(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until `should_exit`; a client that keeps a connection open and idle is cut off, not waited for."""
    await server.serve([listener])
    for connection in list(server.server_state.connections):
        transport = getattr(connection, "transport", None)
        if transport is not None:
            transport.abort()
    await asyncio.sleep(_CUT_S)


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(START_TIMEOUT_S * 100):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.01)
    raise ServeError("the rehearsal's server did not start; hint: is the port free to this user?")
