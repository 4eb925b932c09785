"""Signs what the service says to one device: leases, refusals and receipts, each bound to the caller's key and nonce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_service import tokens
from epochly_service.encoding import b64u

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_service.core import Terms
    from epochly_service.errors import Problem
    from epochly_service.keys import Keyring

JTI_BYTES = 16


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: the base URL, the keys of this moment, the time and randomness for ids."""

    iss: str
    keyring: Keyring
    now: int
    rng: Callable[[int], bytes]

    def lease(self, terms: Terms, *, aud: str, cn: str, fp: str) -> str:
        """A lease, the first time or again: by a key that was good at its `iat`."""
        claims = terms.claims() | {"fp": fp, "srv_time": self.now}
        return self._sign(tokens.LEASE, claims, aud=aud, cn=cn, at=terms.iat)

    def refusal(self, problem: Problem, *, aud: str, cn: str) -> str:
        """The signed half of a problem."""
        claims = {"code": problem.code, "iat": self.now, "srv_time": self.now}
        return self._sign(tokens.REFUSAL, claims, aud=aud, cn=cn, at=self.now)

    def receipt(self, device_id: str, *, aud: str, cn: str) -> str:
        """That a device was released."""
        claims = {"act": "release", "dev": device_id, "iat": self.now}
        return self._sign(tokens.RECEIPT, claims, aud=aud, cn=cn, at=self.now)

    def _sign(self, typ: str, claims: dict[str, Any], *, aud: str, cn: str, at: int) -> str:
        said = {**claims, "iss": self.iss, "aud": aud, "cn": cn, "jti": b64u(self.rng(JTI_BYTES))}
        return self.keyring.sign(typ, said, at)
