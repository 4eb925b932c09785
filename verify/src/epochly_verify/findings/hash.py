"""Findings of the layer `hash`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = (
    Kind(
        id="hash-mismatch",
        severity=Severity.ERROR,
        means="The artifact's digest is none of those a given source publishes for it. The file was changed, cut "
        "short or replaced on its way, or the source speaks of another build of the same release.",
        hint="fetch the artifact again from its publisher, and do not install this copy",
        source="PEP 503, PEP 751 and pip's hash-checking mode: a file must have one of the digests listed for it",
    ),
    Kind(
        id="hash-weak-algorithm",
        severity=Severity.WARNING,
        means="A source gives the artifact only digests of an algorithm weaker than SHA-256, such as MD5 or SHA-1. "
        "Two different files with the same such digest can be made on purpose, so it vouches for nothing and was "
        "not compared.",
        hint="ask the publisher for a SHA-256 digest",
        source="binary distribution format: `sha256 or better`; collisions published for MD5 (2004) and SHA-1 (2017)",
    ),
    Kind(
        id="hash-source-silent",
        severity=Severity.WARNING,
        means="Several sources of digests were given, and one of them has none for this artifact while another does. "
        "That source says nothing about the file: it may be older, of another release, or of another project.",
        hint="give a source that lists every artifact, or leave this one out",
        source="every source that was given is expected to speak",
    ),
)
