"""What this machine has the right to now, from the files alone: the lease that is kept, if it still counts, or why not.

Everything is verified anew: the keyset by the roots, the lease by the keyset, for this key, service and machine. No network. It refuses
to raise: what is wrong with the files is a line in the value. Section 6 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import join
from typing import TYPE_CHECKING

from epochly.licensing import held as holding
from epochly.licensing.acceptance import NotAccepted, Who, accepted_keyset, accepted_lease
from epochly.licensing.canonical import CanonicalError
from epochly.licensing.device import kept_device
from epochly.licensing.device_key import NEXT_KEY, kept_key
from epochly.licensing.entitlement import CLOCK_SLACK_S
from epochly.licensing.state import HELD, StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.anchor import Seen
    from epochly.licensing.claims import Lease
    from epochly.licensing.held import Held
    from epochly.licensing.state import State

WAYS_OUT = {  # codes of refusals that took a lease
    "LICENSE_SUSPENDED": "ask who issued it",
    "LICENSE_EXPIRED": "renew it, then run `epochly license status`",
    "DEVICE_REVOKED": "`epochly license activate` takes a seat again",
    "DEVICE_CLONED": "`epochly license activate` here makes this device the one; copies need seats of their own",
}
GONE = frozenset({"DEVICE_CLONED", "DEVICE_REVOKED"})  # what does not come back by asking for a lease
TOOK = {
    "LICENSE_SUSPENDED": "the licence is suspended",
    "LICENSE_EXPIRED": "the licence has ended",
    "DEVICE_REVOKED": "this device was released or disabled",
    "DEVICE_CLONED": "two copies of this device's key are in use",
}

OTHER_SERVICE = (
    "it is of another service than the one that is asked; hint: `EPOCHLY_API_URL` names that; "
    "`epochly license activate` starts over with this one"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The lease that counts, or None; `held` is what is kept; `trouble` says why something that is kept does not count."""

    held: Held | None = None
    lease: Lease | None = None
    trouble: str = ""

    @property
    def latest(self) -> int:
        """The latest time known here, in Unix seconds."""
        return 0 if self.held is None else self.held.latest


def is_fresh(standing: Standing, now: int) -> bool:
    """Whether a lease is held that need not be renewed yet."""
    lease = standing.lease
    return lease is not None and standing.latest - CLOCK_SLACK_S <= now < lease.refresh_after


def kept_licence(state: State) -> Held | None:
    """What is held, or None. Raises `StateProblem`."""
    data = state.read(HELD)
    if data is None:
        return None
    try:
        return holding.read(data)
    except CanonicalError as error:
        raise StateProblem(
            join(state.path, HELD), f"holds {error}", "remove it and run `epochly license activate`"
        ) from None


def standing(
    state: State,
    seen: Callable[[], Seen],
    environ: Mapping[str, str],
    base_url: str,
    roots: Callable[[], Mapping[str, bytes]],
) -> Standing:
    """What is kept, judged. `seen` and `roots` look at the machine and for the roots, and only if a licence is kept."""
    held: Held | None = None
    try:
        held = kept_licence(state)
        if held is None or not (held.lease or held.dropped):
            return Standing(held)
        if held.dropped:
            what, way_out = TOOK.get(held.dropped, held.dropped), WAYS_OUT.get(held.dropped, "")
            return Standing(held, trouble=f"{what}; hint: {way_out}")
        return Standing(held, _lease(state, held, seen(), environ=environ, base_url=base_url, roots=roots()))
    except StateProblem as problem:
        return Standing(held, trouble=str(problem))
    except NotAccepted as error:
        what, _, hint = str(error).partition("; hint: ")
        hint = hint or "`epochly license status` asks for a new one, `epochly license activate` starts over"
        return Standing(held, trouble=f"the lease kept here does not count: {what}; hint: {hint}")


def _lease(
    state: State,
    held: Held,
    seen: Seen,
    *,
    environ: Mapping[str, str],
    base_url: str,
    roots: Mapping[str, bytes],
) -> Lease:
    device = kept_device(state, seen, environ, bytes(32))
    if device is None:
        raise NotAccepted("the key or the enrolment it belongs to is missing")
    if held.base_url != base_url:
        raise NotAccepted(OTHER_SERVICE)
    kid = device.key.kid
    keyset = accepted_keyset(Who(base_url, roots, kid, ""), held.keyset, "")
    try:
        lease = accepted_lease(Who(base_url, roots, kid, device.enrolment.digest), keyset, held.lease, None)
    except NotAccepted:
        other = kept_key(state, NEXT_KEY)  # a new key that the service took right before we were stopped
        if other is None:
            raise
        who = Who(base_url, roots, other.kid, device.enrolment.digest)
        lease = accepted_lease(who, keyset, held.lease, None)
    if not device.same:
        raise NotAccepted("this is not the machine it was enrolled on")
    return lease
