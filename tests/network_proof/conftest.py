"""The road to a service, and machines of its users, as the tests from end to end have them."""

from __future__ import annotations

from licensed import machine, road  # noqa: F401 - fixtures
