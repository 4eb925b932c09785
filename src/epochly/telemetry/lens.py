"""Lens: a sign of life of this process, for the account whose operator gave it a key. Nothing of telemetry goes with it.

Pure but for what it is given. It refuses everything without `EPOCHLY_TELEMETRY_OPT_IN=1` and a key, and to tell the host's name: what is told is
a hash of it under the account's own salt. Section 7 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, TypeVar

from epochly.net.messages import LensAccount, LensNext, MessageError, from_json
from epochly.telemetry.batch import canonical, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.telemetry.post import Reply

KEY_VARIABLE = "EPOCHLY_LENS_KEY"
LEAST_S, MOST_S = 60, 3_600  # between two signs of life
FIRST_S = 5  # after the process began
MOST_PID, MOST_UPTIME_S = 2**31 - 1, 10**9
SALT_BYTES = 32
REFUSALS = {
    401: "the service does not know the key, or it was revoked; hint: ask who gave it to you",
    403: "the account has no Lens; hint: ask who gave you the key",
}
T = TypeVar("T")
_KEY = re.compile(r"elk_[A-Za-z0-9_-]{43}", re.ASCII)
_ACCOUNT = re.compile(r"acc_[A-Za-z0-9_-]{22}", re.ASCII)


class LensError(ValueError):
    """Why there is no sign of life, in one line; `is_over` where asking again does not help."""

    def __init__(self, what: str, *, is_over: bool = False) -> None:
        super().__init__(what)
        self.is_over = is_over


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a key, and its salt."""

    account: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class World:
    """What it is given. `ask(endpoint, body, key)` gives a reply, or why there is none."""

    ask: Callable[[str, bytes, str], Reply | str]
    host: Callable[[], str]
    version: str
    pid: int
    uptime_s: Callable[[], float]


def is_key(text: str) -> bool:
    """Whether a text has the form of a key, whose last character carries no bits that nothing reads."""
    if not _KEY.fullmatch(text):
        return False
    data = urlsafe_b64decode(text[4:] + "=")
    return urlsafe_b64encode(data).decode().rstrip("=") == text[4:]


def host_hash(salt: bytes, host: str) -> str:
    """What a host is called there: nobody without the salt can try names."""
    plain = unicodedata.normalize("NFC", host.lower())
    return digest(salt, b"epochly-lens-host-v1\0" + plain.encode("utf-8", "replace"), sha256)[:16].hex()


def account_of(world: World, key: str) -> Account:
    """Ask whose key it is. Raises `LensError`."""
    answer = _answered(world.ask("lens-account", b"", key), LensAccount)
    try:
        salt = urlsafe_b64decode(answer.salt + "=")
    except (binascii.Error, ValueError):
        salt = b""
    if len(salt) != SALT_BYTES or not _ACCOUNT.fullmatch(answer.account):
        raise LensError("the service answers with no account")
    return Account(answer.account, salt)


def heartbeat(world: World, key: str, account: Account) -> int:
    """Give a sign of life; seconds until the next. Raises `LensError`."""
    body = canonical(
        {
            "v": 1,
            "host": host_hash(account.salt, world.host()),
            "version": version_of(world.version),
            "pid": min(max(world.pid, 1), MOST_PID),
            "uptime_s": min(max(int(world.uptime_s()), 0), MOST_UPTIME_S),
        }
    )
    answer = _answered(world.ask("lens-heartbeat", body, key), LensNext)
    return min(max(answer.next_s, LEAST_S), MOST_S)


class Beating:
    """Signs of life of one process, one a call: gives the seconds until the next, or None once there is to be none."""

    def __init__(self, world: World, key: str) -> None:
        self._world, self._key = world, key
        self._account: Account | None = None
        self._failures = 0

    def __call__(self) -> float | None:
        """One sign of life."""
        try:
            self._account = self._account or account_of(self._world, self._key)
            wait = heartbeat(self._world, self._key, self._account)
        except LensError as error:
            self._failures += 1
            return None if error.is_over else min(MOST_S, LEAST_S * 2 ** min(self._failures - 1, 6))
        self._failures = 0
        return wait


def _answered(reply: Reply | str, kind: type[T]) -> T:
    if isinstance(reply, str):
        raise LensError(reply)
    if reply.status in REFUSALS:
        raise LensError(REFUSALS[reply.status], is_over=True)
    if reply.status != 200:
        raise LensError(f"the service answers with {reply.status}")
    try:
        answer: T = from_json(kind, reply.body)
    except MessageError as error:
        raise LensError("the service answers with something else") from error
    return answer
