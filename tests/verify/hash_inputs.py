"""Digests and evidence for the tests of the `hash` layer."""

from __future__ import annotations

import hashlib

import pytest

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Archive, ArtifactKind, Evidence

CONTENT = b"the artifact's bytes"
WHEEL = "demo_pkg-1.0-py3-none-any.whl"
OTHER_WHEEL = "demo_pkg-1.0-cp311-cp311-win_amd64.whl"
SDIST = "demo_pkg-1.0.tar.gz"
ORIGIN = "given"


def digest_of(algorithm: str = "sha256", content: bytes = CONTENT) -> str:
    """Hexadecimal digest."""
    return hashlib.new(algorithm, content).hexdigest()


GOOD = digest_of()
BAD = digest_of(content=b"something else")
THIRD = digest_of(content=b"a third thing")


def refused(parse, data, *, code, says=""):
    """The `InputError` that `parse` raises for `data`, after looking at its parts."""
    with pytest.raises(InputError) as caught:
        parse(data if isinstance(data, bytes) else data.encode(), ORIGIN, DEFAULT)
    error = caught.value
    assert error.code == code
    assert error.where.startswith(ORIGIN)
    assert says in error.message
    assert error.hint
    assert (error.message + error.hint).isprintable()
    return error


def digests(source, filename=WHEEL):
    """What a source expects of one artifact, as (algorithm, digest) pairs."""
    return [(one.algorithm, one.digest) for one in source.expected_for(filename)]


def evidence(*sources, filename=WHEEL, computed=("sha256",), expected=(), names=()):
    """Evidence for `CONTENT` with every source asked for it, as the command line does."""
    return Evidence(
        path=f"dist/{filename}",
        filename=filename,
        kind=ArtifactKind.WHEEL,
        size_bytes=len(CONTENT),
        digests={algorithm: digest_of(algorithm) for algorithm in computed},
        archive=Archive((), ()),
        expected=(*expected, *(one for source in sources for one in source.expected_for(filename))),
        expected_sources=(*names, *(source.origin for source in sources)),
    )
