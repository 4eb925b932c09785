"""The journal: resumes after the last finished step, tolerates a torn line, refuses tampering."""

from __future__ import annotations

import hashlib

import pytest

from epochly_release import journal as journals
from epochly_release.errors import InputError, Refused
from epochly_release.journal import Entry, entry_line, parse_journal
from epochly_release.memory import FakeWorld
from epochly_release.plan import Distribution, Plan
from epochly_release.steps import JOURNAL, build, check, run_step
from epochly_release.steps.result import Places, StepResult

PLACES = Places("/repo", "/out", "/build", ("python3",))
PLAN = Plan(
    "c" * 40, 1, "1.0", "v1.0", (Distribution(".", "demo", "demo-1.0.tar.gz", "demo-1.0-"),), None, "f" * 64
)
PATH = f"/out/{JOURNAL}"


@pytest.fixture(autouse=True)
def plain_plan(monkeypatch):
    """A plan without a configuration is enough for the journal."""
    monkeypatch.setattr(Plan, "sha256", lambda self: self.commit[:1] * 64)


@pytest.fixture
def step(monkeypatch):
    """A step that writes one file and counts its runs."""
    runs = []

    digest = hashlib.sha256(b"made").hexdigest()

    def run(_plan, places, world):
        runs.append(1)
        world.write(f"{places.out}/made", b"made")
        return StepResult({"made": digest})

    monkeypatch.setattr(build, "run", run)
    return runs


def events(world):
    """What the journal says, as pairs."""
    return [(entry.step, entry.event) for entry in parse_journal(world.read(PATH), PATH).entries]


@pytest.mark.usefixtures("step")
def test_journal_holds_start_and_end_of_a_step():
    """A step that runs leaves two lines, the second with the hashes of what it made."""
    world = FakeWorld()
    run_step("build", PLAN, PLACES, world)
    assert events(world) == [("build", "start"), ("build", "end")]
    assert set(parse_journal(world.read(PATH), PATH).entries[-1].files) == {"made"}


def test_finished_step_is_not_run_again(step):
    """A release that is started again goes on after the last finished step."""
    world = FakeWorld()
    run_step("build", PLAN, PLACES, world)
    assert run_step("build", PLAN, PLACES, world).notes == ("done before",)
    assert len(step) == 1


def test_step_runs_again_when_its_file_was_changed(step):
    """A finished step counts only as long as its files are what it made."""
    world = FakeWorld()
    run_step("build", PLAN, PLACES, world)
    world.disk["/out/made"] = b"other"
    run_step("build", PLAN, PLACES, world)
    assert (len(step), world.disk["/out/made"]) == (2, b"made")


@pytest.mark.usefixtures("step")
def test_journal_cut_anywhere_in_its_last_line_resumes():
    """However a crash tears the last line, the step is run again and the journal is sound after it."""
    world = FakeWorld()
    run_step("build", PLAN, PLACES, world)
    whole = world.disk[PATH]
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        torn = FakeWorld(disk={PATH: whole[:cut]})
        run_step("build", PLAN, PLACES, torn)
        assert events(torn) == [("build", "start"), ("build", "start"), ("build", "end")]


@pytest.mark.usefixtures("step")
def test_journal_with_a_changed_dropped_or_moved_line_is_refused():
    """Tampering with the order or the content of the lines is seen."""
    world = FakeWorld()
    run_step("build", PLAN, PLACES, world)
    first, second = world.disk[PATH].splitlines(keepends=True)
    for bad in (
        second,
        second + first,
        first + first,
        first.replace(b"start", b"end") + second,
        b"{}\n",
        b"[]\n",
        b"\n",
    ):
        with pytest.raises(Refused, match=r"journal\.jsonl"):
            parse_journal(bad, PATH)


@pytest.mark.usefixtures("step")
def test_journal_of_another_plan_is_refused():
    """Two releases never share a folder."""
    world = FakeWorld()
    line = entry_line(Entry("check", "end", "2026-01-01T00:00:00Z", "0" * 64), journals.NOTHING_BEFORE)
    world.disk[PATH] = line
    with pytest.raises(Refused, match="another release"):
        run_step("build", PLAN, PLACES, world)


def test_failure_is_journalled_with_where_it_happened(monkeypatch):
    """A refused step leaves a line that names the thing, and the step is not finished."""

    def refuse(*_):
        raise Refused("changelog", "CHANGES.md", "has no heading", "write it")

    monkeypatch.setattr(check, "run", refuse)
    world = FakeWorld()
    with pytest.raises(Refused):
        run_step("check", PLAN, PLACES, world)
    entry = parse_journal(world.read(PATH), PATH).entries[-1]
    assert (entry.event, entry.why) == ("fail", "changelog `CHANGES.md`: has no heading")


def test_step_out_of_order_is_refused(step):
    """A step waits for the one before, and takes only what that one left."""
    world = FakeWorld()
    with pytest.raises(Refused, match="`describe`: cannot start: `build` has not ended here"):
        run_step("describe", PLAN, PLACES, world)
    assert events(world) == [("describe", "start"), ("describe", "fail")]
    run_step("build", PLAN, PLACES, world)
    world.disk["/out/made"] = b"other"
    with pytest.raises(Refused, match="`made`: is not what `build` left"):
        run_step("describe", PLAN, PLACES, world)
    assert len(step) == 1


def test_step_beside_a_long_lived_token_is_refused(step):
    """No step works beside a password or token for uploads, in the environment or in the home folder."""
    for world in (
        FakeWorld(environ={"TWINE_PASSWORD": "hunter2"}),
        FakeWorld(environ={"HOME": "/home"}, disk={"/home/.pypirc": b"[pypi]"}),
    ):
        with pytest.raises(Refused, match="only trusted publishing is accepted") as refused:
            run_step("build", PLAN, PLACES, world)
        assert "hunter2" not in str(refused.value)
    assert not step


def test_full_disk_stops_with_one_clear_line_and_a_journal_line(monkeypatch):
    """When a file does not fit, the error says so with a hint, and the journal says where."""
    monkeypatch.setattr(
        build, "run", lambda _plan, places, world: world.write(f"{places.out}/large", bytes(10_000))
    )
    world = FakeWorld(room=5_000)
    with pytest.raises(InputError, match="the disk is full; hint: make room"):
        run_step("build", PLAN, PLACES, world)
    assert parse_journal(world.read(PATH), PATH).entries[-1].why.startswith("disk-full `/out/large`")


def test_full_disk_that_takes_no_journal_line_still_tells_the_first_error(monkeypatch):
    """The error that stopped the step is told even if the journal cannot be written."""

    def fill(_plan, _places, world):
        world.room = 0
        raise Refused("not-reproducible", "demo.whl", "differs", "look")

    monkeypatch.setattr(build, "run", fill)
    world = FakeWorld()
    with pytest.raises(Refused, match=r"demo\.whl"):
        run_step("build", PLAN, PLACES, world)
    assert "the journal could not be written" in world.told[0]
