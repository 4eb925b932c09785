"""Versions are read from metadata, without importing what they belong to."""

from __future__ import annotations

from epochly._machine import read_machine


def test_machine_tells_a_missing_library_from_a_present_one():
    """What is not installed is None, and is looked up by name only."""
    machine = read_machine(
        version_of={"numpy": "2.4.6"}.get,
        cores=0,
        python=(3, 11, 7),
        implementation="cpython",
        free_threaded=False,
    )
    assert (machine.numba, machine.numpy, machine.cores) == (None, "2.4.6", 1)
