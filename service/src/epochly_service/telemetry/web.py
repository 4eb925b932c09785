"""Telemetry over HTTP: the routes. The exact bytes of a batch go to its validator, and nobody parses them before.

No proof, no nonce, no licence and no header is asked for; what identifies the sender is neither read nor kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from epochly_service.outgoing import answer
from epochly_service.published import BODIED, about
from epochly_service.telemetry import answers
from epochly_service.telemetry.registered import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_service.telemetry.collector import Telemetry

DayInPath = Annotated[str, Path(pattern="^(0|[1-9][0-9]{0,5})$", max_length=6)]
DigestInPath = Annotated[str, Path(pattern="^[0-9a-f]{64}$", min_length=64, max_length=64)]
WHAT = {
    "metrics": "How epochly fares: counts and buckets, once a minute at most.",
    "critical-events": "That a part of epochly switched itself off, or a result differed.",
    "compatibility-reports": "Which versions of libraries are met.",
}


def add_batches(app: APIRouter, telemetry: Telemetry) -> None:
    """The three addresses that batches are sent to; the router's routes have to hand on bytes (`RawRoute`)."""
    for endpoint in ENDPOINTS:
        app.add_api_route(
            f"/v1/telemetry/{endpoint}", _taking(telemetry, endpoint), methods=["POST"], **_about(endpoint)
        )


def add_open(app: APIRouter, telemetry: Telemetry) -> None:
    """What anybody may look at."""

    @app.get("/v1/telemetry/roots/{day}", **_open(answers.DayRoot, "NOT_FOUND"))
    def telemetry_root(day: DayInPath) -> Response:
        """The root of a day that has ended; it never changes."""
        return answer(telemetry.root(int(day)))

    @app.get("/v1/telemetry/proofs/{digest}", **_open(answers.BatchProof, "NOT_FOUND"))
    def telemetry_proof(digest: DigestInPath) -> Response:
        """That a batch, named by the SHA-256 of its body, is in the root of its day."""
        return answer(telemetry.proof(digest))

    @app.get("/v1/telemetry/schema", **_open(answers.SchemaAnswer))
    def telemetry_schema() -> Response:
        """The JSON Schema of a batch; what is not in it is refused."""
        return answer(answers.schema())

    @app.get("/v1/telemetry/charts", **_open(answers.ChartsAnswer))
    def telemetry_charts() -> Response:
        """What at least 20 installations reported in the 28 days before today."""
        return answer(telemetry.charts())


def _taking(telemetry: Telemetry, endpoint: str) -> Callable[[Request], Response]:
    def take(request: Request) -> Response:
        return answer(telemetry.take(endpoint, request.scope["state"]["body"]))

    return take


def _about(endpoint: str) -> dict[str, Any]:
    content = {"application/json": {"schema": answers.schema_of(endpoint)}}
    said = _open(answers.BatchReceipt, *BODIED)
    return said | {
        "name": f"telemetry_{endpoint.replace('-', '_')}",
        "description": WHAT[endpoint],
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def _open(kind: type, *codes: str) -> dict[str, Any]:
    return about(kind, *codes, proved=False, nonce=False)
