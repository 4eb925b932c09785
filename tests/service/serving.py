"""`epochly-service serve` as a process, for tests that need one or two of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

COMMAND = [sys.executable, "-m", "epochly_service"]


@contextmanager
def serving(data, *options):
    """A server until the end of the block, which ends it kindly; gives (base URL, where it listens, all it said)."""
    command = [*COMMAND, "serve", "--data", str(data), "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would stop it
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

        def logged():
            log.seek(0)
            return log.read()

        said = []
        for line in process.stdout:
            said.append(line)
            if line == "\n" and any("EPOCHLY_ROOT_KEY" in one for one in said):
                break
        if process.poll() is not None:
            pytest.fail(logged())
        port = int(re.search(r"listening on .*:(\d+)", "".join(said))[1])
        try:
            yield re.search(r"serving (\S+)", said[0])[1], port, "".join(said)
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=30)
            assert process.returncode == 0, logged()
            assert rest == "" or "root key" in rest
            assert "Traceback" not in logged()


def root_of(data):
    """The raw public root key as a client pins it."""
    return load_pem_public_key((data / "root-key" / "root.pub.pem").read_bytes()).public_bytes_raw()
