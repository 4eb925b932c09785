"""What can be asked of the service about licences, as values: the rows of section 5, a wish, a request, a reply.

It refuses to know how they are sent, and what they mean: `client` does. Section 5 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.licensing.canonical import Value
    from epochly.licensing.device_key import DeviceKey
    from epochly.net.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of section 5, besides what its endpoint says. `ours`: about the device that is held, whose lease a refusal takes.

    `pub`: the proof shows the key. `repeated`: it has an `ik`.
    """

    status: int
    pub: bool = False
    repeated: bool = False
    ours: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "register": Operation(201, pub=True, repeated=True),
    "trial": Operation(201, pub=True, repeated=True),
    "transfer": Operation(201, pub=True, repeated=True),
    "validate": Operation(200, repeated=True, ours=True),
    "heartbeat": Operation(200, repeated=True, ours=True),
    "checkout": Operation(200, repeated=True, ours=True),
    "rekey": Operation(200, repeated=True, ours=True),
    "release": Operation(200, ours=True),
    "list": Operation(200),
    "compatibility": Operation(200),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: an endpoint's name, its body without `ik`, the device in its path, and for `rekey` the new key.

    `entered` tells the licence, as in `Held`, where the request is for a seat of one.
    """

    name: str
    args: Mapping[str, Value] = field(default_factory=dict)
    device_id: str = ""
    new_key: DeviceKey | None = None
    entered: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send: the endpoint, the device in its path, the exact bytes of the body, the proof or None."""

    endpoint: Endpoint
    device_id: str | None = None
    body: bytes = b""
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, `Epochly-Nonce`, `Retry-After` in seconds, the body, and the proxy that took part, if any."""

    status: int
    body: bytes
    nonce: str = ""
    retry_after_s: int | None = None
    via_proxy: str = ""
