"""A service as a process, the road to it, and machines of its users."""

from __future__ import annotations

import pytest
from licensed import Machine, Road, Service


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service that machines reach by a road of ours."""
    road = Road()
    folder = tmp_path_factory.mktemp("service") / "data"
    public = ("--public-url", f"https://localhost:{road.port}", "--no-rate-limits")
    made = Service(folder, *public).start()
    road.lead_to(made)
    made.road = road
    yield made
    road.close()
    made.stop()


@pytest.fixture
def road(service):
    """The road to it, on which nobody has passed yet."""
    service.road.passed.clear()
    return service.road


@pytest.fixture
def machine(service, tmp_path, request):
    """Make a machine of that service; each name is another machine."""
    return lambda name="one": Machine(service, tmp_path / name, f"{request.node.name} {name}")
