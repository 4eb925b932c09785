"""A process that sends may be killed at any moment, and a disk may be full: the log stays whole, nothing is lost, and tampering is seen as before."""

from __future__ import annotations

import io
import os
import time
from dataclasses import replace
from itertools import product

import pytest
from posted import verified, waiting

from epochly.telemetry import events
from epochly.telemetry.files import LOG, SPOOL
from epochly.telemetry.post import log_of, send_next

pytestmark = pytest.mark.usefixtures("filled")


open_ = open


class Short(io.FileIO):
    """A file on a disk that takes half of what it is given."""

    def write(self, data):
        """Half of it."""
        return super().write(data[: len(data) // 2])


class KilledError(BaseException):
    """The process is no more."""


class Dying:
    """An installation's folder whose process is killed at the `at`th change to it: before it, after it, or in the middle of an append."""

    def __init__(self, files, when, left):
        self._files, self._when, self._left = files, when, left

    def __getattr__(self, name):
        return getattr(self._files, name)

    def inside(self, name):
        """A folder in it, of the same process."""
        return Dying(self._files.inside(name), self._when, self._left)

    def _changed(self, change, name, *data):
        self._left[0] -= 1
        if self._left[0]:
            change(name, *data)
            return
        if self._when == "after":
            change(name, *data)
        elif self._when == "half" and change == self._files.append:
            change(name, data[0][: len(data[0]) // 2])
        raise KilledError

    def append(self, name, data):
        """Append, or die."""
        self._changed(self._files.append, name, data)

    def write(self, name, data):
        """Write, or die."""
        self._changed(self._files.write, name, data)

    def remove(self, name):
        """Remove, or die."""
        self._changed(self._files.remove, name)


@pytest.mark.parametrize("when", ["before", "after", "half"])
def test_a_process_may_be_killed_at_any_moment(world, receiver, filled, when):
    """At any two changes to the disk, one process after the other: the log is whole at once and after what follows, and all is received."""
    bodies, killed = set(waiting(world.files)), 0
    for moments in product(range(1, 9), repeat=2):
        for moment in moments:
            try:
                send_next(replace(world, files=Dying(world.files, when, [moment])))
            except KilledError:
                killed += 1
            wrong = verified(world).wrong
            assert wrong == "" or (when == "half" and "ends in the middle of a line" in wrong)
            receiver.now += 60
        while send_next(world).sent:
            receiver.now += 60
        found = verified(world)
        assert (found.wrong, found.batches >= found.receipts) == ("", True)
        for name, _ in log_of(world.files):
            world.files.inside(LOG).remove(name)
        world.files.remove("sendings.json")
        filled.counters.add(events.gpu(asked=True, allowed=True))
        filled.collect()
        bodies |= set(waiting(world.files))
    assert killed > 60
    assert send_next(world).sent
    assert set(receiver.received) == bodies


def test_lines_that_were_taken_away_are_missed_also_after_a_kill(world, receiver):
    """The end of the log is mended only where it goes on from what was kept; a log that lost lines, or has more of them, stays wrong."""
    for _ in range(2):
        assert send_next(world).sent
        receiver.now += 60
    log_folder = world.files.inside(LOG)
    ((name, data),) = log_of(world.files)
    lines = data.splitlines(keepends=True)
    kept = world.files.read("sendings.json")
    for changed in (lines[:-1], [*lines, lines[-1]], [*lines, b"x\n"]):
        log_folder.write(name, b"".join(changed))
        world.files.write("sendings.json", kept)
        assert verified(world).wrong
        assert send_next(world).sent or changed
        receiver.now += 60
        assert verified(world).wrong


def test_what_a_killed_process_left_half_written_is_swept_up(world, receiver):
    """A file that never got its name takes no room for longer than an hour; one that somebody may be writing stays."""
    for folder in (world.files, world.files.inside(SPOOL), world.files.inside(LOG)):
        folder.write(".x.0123456789abcdef", b"{}")
    left = [name for _, _, names in os.walk(world.files.path) for name in names if name.startswith(".")]
    assert len(left) == 3
    receiver.now = int(time.time())
    send_next(world)
    assert len([each for _, _, names in os.walk(world.files.path) for each in names if each[0] == "."]) == 3
    receiver.now += 3_601
    send_next(world)
    assert [each for _, _, names in os.walk(world.files.path) for each in names if each[0] == "."] == []


def test_what_was_remembered_and_is_gone_breaks_no_log(world, receiver):
    """Where that file is lost or cannot be read, the log goes on after its last line."""
    assert send_next(world).sent
    receiver.now += 60
    world.files.write("sendings.json", b"{")
    assert send_next(world).sent
    assert verified(world).wrong == ""


def test_a_full_disk_is_told_and_breaks_no_log(world, receiver, monkeypatch):
    """A line that did not fit is no line: nothing is sent, and once there is room the log goes on."""
    monkeypatch.setattr(
        "builtins.open", lambda *words, **more: Short(*words[:2]) if "ab" in words else open_(*words, **more)
    )
    with pytest.raises(OSError, match="not written whole"):
        send_next(world)
    assert receiver.received == []
    monkeypatch.undo()
    assert send_next(world).sent
    assert verified(world).wrong == ""
