"""Starts of functions are counted with `sys.monitoring`, in an id that nobody else has, and a fork is waited for with it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

from epochly._monitor import Sampler
from epochly._starts import ENOUGH, LISTENED, Starts, after_this, starts_for


def plain(x):
    """A function whose starts are counted."""
    return x + 1


class FakeMonitoring:
    """The part of `sys.monitoring` that is used, with what was asked of it."""

    DISABLE = object()
    events = SimpleNamespace(PY_START=1)

    def __init__(self, taken):
        self.tools, self.callback, self.listening = dict(taken), None, 0

    def get_tool(self, tool):
        """Who has an id."""
        return self.tools.get(tool)

    def use_tool_id(self, tool, name):
        """Take an id."""
        assert tool not in self.tools
        self.tools[tool] = name

    def free_tool_id(self, tool):
        """Give an id back."""
        del self.tools[tool]

    def register_callback(self, _tool, _event, callback):
        """Who is told."""
        self.callback = callback

    def set_events(self, _tool, events):
        """What is told."""
        self.listening = events


def test_starts_take_a_free_id_and_give_it_back():
    """Another tool's id is left alone, and nothing of ours stays behind."""
    monitoring = FakeMonitoring({0: "debugger", 3: "somebody"})
    starts = Starts(monitoring, lambda _file: True)
    assert starts.start()
    assert monitoring.tools[4] == "epochly"
    starts.stop()
    starts.stop()
    assert monitoring.tools == {0: "debugger", 3: "somebody"}
    assert (monitoring.listening, monitoring.callback) == (0, None)


def test_starts_stay_out_where_no_id_is_free():
    """With both ids taken nothing is counted."""
    assert not Starts(FakeMonitoring({3: "a", 4: "b"}), lambda _file: True).start()


@pytest.mark.parametrize(
    ("version", "accelerates", "listens"),
    [
        ((3, 12, 1), True, False),
        ((3, 12, 1), False, True),
        ((3, 13, 0), True, True),
        ((3, 14, 0), True, True),
    ],
)
def test_nothing_listens_where_that_would_slow_down_what_is_to_be_faster(
    monkeypatch, version, accelerates, listens
):
    """Python 3.12 undoes superinstructions of what it listens to, so there it is for those who only monitor."""
    monkeypatch.setattr(sys, "monitoring", FakeMonitoring({}), raising=False)
    monkeypatch.setattr(sys, "version_info", version)
    assert (starts_for(lambda _file: True, accelerates=accelerates) is not None) == listens


def test_nothing_listens_where_python_has_no_monitoring(monkeypatch):
    """That is up to 3.11."""
    monkeypatch.delattr(sys, "monitoring", raising=False)
    assert starts_for(lambda _file: True, accelerates=False) is None


KEPT = """
import dis, time
def loop(n):
    s = 0
    for i in range(n):
        s += i
    return s
end = time.monotonic() + 0.2
while time.monotonic() < end:
    loop(1000)
print([each.opname for each in dis.get_instructions(loop, adaptive=True)])
"""


def test_run_leaves_a_program_the_instructions_it_would_have(tmp_path):
    """The interpreter's own specialised and joined instructions, which it may not make a second time."""
    (tmp_path / "script.py").write_text(KEPT)
    said = [
        subprocess.run(
            [sys.executable, *command, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for command in ((), ("-m", "epochly", "run"))
    ]
    assert said[0] == said[1]
    assert "BINARY_OP_ADD_INT" in said[0]


def test_starts_are_counted_until_there_are_enough():
    """Foreign code is disabled at once, own code after a bounded number of starts."""
    monitoring = FakeMonitoring({})
    starts = Starts(monitoring, lambda file: file == __file__)
    starts.start()
    answers = [monitoring.callback(plain.__code__, 0) for _ in range(ENOUGH)]
    assert answers == [None] * (ENOUGH - 1) + [monitoring.DISABLE]
    assert monitoring.callback(os.path.join.__code__, 0) is monitoring.DISABLE
    assert starts.counts == {plain.__code__: ENOUGH}


def test_listening_ends_after_half_a_second_of_samples():
    """A program that nothing new is learnt of is listened to no more; what was counted stays, and its samples go on to the finder."""
    monitoring, seen = FakeMonitoring({}), []
    starts = Starts(monitoring, lambda _file: True)
    look = starts.until_known(lambda *sample: seen.append(sample) or len(seen))
    starts.start()
    monitoring.callback(plain.__code__, 0)
    answers = [look(plain.__code__, 1, weight) for weight in (1, LISTENED - 2)]
    assert (monitoring.tools, monitoring.listening) == ({3: "epochly"}, 1)
    answers.append(look(plain.__code__, 2, 1))
    assert (monitoring.tools, monitoring.listening, monitoring.callback) == ({}, 0, None)
    answers.append(look(plain.__code__, 3, 5))
    assert answers == [1, 2, 3, 4]
    assert [weight for *_, weight in seen] == [1, LISTENED - 2, 1, 5]
    assert starts.counts == {plain.__code__: 1}


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="needs Python 3.12")
def test_starts_work_with_the_real_interface():
    """On 3.12 and later a call is counted."""
    starts = Starts(sys.monitoring, lambda file: file == __file__)
    assert starts.start()
    try:
        plain(1)
    finally:
        starts.stop()
    assert starts.counts[plain.__code__] == 1


def test_after_this_waits_until_the_frame_has_gone_on():
    """Functions that start while the frame stands still (hooks of a fork) are not what is waited for."""
    monitoring, frame, done = FakeMonitoring({3: "somebody"}), SimpleNamespace(f_lasti=10), []
    assert after_this(monitoring, frame, lambda: done.append(1))
    assert monitoring.tools == {3: "somebody", 4: "epochly"}
    callback = monitoring.callback
    callback(plain.__code__, 0)
    assert done == []
    frame.f_lasti = 12
    callback(plain.__code__, 0)
    assert done == [1]
    assert (monitoring.tools, monitoring.listening, monitoring.callback) == ({3: "somebody"}, 0, None)
    assert not after_this(FakeMonitoring({3: "a", 4: "b"}), None, done.clear)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12")
def test_fork_of_a_sampled_program_gives_no_warning_of_threads():
    """A program without threads is not told that it has some, and is sampled again afterwards."""
    sampler = Sampler(lambda _code, _line, _weight: None, interval_s=0.001)
    sampler.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            child = os.fork()
            if not child:
                os._exit(0)
        os.waitpid(child, 0)
        plain(1)
        assert sampler.alive
    finally:
        sampler.stop()


FORKS = """
import os, sys
from epochly._monitor import Sampler
from epochly.telemetry.sender import Sender

if hasattr(sys, "monitoring"):
    sys.monitoring.use_tool_id(3, "somebody")
threads = [Sampler(lambda _code, _line, _weight: None, interval_s=0.001), Sender([(3_600, int)], int)]
for each in threads:
    each.start()
child = os.fork()
if not child:
    os._exit(any(each.alive for each in threads))
assert os.waitpid(child, 0)[1] == 0
(lambda: None)()
assert all(each.alive for each in threads)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_beside_two_threads_of_ours_takes_one_id():
    """Sampler and sender pause and come back together, with one id of `sys.monitoring` where somebody has the other, and nobody is warned."""
    command = [sys.executable, "-W", "always", "-c", FORKS]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
