"""What was measured, for Prometheus: a registry of our own, served on the loopback address when a port is asked for.

It refuses to listen anywhere else, to import `prometheus-client` before that, and to be the program's error: where the
package is missing or the port is taken, one line says so. Specification: the Prometheus text format and its naming rules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from epochly._stats import all_stats, metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly._session import Session

ADDRESS = "127.0.0.1"
MOST_FUNCTIONS = 200  # with a label each; those that took most time
TOTALS = (  # name, what it says, from which sum, factor
    (
        "epochly_interpreted_seconds",
        "Time in the interpreter, estimated from timed calls.",
        "interpreted_time_ms",
        1e-3,
    ),
    ("epochly_compile_seconds", "Time the program spent on compiling and loading.", "compile_time_ms", 1e-3),
    ("epochly_background_compile_seconds", "Time another process spent on compiling.", "built_time_ms", 1e-3),
    ("epochly_deopts", "Calls that compiled code left to the interpreter.", "deopts", 1),
    ("epochly_cache_hits", "Versions that were loaded and not compiled.", "cache_hits", 1),
    ("epochly_errors", "Calls that raised.", "error_count", 1),
)
_SERVERS: list[Any] = []


class Measured:
    """A collector in the sense of `prometheus-client`: asked for its families at each scrape."""

    def __init__(self, session: Session, core: Any) -> None:
        self._session, self._core = session, core

    def collect(self) -> Iterator[Any]:
        """Families of metrics as they are now."""
        counter, gauge = self._core.CounterMetricFamily, self._core.GaugeMetricFamily
        stats = all_stats(self._session)
        sums = metrics(stats)
        yield gauge("epochly_functions", "Watched functions that were called.", value=sums["functions"])
        yield gauge(
            "epochly_saved_seconds",
            "Time saved net of compiling, from timed calls of both versions; negative where it did not pay.",
            value=sums["saved_time_ms"] * 1e-3,
        )
        for name, words, sum_, factor in TOTALS:
            yield counter(name, words, value=sums[sum_] * factor)
        calls = counter("epochly_calls", "Calls of a watched function.", labels=["function"])
        compiled = counter(
            "epochly_compiled_calls", "Calls that compiled code answered.", labels=["function"]
        )
        for each in stats[:MOST_FUNCTIONS]:
            calls.add_metric([each.name], each.calls)
            compiled.add_metric([each.name], each.compiled_calls)
        yield calls
        yield compiled


def serve(port: int, session: Session) -> int:
    """Serve at a port in place of where it was served before; 0 ends serving. Gives the port, 0 where nothing is served."""
    while _SERVERS:
        server = _SERVERS.pop()
        server.shutdown()
        server.server_close()
    if not port:
        return 0
    try:
        client, core = import_module("prometheus_client"), import_module("prometheus_client.core")
    except ImportError:
        session.say_once(
            "`prometheus-client` is not installed, nothing is served; hint: install `epochly[prometheus]`"
        )
        return 0
    registry = client.CollectorRegistry()
    registry.register(Measured(session, core))
    try:
        started = client.start_http_server(port, addr=ADDRESS, registry=registry)
    except OSError as error:
        session.say_once(
            f"port {port} cannot be served: {error.strerror}; hint: give another `prometheus_port`"
        )
        return 0
    if started is not None:  # before 0.19 nothing came back, and a server could not be ended
        _SERVERS.append(started[0])
    return port
