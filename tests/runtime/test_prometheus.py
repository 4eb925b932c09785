"""Prometheus gets what was measured, on the loopback address only, and a missing package is one line."""

from __future__ import annotations

import socket
import sys
from urllib.request import urlopen

import pytest

from epochly import _prometheus
from epochly._prometheus import serve
from epochly._wrap import wrap


@pytest.fixture
def port():
    """A port that is free now; nothing is served after the test."""
    with socket.create_server((_prometheus.ADDRESS, 0)) as server:
        free = server.getsockname()[1]
    yield free
    serve(0, None)


def scraped(port):
    """The samples as name -> value."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")
    }


def test_scrape_gives_calls_and_sums(world, public, port):
    """Counted calls by function, times in seconds, as the naming rules ask."""
    function = wrap(lambda x: world.works(2_000_000, x), world.session)
    public.configure(prometheus_port=port)
    for i in range(10):
        function(i)
    seen = scraped(port)
    name = f'{{function="{__name__}.test_scrape_gives_calls_and_sums.<locals>.<lambda>"}}'
    assert seen[f"epochly_calls_total{name}"] == 10
    assert seen[f"epochly_compiled_calls_total{name}"] >= 5
    assert seen["epochly_functions"] == 1
    assert seen["epochly_compile_seconds_total"] == pytest.approx(0.05)
    assert seen["epochly_deopts_total"] == 0
    assert world.said == []


def test_serving_ends_when_asked(public, port):
    """Port 0 closes the server."""
    public.configure(prometheus_port=port)
    assert scraped(port)
    public.configure(prometheus_port=0)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_taken_port_is_one_line(world, public, port):
    """The program goes on."""
    with socket.create_server(("127.0.0.1", port)):
        public.configure(prometheus_port=port)
    (line,) = world.said
    assert line.startswith(f"port {port} cannot be served: ")
    assert "; hint: " in line


def test_missing_package_is_one_line(world, public, monkeypatch):
    """The program goes on, and is told what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    public.configure(prometheus_port=9)
    assert world.said == [
        "`prometheus-client` is not installed, nothing is served; hint: install `epochly[prometheus]`"
    ]


@pytest.mark.parametrize("port", [-1, 2**16, True, "80"])
def test_strange_port_is_refused(public, port):
    """A port that cannot be is a mistake of the caller's."""
    with pytest.raises(ValueError, match="`prometheus_port` is"):
        public.configure(prometheus_port=port)
