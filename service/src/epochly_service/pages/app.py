"""The pages over HTTP: cookies, forms and headers. The only module here that knows them.

Each request but those of the sign-in page needs a session; each form needs the token of its page and, where the browser says
where it came from, our own address. Answers may be kept nowhere, framed by nobody, and load nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response

from epochly_service.admin.desk import Desk
from epochly_service.encoding import b64u, is_b64u_of
from epochly_service.errors import BusyError, ServiceError
from epochly_service.pages.rendering import render
from epochly_service.pages.sessions import LONGEST_S, Door, form_token, is_form_token
from epochly_service.pages.views import DONE, ROUTES
from epochly_service.pages.visiting import Go, Page, View, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from epochly_service.admin.operators import Operator
    from epochly_service.engines import Database
    from epochly_service.limits import Application, Receive, Scope, Send
    from epochly_service.settings import Settings

SESSION, SIGNING_IN = "__Host-epochly-admin", "__Host-epochly-sign-in"
FORM_MAX_BYTES, FIELDS_MAX = 4_096, 8
STYLE, ICON = "style.css", "icon.svg"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",  # with less, browsers say that our own forms come from nowhere
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
STATUSES = {"not-allowed": 403, "license-not-found": 404, "device-not-found": 404, "account-not-found": 404}
WRONG = "The name or the password is wrong, or it was tried too often. Wait a minute, then try again."


@dataclass(frozen=True, slots=True)
class House:
    """What all pages share."""

    database: Database
    settings: Settings
    clock: Callable[[], float]
    rng: Callable[[int], bytes]
    door: Door

    def desk(self, operator: Operator) -> Desk:
        """A desk for an operator, bound to their account."""
        settings = self.settings
        return Desk(
            self.database,
            settings.data,
            settings.policy,
            int(self.clock()),
            self.rng,
            f"operator:{operator.name}",
            operator.account_id,
        )


def make_pages(
    database: Database,
    settings: Settings,
    *,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    rng: Callable[[int], bytes],
) -> FastAPI:
    """The application that answers everything below `/admin`."""
    house = House(database, settings, clock, rng, Door(database, rng, monotonic))
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)

    def add(method: str, path: str, endpoint: Callable[[Request], Coroutine[Any, Any, Response]]) -> None:
        app.add_api_route(path, endpoint, methods=[method], response_model=None)

    for path in ("/admin", "/admin/"):
        add("GET", path, _front)
    for name, kind in ((STYLE, "text/css; charset=utf-8"), (ICON, "image/svg+xml")):
        add("GET", f"/admin/{name}", _static(name, kind))
    add("GET", "/admin/login", _sign_in_page(house))
    add("POST", "/admin/login", _sign_in(house))
    add("POST", "/admin/logout", _sign_out(house))
    for method, path, view in ROUTES:
        add(method, path, _visited(house, method, view))
    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, _not_routed)
    app.add_exception_handler(Exception, _failed)
    return app


@dataclass(frozen=True, slots=True)
class WithPages:
    """ASGI: what is below `/admin` goes to the pages, the rest to the service."""

    service: Application
    pages: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        path = scope.get("path", "")
        below = scope["type"] == "http" and (path == "/admin" or path.startswith("/admin/"))
        await (self.pages if below else self.service)(scope, receive, send)


# --- what needs no session


async def _front(request: Request) -> Response:  # noqa: ARG001 - the framework's form
    return _go("/admin/licenses")


def _static(name: str, kind: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    data = (files("epochly_service.pages") / "static" / name).read_bytes()

    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - the framework's form
        return Response(data, headers=HEADERS | {"cache-control": "max-age=3600"}, media_type=kind)

    return endpoint


def _sign_in_page(house: House) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        if await _visitor(house, request) is not None:
            return _go("/admin/licenses")
        return _sign_in_form(house, request)

    return endpoint


def _sign_in_form(
    house: House, request: Request, *, wrong: str = "", name: str = "", status: int = 200
) -> Response:
    secret = request.cookies.get(SIGNING_IN, "")
    if not is_b64u_of(secret, 32):
        secret = b64u(house.rng(32))
    response = _html(
        "login.html", "Sign in", {"csrf": form_token(secret), "wrong": wrong, "name": name}, status=status
    )
    _set_cookie(response, SIGNING_IN, secret, 3_600)
    return response


def _sign_in(house: House) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        form = await _form(house, request)
        secret = request.cookies.get(SIGNING_IN, "")
        if form is None or not is_b64u_of(secret, 32) or not is_form_token(secret, form.get("csrf", "")):
            return _sign_in_form(
                house, request, wrong="This page was open for too long. Try again.", status=403
            )
        name = form.get("name", "")
        try:
            token = await asyncio.to_thread(
                house.door.sign_in, name, form.get("password", ""), int(house.clock())
            )
        except BusyError:
            return _told(503, "The database does not answer", "Try again in a moment.")
        if token is None:
            return _sign_in_form(house, request, wrong=WRONG, name=name[:40], status=403)
        response = _go("/admin/licenses")
        _set_cookie(response, SESSION, token, LONGEST_S)
        _set_cookie(response, SIGNING_IN, "", 0)
        return response

    return endpoint


# --- what needs one


def _visited(house: House, method: str, view: View) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            operator = await _visitor(house, request)
            if operator is None:
                return _go("/admin/login")
            form: Mapping[str, str] = {}
            if method == "POST":
                sent = await _form(house, request)
                if sent is None or not is_form_token(request.cookies[SESSION], sent.get("csrf", "")):
                    return _told(
                        403, "Nothing was changed", "The form did not come from a page of this session."
                    )
                form = sent
            visit = Visit(operator, house.desk(operator), request.path_params, _query(request), form)
            reply = await asyncio.to_thread(view, visit)
        except ServiceError as error:
            status = STATUSES.get(error.code, 409)
            return _told(status, "Not found" if status == 404 else "Nothing was changed", _sentence(error))
        except BusyError:
            return _told(503, "The database does not answer", "Try again in a moment.")
        if isinstance(reply, Go):
            return _go(reply.to)
        return _shown(request, visit, reply)

    return endpoint


def _sign_out(house: House) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        form = await _form(house, request)
        token = request.cookies.get(SESSION, "")
        if form is None or not is_form_token(token, form.get("csrf", "")):
            return _told(403, "You are still signed in", "The form did not come from a page of this session.")
        await asyncio.to_thread(house.door.sign_out, token)
        response = _go("/admin/login")
        _set_cookie(response, SESSION, "", 0)
        return response

    return endpoint


async def _visitor(house: House, request: Request) -> Operator | None:
    token = request.cookies.get(SESSION, "")
    return await asyncio.to_thread(house.door.visitor, token, int(house.clock())) if token else None


async def _form(house: House, request: Request) -> dict[str, str] | None:
    """The fields of a form of ours; None for anything else, such as one that another site sent."""
    ours = {house.settings.public_url, f"https://{request.headers.get('host', '')}"}
    if request.headers.get("origin", house.settings.public_url) not in ours:
        return None
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return None
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        return None
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > FORM_MAX_BYTES:
            return None
    try:
        fields = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError:  # not ASCII, too many, or escapes that are no UTF-8
        return None
    found = dict(fields)
    return (
        found if len(found) == len(fields) else None
    )  # a name twice means somebody hopes we read the other one


def _query(request: Request) -> dict[str, str]:
    return {
        name: value
        for name, value in request.query_params.items()
        if len(value) <= 100 and value.isprintable()
    }


# --- answers


def _shown(request: Request, visit: Visit, page: Page) -> Response:
    values = {
        "csrf": form_token(request.cookies[SESSION]),
        "operator": visit.operator,
        "now": visit.desk.now,
        "done": DONE.get(visit.query.get("done", ""), ""),
        "here": request.url.path,
    }
    return _html(page.template, page.title, {**values, **page.values})


def _told(status: int, title: str, text: str) -> Response:
    return _html("told.html", title, {"text": text}, status=status)


def _html(template: str, title: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    return Response(
        render(template, {"title": title, **values}),
        status,
        headers=HEADERS,
        media_type="text/html; charset=utf-8",
    )


def _go(to: str) -> Response:
    return Response(status_code=303, headers=HEADERS | {"location": to})


def _set_cookie(response: Response, name: str, value: str, age_s: int) -> None:
    response.set_cookie(name, value, max_age=age_s, path="/", secure=True, httponly=True, samesite="strict")


def _sentence(error: ServiceError) -> str:
    text = f"{error.message}."
    return text[0].upper() + text[1:]


async def _not_routed(request: Request, _error: Exception) -> Response:
    request.scope.setdefault("state", {})["code"] = "NOT_FOUND"
    return _told(404, "Not found", "There is no such page.")


async def _failed(request: Request, _error: Exception) -> Response:
    request.scope.setdefault("state", {})["code"] = "INTERNAL"
    number = request.scope["state"].get("request_id", "")
    return _told(500, "This is our bug, not yours", f"It is in the log as {number}.")
