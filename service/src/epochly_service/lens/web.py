"""Lens over HTTP: a bearer key in a header, and the routes of its account."""

# ruff: noqa: TC002 - the framework reads the annotations of routes at run time
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from epochly_service.errors import Problem
from epochly_service.lens.bodies import (
    LensAccountAnswer,
    LensHeartbeatAnswer,
    LensHeartbeatBody,
    LensHostsAnswer,
)
from epochly_service.lens.rows import Heartbeat
from epochly_service.outgoing import answer, problem_response
from epochly_service.published import BODIED, about

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_service.lens.desk import Lens

KEYED = ("KEY_UNKNOWN", "FEATURE_NOT_ENTITLED")


def add_lens(app: APIRouter, lens: Lens) -> None:
    """The three addresses of Lens."""

    @app.get("/v1/lens/account", **_about(LensAccountAnswer))
    def lens_account(request: Request) -> Response:
        """Whose key this is, and the salt under which its hosts' names are hashed."""
        return _answered(request, lens.account)

    @app.post("/v1/lens/heartbeat", **_about(LensHeartbeatAnswer, *BODIED))
    def lens_heartbeat(request: Request, body: LensHeartbeatBody) -> Response:
        """That a process lives; one that is silent for three times `next_s` is gone."""
        beat = Heartbeat(body.host, body.version, body.pid, body.uptime_s)
        return _answered(request, partial(lens.heartbeat, beat=beat))

    @app.get("/v1/lens/hosts", **_about(LensHostsAnswer))
    def lens_hosts(request: Request) -> Response:
        """The hosts of the account in the last 30 days."""
        return _answered(request, lens.hosts)


def _answered(request: Request, work: Callable[[list[str]], dict[str, Any]]) -> Response:
    try:
        return answer(work(request.headers.getlist("authorization")))
    except Problem as problem:
        if problem.code != "KEY_UNKNOWN":
            raise
        response = problem_response(request.scope, problem)
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 6750, section 3
        return response


def _about(kind: type, *codes: str) -> dict[str, Any]:
    said = about(kind, *KEYED, *codes, proved=False, nonce=False)
    return said | {"openapi_extra": {"security": [{"lens": []}]}}
