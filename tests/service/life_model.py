"""What the specification says of the life of devices, as a model of its own: sections 4 to 6, in dictionaries, with no code of the service.

A seat that has ended is nobody's at once here; the service may count it until somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds
TERMS = {  # (lives, is refreshed after, has grace): section 6
    "node": (72 * HOUR, 36 * HOUR, 14 * DAY),
    "trial": (72 * HOUR, 36 * HOUR, 0),
    "floating": (30 * MINUTE, 10 * MINUTE, 0),
}
TIMES = 3  # of transfers, new fingerprints and forks
LOST = 1_000_000  # leases that a service may have lost


@dataclass(frozen=True)
class Ask:
    """A request: its row of section 5, who asks, under which idempotency key, about what. Numbers are places in lists."""

    kind: str
    key: int
    ik: str = ""
    licence: int = -1
    device: int = -1
    digest: str = ""
    days: int = 0
    reenrol: bool = False
    new_key: int = -1


@dataclass
class Licence:
    """A licence; a trial's has the digest of its machine."""

    seat: str
    seats: int
    ends: int
    trial_of: str = ""
    status: str = "active"
    transfers: list = field(default_factory=list)

    def standing(self, now):
        """Why nothing is leased on it, or None."""
        if self.status == "suspended":
            return "LICENSE_SUSPENDED"
        return "LICENSE_EXPIRED" if self.ends <= now else None


@dataclass
class Device:
    """A key on a licence. `seat_ends` is None for a node's seat; `pinned` is when a checked-out seat is free again."""

    licence: int
    key: int
    digest: str
    status: str = "active"
    has_seat: bool = False
    seat_ends: int | None = None
    pinned: int = 0
    seq: int = 0
    ik: str = ""
    old_key: int = -1
    strikes: list = field(default_factory=list)
    reenrols: list = field(default_factory=list)

    def holds(self, now):
        """Whether a seat is its own."""
        return self.has_seat and (self.seat_ends is None or self.seat_ends > now)

    def is_pinned(self, now):
        """Whether that seat is checked out."""
        return self.holds(now) and self.pinned > now


@dataclass(frozen=True)
class Lease:
    """What a device is given."""

    device: int
    key: int
    seq: int
    exp: int
    refresh_after: int
    grace_until: int


