"""Talks to the licence service: reads what is held, lets `client` decide what to send, sends it, keeps what came of it.

One process at a time: the folder's lock is held from reading to keeping, since two that refresh one lease look like two copies of
a key. A request is noted on disk before it leaves, so that one whose answer was lost is repeated and not made twice. It refuses
nothing by itself; what goes wrong with files is a `StateProblem`, what goes wrong elsewhere is the `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from epochly.licensing import client
from epochly.licensing.acceptance import Who
from epochly.licensing.anchor import raw_attributes
from epochly.licensing.answers import Granted, NotReached, Refused, Told
from epochly.licensing.client import Done
from epochly.licensing.device import enrol_anew, kept_device, made_device
from epochly.licensing.device_key import NEXT_KEY, kept_key, make_key
from epochly.licensing.fingerprint import platform_names
from epochly.licensing.held import Held, digest_of
from epochly.licensing.held import written as written_held
from epochly.licensing.operations import Asked
from epochly.licensing.standing import GONE, Standing, is_fresh, kept_licence, standing
from epochly.licensing.state import HELD, KEY, StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.anchor import Seen
    from epochly.licensing.answers import Answer
    from epochly.licensing.canonical import Value
    from epochly.licensing.claims import Lease
    from epochly.licensing.device import Device
    from epochly.licensing.operations import Reply, Request
    from epochly.licensing.state import State

RAW = "EPOCHLY_SEND_RAW_FINGERPRINT"
MOVING = frozenset({"validate", "heartbeat", "checkout", "rekey"})  # what moves a device's sequence on
UNANSWERED = "an activation was not answered; hint: run `epochly license activate` again, which repeats it"
NO_LICENCE = "`epochly license activate` takes a licence key, `epochly license trial` starts a trial"
NOTED_S = 3_600  # seconds between notes of the time
NONCE_S = 100  # seconds in which a nonce that came along is still good: it lives 120 s by the service's clock


@dataclass(frozen=True, slots=True)
class World:
    """What a session touches: clock (Unix seconds), random bytes, files, the machine, and the way to the service.

    `send` raises nothing and waits for 5 s at most.
    """

    environ: Mapping[str, str]
    state: State
    base_url: str
    roots: Callable[[], Mapping[str, bytes]]
    version: str
    now: Callable[[], int]
    rng: Callable[[int], bytes]
    seen: Callable[[], Seen]
    send: Callable[[Request], Reply | NotReached]


@dataclass(slots=True)
class Session:
    """Conversations of one process; mutable for the nonce that the last answer brought along, and the proxy it came through."""

    world: World
    proxy: str = ""
    _nonce: str = field(default="")
    _nonce_at: int = field(default=0)

    def standing(self) -> Standing:
        """What is held here and counts, without asking anybody."""
        world = self.world
        return standing(world.state, world.seen, world.environ, world.base_url, world.roots)

    def activate(self, license_key: str) -> Answer:
        """Take a seat of a licence for this device; one that it has is renewed."""
        return self._enter("register", {"license_key": license_key}, raw=True)

    def trial(self) -> Answer:
        """Start a trial on this machine."""
        return self._enter("trial", {}, raw=True)

    def transfer(self, license_key: str, from_device_id: str) -> Answer:
        """Take the seat of another device of the licence."""
        return self._enter("transfer", {"license_key": license_key, "from_device_id": from_device_id})

    def refresh(self, *, only_if_due: bool = False) -> Answer | None:
        """Ask for the next lease; None where none is held, or where another process has just done so."""
        with self.world.state.locked():
            device, held = self._kept()
            if device is None or held is None or not held.device_id:
                return None
            seen = self.standing()
            if only_if_due and is_fresh(seen, self.world.now()):
                return None
            return self._said(device, held, self._renewal(device, held, seen.lease))

    def checkout(self, days: int) -> Answer:
        """Pin the seat, and get a lease for 1 to 30 days without a connection."""
        return self._about_ours("checkout", {"days": days})

    def release(self, device_id: str = "") -> Answer:
        """Give the seat back, after which nothing is held; or that of another device of this machine's key."""
        with self.world.state.locked():
            device, held = self._kept()
            if device is None or held is None or not (held.device_id or device_id):
                raise self.nothing_held()
            return self._said(device, held, Asked("release", {}, device_id or held.device_id))

    def devices(self) -> Answer:
        """The licences this key is a device of, with their devices."""
        with self.world.state.locked():
            device, held = self._kept()
            if device is None or held is None:
                raise self.nothing_held()
            return self._said(device, held, Asked("list"))

    def rekey(self) -> Answer:
        """Put a new key in the place of the old one. The new one is kept before it is sent."""
        with self.world.state.locked():
            device, held = self._ours()
            return self._said(device, held, Asked("rekey", {}, held.device_id))

    def compatibility(self) -> Answer:
        """What the service speaks. Needs neither key nor licence, and makes none."""
        return client.heard_openly("compatibility", self._sent(client.open_request("compatibility")))

    def forget(self) -> bool:
        """Drop what is held without asking anybody, whatever it is; the key stays. Whether there was anything."""
        state = self.world.state
        if state.stamp(HELD) is None:
            return False
        with state.locked():
            state.remove(HELD)
        return True

    def nothing_held(self) -> StateProblem:
        """That there is no licence here, of this service."""
        return StateProblem(self.world.state.path, f"holds no licence of `{self.world.base_url}`", NO_LICENCE)

    def note_time(self) -> None:
        """Keep this machine's clock as the latest time known, where that is an hour behind it."""
        with self.world.state.locked():
            held, now = kept_licence(self.world.state), self.world.now()
            if held is not None and held.latest < now - NOTED_S:
                self._keep(replace(held, latest=now))

    def _enter(self, name: str, args: Mapping[str, Value], *, raw: bool = False) -> Answer:
        world = self.world
        entered = digest_of({"license_key": args["license_key"]}) if "license_key" in args else name
        world.roots()  # with nobody to believe there is nobody to ask, and nothing is made
        with world.state.locked():
            seen = world.seen()
            device = made_device(world.state, seen, world.environ, world.rng)
            held = kept_licence(world.state)
            if held is None or held.base_url != world.base_url:
                held = Held(world.base_url)
            has_seat = held.device_id and held.entered == entered and held.dropped not in GONE
            if has_seat and name != "transfer" and not client.is_entering(held):
                answer = self._said(device, held, self._renewal(device, held, self.standing().lease))
                if not isinstance(answer, Told):  # there is no such device any more, it seems
                    return answer
            body: dict[str, Value] = {
                **args,
                "fp": {"digest": device.digest, "v": 1},
                "node_id": device.node_id,
                "client_version": world.version,
            }
            if raw and world.environ.get(RAW, "").strip().lower() in {"1", "true", "yes", "on"}:
                body["raw_attributes"] = dict(raw_attributes(seen, platform_names(seen.system, seen.machine)))
            answer = self._said(device, held, Asked(name, body, entered=entered))
            if isinstance(answer, Granted):
                world.state.remove(NEXT_KEY)
            return answer

    def _about_ours(self, name: str, args: Mapping[str, Value]) -> Answer:
        with self.world.state.locked():
            device, held = self._ours()
            return self._said(device, held, Asked(name, args, held.device_id))

    def _ours(self) -> tuple[Device, Held]:
        device, held = self._kept()
        if device is None or held is None or not held.device_id:
            raise self.nothing_held()
        return device, held

    def _kept(self) -> tuple[Device | None, Held | None]:
        """The device and what it holds, of this service; a new key that the service has taken is put in its place."""
        world = self.world
        held = kept_licence(world.state)
        if held is None or held.base_url != world.base_url:
            return None, None
        new = kept_key(world.state, NEXT_KEY) if held.lease else None
        lease = None if new is None else self.standing().lease
        if new is not None and lease is not None and lease.aud == new.kid:
            self._promote()
        return kept_device(world.state, world.seen(), world.environ, world.rng(32)), held

    def _renewal(self, device: Device, held: Held, lease: Lease | None) -> Asked:
        if lease is not None and lease.seat == "floating" and device.same and self.world.now() < lease.exp:
            return Asked("heartbeat", {}, held.device_id)
        fp: Value = {"digest": device.digest, "v": 1}
        again: dict[str, Value] = {} if device.same else {"reenrol": True}
        return Asked("validate", {"device_id": held.device_id, "fp": fp, **again})

    def _said(self, device: Device, held: Held, asked: Asked) -> Answer:
        """What came of a request, after one whose answer was lost."""
        if asked.name in MOVING and client.is_entering(held):
            return NotReached(UNANSWERED)
        earlier = client.unfinished(held, asked)
        if earlier is not None:
            answer = self._asked(device, held, earlier)
            again, kept = self._kept()
            if isinstance(answer, NotReached | Told) or again is None or kept is None or kept.dropped:
                return answer
            device, held = again, kept
        return self._asked(device, held, asked)

    def _asked(self, device: Device, held: Held, asked: Asked) -> Answer:
        if asked.name == "rekey":
            return self._rekeyed(device, held)
        return self._talk(device, held, asked)

    def _rekeyed(self, device: Device, held: Held) -> Answer:
        world = self.world
        new = kept_key(world.state, NEXT_KEY) or make_key(world.state, world.rng, NEXT_KEY)
        answer = self._talk(device, held, Asked("rekey", {}, held.device_id, new))
        if isinstance(answer, Granted):
            self._promote()
        elif isinstance(answer, Refused):
            world.state.remove(NEXT_KEY)
        return answer

    def _promote(self) -> None:
        data = self.world.state.read(NEXT_KEY)
        if data is not None:
            self.world.state.write(KEY, data)
            self.world.state.remove(NEXT_KEY)

    def _talk(self, device: Device, held: Held, asked: Asked) -> Answer:
        world = self.world
        who = Who(world.base_url, world.roots(), device.key.kid, device.enrolment.digest)
        noted = client.intended(held, asked, world.rng)
        if noted != held:
            self._keep(noted)
        talk, request = client.begin(
            who,
            device.key,
            world.version,
            noted,
            asked,
            repeats=noted == held,
            nonce=self._fresh_nonce(),
            now=world.now(),
            rng=world.rng,
        )
        while True:
            step = client.heard(talk, self._sent(request), world.now(), world.rng)
            if isinstance(step, Done):
                break
            talk, request = step
        self._nonce, self._nonce_at = step.nonce, world.now()
        sent = asked.args.get("fp")
        new_digest = device.now.digest if device.now.digest != device.enrolment.digest else ""
        if isinstance(step.answer, Granted) and isinstance(sent, dict) and sent.get("digest") == new_digest:
            enrol_anew(world.state, device)
        if step.held != noted:
            self._keep(step.held)
        return step.answer

    def _sent(self, request: Request) -> Reply | NotReached:
        reply = self.world.send(request)
        self.proxy = reply.via_proxy or self.proxy
        return reply

    def _fresh_nonce(self) -> str:
        """The nonce that the last answer brought, once, if it can still be good."""
        nonce, self._nonce = self._nonce, ""
        return nonce if 0 <= self.world.now() - self._nonce_at < NONCE_S else ""

    def _keep(self, held: Held) -> None:
        """Keep what is held; what was taken away is not kept for want of room."""
        try:
            self.world.state.write(HELD, written_held(held))
        except StateProblem:
            if held.lease or held.pending is not None:
                raise
            self.world.state.remove(HELD)
