"""Everything that may be asked of the service: a closed list. What is not in it cannot be sent.

Each has a privacy class, which settings may stop, and the types of its two bodies; none has a query. Section 5 of
`docs/spec/epochly-pop-v1.md`, sections 2 and 7 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from epochly.net import messages
from epochly.net.privacy import PrivacyClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.net.base_url import BaseUrl

    Method = Literal["GET", "POST", "DELETE"]

PROOF_HEADER, NONCE_HEADER = "Epochly-Proof", "Epochly-Nonce"
KEY_HEADER = "Authorization"  # a key for Lens, and nothing else's
_PLACES = {  # what a path may have a place for, and what may stand there
    "{id}": ("id", "no device has such an id", re.compile(r"dev_[A-Za-z0-9_-]{22}", re.ASCII)),
    "{day}": ("day", "no day is told so", re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)),
    "{digest}": ("digest", "no batch has such a digest", re.compile(r"[0-9a-f]{64}", re.ASCII)),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that may be asked; `request` None: no body. `headers` are those a caller may add."""

    name: str
    privacy: PrivacyClass
    method: Method
    path: str
    request: type | None
    response: type
    headers: frozenset[str] = field(default=frozenset({PROOF_HEADER}))

    def target(self, place: str | None = None) -> str:
        """The path, with a device's id, a day or a digest where it has a place for one. Raises `ValueError` for what is none."""
        for mark, (name, refusal, form) in _PLACES.items():
            if mark in self.path:
                if place is None:
                    raise ValueError(f"`{self.name}` needs the {name} that its path has a place for")
                if not form.fullmatch(place):
                    raise ValueError(refusal)
                return self.path.replace(mark, place)
        if place is not None:
            raise ValueError(f"`{self.name}` has no place for that in its path")
        return self.path

    def url(self, base: BaseUrl, place: str | None = None) -> str:
        """The whole address, as a proof names it. Raises `ValueError` as `target` does."""
        return f"{base}{self.target(place)}"


_LICENSE, _NO_PROOF = PrivacyClass.LICENSE, frozenset[str]()
NONCE = Endpoint("nonce", _LICENSE, "POST", "/v1/nonce", None, messages.Nonce, _NO_PROOF)
KEYSET = Endpoint("keyset", _LICENSE, "GET", "/v1/keyset", None, messages.KeysetAnswer, _NO_PROOF)
REGISTER = Endpoint("register", _LICENSE, "POST", "/v1/devices", messages.Register, messages.Leased)
TRIAL = Endpoint("trial", _LICENSE, "POST", "/v1/trial", messages.Trial, messages.Leased)
TRANSFER = Endpoint("transfer", _LICENSE, "POST", "/v1/transfer", messages.Transfer, messages.Leased)
VALIDATE = Endpoint("validate", _LICENSE, "POST", "/v1/license/validate", messages.Validate, messages.Leased)
HEARTBEAT = Endpoint(
    "heartbeat", _LICENSE, "POST", "/v1/devices/{id}/heartbeat", messages.Heartbeat, messages.Leased
)
CHECKOUT = Endpoint(
    "checkout", _LICENSE, "POST", "/v1/devices/{id}/checkout", messages.Checkout, messages.Leased
)
REKEY = Endpoint("rekey", _LICENSE, "POST", "/v1/devices/{id}/rekey", messages.Rekey, messages.Leased)
RELEASE = Endpoint("release", _LICENSE, "DELETE", "/v1/devices/{id}", None, messages.Released)
LIST = Endpoint("list", _LICENSE, "GET", "/v1/devices", None, messages.Listed)
COMPATIBILITY = Endpoint(
    "compatibility", _LICENSE, "GET", "/v1/compatibility", None, messages.Compatibility, _NO_PROOF
)

_TELEMETRY, _LENS, _KEY = PrivacyClass.TELEMETRY, PrivacyClass.LENS, frozenset({KEY_HEADER})
METRICS = Endpoint(
    "metrics", _TELEMETRY, "POST", "/v1/telemetry/metrics", messages.Batch, messages.Received, _NO_PROOF
)
CRITICAL = Endpoint(
    "critical-events",
    _TELEMETRY,
    "POST",
    "/v1/telemetry/critical-events",
    messages.Batch,
    messages.Received,
    _NO_PROOF,
)
REPORTS = Endpoint(
    "compatibility-reports",
    _TELEMETRY,
    "POST",
    "/v1/telemetry/compatibility-reports",
    messages.Batch,
    messages.Received,
    _NO_PROOF,
)
ROOT = Endpoint(
    "telemetry-root",
    _TELEMETRY,
    "GET",
    "/v1/telemetry/roots/{day}",
    None,
    messages.DayRoot,
    _NO_PROOF,
)
INCLUSION = Endpoint(
    "telemetry-proof",
    _TELEMETRY,
    "GET",
    "/v1/telemetry/proofs/{digest}",
    None,
    messages.Inclusion,
    _NO_PROOF,
)
LENS_ACCOUNT = Endpoint("lens-account", _LENS, "GET", "/v1/lens/account", None, messages.LensAccount, _KEY)
LENS_HEARTBEAT = Endpoint(
    "lens-heartbeat", _LENS, "POST", "/v1/lens/heartbeat", messages.LensHeartbeat, messages.LensNext, _KEY
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        each.name: each
        for each in (
            NONCE,
            KEYSET,
            REGISTER,
            TRIAL,
            TRANSFER,
            VALIDATE,
            HEARTBEAT,
            CHECKOUT,
            REKEY,
            RELEASE,
            LIST,
            COMPATIBILITY,
            METRICS,
            CRITICAL,
            REPORTS,
            ROOT,
            INCLUSION,
            LENS_ACCOUNT,
            LENS_HEARTBEAT,
        )
    }
)
