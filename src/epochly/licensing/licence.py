"""The licence of this process, as the runtime sees it: whether a feature may be used, and what to say of it.

Answers come from what is known here; a thread keeps that fresh (`background`). It refuses to wait for the network, and to tell the
runtime anything but a yes or a no.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly.licensing.entitlement import COMMUNITY, Entitled, NotEntitled, entitled
from epochly.licensing.standing import Standing
from epochly.licensing.state import HELD, StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.licensing.session import Session

LOOK_S, JUDGE_S = (
    1,
    600,
)  # seconds after which the file is looked at again, and judged again though it is the same


class Licence:
    """`start` runs the thread's work, given where to publish what it finds; `getpid` tells a forked child from its parent."""

    def __init__(
        self,
        session: Callable[[], Session],
        start: Callable[[Session, Callable[[Standing], None]], None],
        getpid: Callable[[], int] = os.getpid,
    ) -> None:
        self._make, self._start, self._getpid = session, start, getpid
        self._pid = 0
        self._session: Session | None = None
        self._standing = Standing()
        self._looked = self._judged = 0
        self._stamp: tuple[int, int, int] | None = None
        self._running = False

    def entitled(self, feature: str) -> Entitled | NotEntitled:
        """Whether a feature may be used now. The first time that one may need a licence that is kept, the thread starts."""
        try:
            session = self._here()
        except StateProblem as problem:
            return NotEntitled("dropped", *_halves(str(problem)))
        standing = self._standing
        if standing.held is not None and standing.held.device_id and not self._running:
            self._running = True
            self._start(session, self._publish)
        if standing.lease is None and standing.trouble:
            return NotEntitled("dropped", *_halves(standing.trouble))
        return entitled(standing.lease, feature, session.world.now(), standing.latest)

    def tier(self) -> str:
        """The plan that is in force, or `community`."""
        try:
            session = self._here()
        except StateProblem:  # `entitled` tells it to whoever asks for something
            return COMMUNITY
        lease = self._standing.lease
        if lease is None or not lease.features:
            return COMMUNITY
        answer = entitled(lease, lease.features[0], session.world.now(), self._standing.latest)
        return lease.plan if isinstance(answer, Entitled) else COMMUNITY

    def _here(self) -> Session:
        """The session of this process, with what the files say looked at lately. Raises `StateProblem`."""
        pid = self._getpid()
        if pid != self._pid or self._session is None:  # the first time, and in a child that was forked
            self._running, self._looked, self._judged = False, 0, 0
            self._session, self._pid = self._make(), pid
        session, now = self._session, self._session.world.now()
        if not 0 <= now - self._looked < LOOK_S:
            stamp, self._looked = session.world.state.stamp(HELD), now
            if stamp != self._stamp or not 0 <= now - self._judged < JUDGE_S:
                self._stamp, self._judged = stamp, now
                self._standing = session.standing()
        return session

    def _publish(self, standing: Standing) -> None:
        self._standing = standing


def _halves(line: str) -> tuple[str, str]:
    what, _, hint = line.partition("; hint: ")
    return what, hint
