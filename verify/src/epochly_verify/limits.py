"""Bounds on what hostile input may cost, each with its unit and the reason for its size."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound in one value, so that a policy can change it and a test can make it small."""

    artifact_bytes: int = 16 * GIB  # bytes; the largest public wheels are 3-4 GiB (CUDA)
    members: int = 200_000  # entries; the largest wheel seen has 31k (torch), sdists up to 60k
    name_bytes: int = 4096  # bytes of one member name; PATH_MAX on Linux, more cannot be installed
    member_bytes: int = 16 * GIB  # bytes out of one member; CUDA libraries reach 2 GiB
    total_bytes: int = 64 * GIB  # bytes out of the whole archive
    ratio: int = 50  # out/in, counted only above `ratio_free_bytes`; the index refuses uploads above 50
    ratio_free_bytes: int = 64 * MIB  # bytes; below this a high ratio harms nobody (the index's own bound)
    retained_bytes: int = 64 * MIB  # bytes kept of all members that checks read; RECORD of torch is 4 MiB
    retained_member_bytes: int = 32 * MIB  # bytes kept of one such member
    record_rows: int = 200_000  # rows; one a member at most
    headers: int = 10_000  # lines of METADATA or WHEEL headers; the largest seen has about 700
    evidence_bytes: int = 32 * MIB  # bytes of one evidence file; a provenance of 100 attestations is 1 MiB
    attestations: int = 1_000  # attestations in one provenance document
    timestamps: int = 32  # RFC 3161 timestamps in one bundle; sigstore clients share this bound
    text_bytes: int = 64 * MIB  # bytes of a policy, lock, requirements or index file
    findings_per_id: int = 50  # findings of one id an artifact that are listed; the rest are counted


DEFAULT = Limits()