class Model:
    """Licences, devices, and what was asked before."""

    def __init__(self, now):
        self.now = now
        self.licences, self.devices = [], []
        self.answered = {}  # (key, ik) -> (request, lease, when it is forgotten)

    def taken(self, licence):
        """How many seats of a licence are somebody's."""
        return sum(each.holds(self.now) for each in self.devices if each.licence == licence)

    def does(self, ask, seq):
        """What comes of a request whose proof says `seq`: a code, a `Lease`, or `receipt`."""
        return getattr(self, "_" + ask.kind)(ask, seq)

    # --- with a licence key, or none

    def _register(self, ask, seq):
        return self._enrol(ask, ask.licence, seq)

    def _trial(self, ask, seq):
        had = [at for at, licence in enumerate(self.licences) if licence.trial_of == ask.digest]
        if not had and self._before(ask) is not None:
            return self._before(ask)  # and the machine keeps its trial
        if not had:
            self.licences.append(Licence("node", 1, self.now + 30 * DAY, trial_of=ask.digest))
            return self._enrol(ask, len(self.licences) - 1, seq)
        if self._on(had[0], ask.key) is None or self.licences[had[0]].ends <= self.now:
            return "TRIAL_USED"
        return self._enrol(ask, had[0], seq)

    def _transfer(self, ask, seq):
        source = self.devices[ask.device]
        if source.licence != ask.licence:
            return "DEVICE_NOT_FOUND"
        return self._enrol(ask, ask.licence, seq, source)

    def _enrol(self, ask, number, seq, source=None):
        licence, at = self.licences[number], self._on(number, ask.key)
        before = self._before(ask)
        if before is not None:
            return before
        device = None if at is None else self.devices[at]
        refused = licence.standing(self.now)
        if refused:
            return refused
        changed = device is not None and device.digest != ask.digest
        if device is not None and device.status == "disabled":
            return "DEVICE_REVOKED"
        if changed and self._lately(device.reenrols, 90 * DAY) >= TIMES:
            return "FINGERPRINT_CHANGED"
        if source is not None:
            refused = self._gives(source, ask.key, licence)
            if refused:
                return refused
        elif not (device and device.holds(self.now)) and self.taken(number) >= licence.seats:
            return "SEAT_LIMIT_REACHED"
        if device is None:
            device, at = Device(number, ask.key, ask.digest), len(self.devices)
            self.devices.append(device)
        elif self._is_ahead(device, seq):
            device.seq = seq
        if changed:
            device.reenrols.append(self.now)
        device.status, device.digest = "active", ask.digest
        if source is not None:
            licence.transfers.append(self.now)
            self._gone(source)
        return self._leased(ask, at)

    def _gives(self, source, key, licence):
        if source.status == "released" or not source.holds(self.now) or source.key == key:
            return "DEVICE_NOT_FOUND"
        if source.is_pinned(self.now):
            return "SEAT_CHECKED_OUT"
        return "TRANSFER_LIMIT" if self._lately(licence.transfers, 30 * DAY) >= TIMES else None

    # --- of a device

    def _validate(self, ask, seq):
        return self._early(ask) or self._forked(ask, seq) or self._elsewhere(ask) or self._renewed(ask, seq)

    def _heartbeat(self, ask, seq):
        return self._early(ask) or self._forked(ask, seq) or self._renewed(ask, seq)

    def _checkout(self, ask, seq):
        early = self._early(ask) or self._forked(ask, seq)
        if early:
            return early
        device = self.devices[ask.device]
        licence = self.licences[device.licence]
        if licence.trial_of:
            return "FEATURE_NOT_ENTITLED"
        if self._no_seat(device):
            return "SEAT_LIMIT_REACHED"
        kept = device.pinned if device.is_pinned(self.now) else 0
        device.pinned = max(min(self.now + ask.days * DAY, licence.ends), kept)
        self._caught_up(device, seq)
        return self._leased(ask, ask.device, checked_out=True)

    def _rekey(self, ask, seq):
        device = self.devices[ask.device]
        if ask.new_key == ask.key:
            return "PROOF_MISMATCH"
        early = self._early(ask, old_key=device.old_key)
        if early:
            return early
        if device.key != ask.key:
            return "KEY_UNKNOWN"
        if self._on(device.licence, ask.new_key) is not None:
            return "MALFORMED"
        refused = self._forked(ask, seq)
        if refused:
            return refused
        if self._no_seat(device):
            return "SEAT_LIMIT_REACHED"
        device.key = ask.new_key
        self._caught_up(device, seq)
        lease = self._leased(ask, ask.device)
        device.old_key = ask.key
        return lease

    def _release(self, ask, _seq):
        device = self.devices[ask.device]
        if device.key != ask.key:
            return self._not_found(ask.key)
        if device.is_pinned(self.now):
            return "SEAT_CHECKED_OUT"
        self._gone(device)
        return "receipt"

    # --- what they have in common

    def _early(self, ask, old_key=-1):
        device = self.devices[ask.device]
        if ask.key not in (device.key, old_key):
            return self._not_found(ask.key)
        if device.status != "active":
            return "DEVICE_CLONED" if device.status == "contended" else "DEVICE_REVOKED"
        return self.licences[device.licence].standing(self.now) or self._before(ask)

    def _not_found(self, key):
        return "DEVICE_NOT_FOUND" if any(each.key == key for each in self.devices) else "KEY_UNKNOWN"

    def _before(self, ask):
        """What a request under this idempotency key had, if it is remembered and still good."""
        asked, lease, until = self.answered.get((ask.key, ask.ik), (None, None, 0))
        if until <= self.now:
            return None
        device = self.devices[lease.device]
        changed_key = ask.kind in ("register", "trial", "transfer") and device.key != ask.key
        if (
            asked != ask or changed_key
        ):  # it enrolled a key that is unknown since: nothing is given to that again
            return "IDEMPOTENCY_MISMATCH"
        if device.status != "active":
            return "DEVICE_CLONED" if device.status == "contended" else "DEVICE_REVOKED"
        refused = self.licences[device.licence].standing(self.now)
        return refused or Lease(**vars(lease) | {"key": device.key})

    def _forked(self, ask, seq):
        device = self.devices[ask.device]
        if seq == device.seq or (seq == device.seq - 1 and ask.ik == device.ik):
            return None
        if self._is_ahead(device, seq) and not self._lately(device.strikes, 30 * DAY):
            return None
        third = self._lately(device.strikes, 30 * DAY) + 1 >= TIMES
        device.strikes.append(self.now)
        device.status = "disabled" if third else "contended"
        return "DEVICE_CLONED"

    def _is_ahead(self, device, seq):
        return device.seq < seq <= device.seq + LOST

    def _caught_up(self, device, seq):
        """A device that had leases which were lost here goes on above them, and that counts as a fork does."""
        if self._is_ahead(device, seq):
            device.seq = seq
            device.strikes.append(self.now)

    def _elsewhere(self, ask):
        device = self.devices[ask.device]
        if device.digest == ask.digest:
            return None
        if not ask.reenrol or self._lately(device.reenrols, 90 * DAY) >= TIMES:
            return "FINGERPRINT_CHANGED"
        if self._no_seat(device):
            return "SEAT_LIMIT_REACHED"
        device.reenrols.append(self.now)
        device.digest = ask.digest
        return None

    def _renewed(self, ask, seq):
        if self._no_seat(self.devices[ask.device]):
            return "SEAT_LIMIT_REACHED"
        self._caught_up(self.devices[ask.device], seq)
        return self._leased(ask, ask.device)

    def _no_seat(self, device):
        return (
            not device.holds(self.now) and self.taken(device.licence) >= self.licences[device.licence].seats
        )

    def _leased(self, ask, at, *, checked_out=False):
        device = self.devices[at]
        licence = self.licences[device.licence]
        pinned = device.pinned if checked_out or device.is_pinned(self.now) else 0
        lives, refresh, grace = TERMS["trial" if licence.trial_of else licence.seat]
        exp, refresh_after, grace_until = self.now + lives, self.now + refresh, self.now + lives + grace
        if checked_out or pinned > exp:
            exp = grace_until = pinned
            refresh_after = self.now + (exp - self.now) // 2
        exp, grace_until = min(exp, licence.ends), min(grace_until, licence.ends)
        device.has_seat, device.pinned, device.old_key = True, pinned, -1
        device.seq, device.ik = device.seq + 1, ask.ik
        device.seat_ends = exp if licence.seat == "floating" else None
        lease = Lease(at, device.key, device.seq, exp, min(refresh_after, exp), grace_until)
        self.answered[ask.key, ask.ik] = (ask, lease, self.now + DAY)
        return lease

    def _gone(self, device):
        device.status, device.has_seat, device.seat_ends, device.pinned = "released", False, None, 0

    def _on(self, licence, key):
        found = [at for at, each in enumerate(self.devices) if (each.licence, each.key) == (licence, key)]
        return found[0] if found else None

    def _lately(self, moments, within):
        return sum(moment > self.now - within for moment in moments)
