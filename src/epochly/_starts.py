"""Counting how often functions start, on Python 3.12 and later, for almost nothing: `sys.monitoring` with DISABLE.

A code object reports its starts until it has reported `ENOUGH`, then never again, and nothing does after `LISTENED` samples: while
anything listens, some programs take 2 to 4 % longer, also where all that they run is silent. Python 3.12 also undoes the
superinstructions of whatever code runs meanwhile, for good: a loop over `s += i` takes 9 % longer from then on. So there it listens only
where nothing but to monitor was asked for. One tool id is taken from those that no kind of tool is meant to use, and given back. It
refuses to run where both are taken. Specification: PEP 669.
"""

from __future__ import annotations

import sys
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

FREE_IDS = (3, 4)  # 0, 1, 2 and 5 are a debugger's, coverage's, a profiler's and an optimizer's
ENOUGH = 1_000  # starts that are reported per code object; at 0.1 us each, it costs 0.1 ms at most
LISTENED = 50  # samples, each of which stands for 10 ms
LEAVES_NO_TRACE = (3, 13)  # the first Python that code is as fast in after listening as before


class Starts:
    """Between `start` and `stop`, `counts` has the starts of each code object for which `own(file)` holds.

    `until_known` stops it by itself, once there were enough samples.
    """

    __slots__ = ("_monitoring", "_own", "_tool", "counts")

    def __init__(self, monitoring: Any, own: Callable[[str], bool]) -> None:
        self._monitoring, self._own = monitoring, own
        self._tool: int | None = None
        self.counts: Counter[CodeType] = Counter()

    def start(self) -> bool:
        """Take an id and listen; False where there is none to take."""
        monitoring = self._monitoring
        for tool in FREE_IDS:
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "epochly")
                monitoring.register_callback(tool, monitoring.events.PY_START, self._started)
                monitoring.set_events(tool, monitoring.events.PY_START)
                self._tool = tool
                return True
        return False

    def stop(self) -> None:
        """Stop listening and give the id back; a no-op when it does not listen."""
        if self._tool is not None:
            monitoring, tool, self._tool = self._monitoring, self._tool, None
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(tool)

    def until_known(
        self, sink: Callable[[CodeType, int, int], object]
    ) -> Callable[[CodeType, int, int], object]:
        """The sink of a sampler, which stops listening after `LISTENED` samples."""
        left = LISTENED

        def look(code: CodeType, line: int, weight: int) -> object:
            nonlocal left
            if self._tool is not None:
                left -= weight
                if left <= 0:
                    self.stop()
            return sink(code, line, weight)

        return look

    def _started(self, code: CodeType, _offset: int) -> Any:
        if not self._own(code.co_filename):
            return self._monitoring.DISABLE
        self.counts[code] += 1
        return self._monitoring.DISABLE if self.counts[code] >= ENOUGH else None


def starts_for(own: Callable[[str], bool], *, accelerates: bool) -> Starts | None:
    """A counter that does not listen yet; None where there is nothing to listen to, or it would slow down what is to be faster."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None or (accelerates and sys.version_info < LEAVES_NO_TRACE):
        return None
    return Starts(monitoring, own)


def after_this(monitoring: Any, frame: FrameType | None, action: Callable[[], object]) -> bool:
    """Act when a function next starts after `frame` has gone on from where it is; False where no id is free to tell."""
    tool = next((each for each in FREE_IDS if monitoring.get_tool(each) is None), None)
    if tool is None:
        return False
    places = [] if frame is None else [(frame, frame.f_lasti)]

    def started(_code: CodeType, _offset: int) -> None:
        if any(each.f_lasti == place for each, place in places):
            return
        places.clear()
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(tool)
        action()

    monitoring.use_tool_id(tool, "epochly")
    monitoring.register_callback(tool, monitoring.events.PY_START, started)
    monitoring.set_events(tool, monitoring.events.PY_START)
    return True
