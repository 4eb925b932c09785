"""Everything that may be asked of the service: a closed list. What is not in it cannot be sent.

Each has a privacy class, which settings may stop, and the types of its two bodies; none has a query. Section 5 of
`docs/spec/epochly-pop-v1.md`.
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
_DEVICE_ID = re.compile(r"dev_[A-Za-z0-9_-]{22}", re.ASCII)


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

    def target(self, device_id: str | None = None) -> str:
        """The path, with the device's id where it has a place for one. Raises `ValueError` for an id that is none."""
        if ("{id}" in self.path) is not (device_id is not None):
            raise ValueError(f"`{self.name}` has {'an' if device_id is None else 'no'} id in its path")
        if device_id is None:
            return self.path
        if not _DEVICE_ID.fullmatch(device_id):
            raise ValueError("no device has such an id")
        return self.path.replace("{id}", device_id)

    def url(self, base: BaseUrl, device_id: str | None = None) -> str:
        """The whole address, as a proof names it. Raises `ValueError` as `target` does."""
        return f"{base}{self.target(device_id)}"


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
        )
    }
)
RESERVED: Mapping[str, PrivacyClass] = (
    MappingProxyType(  # named so that nothing else takes their places; not built
        {
            "metrics": PrivacyClass.TELEMETRY,
            "critical-events": PrivacyClass.TELEMETRY,
            "compatibility-reports": PrivacyClass.TELEMETRY,
            "lens-heartbeat": PrivacyClass.LENS,
        }
    )
)
