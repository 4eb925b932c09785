"""Bodies and answers of Lens as OpenAPI publishes them; section 7 of `docs/spec/epochly-telemetry-v1.md`."""

# ruff: noqa: TC001 - models read their annotations at run time
from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from epochly_service.bodies import One
from epochly_service.telemetry.batches import EPOCHLY

Host = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$", min_length=32, max_length=32)]
Version = Annotated[str, StringConstraints(pattern=f"^{EPOCHLY.pattern}$", max_length=24)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LensHeartbeatBody(_Body):
    """Of `POST /v1/lens/heartbeat`."""

    v: One
    host: Host
    version: Version
    pid: Annotated[int, Field(ge=1, le=2**31 - 1)]
    uptime_s: Annotated[int, Field(ge=0, le=10**9)]


class LensAccountAnswer(_Body):
    """The account of the key, and the salt of its hosts' names."""

    account: str
    salt: str


class LensHeartbeatAnswer(_Body):
    """Seconds until the next heartbeat."""

    next_s: Annotated[int, Field(ge=60, le=3_600)]


class LensHost(_Body):
    """A host, and the processes on it that are alive; `last_seen` is in Unix seconds."""

    host: Host
    version: str
    processes: int
    uptime_s: int
    first_day: int
    last_seen: int


class LensHostsAnswer(_Body):
    """The hosts of the key's account."""

    hosts: list[LensHost]
