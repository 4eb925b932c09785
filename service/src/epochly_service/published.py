"""What OpenAPI says of each address: every code it can answer with, the proof it wants, the nonce it gives.

It has to be true; the tests call the service by it.
"""

from __future__ import annotations

from typing import Any

from fastapi.openapi.utils import get_openapi

from epochly_service.bodies import ProblemAnswer
from epochly_service.errors import PROBLEMS
from epochly_service.settings import PROOF_MAX_CHARS

PROBLEM_JSON = "application/problem+json"
NONCE_HEADER, PROOF_HEADER = "Epochly-Nonce", "Epochly-Proof"
ANY = ("MALFORMED", "SECRET_IN_QUERY", "RATE_LIMITED", "INTERNAL", "MAINTENANCE")
SIZED = ("TOO_LARGE",)
PROVED = (
    "NONCE_REQUIRED",
    "NONCE_EXPIRED",
    "PROOF_INVALID",
    "PROOF_MISMATCH",
    "PROOF_REPLAYED",
    "KEY_UNKNOWN",
    "CLIENT_TOO_OLD",
)
BODIED = ("UNKNOWN_FIELD", "SCHEMA", "MEDIA_TYPE")
STANDING = ("LICENSE_SUSPENDED", "LICENSE_EXPIRED", "DEVICE_REVOKED", "DEVICE_CLONED", "IDEMPOTENCY_MISMATCH")
ENROLS = (*STANDING, *BODIED, "FP_FORMAT", "FINGERPRINT_CHANGED", "SEAT_LIMIT_REACHED")
RENEWS = (*STANDING, *BODIED, "DEVICE_NOT_FOUND", "SEAT_LIMIT_REACHED")


def about(
    answer: type, *codes: str, status: int = 200, proved: bool = True, nonce: bool = True
) -> dict[str, Any]:
    """Arguments of a route: its answer, and the problems it can have besides those that every route has."""
    every = {*codes, *ANY, *SIZED, *(PROVED if proved else ())}
    header = {"description": "a fresh nonce", "schema": {"type": "string", "maxLength": 128}}
    responses: dict[int | str, dict[str, Any]] = {status: {"description": (answer.__doc__ or "").strip()}}
    for refused in sorted({PROBLEMS[code].status for code in every}):
        responses[refused] = {
            "description": ", ".join(sorted(code for code in every if PROBLEMS[code].status == refused)),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}},
        }
    for each, response in responses.items():
        if nonce and int(each) < 500:  # a bug answers without
            response["headers"] = {NONCE_HEADER: header}
    return {
        "status_code": status,
        "response_model": answer,
        "responses": responses,
        "openapi_extra": {"security": [{"proof": []}]} if proved else None,
    }


def document(title: str, version: str, summary: str, routes: Any) -> dict[str, Any]:
    """The whole document."""
    made = get_openapi(title=title, version=version, summary=summary, routes=routes)
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["ProblemAnswer"] = ProblemAnswer.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):  # the framework's own, which nothing answers
        schemas.pop(unused, None)
    components["schemas"] = {name: _without_null(schema) for name, schema in schemas.items()}
    components["securitySchemes"] = {
        "proof": {
            "type": "apiKey",
            "in": "header",
            "name": PROOF_HEADER,
            "description": f"a token of type `epochly-proof+v1`, at most {PROOF_MAX_CHARS} characters",
        },
        "lens": {"type": "http", "scheme": "bearer", "description": "a Lens key, `elk_...`"},
    }
    for operations in made["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if PROBLEM_JSON not in responses.get("422", {PROBLEM_JSON: 0}).get("content", {PROBLEM_JSON: 0}):
                del responses["422"]
    return made


def _without_null(schema: Any) -> Any:
    """What may be left out may not be null: the specification knows no null."""
    if isinstance(schema, list):
        return [_without_null(each) for each in schema if each != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    found = {
        name: _without_null(value) for name, value in schema.items() if (name, value) != ("default", None)
    }
    chosen = found.pop("anyOf", [])
    return found | chosen[0] if len(chosen) == 1 else found | ({"anyOf": chosen} if chosen else {})
