"""What goes out by HTTP: answers, and problems as RFC 9457 has them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Response

from epochly_service.errors import Problem
from epochly_service.published import PROBLEM_JSON
from epochly_service.service import BUSY_RETRY_S, SignedProblem

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from fastapi import Request

    Scope = MutableMapping[str, Any]

JSON = "application/json"
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def answer(value: dict[str, Any], status: int = 200) -> Response:
    """A good answer."""
    return Response(_COMPACT.encode(value), status, media_type=JSON)


def refused(scope: Scope, error: Exception) -> Response:
    """What a request is told that does not go through."""
    match error:
        case SignedProblem():
            return problem_response(scope, error.problem, error.refusal)
        case Problem():
            return problem_response(scope, error)
        case (
            _
        ):  # the database is busy or away, or an operator has something to mend: `/readyz` and the log say so
            detail = "the service cannot do that for the moment; what you hold stays good"
            return problem_response(scope, Problem("MAINTENANCE", detail, retry_after=BUSY_RETRY_S))


def problem_response(scope: Scope, problem: Problem, refusal: str | None = None) -> Response:
    """A problem of the table."""
    state = scope.setdefault("state", {})
    state["code"] = problem.code
    said = {
        "type": f"urn:epochly:problem:{problem.code}",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": state.get("request_id", ""),
        "retry_after": problem.retry_after,
        "seats_used": problem.seats_used,
        "seats_max": problem.seats_max,
        "refusal": refusal,
    }
    there = {name: value for name, value in said.items() if value is not None}
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return Response(json.dumps(there), problem.kind.status, headers, PROBLEM_JSON)


def not_routed(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such address, no such method."""
    status = getattr(error, "status_code", 0)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response = problem_response(
            request.scope, Problem("METHOD_NOT_ALLOWED", "this address does not take this method")
        )
        response.headers["Allow"] = ", ".join(_methods_of(request))
        return response
    if status == HTTPStatus.NOT_FOUND:
        return problem_response(request.scope, Problem("NOT_FOUND", "there is nothing at this address"))
    return problem_response(request.scope, Problem("MALFORMED", "the request cannot be read"))


def _methods_of(request: Request) -> list[str]:
    """What an address takes, by all the routes that are there: the framework tells those of the first one."""
    here = (route for route in request.app.routes if route.matches(request.scope)[0].value)  # 0 is none
    return sorted({method for route in here for method in getattr(route, "methods", None) or ()})


def failed(request: Request, _error: Exception) -> Response:
    """A bug: nothing is told of it but the request's id."""
    return problem_response(
        request.scope,
        Problem("INTERNAL", "the service failed; what you hold stays good; report the request's id"),
    )
