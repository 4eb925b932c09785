"""What a lease allows: one pure question, asked by all that enforces anything.

No lease is the community level: levels 0 to 3, the third with up to 4 cores, no GPU. It refuses to look at a clock, a file or
the network, and to say no without saying the way out. Section 6 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Final, Literal

    from epochly.licensing.claims import Lease

    Reason = Literal["no-licence", "not-in-plan", "not-yet", "clock-rollback", "expired", "dropped"]

else:
    from epochly._records import dataclass

CLUSTER, GPU, LENS, MULTI_CORE = "cluster", "gpu", "lens", "multi-core"
PLANS: Final = {
    "community": (),
    "trial": (CLUSTER, GPU, LENS, MULTI_CORE),
    "professional": (GPU, LENS, MULTI_CORE),
    "enterprise": (CLUSTER, GPU, LENS, MULTI_CORE),
    "academic": (GPU, MULTI_CORE),
}
COMMUNITY = "community"
COMMUNITY_CORES = 4
MULTI_CORE_LEVEL, GPU_LEVEL = 3, 4
CLOCK_SLACK_S = 300  # seconds a clock may be behind: section 6

ACTIVATE = "`epochly license trial` starts one of 30 days, `epochly license activate` takes a licence key"


@dataclass(frozen=True, slots=True)
class Entitled:
    """Yes; `in_grace` where the lease has expired and goes on until its grace ends."""

    in_grace: bool


@dataclass(frozen=True, slots=True)
class NotEntitled:
    """No: why, for programs and in words, and what the user can do about it."""

    reason: Reason
    why: str
    way_out: str


YES, IN_GRACE = Entitled(in_grace=False), Entitled(in_grace=True)


def entitled(lease: Lease | None, feature: str, now: int, latest: int = 0) -> Entitled | NotEntitled:
    """Whether `feature` may be used under a lease that was accepted, or None where there is none.

    `now` is this machine's clock, `latest` the latest time ever known here, both in Unix seconds.
    """
    if lease is None:
        return NotEntitled("no-licence", f"`{feature}` needs a licence, and there is none here", ACTIVATE)
    if now < lease.nbf - CLOCK_SLACK_S or now < latest - CLOCK_SLACK_S:
        return NotEntitled(
            "clock-rollback", "the clock was set back", "set the clock right, or run `epochly license status`"
        )
    if feature not in lease.features:
        return NotEntitled(
            "not-in-plan",
            f"plan `{lease.plan}` has no `{feature}`",
            f"plans that have it: {', '.join(plans_with(feature)) or 'none'}",
        )
    if now < lease.exp:
        return YES
    if now < lease.grace_until:
        return IN_GRACE
    return NotEntitled(
        "expired",
        "the lease has expired and could not be renewed",
        "`epochly license status` renews it where the service can be reached, and says what is wrong",
    )


def plans_with(feature: str) -> tuple[str, ...]:
    """The plans that have a feature."""
    return tuple(plan for plan, features in PLANS.items() if feature in features)


def feature_for(level: int, workers: int) -> str | None:
    """The feature that a level with so many cores needs; None where everybody may."""
    if level >= GPU_LEVEL:
        return GPU
    return MULTI_CORE if level == MULTI_CORE_LEVEL and workers > COMMUNITY_CORES else None
