"""HTTP: the only module that knows it. Requests become calls of `Service`, what comes back becomes bytes and headers.

The order of a licence-class request: query, size, media type, form of the body (UNKNOWN_FIELD, FP_FORMAT, SCHEMA), then
everything of the proof. Each answer carries a fresh nonce. What is not a problem of the table is a bug: 500 INTERNAL without
a word about it. Rates, logs and metrics are middleware around the application (`serve.py`); they find the request's id in
`scope["state"]["request_id"]` and leave the problem's code in `scope["state"]["code"]`.
"""

# ruff: noqa: TC001 - the framework reads the annotations of routes at run time
from __future__ import annotations

from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from epochly_service import __version__, bodies
from epochly_service.bodies import (
    CheckoutBody,
    HeartbeatBody,
    RegisterBody,
    RekeyBody,
    TransferBody,
    TrialBody,
    ValidateBody,
)
from epochly_service.encoding import new_id
from epochly_service.errors import BusyError, Problem, ServiceError
from epochly_service.incoming import (
    StrictRequest,
    body_of,
    call_of,
    enrolment_of,
    nothing_in,
    refuse_query,
    value_of,
)
from epochly_service.outgoing import answer, failed, not_routed, refused
from epochly_service.published import ENROLS, NONCE_HEADER, RENEWS, about, document
from epochly_service.scene import Renewal
from epochly_service.service import Service, SignedProblem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TITLE, SUMMARY = "epochly-service", "Leases for devices that prove possession of a key"
HEADERS = (  # of every answer that does not say otherwise itself
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000"),
    (b"x-content-type-options", b"nosniff"),
)
DeviceIdInPath = Annotated[str, Path(pattern=f"^dev_{bodies.RANDOM_16}$", min_length=26, max_length=26)]
OF_PATH = ("DEVICE_NOT_FOUND", "NOT_FOUND")


class StrictRoute(APIRoute):
    """A route that is strict about what comes in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler FastAPI makes, with our checks before it."""
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                refuse_query(request.scope["query_string"])
                body = await body_of(request)
                value = None
                if self.body_field is None:
                    nothing_in(body)
                else:
                    value = value_of(request, body)
                request.scope["state"]["body"] = body
                return await original(StrictRequest(request.scope, request.receive, body, value))
            except (Problem, SignedProblem, RequestValidationError, BusyError, ServiceError) as error:
                return refused(request.scope, error)

        return handler


class LicenceRoute(StrictRoute):
    """A route of licence class: whatever goes out has a fresh nonce."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The strict handler, and a header."""
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            response = await original(request)
            service: Service = request.app.state.service
            response.headers[NONCE_HEADER] = service.nonce()
            return response

        return handler


def make_app(service: Service) -> FastAPI:
    """The application of a node, without middleware that counts or logs."""
    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version=__version__,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service, app.state.addresses = service, []
    for route_class, routes in (
        (LicenceRoute, (_add_open, _add_enrolling, _add_renewing)),
        (StrictRoute, (_add_health,)),
    ):
        router = APIRouter(route_class=route_class, redirect_slashes=False)
        for add in routes:
            add(router, service)
        app.include_router(router)
        app.state.addresses += router.routes
    app.openapi = cache(partial(document, TITLE, app.version, SUMMARY, app.routes))  # type: ignore[method-assign]
    for status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, not_routed)
    app.add_exception_handler(Exception, failed)
    return app


class Edge:
    """ASGI middleware, the outermost of ours: each request gets an id, each answer the headers that browsers heed."""

    def __init__(self, app: Application, rng: Callable[[int], bytes]) -> None:
        self._app, self._rng = app, rng

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {}).setdefault("request_id", new_id("req", self._rng(16)))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in HEADERS if name not in there),
                ]
            await send(message)

        await self._app(scope, receive, sending)


# --- the routes


def _add_open(app: APIRouter, service: Service) -> None:
    @app.post("/v1/nonce", **about(bodies.NonceAnswer, proved=False))
    def nonce() -> Response:
        """Ask for a nonce; steady clients take it from the header of their last answer."""
        return answer(service.nonce_answer())

    @app.get("/v1/keyset", **about(bodies.KeysetAnswer, proved=False))
    def keyset() -> Response:
        """The keys that leases are verified with, signed by a root that clients pin."""
        return answer(service.keyset_answer())

    @app.get("/.well-known/epochly-keys", **about(bodies.KeysetAnswer, proved=False))
    def well_known_keys() -> Response:
        """The same as `/v1/keyset`."""
        return answer(service.keyset_answer())

    @app.get("/v1/compatibility", **about(bodies.CompatibilityAnswer, proved=False))
    def compatibility() -> Response:
        """What this service speaks, and what its plans include."""
        return answer(service.compatibility_answer())


