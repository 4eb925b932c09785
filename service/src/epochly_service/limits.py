"""How much one peer may ask: token buckets in memory, keyed by a MAC of the address under a salt that lives one day.

No address is stored, logged or kept in readable form; a new day brings a new salt and forgets every bucket. What a node
counts is the node's own: two nodes let through twice as much. An IPv6 peer is its /64, since one customer has all of that.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DAY_S = 86_400
MOST_PEERS = 100_000  # buckets; about 30 MB. Beyond it the longest unused one is forgotten


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, then `per_minute` in the long run."""

    per_minute: float
    burst: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests with this method (any, if empty) whose path starts like this share a bucket a peer."""

    name: str
    method: str
    prefix: str
    rate: Rate | None  # None: not limited


# The first rule that fits. Guessing costs most where a secret can be guessed: a licence key, a password. A fleet behind one
# address translator is one peer: 600 a minute are heartbeats of 6,000 devices. Telemetry has a bucket of its own, so that no flood of
# it keeps a lease from being renewed; a process sends once a minute at most, and an installation 50 times a day.
RULES = (
    Rule("health", "GET", "/healthz", None),
    Rule("health", "GET", "/readyz", None),
    Rule("health", "GET", "/metrics", None),
    Rule("login", "POST", "/admin/login", Rate(per_minute=10, burst=10)),
    Rule("pages", "", "/admin", Rate(per_minute=300, burst=100)),
    Rule("device", "POST", "/v1/devices/", Rate(per_minute=600, burst=200)),
    Rule("key", "POST", "/v1/devices", Rate(per_minute=60, burst=60)),
    Rule("key", "POST", "/v1/transfer", Rate(per_minute=60, burst=60)),
    Rule("key", "POST", "/v1/trial", Rate(per_minute=60, burst=60)),
    Rule("telemetry", "POST", "/v1/telemetry/", Rate(per_minute=300, burst=100)),
    Rule("lens", "", "/v1/lens/", Rate(per_minute=600, burst=200)),
    Rule("other", "", "", Rate(per_minute=600, burst=200)),
)


@dataclass(slots=True)
class Limiter:
    """Buckets of one process. `draw` gives random bytes, times are seconds; nothing here blocks or does input or output."""

    draw: Callable[[int], bytes]
    rules: tuple[Rule, ...] = RULES
    most_peers: int = MOST_PEERS
    _day: int = -1
    _salt: bytes = b""
    _buckets: OrderedDict[bytes, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, method: str, path: str, peer: str, *, now_s: float, at_s: float) -> float:
        """Take one token; how long to wait where there is none, else 0.

        Args:
            method: of the request.
            path: of the request.
            peer: address as the server sees it; text that is no address is a peer too.
            now_s: wall clock, says which day it is.
            at_s: a clock that is never set back.
        """
        rule = self._rule(method, path)
        if rule is None or rule.rate is None:
            return 0.0
        day = int(now_s // DAY_S)
        if day != self._day:
            self._day, self._salt = day, self.draw(32)
            self._buckets.clear()
        text = f"{rule.name}\0{canonical_peer(peer)}".encode("utf-8", "replace")
        key = hmac.digest(self._salt, text, "sha256")[:16]
        rate_s = rule.rate.per_minute / 60
        tokens, since_s = self._buckets.pop(key, (rule.rate.burst, at_s))
        tokens = min(rule.rate.burst, tokens + max(0.0, at_s - since_s) * rate_s)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - allowed, at_s)
        if len(self._buckets) > self.most_peers:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / rate_s

    def _rule(self, method: str, path: str) -> Rule | None:
        for rule in self.rules:
            if rule.method in ("", method) and path.startswith(rule.prefix):
                return rule
        return None


def canonical_peer(address: str) -> str:
    """One text a peer: an IPv4 address however it is written, the /64 of an IPv6 address, or the text itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """ASGI middleware: asks the limiter before anything else looks at a request."""

    app: Application
    limiter: Limiter
    wall: Callable[[], float]
    monotonic: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        wait_s = self.limiter.wait_s(
            scope["method"], scope["path"], peer, now_s=self.wall(), at_s=self.monotonic()
        )
        if not wait_s:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["code"] = "RATE_LIMITED"
        whole_s = max(1, math.ceil(wait_s))
        body = _problem(whole_s, str(state.get("request_id", "")))
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % whole_s),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _problem(wait_s: int, request_id: str) -> bytes:
    problem = {
        "type": "urn:epochly:problem:RATE_LIMITED",
        "title": "too many requests",
        "status": 429,
        "code": "RATE_LIMITED",
        "detail": f"too many requests from this address; hint: wait {wait_s} s",
        "request_id": request_id,
        "retry_after": wait_s,
    }
    return json.dumps(problem).encode()
