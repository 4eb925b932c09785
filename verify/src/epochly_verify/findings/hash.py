"""Findings of the layer `hash`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = ()
