"""`pytest --watched`: a test during which anything leads out of this machine fails. Off by default: the hook is called at each event.

The kernel's word is `tests/network_proof`'s; this is the quick look, and sees this process alone.
"""

from __future__ import annotations

import pytest
from watching import Watch


def pytest_addoption(parser):
    """One option."""
    parser.addoption("--watched", action="store_true", help="fail a test that leads out of this machine")


def pytest_configure(config):
    """Look from here on, where that was asked for."""
    if config.getoption("--watched"):
        config.pluginmanager.register(Watched(Watch()), "watched")


class Watched:
    """Fails each test, in its set-up or itself, that led somewhere; one that is marked `network` may."""

    def __init__(self, watch):
        self._watch = watch
        watch.add()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        """Look at what makes its fixtures."""
        result = yield
        self._judge(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Look at the test."""
        result = yield
        self._judge(item)
        return result

    def _judge(self, item):
        seen = list(dict.fromkeys(self._watch.seen))
        self._watch.seen.clear()
        if seen and item.get_closest_marker("network") is None:
            pytest.fail("it leads out of this machine: " + "; ".join(seen), pytrace=False)
