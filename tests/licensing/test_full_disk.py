"""A disk that is full, and one that may only be read: real ones of 64 KiB, in a mount namespace of a forked child.

What is wrong is one line, what is held goes on, what was taken away is gone, and no copy of the key seems to be at work afterwards.
Who is not root has a user namespace besides; a Linux that allows neither fails these, since a skip would hide that nothing was shown.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys

import pytest
from fake_service import KEY, held, may
from forked import in_a_child

from epochly.licensing.answers import Granted, Refused, Released
from epochly.licensing.state import StateProblem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux's own")
NEW_MOUNTS, NEW_USERS = 0x0002_0000, 0x1000_0000  # sched.h
READ_ONLY, REMOUNT, PRIVATE = 1, 32, 0x4000 | 0x0004_0000  # mount.h
ONE_LINE = re.compile(
    r"`[^\n]+` cannot be used: (no space left on device|read-only file system); hint: [^\n]+"
)


class Disk:
    """The state folder's file system."""

    def __init__(self, path):
        self.path, self._libc = os.fsencode(path), ctypes.CDLL(None, use_errno=True)

    def _called(self, failed):
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def mount(self):
        """Mount 64 KiB of memory, which only this process sees."""
        os.makedirs(self.path, mode=0o700)
        user, group = os.geteuid(), os.getegid()
        self._called(self._libc.unshare(NEW_MOUNTS if user == 0 else NEW_MOUNTS | NEW_USERS))
        if user != 0:  # the same user and group inside; user_namespaces(7)
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "wb") as mapped:
                    mapped.write(text.encode())
        self._called(self._libc.mount(b"none", b"/", None, PRIVATE, None))
        self._called(self._libc.mount(b"none", self.path, b"tmpfs", 0, b"size=64k,mode=700"))

    def may_only_be_read(self):
        """Allow no writes any more."""
        self._called(self._libc.mount(b"none", self.path, None, REMOUNT | READ_ONLY, None))

    def fill(self):
        """Leave no room."""
        with open(os.path.join(self.path, b"filling"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4_096))
            except OSError:
                pass

    def make_room(self):
        """Take that away again."""
        os.unlink(os.path.join(self.path, b"filling"))


@pytest.fixture
def on_a_disk(machine, tmp_path):
    """Run what a test does in a child, with its machine's folder on a disk of its own."""

    def run(work):
        def mounted():
            disk = Disk(tmp_path / "one")
            try:
                disk.mount()
            except PermissionError:
                return "nothing can be mounted here; hint: run as root, or allow user namespaces"
            work(disk, machine)
            return "done"

        assert in_a_child(mounted) == "done"

    return run


def told(ask):
    """The line that something is told by."""
    with pytest.raises(StateProblem) as problem:
        ask()
    assert ONE_LINE.fullmatch(str(problem.value)), str(problem.value)
    return str(problem.value)


def test_nothing_is_asked_for_that_could_not_be_kept(on_a_disk, service):
    """A full disk stops an activation before anything was sent; with room it goes well."""

    def work(disk, machine):
        disk.fill()
        assert "hint: make room on the disk" in told(lambda: machine().activate(KEY))
        assert service.requests == []
        disk.make_room()
        assert isinstance(machine().activate(KEY), Granted)

    on_a_disk(work)


def test_what_is_held_goes_on_while_the_disk_is_full(on_a_disk, service):
    """Nothing that needs a new lease is sent, what needs no room still works, and the lease counts."""

    def work(disk, machine):
        session = machine()
        session.activate(KEY)
        disk.fill()
        asked = len(service.requests)
        for ask in (
            session.refresh,
            lambda: session.checkout(3),
            session.rekey,
            lambda: session.activate(KEY),
        ):
            told(ask)
        assert len(service.requests) == asked
        assert len(session.devices().licenses) == 1
        assert may(machine())
        disk.make_room()
        assert isinstance(machine().refresh(), Granted)
        assert [each.status for each in service.devices.values()] == ["active"]

    on_a_disk(work)


def test_an_answer_that_finds_the_disk_full_is_asked_for_again(on_a_disk, service):
    """The service has moved on when the lease cannot be kept; the same request catches up with it, and there is no clone."""

    def work(disk, machine):
        session = machine()
        session.activate(KEY)
        before = held(session)

        def filling(request, reply):
            if request.endpoint.name == "validate":
                disk.fill()
            return reply

        service.instead = filling
        told(session.refresh)
        service.instead = None
        assert held(session).lease == before.lease
        assert may(machine())
        disk.make_room()
        assert machine().refresh().lease.seq == 2
        assert machine().refresh().lease.seq == 3
        assert [each.status for each in service.devices.values()] == ["active"]

    on_a_disk(work)


@pytest.mark.parametrize("how", ["released", "suspended"])
def test_what_was_taken_away_is_not_kept_for_want_of_room(on_a_disk, service, how):
    """A seat that was given back, and a lease that the service took, are gone from a full disk too."""

    def work(disk, machine):
        session = machine()
        session.activate(KEY)

        def filling(request, reply):
            if request.endpoint.name in ("release", "validate"):
                disk.fill()
            return reply

        service.instead = filling
        if how == "released":
            assert isinstance(session.release(), Released)
        else:
            service.licence.status = "suspended"
            assert isinstance(session.refresh(), Refused)
        assert held(session) is None
        assert not may(machine())

    on_a_disk(work)


def test_a_disk_that_may_only_be_read_keeps_what_is_held(on_a_disk, service):
    """Nothing can be renewed or given back, each time in one line, and the lease counts until it ends."""

    def work(disk, machine):
        session = machine()
        session.activate(KEY)
        disk.may_only_be_read()
        asked = len(service.requests)
        for ask in (session.refresh, session.release, session.rekey, session.devices, session.forget):
            assert "hint: name a folder that can be written in `EPOCHLY_STATE_DIR`" in told(ask)
        assert len(service.requests) == asked
        assert may(machine())

    on_a_disk(work)
