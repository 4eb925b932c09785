"""Findings of the layer `metadata`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = ()
