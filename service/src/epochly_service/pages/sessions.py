"""Signing in and out: sessions of operators, of which the database holds the hash.

A session ends 30 minutes after it was last used, 12 hours after it began, when its operator signs out, is disabled or gets
another password. A wrong name takes as long as a wrong password, and neither is told from the other.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from epochly_service import audit
from epochly_service.admin import passwords
from epochly_service.admin.operators import Operator
from epochly_service.encoding import b64u, is_b64u_of
from epochly_service.limits import Limiter, Rate, Rule
from epochly_service.schema import operator_sessions, operators

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from epochly_service.engines import Database

IDLE_S, LONGEST_S = 30 * 60, 12 * 3_600
TOUCH_S = 60  # how often a session that is used is written to
TOKEN_BYTES = 32
AT_ONCE = 2  # passwords that are checked at one time: each takes 32 MiB and a third of a second
WAIT_S = 10.0  # for one's turn
# Tries a name, from however many addresses. One address alone has fewer (`limits.RULES`), so it cannot keep somebody out.
OF_A_NAME = (Rule("name", "", "", Rate(per_minute=30, burst=30)),)
# What is checked where there is no such operator: the time is the same, and no password matches.
NOBODY = f"scrypt${passwords.N}${passwords.R}${passwords.P}${b64u(bytes(16))}${b64u(bytes(32))}"


@dataclass(slots=True)
class Door:
    """Lets operators in and out. Times are Unix seconds."""

    database: Database
    rng: Callable[[int], bytes]
    monotonic: Callable[[], float]
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))
    _tries: Limiter = field(init=False)

    def __post_init__(self) -> None:
        """One limiter a door."""
        self._tries = Limiter(self.rng, OF_A_NAME)

    def sign_in(self, name: str, password: str, now: int) -> str | None:
        """A new session's token; None where name and password do not do, or were tried too often."""
        if self._tries.wait_s("", "", name, now_s=now, at_s=self.monotonic()):
            return None
        row = self.database.read(
            lambda conn: conn.execute(_BY_NAME, {"name": name[:100].replace("\0", "")}).first()
        )
        if not self._turn.acquire(timeout=WAIT_S):
            return None
        try:
            good = passwords.matches(password, NOBODY if row is None else row.password_hash)
            if row is None or not good or row.status != "active":
                return None
            again = (
                passwords.make_hash(password, self.rng) if passwords.is_outdated(row.password_hash) else None
            )
        finally:
            self._turn.release()
        token = b64u(self.rng(TOKEN_BYTES))

        def work(conn: Connection) -> str:
            if again is not None:
                conn.execute(update(operators).where(operators.c.id == row.id).values(password_hash=again))
            session = {
                "token_hash": _hash(token),
                "operator_id": row.id,
                "created_at": now,
                "expires_at": now + IDLE_S,
            }
            conn.execute(insert(operator_sessions), session)
            audit.append(
                conn,
                at=now,
                account_id=row.account_id or "",
                actor_kid=f"operator:{row.name}",
                action="sign-in",
                object_id=row.id,
                before={},
                after={},
            )
            return token

        return self.database.write(work)

    def visitor(self, token: str, now: int) -> Operator | None:
        """Whose session a token is; using it keeps it."""
        if not is_b64u_of(token, TOKEN_BYTES):
            return None
        digest = _hash(token)
        row = self.database.read(lambda conn: conn.execute(_BY_TOKEN, {"token_hash": digest}).first())
        if row is None or row.status != "active" or row.expires_at <= now:
            return None
        until = min(row.began_at + LONGEST_S, now + IDLE_S)
        if until - row.expires_at >= TOUCH_S:
            self.database.write(
                lambda conn: conn.execute(
                    update(operator_sessions)
                    .where(operator_sessions.c.token_hash == digest)
                    .values(expires_at=until)
                )
            )
        return Operator(row.id, row.name, row.role, row.status, row.account_id)

    def sign_out(self, token: str) -> None:
        """End a session."""
        digest = _hash(token)
        self.database.write(
            lambda conn: conn.execute(
                delete(operator_sessions).where(operator_sessions.c.token_hash == digest)
            )
        )


def form_token(secret: str) -> str:
    """What a form has to bring back: known only to who has the cookie, and not the cookie itself."""
    return b64u(hmac.digest(secret.encode(), b"epochly-admin-form-v1", "sha256"))


def is_form_token(secret: str, given: str) -> bool:
    """Whether a form came from a page of ours for this cookie."""
    return hmac.compare_digest(form_token(secret).encode(), given.encode("utf-8", "replace"))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_BY_NAME = select(operators).where(operators.c.name == bindparam("name"))
_BY_TOKEN = (
    select(operators, operator_sessions.c.created_at.label("began_at"), operator_sessions.c.expires_at)
    .join(operator_sessions, operator_sessions.c.operator_id == operators.c.id)
    .where(operator_sessions.c.token_hash == bindparam("token_hash"))
)