def _add_enrolling(app: APIRouter, service: Service) -> None:
    @app.post(
        "/v1/devices",
        **about(bodies.LeaseAnswer, "LICENSE_NOT_FOUND", *ENROLS, status=201),
    )
    def register(request: Request, body: RegisterBody) -> Response:
        """Take a seat for the key of the proof; once more for a key that has one."""
        return answer(service.register(call_of(request), body.license_key, enrolment_of(body)), 201)

    @app.post("/v1/trial", **about(bodies.LeaseAnswer, "TRIAL_USED", *ENROLS, status=201))
    def trial(request: Request, body: TrialBody) -> Response:
        """Everything for 30 days, once a machine."""
        return answer(service.trial(call_of(request), enrolment_of(body)), 201)

    @app.post(
        "/v1/transfer",
        **about(
            bodies.LeaseAnswer,
            "LICENSE_NOT_FOUND",
            "DEVICE_NOT_FOUND",
            "TRANSFER_LIMIT",
            "SEAT_CHECKED_OUT",
            *ENROLS,
            status=201,
        ),
    )
    def transfer(request: Request, body: TransferBody) -> Response:
        """Take over the seat of another device of the licence."""
        asked = enrolment_of(body)
        return answer(service.transfer(call_of(request), body.license_key, body.from_device_id, asked), 201)


def _add_renewing(app: APIRouter, service: Service) -> None:
    @app.post(
        "/v1/license/validate",
        **about(bodies.LeaseAnswer, "FP_FORMAT", "FINGERPRINT_CHANGED", *RENEWS),
    )
    def validate(request: Request, body: ValidateBody) -> Response:
        """The next lease."""
        asked = Renewal(body.device_id, body.ik, body.fp.digest, reenrol=body.reenrol is True)
        return answer(service.renew(call_of(request), asked))

    @app.post("/v1/devices/{device_id}/heartbeat", **about(bodies.LeaseAnswer, *RENEWS, *OF_PATH))
    def heartbeat(request: Request, device_id: DeviceIdInPath, body: HeartbeatBody) -> Response:
        """The next lease, without a fingerprint."""
        return answer(service.renew(call_of(request), Renewal(device_id, body.ik)))

    @app.post(
        "/v1/devices/{device_id}/checkout",
        **about(bodies.LeaseAnswer, "FEATURE_NOT_ENTITLED", *RENEWS, *OF_PATH),
    )
    def checkout(request: Request, device_id: DeviceIdInPath, body: CheckoutBody) -> Response:
        """A lease for days offline; the seat stays taken until its end, come what may."""
        return answer(service.checkout(call_of(request), Renewal(device_id, body.ik), body.days))

    @app.post("/v1/devices/{device_id}/rekey", **about(bodies.LeaseAnswer, *RENEWS, *OF_PATH))
    def rekey(request: Request, device_id: DeviceIdInPath, body: RekeyBody) -> Response:
        """Give the device a new key; the old one is unknown from then on."""
        return answer(service.rekey(call_of(request), Renewal(device_id, body.ik), body.new_proof))

    @app.delete("/v1/devices/{device_id}", **about(bodies.ReceiptAnswer, "SEAT_CHECKED_OUT", *OF_PATH))
    def release(request: Request, device_id: DeviceIdInPath) -> Response:
        """Give the seat back."""
        return answer(service.release(call_of(request), device_id))

    @app.get("/v1/devices", **about(bodies.DevicesAnswer))
    def devices(request: Request) -> Response:
        """The licences that the key of the proof is on, with their devices."""
        return answer(service.devices(call_of(request)))


def _add_health(app: APIRouter, service: Service) -> None:
    @app.get("/healthz", **about(bodies.StateAnswer, proved=False, nonce=False))
    def healthz() -> Response:
        """Whether the process answers."""
        return answer({"status": "ok"})

    @app.get("/readyz", **about(bodies.StateAnswer, proved=False, nonce=False))
    def readyz() -> Response:
        """Whether it can serve: the database answers, has the newest tables, and there is a key to sign with."""
        service.check_ready()
        return answer({"status": "ready"})
