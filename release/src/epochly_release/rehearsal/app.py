"""The instance as one ASGI application: paths to services, nothing decided here.

Every handler runs on the event loop from start to end once the body is there, so requests are served one after the
other and no service needs a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from epochly_release.rehearsal.forge import PREFIX, ForgeRequest
from epochly_release.rehearsal.reply import Reply, text_reply
from epochly_release.rehearsal.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from epochly_release.rehearsal.state import Instance

    Answer = Callable[[Request, bytes], Reply]

MAX_FIELD_BYTES = 16 * 2**20  # bytes of a text field; descriptions and attestations stay far below 1 MiB


def build_app(instance: Instance) -> Starlette:
    """The application."""
    index, rekor1, issuer = instance.index, instance.rekor1, instance.issuer
    answers: dict[tuple[str, str], Answer] = {
        ("GET", "/idtoken"): lambda request, _: issuer.token_request(
            request.query_params.get("audience", ""), _authorization(request)
        ),
        ("GET", "/oidc/.well-known/openid-configuration"): lambda _, __: issuer.configuration(),
        ("GET", "/oidc/.well-known/jwks"): lambda _, __: issuer.key_set(),
        ("POST", "/api/v2/signingCert"): lambda request, body: instance.fulcio.signing_certificate(
            _authorization(request), body
        ),
        ("GET", "/api/v2/trustBundle"): lambda _, __: instance.fulcio.trust_bundle(),
        ("POST", "/api/v1/timestamp"): lambda _, body: instance.tsa.respond(body),
        ("GET", "/api/v1/log"): lambda _, __: rekor1.information(),
        ("GET", "/api/v1/log/publicKey"): lambda _, __: rekor1.public_key(),
        ("POST", "/api/v1/log/entries"): lambda _, body: rekor1.create(body),
        ("GET", "/api/v1/log/entries"): lambda request, _: rekor1.by_index(
            request.query_params.get("logIndex", "")
        ),
        ("GET", "/api/v1/log/entries/{uuid}"): lambda request, _: rekor1.by_uuid(request.path_params["uuid"]),
        ("POST", "/api/v2/log/entries"): lambda _, body: instance.rekor2.create(body),
        ("GET", "/api/v2/checkpoint"): lambda _, __: instance.rekor2.latest_checkpoint(),
        ("GET", "/_/oidc/audience"): lambda _, __: index.audience(),
        ("POST", "/_/oidc/mint-token"): lambda _, body: index.mint_token(body),
        ("POST", "/_/oidc/burn-token"): lambda _, body: index.burn_token(body),
        ("GET", "/simple/"): lambda request, _: index.projects(_accept(request)),
        ("GET", "/simple/{name}/"): lambda request, _: index.project(
            request.path_params["name"], _accept(request)
        ),
        ("GET", "/simple/{name}"): lambda request, _: index.project(
            request.path_params["name"], _accept(request)
        ),
        ("GET", "/packages/{directory}/{filename}"): lambda request, _: index.download(**request.path_params),
        ("GET", "/integrity/{project}/{version}/{filename}/provenance"): lambda request, _: index.provenance(
            **request.path_params
        ),
    }
    routes = [
        Route(path, _endpoint(instance, answer), methods=[method])
        for (method, path), answer in answers.items()
    ]
    forge = Route(
        PREFIX + "{path:path}",
        _endpoint(instance, lambda request, body: instance.forge.answer(_asked_of_forge(request, body))),
        methods=["GET", "POST", "PATCH", "DELETE"],
    )
    return Starlette(routes=[*routes, Route("/legacy/", _upload(instance), methods=["POST"]), forge])


def _endpoint(instance: Instance, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _response(instance, request, answer(request, await request.body()))

    return endpoint


def _asked_of_forge(request: Request, body: bytes) -> ForgeRequest:
    path = request.path_params["path"]
    return ForgeRequest(request.method, path, dict(request.query_params), dict(request.headers), body)


def _upload(instance: Instance) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _response(instance, request, await _uploaded(instance, request))

    return endpoint


async def _uploaded(instance: Instance, request: Request) -> Reply:
    try:
        async with request.form(max_part_size=MAX_FIELD_BYTES) as form:
            part = form.get("content")
            fields = {key: value for key, value in form.multi_items() if isinstance(value, str)}
            name, content = "", b""
            if isinstance(part, UploadFile):
                name, content = part.filename or "", await part.read()
    except HTTPException as error:  # what the form's parser makes of a broken body
        return text_reply(f"Invalid form: {error.detail}", 400)
    return instance.index.upload(Upload(_authorization(request), fields, name, content))


def _response(instance: Instance, request: Request, reply: Reply) -> Response:
    instance.seen.append(f"{request.method} {request.url.path} {reply.status}")
    return Response(reply.body, reply.status, dict(reply.headers), reply.media_type)


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


def _accept(request: Request) -> str:
    return request.headers.get("accept", "")
