"""A service as a process, the road to it, and machines of its users."""

from __future__ import annotations

import pytest
from licensed import machine, on_a_road, road  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service that machines reach by a road of ours."""
    with on_a_road(tmp_path_factory.mktemp("service") / "data") as made:
        yield made
