"""Small wheels built in memory: honest ones, with one lie each where a test asks for it."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from epochly_sbom.model import Options
from epochly_sbom.parse.archive import parse_wheel

NAME = "demo_pkg-1.0-py3-none-any.whl"
INFO = "demo_pkg-1.0.dist-info"
METADATA = (
    "Metadata-Version: 2.4\nName: Demo_Pkg\nVersion: 1.0\nAuthor-email: Ada <ada@example.com>\n"
    "License-Expression: MIT OR Apache-2.0\n"
)
OPTIONS = Options("9.9", epoch=1_700_000_000)
ELF = b"\x7fELF" + b"\0" * 60
DIGEST = "a" * 64


def row(path, data):
    """One honest RECORD row."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def build(files=None, *, metadata=METADATA, record=None, unlisted=None, compression=zipfile.ZIP_DEFLATED):
    """A wheel of `files`; `record` replaces RECORD, `unlisted` are members RECORD does not tell."""
    contents = {"demo_pkg/__init__.py": b"x = 1\n"} | (files or {})
    contents |= {f"{INFO}/METADATA": metadata.encode() if isinstance(metadata, str) else metadata}
    contents |= {
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    }
    honest = "".join(row(path, data) for path, data in contents.items()) + f"{INFO}/RECORD,,\n"
    contents |= unlisted or {}
    contents[f"{INFO}/RECORD"] = honest.encode() if record is None else record(honest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return out.getvalue()


def wheel(files=None, **lies):
    """The same, read."""
    return parse_wheel(build(files, **lies), NAME)


def requires(*lines):
    """METADATA with these `Requires-Dist` lines."""
    return METADATA + "".join(f"Requires-Dist: {line}\n" for line in lines)
