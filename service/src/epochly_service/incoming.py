"""What comes in by HTTP, read strictly: the query (there is none), the body with its size and form, the proof's header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from pydantic import BaseModel, TypeAdapter, ValidationError

from epochly_service import tokens
from epochly_service.bodies import TransferBody, TrialBody
from epochly_service.errors import Problem
from epochly_service.proofs import Call
from epochly_service.published import PROOF_HEADER
from epochly_service.scene import Enrolment
from epochly_service.settings import BODY_MAX_BYTES

if TYPE_CHECKING:
    from fastapi import Request

JSON = "application/json"
LENGTH_MAX_DIGITS = 9  # of a Content-Length that is read as a number at all
QUERY_MAX_CHARS = 4_096  # of a query that is searched for secrets; a longer one is refused as it is
SECRET_NAME = re.compile(
    r"key|token|secret|passw|licen[cs]e|proof|lease|nonce|auth|credential|(^|[&;])fp=", re.IGNORECASE
)
SECRET_VALUE = re.compile(r"v4\.public\.|[0-9A-Fa-f]{32,}|[A-Za-z0-9_-]{40,}|EPOCHLY-", re.IGNORECASE)


def call_of(request: Request) -> Call:
    """The request as proofs cover it, once its body was read."""
    scope = request.scope
    proofs = request.headers.getlist(PROOF_HEADER)
    if len(proofs) > 1:
        raise Problem("MALFORMED", "the request has more than one proof")
    path = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    return Call(scope["method"], path, scope["state"]["body"], proofs[0] if proofs else None)


def enrolment_of(body: TrialBody | TransferBody) -> Enrolment:
    """What a body says of a machine."""
    raw = body.raw_attributes if isinstance(body, TrialBody) else None
    return Enrolment(
        digest=body.fp.digest,
        fp_version=body.fp.v,
        node_id=body.node_id,
        client_version=body.client_version,
        ik=body.ik,
        raw=raw,
    )


def refuse_query(query: bytes) -> None:
    """No address here takes a query; one that looks like a secret is told so.

    Raises:
        Problem: there is one.
    """
    if not query:
        return
    text = unquote_plus(query[:QUERY_MAX_CHARS].decode("latin-1"))
    if SECRET_NAME.search(text) or SECRET_VALUE.search(text):
        raise Problem(
            "SECRET_IN_QUERY", "nothing secret may be in a URL; treat what was there as known to others"
        )
    raise Problem("MALFORMED", "no address here takes a query")


async def body_of(request: Request) -> bytes:
    """The exact bytes of a body, never more than a body may have.

    Raises:
        Problem: it is too large.
    """
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > LENGTH_MAX_DIGITS or int(said) > BODY_MAX_BYTES:
        raise Problem("TOO_LARGE", f"a body has at most {BODY_MAX_BYTES} bytes")
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > BODY_MAX_BYTES:
            raise Problem("TOO_LARGE", f"a body has at most {BODY_MAX_BYTES} bytes")
    return bytes(read)


def require_json(request: Request) -> None:
    """Refuse a body that is not said to be JSON as it is.

    Raises:
        Problem: it is of another media type, or encoded.
    """
    types = request.headers.getlist("content-type")
    media, _, parameters = (types[0] if len(types) == 1 else "").partition(";")
    encoding = request.headers.get("content-encoding", "identity")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() != JSON or charset not in {"", "utf-8"} or encoding.lower() != "identity":
        raise Problem("MEDIA_TYPE", "the body has to be `application/json`, not encoded")


def value_of(request: Request, body: bytes) -> dict[str, Any]:
    """The object in a body.

    Raises:
        Problem: it is of another media type, or no canonical JSON.
    """
    require_json(request)
    try:
        return tokens.parse(body)
    except tokens.TokenError as error:
        raise Problem("MALFORMED", f"the body: {error}") from error


def checked_path(form: TypeAdapter[Any], value: str) -> Any:
    """A piece of an address in its form.

    Raises:
        Problem: it has not.
    """
    try:
        return form.validate_python(value)
    except ValidationError:
        raise Problem("NOT_FOUND", "there is nothing at this address") from None


def checked_body(model: type[BaseModel], value: dict[str, Any]) -> BaseModel:
    """A body as a route takes it.

    Raises:
        Problem: one for all that is wrong: an unknown member first, then the fingerprint, then the rest.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        places = [
            (one["type"], [str(part) for part in one["loc"]])
            for one in error.errors(include_url=False, include_input=False)
        ]
    for kind, place in places:
        if kind == "extra_forbidden":
            raise Problem("UNKNOWN_FIELD", f"the body may not have {_named(place)}")
    for kind, place in places:
        if place[:1] == ["fp"] and kind != "missing":
            raise Problem("FP_FORMAT", "`fp` is 64 lower-case hex digits in `digest`, and `v` 1")
    raise Problem("SCHEMA", f"the body is wrong at {_named(places[0][1])}")


def _named(place: list[str]) -> str:
    """Where in a body something is; names that a caller made up are not repeated."""
    return (
        "`" + ".".join(part if re.fullmatch("[a-z_]{1,32}", part) else "?" for part in ["body", *place]) + "`"
    )


def nothing_in(body: bytes) -> None:
    """Where no body is asked for, there is none.

    Raises:
        Problem: there is one.
    """
    if body:
        raise Problem("MALFORMED", "this request has no body")
