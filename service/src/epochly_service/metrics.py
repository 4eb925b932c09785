"""Numbers for Prometheus, in a registry of their own: how many requests of which route ended how, and how seats are taken.

Labels come from closed lists (routes of the application, codes of the protocol, plans, events of the registry), so no caller can make a new series.
No number is about one account, licence or device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from epochly_service.logs import FORMS, route_of
from epochly_service.telemetry.batches import LOST

if TYPE_CHECKING:
    from epochly_service.limits import Application, Message, Receive, Scope, Send
    from epochly_service.telemetry.batches import Batch

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Counts = Mapping[str, Mapping[tuple[str, ...], int]]  # gauge -> labels -> value
GAUGES = {  # name -> labels, help
    "licenses": (("plan", "status"), "licences"),
    "seats_used": (("plan",), "seats that devices hold"),
    "seats_max": (("plan",), "seats that licences have"),
    "devices": (("status",), "devices"),
    "device_history": (("kind",), "transfers, new fingerprints, and sequences that did not fit (strike)"),
    "replay_rows": ((), "proofs remembered so that none counts twice"),
}
TELEMETRY = "/v1/telemetry/"


class _Census:
    """Asks the database when somebody asks us; a database that does not answer leaves its gauges out."""

    def __init__(self, count: Callable[[], Counts]) -> None:
        self._count = count

    def collect(self) -> Iterable[Any]:
        try:
            counts = self._count()
        except Exception:  # noqa: BLE001 - whatever the driver raises: the other numbers are worth having most then
            counts, up = {}, 0
        else:
            up = 1
        state = GaugeMetricFamily("epochly_database_up", "whether the database answered this scrape")
        state.add_metric([], up)
        yield state
        for name, (labels, text) in GAUGES.items():
            family = GaugeMetricFamily(f"epochly_{name}", text, labels=labels)
            for values, number in counts.get(name, {}).items():
                family.add_metric(list(values), number)
            yield family


class Metrics:
    """The numbers of one process."""

    def __init__(self, count: Callable[[], Counts] | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = Counter(
            "epochly_requests", "requests", ["method", "route", "status"], registry=self.registry
        )
        self.problems = Counter(
            "epochly_problems", "answers that are not 2xx", ["code"], registry=self.registry
        )
        self.seconds = Histogram(
            "epochly_request_seconds", "time to answer", ["route"], buckets=BUCKETS_S, registry=self.registry
        )
        self.batches = Counter(
            "epochly_telemetry_batches", "batches taken", ["endpoint", "again"], registry=self.registry
        )
        self.events = Counter("epochly_telemetry_events", "events taken", ["event"], registry=self.registry)
        self.lost = Counter(
            "epochly_telemetry_lost", "events that clients dropped", ["why"], registry=self.registry
        )
        self.refused = Counter(
            "epochly_telemetry_refused", "batches refused whole", ["route", "code"], registry=self.registry
        )
        self._of = cache(self._labelled)  # as many as there are series
        if count is not None:
            self.registry.register(_Census(count))

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, str(status)), self.seconds.labels(route)

    def observe(self, method: str, route: str, status: int, code: str, seconds: float) -> None:
        """Count one answered request."""
        known = FORMS["method"].fullmatch(method)  # type: ignore[union-attr]
        requests, lasting = self._of(method if known else "other", route, status)
        requests.inc()
        lasting.observe(seconds)
        if code:
            self.problems.labels(code).inc()
            if method == "POST" and route.startswith(TELEMETRY):
                self.refused.labels(route, code).inc()

    def took(self, batch: Batch, is_new: bool) -> None:
        """Count a batch of telemetry that was kept, or was before."""
        self.batches.labels(batch.endpoint, "no" if is_new else "yes").inc()
        if is_new:
            for event in batch.events:
                self.events.labels(event.event).inc()
            for why, count in zip(LOST, batch.lost, strict=True):
                self.lost.labels(why).inc(count)

    def render(self) -> bytes:
        """The text Prometheus reads."""
        return bytes(generate_latest(self.registry))


@dataclass(frozen=True, slots=True)
class RequestMetrics:
    """ASGI middleware that counts."""

    app: Application
    metrics: Metrics
    monotonic: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count how it ended."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began_s, status = self.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            code = str(scope.get("state", {}).get("code", ""))
            self.metrics.observe(scope["method"], route_of(scope), status, code, self.monotonic() - began_s)


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """An ASGI application of its own, for a port of its own: answers `GET /metrics` and nothing else."""

    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if scope["type"] != "http":
            return
        found = scope["path"] in ("/metrics", "") and scope["method"] == "GET"
        body = self.metrics.render() if found else b""
        headers = [(b"content-type", CONTENT_TYPE), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})
