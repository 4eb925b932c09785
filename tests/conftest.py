"""The long tests begin first; and `pytest --watched`: a test during which anything leads out of this machine fails.

Begun last, a file of minutes has one core at the end, and the other does nothing. `make unit` watches, which takes some 2 % of its time; the
kernel's word is `tests/network_proof`'s, this is the quick look, and sees this process alone.
"""

from __future__ import annotations

import os

import pytest
from watching import Watch

LONG = (  # files and folders, the longest first
    "tests/e2e/test_rehearsal.py",
    "tests/release/test_rehearse.py",
    "tests/release/pipeline/test_pipeline.py",
    "tests/release/test_killed.py",
    "tests/release/test_reproducible.py",
    "tests/release/test_build.py",
    "tests/runtime/exact/test_fuzz.py",
    "tests/verify/test_benchmarks.py",
    "tests/verify/test_sbom_any_bytes.py",
    "tests/network_proof/",
    "tests/runtime/corpus/",
    "tests/service/test_seat_race.py",
    "tests/e2e/",
    "tests/release/",
    "tests/properties/",
    "tests/service/",
    "tests/runtime/exact/",
)


def pytest_addoption(parser):
    """One option."""
    parser.addoption("--watched", action="store_true", help="fail a test that leads out of this machine")


def pytest_configure(config):
    """Keep keys for Lens out of the keyring of whoever runs this; look from here on, where that was asked for."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    if config.getoption("--watched"):
        config.pluginmanager.register(Watched(Watch()), "watched")


def pytest_collection_modifyitems(items):
    """Sort the long files to the front; within a file nothing changes."""
    rank = {start: at for at, start in enumerate(LONG)}
    items.sort(
        key=lambda item: next((rank[start] for start in LONG if item.nodeid.startswith(start)), len(rank))
    )


class Watched:
    """Fails each test, in its set-up, itself or in what ends it, that led somewhere; one that is marked `network` may."""

    def __init__(self, watch):
        self._watch = watch
        watch.add()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        """Look at what makes its fixtures."""
        return (yield from self._look(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Look at the test."""
        return (yield from self._look(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item):
        """Look at what ends its fixtures."""
        return (yield from self._look(item))

    def _look(self, item):
        try:
            result = yield
        finally:  # what one that failed led to is not the next one's
            seen = list(dict.fromkeys(self._watch.seen))
            self._watch.seen.clear()
        if seen and item.get_closest_marker("network") is None:
            pytest.fail("it leads out of this machine: " + "; ".join(seen), pytrace=False)
        return result
