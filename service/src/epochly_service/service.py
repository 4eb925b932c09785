"""One node of the service: proofs judged, nonces spent, scripts run, answers signed.

In one transaction the nonce is spent and a script of `scripts.py` runs. Where that transaction fails, nothing of it stays, and
the nonce is spent in one of its own: single use is single use. Next leases that nothing stands in the way of are had at once,
in place of that, as many in one transaction as were asked for at the same time (`together.py`). Signatures are made after the commit, outside of any lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from epochly_service import client_versions, core, keys, nonces, peppered, proofs, scripts, store
from epochly_service.answers import Voice
from epochly_service.errors import BusyError, Problem
from epochly_service.scene import Begun, Scene, Stage
from epochly_service.schema import REVISION
from epochly_service.settings import NONCE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from epochly_service.engines import Database
    from epochly_service.keys import Keyring
    from epochly_service.proofs import Call, Caller
    from epochly_service.scene import Enrolment, Outcome, Renewal
    from epochly_service.secret_files import Secrets
    from epochly_service.settings import Policy, Settings

T = TypeVar("T")
KEYRING_TTL_S = 2  # how long a node may sign with a key that was just replaced, or hand out the keyset before
KNOWN_KEYS_MAX = 10_000  # public keys a node remembers; a kid never changes its key, so none goes stale
BUSY_RETRY_S = 5  # what a client is told to wait; it keeps its lease


class SignedProblem(Exception):  # noqa: N818 - RFC 9457's word
    """A problem for a caller who has proved a key, with its signed refusal where the table has one."""

    def __init__(self, problem: Problem, refusal: str | None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.refusal = refusal


@dataclass(slots=True)
class Service:
    """A node: database, secrets, settings, a clock and randomness. Holds nothing that another node would miss."""

    db: Database
    secrets: Secrets
    settings: Settings
    clock: Callable[[], float]
    rng: Callable[[int], bytes]
    _ring: Keyring | None = field(default=None, init=False)
    _ring_at: int = field(default=0, init=False)
    _known: dict[str, str] = field(default_factory=dict, init=False)

    # --- what needs no proof

    def now(self) -> int:
        """Unix seconds by the server's clock."""
        return int(self.clock())

    def nonce(self) -> str:
        """A fresh nonce."""
        return nonces.make(self.secrets.nonce, self.now(), self.rng(nonces.RANDOM_BYTES))

    def nonce_answer(self) -> dict[str, Any]:
        """The body of `POST /v1/nonce`."""
        return {"nonce": self.nonce(), "exp_in": NONCE_TTL_S, "server_time": self.now()}

    def keyset_answer(self) -> dict[str, Any]:
        """The body of `GET /v1/keyset`."""
        return {"keyset": self.keyring().keyset}

    def compatibility_answer(self) -> dict[str, Any]:
        """The body of `GET /v1/compatibility`."""
        return {
            "min_client": self.settings.policy.min_client,
            "protocols": [1],
            "plans": {plan: list(features) for plan, features in core.FEATURES.items()},
            "server_time": self.now(),
        }

    # --- what brings its own key

    def register(self, call: Call, license_key: str, body: Enrolment) -> dict[str, Any]:
        """A seat for a key, by a licence key."""
        return self._lease(
            call, partial(scripts.register, license_key=license_key, body=body), brings_key=True
        )

    def trial(self, call: Call, body: Enrolment) -> dict[str, Any]:
        """A licence for 30 days, once a fingerprint."""
        return self._lease(call, partial(scripts.trial, body=body), brings_key=True)

    def transfer(self, call: Call, license_key: str, source_id: str, body: Enrolment) -> dict[str, Any]:
        """The seat of another device of the licence, by its licence key."""
        script = partial(scripts.transfer, license_key=license_key, source_id=source_id, body=body)
        return self._lease(call, script, brings_key=True)

    # --- what a known key asks

    def begin(self, call: Call, body: Renewal) -> Begun:
        """A next lease, `validate` or `heartbeat`, as far as the proof is judged; asks the database for what this node does not know yet.

        Raises:
            Problem: the proof does not hold.
        """
        return Begun(*self._staged(call, self._key_of), body)

    def begin_at_once(self, call: Call, body: Renewal) -> Begun | None:
        """The same without the database; None, where it would be asked: for a key that this node has not met, for the keyring again.

        Raises:
            Problem: the proof does not hold.
        """
        if not self._is_at_hand(self.now()):
            return None
        try:
            return Begun(*self._staged(call, self._known.__getitem__), body)
        except KeyError:
            return None

    def renewed(self, begun: Sequence[Begun]) -> list[Outcome | None] | None:
        """The next leases that nothing stands in the way of, all in one transaction; None for the others, or for all, which changed nothing.

        Raises:
            BusyError: as `Database.at_once`.
        """
        return self.db.at_once(partial(scripts.renew_at_once, asked=begun))

    def renewed_slowly(self, begun: Begun) -> dict[str, Any]:
        """A next lease that something stands in the way of, or the refusal."""
        return self.lease(begun.caller, self._committed(begun, partial(scripts.renew, body=begun.body)))

    def checkout(self, call: Call, body: Renewal, days: int) -> dict[str, Any]:
        """A lease for days offline."""
        return self._lease(call, partial(scripts.renew, body=body, days=days))

    def rekey(self, call: Call, body: Renewal, new_proof: str) -> dict[str, Any]:
        """A new key for a device."""
        return self._lease(call, partial(scripts.rekey, body=body, new_proof=new_proof))

    def release(self, call: Call, device_id: str) -> dict[str, Any]:
        """A receipt for a seat given back."""
        caller, outcome = self._run(call, partial(scripts.release, device_id=device_id))
        self._refuse(caller, outcome.refusal)
        return {"receipt": self._voice().receipt(device_id, aud=caller.kid, cn=caller.cn)}

    def devices(self, call: Call) -> dict[str, Any]:
        """The licences a key is on."""
        return {"licenses": self._run(call, scripts.devices)[1]}

    # --- upkeep

    def purge(self) -> dict[str, int]:
        """Delete what is past its time: table -> rows."""
        return self.db.write(partial(store.purge, now=self.now()))

    def check_ready(self) -> None:
        """That the database answers and has the newest tables, and that there is a key to sign with.

        Raises:
            Problem, ServiceError, BusyError: it is not.
        """
        if self.db.read(store.schema_revision) != REVISION:
            raise Problem("MAINTENANCE", "the database has other tables", retry_after=BUSY_RETRY_S)
        self._check_signer(self.now())

    def keyring(self) -> Keyring:
        """What this node signs with; read anew every few seconds, since another node may have rotated.

        Raises:
            ServiceError: there is nothing to sign with.
        """
        now = self.now()
        if self._ring is None or not self._is_at_hand(now):
            self._ring = self.db.read(partial(keys.load, data=self.settings.data))
            self._ring_at = now
        return self._ring

    def _is_at_hand(self, now: int) -> bool:
        return self._ring is not None and 0 <= now - self._ring_at < KEYRING_TTL_S

    # --- how all of them run

    def lease(self, caller: Caller, outcome: Outcome) -> dict[str, Any]:
        """What a caller is told of an outcome, signed with the keys that are at hand.

        Raises:
            SignedProblem: it is a refusal.
        """
        self._refuse(caller, outcome.refusal)
        device, terms = outcome.device, outcome.terms
        assert device is not None
        assert terms is not None
        fp = peppered.unseal(self.secrets.pepper, device.id, device.fp_sealed)
        voice = self._voice()
        lease = voice.lease(terms, aud=device.kid, cn=caller.cn, fp=fp)
        return {"device_id": device.id, "lease": lease, "keyset": voice.keyring.keyset}

    def _lease(
        self, call: Call, script: Callable[[Scene], Outcome], *, brings_key: bool = False
    ) -> dict[str, Any]:
        return self.lease(*self._run(call, script, brings_key=brings_key))

    def _run(self, call: Call, script: Callable[[Scene], T], *, brings_key: bool = False) -> tuple[Caller, T]:
        stage = Stage(*self._staged(call, self._key_of, brings_key=brings_key))
        return stage.caller, self._committed(stage, script)

    def _staged(
        self, call: Call, key_of: Callable[[str], str | None], *, brings_key: bool = False
    ) -> tuple[Call, Caller, int, Mapping[int, bytes], Policy, Callable[[int], bytes]]:
        """The fields of a `Stage`, once the proof is judged."""
        now = self.now()
        self._check_signer(now)  # before anything is written that could not be answered
        caller = proofs.judge(
            call,
            public_url=self.settings.public_url,
            nonce_keys=self.secrets.nonce,
            now=now,
            brings_key=brings_key,
            key_of=key_of,
        )
        return call, caller, now, self.secrets.pepper, self.settings.policy, self.rng

    def _committed(self, stage: Stage, script: Callable[[Scene], T]) -> T:
        caller, policy = stage.caller, stage.policy

        def work(conn: Connection) -> T | Problem:
            if not store.insert_replay(conn, stage.spent, stage.spent_until):
                return Problem("PROOF_REPLAYED", "the proof has been used before; sign a new one")
            if client_versions.is_too_old(caller.client_version, policy.min_client):
                return Problem("CLIENT_TOO_OLD", f"this service needs epochly {policy.min_client} or newer")
            try:
                return script(Scene(stage.call, caller, stage.now, stage.peppers, policy, stage.rng, conn))
            except Problem as problem:  # nothing was written yet: what is committed is the spent nonce
                return problem

        try:
            done = self.db.write(work)
        except BaseException:
            self.spend(stage)
            raise
        if isinstance(done, Problem):
            self._refuse(caller, done)
            raise done
        return done

    def spend(self, stage: Stage) -> None:
        """Keep that a nonce was used, whatever became of its request."""
        try:
            self.db.write(partial(store.insert_replay, digest=stage.spent, expires_at=stage.spent_until))
        except BusyError:
            return  # the database is away for this too, and the request had no effect

    def _refuse(self, caller: Caller, problem: Problem | None) -> None:
        if problem is None:
            return
        signed = problem.kind.signed
        refusal = self._voice().refusal(problem, aud=caller.kid, cn=caller.cn) if signed else None
        raise SignedProblem(problem, refusal)

    def _check_signer(self, now: int) -> None:
        if self.keyring().signer(now) is None:
            raise Problem("MAINTENANCE", "the service has no signing key in use", retry_after=BUSY_RETRY_S)

    def _voice(self) -> Voice:
        ring = self._ring or self.keyring()  # to look at it again, as each request did, may ask the database
        return Voice(self.settings.public_url, ring, self.now(), self.rng)

    def _key_of(self, kid: str) -> str | None:
        known = self._known.get(kid)
        if known is None:
            known = self.db.read(partial(store.pub_of_kid, kid=kid))
            if known is not None:
                if len(self._known) >= KNOWN_KEYS_MAX:
                    self._known.clear()
                self._known[kid] = known
        return known
