"""One conversation with the licence service, as a pure state machine: what to send, and what an answer changes.

`begin` gives the first request; `heard` takes what came of it and gives the next one, or the end. Time and randomness are
arguments, signing is a pure function of the key, and sending is the caller's. A request is noted before it is sent (`intended`),
so that one whose answer was lost is repeated with the same `ik`. It refuses to let anything unsigned change what is held.
Sections 3 to 7 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from epochly.licensing import tokens
from epochly.licensing.acceptance import (
    NotAccepted,
    Who,
    accepted_keyset,
    accepted_lease,
    accepted_receipt,
    accepted_refusal,
)
from epochly.licensing.answers import (
    AGAIN,
    DROPS,
    SIGNED,
    Answer,
    Granted,
    NotReached,
    Refused,
    Released,
    Told,
    problem_in,
)
from epochly.licensing.canonical import CanonicalError, b64u, canonical, from_b64u
from epochly.licensing.claims import MOST_NONCE, Proof, Rekey
from epochly.licensing.held import Held, Pending, args_of, body_of, digest_of
from epochly.licensing.operations import OPERATIONS, Asked, Reply, Request
from epochly.net import messages
from epochly.net.endpoints import ENDPOINTS, KEYSET, NONCE, PROOF_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.licensing.canonical import Value
    from epochly.licensing.claims import Keyset
    from epochly.licensing.device_key import DeviceKey

    Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that waits for an answer. Made by `begin`; nobody else needs to look inside."""

    who: Who
    key: DeviceKey
    version: str
    held: Held
    asked: Asked
    ik: str
    repeats: bool
    stage: Literal["nonce", "request", "keyset"] = "nonce"
    nonce: str = ""
    cn: str = ""
    retried: bool = False
    answer: Reply | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The end: what is held now, what came of it, and a nonce for the next conversation or an empty text."""

    held: Held
    answer: Answer
    nonce: str = ""


Step = tuple[Talk, Request] | Done
AWAY = {  # what is said for it, which nobody signed
    "RATE_LIMITED": "it is asked too often from here",
    "MAINTENANCE": "it has no time for this at the moment",
    "INTERNAL": "it failed",
}
LOST = NotReached("the answer is not one of the licence service")


def intended(held: Held, asked: Asked, rng: Random) -> Held:
    """What is held with the request noted, which is kept before it is sent; the same request has the same `ik` again."""
    operation, waiting = OPERATIONS[asked.name], held.pending
    if not operation.repeated:
        return held
    if (
        waiting is not None
        and (waiting.name, waiting.device_id) == (asked.name, asked.device_id)
        and waiting.digest == digest_of(asked.args)
    ):
        return held
    body = body_of(asked.args) if operation.ours else ""
    ik, digest = b64u(rng(16)), digest_of(asked.args)
    return replace(held, pending=Pending(asked.name, asked.device_id, ik, body, digest, asked.entered))


def unfinished(held: Held, asked: Asked) -> Asked | None:
    """The request that has to be repeated before `asked`, since another one would look like a second copy of the key."""
    waiting, operation = held.pending, OPERATIONS[asked.name]
    if waiting is None or not (operation.ours and operation.repeated):
        return None
    if waiting.name not in OPERATIONS or not OPERATIONS[waiting.name].ours:
        return None
    args = args_of(waiting)
    if args is None or {waiting.device_id, args.get("device_id", "")} - {"", held.device_id}:
        return None  # of a device that is not held any more
    earlier = Asked(waiting.name, args, waiting.device_id)
    same = (earlier.name, earlier.device_id, digest_of(earlier.args)) == (
        asked.name,
        asked.device_id,
        digest_of(asked.args),
    )
    return None if same else earlier


def is_entering(held: Held) -> bool:
    """Whether this very device may have been made active again by a request whose answer was lost, and only that repeats."""
    waiting = held.pending
    return (
        waiting is not None
        and not OPERATIONS[waiting.name].ours
        and bool(held.device_id)
        and waiting.entered == held.entered
    )


def begin(
    who: Who,
    key: DeviceKey,
    version: str,
    held: Held,
    asked: Asked,
    *,
    repeats: bool,
    nonce: str,
    now: int,
    rng: Random,
) -> tuple[Talk, Request]:
    """The first request. `held` is what `intended` gave; `repeats` where that found the request noted already.

    A lease has to be for the fingerprint in the request, or else for the one in `who`.
    """
    ik = "" if held.pending is None or not OPERATIONS[asked.name].repeated else held.pending.ik
    fp = asked.args.get("fp")
    if isinstance(fp, dict):
        who = replace(who, digest=str(fp["digest"]))
    talk = Talk(who, key, version, held, asked, ik, repeats)
    needed = PROOF_HEADER in ENDPOINTS[asked.name].headers
    return (talk, Request(NONCE)) if needed and not nonce else _request(talk, nonce, now, rng)


def heard(talk: Talk, reply: Reply | NotReached, now: int, rng: Random) -> Step:
    """The next request, or the end. Raises nothing, whatever the reply is."""
    if isinstance(reply, NotReached):
        return Done(talk.held, reply)
    nonce = reply.nonce if _is_nonce(reply.nonce) else ""
    if talk.stage == "nonce":
        return _with_nonce(talk, reply, now, rng)
    if talk.stage == "keyset":
        return _with_keyset(talk, reply, nonce)
    return _judged(replace(talk, answer=reply), reply, nonce, now, rng)


def open_request(name: str) -> Request:
    """A request that needs no key, for `heard_openly`."""
    return Request(ENDPOINTS[name])


def heard_openly(name: str, reply: Reply | NotReached) -> Answer:
    """What came of it: for people to read, since nobody signed it."""
    if isinstance(reply, NotReached):
        return reply
    if reply.status == OPERATIONS[name].status:
        found = _message(ENDPOINTS[name].response, reply.body)
        return LOST if found is None else found
    return _unreached(reply)


def _with_nonce(talk: Talk, reply: Reply, now: int, rng: Random) -> Step:
    found = _message(messages.Nonce, reply.body) if reply.status == 200 else None
    if found is None or not _is_nonce(found.nonce):
        return Done(talk.held, _unreached(reply))
    return _request(talk, found.nonce, now, rng)


def _request(talk: Talk, nonce: str, now: int, rng: Random) -> tuple[Talk, Request]:
    asked, key, endpoint = talk.asked, talk.key, ENDPOINTS[talk.asked.name]
    device_id = asked.device_id or None
    args: dict[str, Value] = dict(asked.args) | ({"ik": talk.ik} if talk.ik else {})
    if asked.new_key is not None:
        new = asked.new_key
        rekey = Rekey(kid=new.kid, pub=b64u(new.public), old=key.kid, nonce=nonce, iat=now)
        args["new_proof"] = tokens.mint(tokens.REKEY, rekey.claims(), new.private)
    body = canonical(args) if args else b""
    talk = replace(talk, stage="request", nonce=nonce, cn=b64u(rng(16)))
    if PROOF_HEADER not in endpoint.headers:
        return talk, Request(endpoint, device_id, body)
    proof = Proof(
        kid=key.kid,
        htm=endpoint.method,
        htu=talk.who.base_url + endpoint.target(device_id),
        bdg=sha256(body).hexdigest(),
        nonce=nonce,
        cn=talk.cn,
        iat=now,
        jti=b64u(rng(16)),
        seq=talk.held.seq,
        cv=talk.version,
        pub=b64u(key.public) if OPERATIONS[asked.name].pub else None,
    )
    token = tokens.mint(tokens.PROOF, proof.claims(), key.private)
    return talk, Request(endpoint, device_id, body, token)


def _judged(talk: Talk, reply: Reply, nonce: str, now: int, rng: Random) -> Step:
    operation = OPERATIONS[talk.asked.name]
    if reply.status == operation.status:
        return _good(talk, reply, nonce)
    problem = problem_in(reply.body) if 400 <= reply.status < 600 else None
    if problem is None:
        return Done(talk.held, _unreached(reply), nonce)
    if reply.status == 401 and problem.code in AGAIN and nonce and not talk.retried:
        return _request(replace(talk, retried=True), nonce, now, rng)
    if problem.refusal:
        return _refused(talk, reply, nonce)
    if problem.code in SIGNED:
        return Done(talk.held, NotReached(f"nobody signed the answer {problem.code}"), nonce)
    if reply.status == 429 or reply.status >= 500:
        return Done(talk.held, _unreached(reply), nonce)
    later = problem.retry_after_s if reply.retry_after_s is None else reply.retry_after_s
    return Done(talk.held, Told(problem.code, problem.detail, later), nonce)


def _good(talk: Talk, reply: Reply, nonce: str) -> Step:
    kind = ENDPOINTS[talk.asked.name].response
    found = _message(kind, reply.body)
    if isinstance(found, messages.Listed | messages.Compatibility):
        return Done(talk.held, found, nonce)
    if isinstance(found, messages.Released):
        return _released(talk, found.receipt, nonce)
    if isinstance(found, messages.Leased):
        return _granted(talk, found, nonce)
    return Done(talk.held, LOST, nonce)


def _granted(talk: Talk, found: messages.Leased, nonce: str) -> Step:
    """A lease that counts is held from now on; a newer keyset than its own is asked for where its key is not known."""
    new = talk.asked.new_key
    who = talk.who if new is None else replace(talk.who, kid=new.kid)
    keyset = talk.held.keyset if talk.stage == "keyset" else found.keyset
    try:
        keys = accepted_keyset(who, keyset, talk.held.keyset)
        same = found.device_id == talk.held.device_id
        fewest = talk.held.seq + (not talk.repeats) if same else 0
        accepted = accepted_lease(who, keys, found.lease, talk.cn, fewest)
        if accepted.dev != found.device_id or (OPERATIONS[talk.asked.name].ours and not same):
            raise NotAccepted("the lease is another device's")
    except NotAccepted as error:
        return _other_keys(talk, error, nonce)
    held = Held(
        talk.held.base_url,
        found.device_id,
        found.lease,
        keyset,
        entered=talk.asked.entered or talk.held.entered,
        seq=accepted.seq,
        latest=accepted.srv_time,
    )
    return Done(held, Granted(accepted), nonce)


def _refused(talk: Talk, reply: Reply, nonce: str) -> Step:
    """A problem with a refusal, which counts if it verifies; a newer keyset is asked for where its key is not known."""
    problem = problem_in(reply.body)
    if problem is None:
        return Done(talk.held, LOST, nonce)
    try:
        keys = _keys(talk)
        refusal = accepted_refusal(talk.who, keys, problem.refusal, talk.cn, problem.code)
    except NotAccepted as error:
        return _other_keys(talk, error, nonce)
    held = replace(talk.held, latest=max(talk.held.latest, refusal.srv_time))
    operation = OPERATIONS[talk.asked.name]
    if operation.repeated:
        held = replace(held, pending=None)
    if refusal.code in DROPS and operation.ours and talk.asked.device_id in ("", held.device_id):
        held = replace(held, lease="", dropped=refusal.code)
    return Done(held, Refused(refusal.code, problem.detail, problem.seats), nonce)


def _released(talk: Talk, receipt: str, nonce: str) -> Step:
    try:
        accepted_receipt(talk.who, _keys(talk), receipt, talk.cn, talk.asked.device_id)
    except NotAccepted as error:
        return _other_keys(talk, error, nonce)
    held = talk.held
    if talk.asked.device_id == held.device_id:
        held = Held(held.base_url, keyset=held.keyset, latest=held.latest)
    return Done(held, Released(), nonce)


def _keys(talk: Talk) -> Keyset:
    try:
        return accepted_keyset(talk.who, talk.held.keyset, "")
    except NotAccepted as error:  # there is none yet, or it is by another root than those that count now
        raise NotAccepted(str(error), unknown_key=True) from None


def _other_keys(talk: Talk, error: NotAccepted, nonce: str) -> Step:
    if not error.unknown_key or talk.stage == "keyset":
        return Done(talk.held, NotReached(str(error)), nonce)
    return replace(talk, stage="keyset", nonce=nonce), Request(KEYSET)


def _with_keyset(talk: Talk, reply: Reply, nonce: str) -> Step:
    found = _message(messages.KeysetAnswer, reply.body) if reply.status == 200 else None
    answer = talk.answer
    if found is None or answer is None:
        return Done(talk.held, _unreached(reply), nonce)
    try:
        accepted_keyset(talk.who, found.keyset, talk.held.keyset)
    except NotAccepted as error:
        return Done(talk.held, NotReached(str(error)), nonce)
    talk = replace(talk, held=replace(talk.held, keyset=found.keyset))
    nonce = nonce or talk.nonce
    if answer.status == OPERATIONS[talk.asked.name].status:
        return _good(talk, answer, nonce)
    return _refused(talk, answer, nonce)


def _unreached(reply: Reply) -> NotReached:
    """Why an answer is none: the service has said that it cannot, or it was somebody else's."""
    problem = problem_in(reply.body) if reply.status == 429 or reply.status >= 500 else None
    if problem is not None:
        why = f"{AWAY.get(problem.code, 'it answers otherwise')} ({problem.code})"
        return NotReached(why, problem.retry_after_s if reply.retry_after_s is None else reply.retry_after_s)
    return NotReached(
        f"the answer (HTTP {reply.status}) is not one of the licence service", reply.retry_after_s
    )


def _is_nonce(text: str) -> bool:
    try:
        return 0 < len(text) <= MOST_NONCE and bool(from_b64u(text))
    except CanonicalError:
        return False


def _message(kind: type, body: bytes) -> Any:
    """A body as one of the messages of section 5, or None where it is anything else."""
    try:
        return messages.from_json(kind, body)
    except messages.MessageError:
        return None
