"""Sigstore trust roots (`sigstore_trustroot.proto`): whose certificates, logs and timestamps count, and when.

Read strictly: an authority or log without the start of its validity is refused, not treated as unbounded.
A client trust configuration is accepted too; its trust root is taken and its signing configuration ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import InputError
from epochly_verify.parse.fields import Fields, Refusal, fields_from_json
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT_TYPES = frozenset(
    {
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    }
)
_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
MAX_INSTANCES = 200  # authorities or logs of one kind; the public instance has four
MAX_CHAIN = 10  # certificates of one authority


@dataclass(frozen=True, slots=True)
class Window:
    """A closed interval of time: both ends belong to it (`TimeRange` in `sigstore_common.proto`)."""

    start: datetime
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` lies in the interval."""
        return self.start <= moment and (self.end is None or moment <= self.end)

    def __str__(self) -> str:
        end = f"{self.end:%Y-%m-%d %H:%M:%S}" if self.end else "open"
        return f"{self.start:%Y-%m-%d %H:%M:%S} to {end} UTC"


@dataclass(frozen=True, slots=True)
class Log:
    """A transparency log: its key (DER SubjectPublicKeyInfo), its id, and when its signatures count."""

    url: str
    log_id: bytes
    key: bytes
    key_details: str
    window: Window


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate or timestamp authority: DER certificates, issuing one first, and when it counts."""

    url: str
    chain: tuple[bytes, ...]
    window: Window


@dataclass(frozen=True, slots=True, eq=False)
class TrustRoot:
    """A trust root. Two are equal only when they are the same object, so that work on one can be remembered.

    Attributes:
        origin: where it came from, for messages.
        document: the JSON object as read, for the signing library.
    """

    origin: str
    logs: tuple[Log, ...]
    ct_logs: tuple[Log, ...]
    certificate_authorities: tuple[Authority, ...]
    timestamp_authorities: tuple[Authority, ...]
    document: Mapping[str, Any]


def parse_trust_root(data: bytes, origin: str) -> TrustRoot:
    """Read a trust root or a client trust configuration.

    Raises:
        InputError: `trust-root-malformed`.
    """
    try:
        top = fields_from_json(data, origin, "trust-root-malformed")
        if top.text("mediaType") == _CONFIG_TYPE:
            top = top.object("trustedRoot")
        if top.text("mediaType") not in _ROOT_TYPES:
            raise top.bad("mediaType", f"{quoted(top.text('mediaType'), most=100)} is no trust root")
        return TrustRoot(
            origin=origin,
            logs=_logs(top, "tlogs"),
            ct_logs=_logs(top, "ctlogs"),
            certificate_authorities=_authorities(top, "certificateAuthorities"),
            timestamp_authorities=_authorities(top, "timestampAuthorities"),
            document=top.value,
        )
    except Refusal as refusal:
        raise InputError(
            "trust-root-malformed",
            refusal.finding.subject,
            refusal.finding.message,
            "give a Sigstore `trusted_root.json` or client trust configuration",
        ) from refusal


def _logs(top: Fields, name: str) -> tuple[Log, ...]:
    logs = []
    for item in top.objects(name, most=MAX_INSTANCES):
        key = item.object("publicKey")
        logs.append(
            Log(
                url=item.text("baseUrl") if item.has("baseUrl") else "",
                log_id=item.object("logId").binary("keyId"),
                key=key.binary("rawBytes"),
                key_details=key.text("keyDetails"),
                window=_window(key),
            )
        )
    return tuple(logs)


def _authorities(top: Fields, name: str) -> tuple[Authority, ...]:
    authorities = []
    for item in top.objects(name, most=MAX_INSTANCES):
        chain = item.object("certChain").objects("certificates", most=MAX_CHAIN)
        authorities.append(
            Authority(
                url=item.text("uri") if item.has("uri") else "",
                chain=tuple(certificate.binary("rawBytes") for certificate in chain),
                window=_window(item),
            )
        )
    return tuple(authorities)


def _window(owner: Fields) -> Window:
    valid_for = owner.object("validFor")
    return Window(_moment(valid_for, "start"), _moment(valid_for, "end") if valid_for.has("end") else None)


def _moment(valid_for: Fields, name: str) -> datetime:
    """An RFC 3339 time; it must name its offset."""
    try:
        moment = datetime.fromisoformat(valid_for.text(name))
    except ValueError as error:
        raise valid_for.bad(name, "is no RFC 3339 time") from error
    if moment.tzinfo is None:
        raise valid_for.bad(name, "has no time zone")
    return moment.astimezone(UTC)
