"""Numbers for Prometheus: which there are, and that nobody outside can make new ones."""

from __future__ import annotations

import re

import pytest
from asgi import Answering, ask

from epochly_service.metrics import Metrics, MetricsPage, RequestMetrics


def samples(metrics):
    """Name with labels -> value, as a scraper reads them; without the time stamps of creation."""
    lines = [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines)
        if "_created" not in name
    }


def test_request_metrics_count_by_route_status_and_code():
    """An answer counts once under its route's template, and a problem under its code."""
    metrics = Metrics()
    ours = RequestMetrics(Answering(409, code="SEAT_LIMIT_REACHED"), metrics, lambda: 0.0)
    ask(ours, "POST", "/v1/devices/dev_x", scope={"state": {}})
    found = samples(metrics)
    assert found['epochly_requests_total{method="POST",route="/v1/devices/{id}",status="409"}'] == 1
    assert found['epochly_problems_total{code="SEAT_LIMIT_REACHED"}'] == 1
    assert found['epochly_request_seconds_count{route="/v1/devices/{id}"}'] == 1


def test_request_metrics_make_no_series_of_what_callers_write():
    """A hundred made-up paths and methods are one series."""
    metrics = Metrics()
    for number in range(100):
        ask(RequestMetrics(Answering(404, route=""), metrics, lambda: 0.0), f"M{number}", f"/{number}")
    assert [name for name in samples(metrics) if name.startswith("epochly_requests_total")] == [
        'epochly_requests_total{method="other",route="/unknown",status="404"}'
    ]


def test_request_metrics_count_a_crash_as_500():
    """A request that ends in an exception is counted, and the exception surfaces."""
    metrics = Metrics()
    with pytest.raises(RuntimeError):
        ask(RequestMetrics(Answering(fails=RuntimeError()), metrics, lambda: 0.0))
    assert any('status="500"' in name for name in samples(metrics))


def test_metrics_count_seats_when_asked():
    """Seats and devices come from the database at each scrape."""
    metrics = Metrics(lambda: {"seats_used": {("enterprise",): 7}, "replay_rows": {(): 3}})
    found = samples(metrics)
    assert found["epochly_database_up"] == 1
    assert found['epochly_seats_used{plan="enterprise"}'] == 7
    assert found["epochly_replay_rows"] == 3


def test_metrics_outlive_the_database():
    """A database that does not answer is a number, not an error: the others are wanted most then."""

    def fail():
        raise ConnectionError

    metrics = Metrics(fail)
    metrics.observe("GET", "/v1/keyset", 200, "", 0.1)
    found = samples(metrics)
    assert found["epochly_database_up"] == 0
    assert any(name.startswith("epochly_requests_total") for name in found)
    assert not any(name.startswith("epochly_seats") for name in found)


def test_metrics_page_answers_one_path():
    """The page has the numbers and nothing else, so that its port shows nothing else."""
    page = MetricsPage(Metrics())
    good = ask(page, path="/metrics")
    assert good.status == 200
    assert re.match("text/plain; version=", good.headers["content-type"])
    assert ask(page, path="/v1/devices").status == 404
    assert ask(page, "POST", "/metrics").status == 404
