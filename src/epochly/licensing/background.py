"""Keeps a lease fresh while a program runs: a daemon thread that sleeps, and asks when it is time.

No call waits for it, and no exit. There is none before a paid feature was asked for where a licence is kept, and at most one in a
process; a child that was forked has none until it asks itself. It refuses to ask more often than the schedule says, whatever goes wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly.licensing.answers import Granted, NotReached, Told
from epochly.licensing.standing import GONE, is_fresh
from epochly.licensing.state import StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.licensing.answers import Answer
    from epochly.licensing.session import Session
    from epochly.licensing.standing import Standing

FIRST_S, LONGEST_S = 60, 3_600  # seconds after a failure: doubled from the first to the longest
MOST_RETRY_AFTER_S = 21_600  # seconds; six hours, whatever an answer asks for
SPREAD = 0.1  # of a wait, so that the machines of a site do not all ask at once


def wait_s(standing: Standing, now: int, answer: Answer | None, failures: int, random: float) -> float | None:
    """Seconds until the service is to be asked again; None where asking is of no use.

    `answer` is what came of the last request of this process, None before the first; `failures` are those in a row so far;
    `random` is from 0 to 1.
    """
    held, lease = standing.held, standing.lease
    if held is None or not held.device_id or held.dropped in GONE:
        return None
    if failures:
        seconds = min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10))
    elif held.dropped:
        seconds = LONGEST_S
    elif lease is not None and isinstance(answer, Granted):  # whatever this machine's clock says
        seconds = max(lease.refresh_after - now, min(LONGEST_S, lease.refresh_after - lease.iat))
    elif is_fresh(standing, now) and lease is not None:
        seconds = lease.refresh_after - now
    else:
        return 0.0
    if isinstance(answer, NotReached | Told) and answer.retry_after_s is not None:
        seconds = max(seconds, min(answer.retry_after_s, MOST_RETRY_AFTER_S))
    return seconds * (1 + SPREAD * random)


def keep_fresh(
    session: Session,
    publish: Callable[[Standing], None],
    sleep: Callable[[float], bool],
    random: Callable[[], float],
) -> None:
    """The thread's work. `publish` takes each new standing; `sleep` waits, and says whether to end."""
    answer: Answer | None = None
    failures = 0
    while True:
        standing = session.standing()
        publish(standing)
        now = session.world.now()
        if is_fresh(standing, now):  # also where another process renewed it
            failures = 0
        seconds = wait_s(standing, now, answer, failures, random())
        if seconds is None:
            return
        if sleep(min(seconds, LONGEST_S)):  # a clock may jump meanwhile, and others renew
            return
        try:
            if seconds > LONGEST_S:
                session.note_time()
                continue
            answer = session.refresh(only_if_due=True)
        except StateProblem as problem:  # the next standing says it too, if it is still there
            answer = NotReached(str(problem))
        failures = 0 if isinstance(answer, Granted) else failures + 1
