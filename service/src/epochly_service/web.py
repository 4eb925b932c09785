"""HTTP: the only module that knows it. Requests become calls of `Service`, what comes back becomes bytes and headers.

The framework has the one table of routes: it publishes them, and answers where none fits. What a route is asked, `StrictRoute`
reads and answers itself, since the framework's way of taking requests apart costs more than signing the answer.

The order of a licence-class request: query, size, media type, form of the body (UNKNOWN_FIELD, FP_FORMAT, SCHEMA), then
everything of the proof. Each answer carries a fresh nonce. What is not a problem of the table is a bug: 500 INTERNAL without
a word about it. Rates, logs and metrics are middleware around the application (`serve.py`); they find the request's id in
`scope["state"]["request_id"]` and leave the problem's code in `scope["state"]["code"]`.
"""

# ruff: noqa: TC001 - the framework reads the annotations of routes at run time
from __future__ import annotations

import asyncio
from functools import cache, partial
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

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
from epochly_service.encoding import B64U_16, new_id
from epochly_service.errors import BusyError, Problem, ServiceError
from epochly_service.incoming import (
    body_of,
    call_of,
    checked_body,
    checked_path,
    enrolment_of,
    nothing_in,
    refuse_query,
    require_json,
    value_of,
)
from epochly_service.lens.desk import lens_of
from epochly_service.lens.web import add_lens
from epochly_service.outgoing import answer, failed, not_routed, refused
from epochly_service.published import ENROLS, NONCE_HEADER, RENEWS, about, document
from epochly_service.scene import Renewal
from epochly_service.service import Service, SignedProblem
from epochly_service.telemetry.collector import Told, telemetry_of, tell_nobody
from epochly_service.telemetry.web import add_batches, add_open
from epochly_service.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

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
DeviceIdInPath = Annotated[str, Path(pattern=f"^dev_{B64U_16}$", min_length=26, max_length=26)]
NONCE_FIELD = NONCE_HEADER.lower().encode()
OF_PATH = ("DEVICE_NOT_FOUND", "NOT_FOUND")


class StrictRoute(APIRoute):
    """A route that the framework publishes and finds. What comes in is read here, strictly, and answered by a thread.

    An `async` endpoint is answered where requests are read: it waits for nothing but what it awaits.
    """

    gives_nonce = False

    def __init__(self, path: str, endpoint: Callable[..., Response], **said: Any) -> None:
        super().__init__(path, endpoint, **said)
        self._takes = get_type_hints(endpoint, include_extras=True)
        self._is_async = iscoroutinefunction(endpoint)
        self._of_path = {name: TypeAdapter(self._takes[name]) for name in self.param_convertors}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for this address."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except Exception as error:
            await failed(request, error)(scope, receive, send)
            raise
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        scope, state = request.scope, request.app.state
        try:
            refuse_query(scope["query_string"])
            body = scope["state"]["body"] = await body_of(request)
            work = partial(self.endpoint, **self._arguments(request, body))
            if self._is_async:
                response: Response = await work()
            else:
                loop = asyncio.get_running_loop()
                response = await loop.run_in_executor(state.service.db.threads, work)
        except (Problem, SignedProblem, BusyError, ServiceError) as error:
            response = refused(scope, error)
        if self.gives_nonce:
            response.raw_headers.append((NONCE_FIELD, state.service.nonce().encode()))
        return response

    def _arguments(self, request: Request, body: bytes) -> dict[str, Any]:
        model = self._takes.get("body")
        found: dict[str, Any] = {"request": request} if "request" in self._takes else {}
        if model is None:
            nothing_in(body)
        else:
            found["body"] = value_of(request, body)
        for name, form in self._of_path.items():
            found[name] = checked_path(form, request.path_params[name])
        if model is not None:
            found["body"] = checked_body(model, found["body"])
        return found


class RawRoute(StrictRoute):
    """A route whose body nobody parses before its endpoint, which finds the exact bytes in the request's state."""

    def _arguments(self, request: Request, body: bytes) -> dict[str, Any]:  # noqa: ARG002 - they are in the state
        require_json(request)
        return {"request": request}


class LicenceRoute(StrictRoute):
    """A route of licence class: whatever goes out has a fresh nonce."""

    gives_nonce = True


def make_app(service: Service, told: Told = tell_nobody) -> Application:
    """The application of a node, without middleware that counts or logs; `told` hears of each batch of telemetry."""
    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version=__version__,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    telemetry = telemetry_of(service, told)
    for route_class, adding in (
        (LicenceRoute, [partial(add, service=service) for add in (_add_renewing, _add_enrolling, _add_open)]),
        (RawRoute, [partial(add_batches, telemetry=telemetry)]),
        (StrictRoute, [partial(add_open, telemetry=telemetry), partial(add_lens, lens=lens_of(service))]),
        (StrictRoute, [partial(_add_health, service=service)]),
    ):
        app.router.route_class = route_class
        for add in adding:
            add(app.router)
    app.openapi = cache(partial(document, TITLE, app.version, SUMMARY, app.routes))  # type: ignore[method-assign]
    for status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, not_routed)
    app.add_exception_handler(Exception, failed)
    return _Straight(app)


class _Straight:
    """ASGI: a request goes to its route at once; the framework answers where there is none, and publishes."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._routes = [route for route in app.routes if isinstance(route, StrictRoute)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            for route in self._routes:
                match, more = route.matches(scope)
                if match.name == "FULL":
                    scope.update(more, app=self._app)
                    await route.handle(scope, receive, send)
                    return
        await self._app(scope, receive, send)


class Edge:
    """ASGI middleware, the outermost of ours: each request gets an id, each answer the headers that browsers heed."""

    def __init__(self, app: Application, rng: Callable[[int], bytes]) -> None:
        self._app, self._rng = app, rng

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = new_id("req", self._rng(16))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(field for field in HEADERS if field[0] not in there),
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
    together = Together(service)

    @app.post(
        "/v1/license/validate",
        **about(bodies.LeaseAnswer, "FP_FORMAT", "FINGERPRINT_CHANGED", *RENEWS),
    )
    async def validate(request: Request, body: ValidateBody) -> Response:
        """The next lease."""
        asked = Renewal(body.device_id, body.ik, body.fp.digest, reenrol=body.reenrol is True)
        return answer(await together.renew(call_of(request), asked))

    @app.post("/v1/devices/{device_id}/heartbeat", **about(bodies.LeaseAnswer, *RENEWS, *OF_PATH))
    async def heartbeat(request: Request, device_id: DeviceIdInPath, body: HeartbeatBody) -> Response:
        """The next lease, without a fingerprint."""
        return answer(await together.renew(call_of(request), Renewal(device_id, body.ik)))

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
