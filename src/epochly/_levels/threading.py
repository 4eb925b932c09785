"""Level 1: call a function for each item in threads, and give back what the loop would have given.

Results come in order, the first exception is the one the loop would have raised, and each call sees the caller's context
variables (decimal's precision and NumPy's error state among them). It refuses to guess that a function may run
concurrently: whoever calls `threads` says so. Items after a failing one may have been started, which a loop would not.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> list[Result]:
    """`[function(item) for item in items]`, with up to `workers` calls at a time."""
    if workers <= 1:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - importing it takes milliseconds

    futures: list[Future[Result]] = []
    broken: BaseException | None = None
    pool = ThreadPoolExecutor(workers, thread_name_prefix="epochly")
    try:
        try:
            for item in items:
                futures.append(pool.submit(copy_context().run, function, item))  # noqa: PERF401 - kept when `items` raises
        except Exception as error:  # noqa: BLE001 - raised below, after what came before it in the loop
            broken = error
        results = [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if broken is not None:
        raise broken
    return results
