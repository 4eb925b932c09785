"""What requests and answers are made of: one frozen value a JSON object, a field a member.

They say names and types, and refuse to know more: forms of ids, digests and tokens are the licence client's, events those of
telemetry. A field that may be absent has None as its default. Section 5 of `docs/spec/epochly-pop-v1.md`, sections 2 and 7 of
`docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The one digest of a machine: 64 hexadecimal digits, and the version of how it is made."""

    digest: str
    v: int


@dataclass(frozen=True, slots=True)
class Register:
    """The one request that holds a licence key."""

    license_key: str
    fp: Fingerprint
    node_id: str
    client_version: str
    ik: str
    raw_attributes: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial for a machine."""

    fp: Fingerprint
    node_id: str
    client_version: str
    ik: str
    raw_attributes: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A seat for this machine in place of another's."""

    license_key: str
    from_device_id: str
    fp: Fingerprint
    node_id: str
    client_version: str
    ik: str


@dataclass(frozen=True, slots=True)
class Validate:
    """A new lease for one that ends."""

    device_id: str
    fp: Fingerprint
    ik: str
    reenrol: bool | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life of a floating lease."""

    ik: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A lease for days without a connection, from 1 to 30."""

    days: int
    ik: str


@dataclass(frozen=True, slots=True)
class Rekey:
    """A new key in place of the device's."""

    new_proof: str
    ik: str


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce, how many seconds it lives, and the service's time."""

    nonce: str
    exp_in: int
    server_time: int


@dataclass(frozen=True, slots=True)
class KeysetAnswer:
    """The service's keys, a token of the root."""

    keyset: str


@dataclass(frozen=True, slots=True)
class Leased:
    """A lease and the keys it is verified with."""

    device_id: str
    lease: str
    keyset: str


@dataclass(frozen=True, slots=True)
class Released:
    """That a seat was released."""

    receipt: str


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device of a licence; days since 1970-01-01."""

    device_id: str
    status: str
    created_day: int
    last_seen_day: int
    lease_exp: int
    this: bool


@dataclass(frozen=True, slots=True)
class ListedLicense:
    """A licence this key is a device of."""

    license_id: str
    plan: str
    seat: str
    seats_used: int
    seats_max: int
    devices: tuple[ListedDevice, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Licences and their devices."""

    licenses: tuple[ListedLicense, ...]


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The oldest client that is served, and what each plan holds."""

    min_client: str
    protocols: tuple[int, ...]
    plans: dict[str, tuple[str, ...]]
    server_time: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Events that were dropped since the last batch: no room, the tripwire, too old."""

    full: int
    pii: int
    old: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one endpoint, and what they are events of; an event's members are those of its kind in the registry."""

    v: int
    session: str
    install: str
    day: int
    seq: int
    epochly: str
    python: str
    os: str
    arch: str
    lost: Lost
    events: tuple[dict[str, str | int | bool], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """That a batch was received, a token, and the keys it is verified with."""

    receipt: str
    keyset: str


@dataclass(frozen=True, slots=True)
class DayRoot:
    """One hash over all batches of a day, a token, and the keys it is verified with."""

    root: str
    keyset: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a batch stands among those of its day; `path` has hashes in hex."""

    day: int
    index: int
    size: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LensAccount:
    """The account of a key, and the salt that its hosts' names are hashed with."""

    account: str
    salt: str


@dataclass(frozen=True, slots=True)
class LensHeartbeat:
    """That a process of this host lives."""

    v: int
    host: str
    version: str
    pid: int
    uptime_s: int


@dataclass(frozen=True, slots=True)
class LensNext:
    """Seconds until the next heartbeat is due."""

    next_s: int


class MessageError(ValueError):
    """A body that is not what it has to be; the text names the place and repeats no value."""


def checked(kind: type | None, body: bytes) -> None:
    """Nothing, where a body holds exactly the members of `kind`, and is empty where `kind` is None. Raises `MessageError`."""
    if kind is None:
        if body:
            raise MessageError("a body where there is none")
        return
    from_json(kind, body)


def from_json(kind: type, body: bytes) -> Any:
    """A value of `kind` from a JSON object that holds exactly its members. Raises `MessageError`."""
    try:
        return _value(kind, json.loads(body.decode(), object_pairs_hook=_once), kind.__name__)
    except RecursionError as error:
        raise MessageError("nested too deep") from error
    except MessageError:
        raise
    except ValueError as error:
        raise MessageError("not JSON in UTF-8") from error


def to_members(message: Any) -> dict[str, Any]:
    """The members of a message as JSON has them; what is None is left out."""
    found = {field.name: getattr(message, field.name) for field in fields(message)}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_members(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise MessageError("a name that comes twice")
    return dict(pairs)


def _value(kind: Any, value: Any, where: str) -> Any:
    """A parsed JSON value as a `kind`, which is a dataclass, `str`, `int`, `bool`, a tuple or a dict of these."""
    if isinstance(kind, UnionType):  # `X | None`: an absent member; JSON's `null` is not among them
        kinds = [each for each in get_args(kind) if each is not NoneType]
        kind = (
            kinds[0] if len(kinds) == 1 else next((each for each in kinds if type(value) is each), kinds[0])
        )
    if is_dataclass(kind) and isinstance(kind, type):
        return _object(kind, value, where)
    if get_origin(kind) is tuple:
        if isinstance(value, list):
            return tuple(_value(get_args(kind)[0], each, where) for each in value)
    elif get_origin(kind) is dict:
        if isinstance(value, dict):
            return {name: _value(get_args(kind)[1], each, where) for name, each in value.items()}
    elif type(value) is kind:  # a bool is no int here
        return value
    raise MessageError(f"`{where}` is not of its type")


def _object(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise MessageError(f"`{where}` is no object")
    types, known = get_type_hints(kind), {field.name: field for field in fields(kind)}
    if value.keys() - known.keys():
        raise MessageError(f"`{where}` has a member that it has not")
    for name, field in known.items():
        if name not in value and field.default is MISSING:
            raise MessageError(f"`{where}` has no `{name}`")
    return kind(**{name: _value(types[name], each, name) for name, each in value.items()})
