"""Bodies of requests and answers as OpenAPI publishes them; section 5 and 7 of the specification. Unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from epochly_service.encoding import B64U_16
from epochly_service.errors import PROBLEMS
from epochly_service.settings import CHECKOUT_DAYS_MAX


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a bool is no number")  # noqa: TRY004 - the one error that a validator may raise
    return value


def _bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("a number is no bool")  # noqa: TRY004
    return value


One = Annotated[Literal[1], BeforeValidator(_no_bool)]  # True equals 1, so that one passes for the other
Yes = Annotated[Literal[True], BeforeValidator(_bool)]
Text16 = Annotated[str, StringConstraints(pattern=f"^{B64U_16}$", min_length=22, max_length=22)]
DeviceId = Annotated[str, StringConstraints(pattern=f"^dev_{B64U_16}$", min_length=26, max_length=26)]
LicenseKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Uuid = Annotated[
    str, StringConstraints(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Version = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z.+!_-]{1,64}$")]
Token = Annotated[str, StringConstraints(pattern="^v4[.]public[.]", max_length=8_192)]
RawName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
RawValue = Annotated[str, StringConstraints(max_length=128)]
RAW_MAX = 32  # attributes


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Fingerprint(_Body):
    """A digest of version 1."""

    digest: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$", min_length=64, max_length=64)]
    v: One


class TrialBody(_Body):
    """Of `POST /v1/trial`."""

    fp: Fingerprint
    node_id: Uuid
    client_version: Version
    ik: Text16
    raw_attributes: Annotated[dict[RawName, RawValue], Field(max_length=RAW_MAX)] | None = None


class RegisterBody(TrialBody):
    """Of `POST /v1/devices`."""

    license_key: LicenseKey


class TransferBody(_Body):
    """Of `POST /v1/transfer`."""

    license_key: LicenseKey
    from_device_id: DeviceId
    fp: Fingerprint
    node_id: Uuid
    client_version: Version
    ik: Text16


class ValidateBody(_Body):
    """Of `POST /v1/license/validate`."""

    device_id: DeviceId
    fp: Fingerprint
    ik: Text16
    reenrol: Yes | None = None


class HeartbeatBody(_Body):
    """Of `POST /v1/devices/{device_id}/heartbeat`."""

    ik: Text16


class CheckoutBody(_Body):
    """Of `POST /v1/devices/{device_id}/checkout`."""

    days: Annotated[int, Field(ge=1, le=CHECKOUT_DAYS_MAX)]
    ik: Text16


class RekeyBody(_Body):
    """Of `POST /v1/devices/{device_id}/rekey`."""

    new_proof: Token
    ik: Text16


class NonceAnswer(_Body):
    """A nonce, and for how many seconds it is good."""

    nonce: str
    exp_in: int
    server_time: int


class KeysetAnswer(_Body):
    """The newest keyset."""

    keyset: Token


class LeaseAnswer(_Body):
    """A lease for the key that asked."""

    device_id: DeviceId
    lease: Token
    keyset: Token


class ReceiptAnswer(_Body):
    """That a device was released."""

    receipt: Token


class ListedDevice(_Body):
    """A device of a licence. Days are days since 1970-01-01."""

    device_id: DeviceId
    status: Literal["active", "contended", "disabled", "released"]
    created_day: int
    last_seen_day: int
    lease_exp: int
    this: bool


class ListedLicense(_Body):
    """A licence that the caller's key is on."""

    license_id: str
    plan: str
    seat: Literal["node", "floating"]
    seats_used: int
    seats_max: int
    devices: list[ListedDevice]


class DevicesAnswer(_Body):
    """The licences that the caller's key is on."""

    licenses: list[ListedLicense]


class CompatibilityAnswer(_Body):
    """What this service speaks and sells."""

    min_client: str
    protocols: list[int]
    plans: dict[str, list[str]]
    server_time: int


class StateAnswer(_Body):
    """How a node is."""

    status: Literal["ok", "ready"]


class ProblemAnswer(_Body):
    """RFC 9457; `refusal` is signed, and only there does a refusal count."""

    type: Annotated[str, StringConstraints(pattern="^urn:epochly:problem:[A-Z_]+$")]
    title: str
    status: int
    code: Annotated[str, Field(json_schema_extra={"enum": sorted(PROBLEMS)})]
    detail: str
    request_id: str
    retry_after: int | None = None
    seats_used: int | None = None
    seats_max: int | None = None
    refusal: Token | None = None
