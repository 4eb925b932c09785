"""Next leases that are asked for at the same time go through the database together.

What one costs the database, the way to its thread and the wait for the disk among it, is nearly the same for many. So one batch is out
at a time, and what is asked meanwhile is the next one. Everything else of a lease, which is computing, is done where requests
are read: handing it to other threads costs more than it takes.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from epochly_service.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochly_service.proofs import Call
    from epochly_service.scene import Begun, Outcome, Renewal
    from epochly_service.service import Service

    Answer = Outcome | Exception | None

T = TypeVar("T")
MOST = 64  # of a batch; a transaction of so many takes some milliseconds


class Together:
    """The renewals of one node. To be used in one event loop at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: list[tuple[Begun, asyncio.Future[Answer]]] = []
        self._is_out = False

    async def renew(self, call: Call, body: Renewal) -> dict[str, Any]:
        """The next lease of a device, `validate` and `heartbeat`.

        Raises:
            Problem, SignedProblem, BusyError, ServiceError: it is refused, or cannot be done now.
        """
        service = self._service
        begun = service.begin_at_once(call, body)
        if begun is None:
            begun = await self._in_a_thread(partial(service.begin, call, body))
        answer = await self._next_batch(begun)
        if answer is None:
            return await self._in_a_thread(partial(service.renewed_slowly, begun))
        if isinstance(answer, Exception):
            await self._in_a_thread(partial(service.spend, begun))
            raise answer
        return service.lease(begun.caller, answer)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._service.db.threads, work)

    def _next_batch(self, begun: Begun) -> asyncio.Future[Answer]:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((begun, future))
        if not self._is_out:
            self._send()
        return future

    def _send(self) -> None:
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        work = partial(_answers, self._service, [begun for begun, _ in batch])
        self._is_out = True
        try:
            out = asyncio.get_running_loop().run_in_executor(self._service.db.threads, work)
        except RuntimeError as error:  # the node ends
            self._came(batch, [BusyError(str(error))] * len(batch))
        else:
            out.add_done_callback(partial(self._is_back, batch))

    def _is_back(
        self, batch: Sequence[tuple[Begun, asyncio.Future[Answer]]], out: asyncio.Future[list[Answer]]
    ) -> None:
        gone: list[Answer] = [BusyError("the node ends")] * len(batch)
        self._came(batch, gone if out.cancelled() else out.result())

    def _came(self, batch: Sequence[tuple[Begun, asyncio.Future[Answer]]], answers: Sequence[Answer]) -> None:
        self._is_out = False
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        if self._waiting:
            self._send()


def _answers(service: Service, begun: Sequence[Begun]) -> list[Answer]:
    """What became of each; where one keeps all from being had at once, each is tried alone."""
    try:
        outcomes = service.renewed(begun)
    except Exception as error:  # noqa: BLE001 - whatever it was is raised where the request is answered
        return [error] * len(begun)
    if outcomes is not None:
        return list(outcomes)
    return [None] if len(begun) == 1 else [_answers(service, [each])[0] for each in begun]
