"""What an operator may set, and the numbers of the specification, with units."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds

NONCE_TTL_S = 120  # section 3
REPLAY_KEPT_S = 300  # a used nonce is remembered longer than it could be accepted
IDEMPOTENCY_KEPT_S = DAY  # section 5
RAW_KEPT_S = 30 * DAY  # raw attributes of those who opted in
TRIAL_S = 30 * DAY  # section 6
TRANSFERS_MAX, TRANSFERS_IN_S = 3, 30 * DAY  # a licence
REENROLS_MAX, REENROLS_IN_S = 3, 90 * DAY  # a device
STRIKES_MAX, STRIKES_IN_S = 3, 30 * DAY  # the third one disables
LOST_MAX = 1_000_000  # leases that a restored database may not know of: 19 years of a floating seat's, far below 2^53
CHECKOUT_DAYS_MAX = 30
BODY_MAX_BYTES = 16_384  # section 5
PROOF_MAX_CHARS = 8_192  # the header; m <= 4,096 bytes and a signature in base64url are 5,560


@dataclass(frozen=True, slots=True)
class Term:
    """How long a lease is good: seconds from its start."""

    exp_s: int
    refresh_s: int
    grace_s: int


NODE = Term(72 * HOUR, 36 * HOUR, 14 * DAY)
NODE_TRIAL = Term(72 * HOUR, 36 * HOUR, 0)
FLOATING = Term(30 * MINUTE, 10 * MINUTE, 0)


@dataclass(frozen=True, slots=True)
class Policy:
    """Numbers that leases are made with; a deployment may change them, and counts `version` up when it does."""

    version: int = 1
    node: Term = NODE
    node_trial: Term = NODE_TRIAL
    floating: Term = FLOATING
    min_client: str = "0.0.0"  # older ones get CLIENT_TOO_OLD
    key_life_s: int = 90 * DAY  # signing keys sign this long
    key_overlap_s: int = 30 * DAY + 14 * DAY  # the longest lease and grace: then verify only


@dataclass(frozen=True, slots=True)
class Settings:
    """One node of the service.

    Attributes:
        public_url: base URL the clients use, `https://authority` and no slash at the end.
        database_url: SQLAlchemy's spelling; `sqlite:///...` or `postgresql+psycopg://...`.
        data: folder of the secrets and, with SQLite, of the database.
        telemetry_sink: where events go, `clickhouse+https://...`; empty for the database itself.
    """

    public_url: str
    database_url: str
    data: str
    policy: Policy = field(default_factory=Policy)
    telemetry_sink: str = ""
