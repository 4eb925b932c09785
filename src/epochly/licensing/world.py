"""The real world of a licence session: environment, clock, random bytes, files, the gateway. Everything else is given these.

It refuses a service that nobody vouches for, and a state folder that cannot be told.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from typing import TYPE_CHECKING

from epochly.licensing.anchor import seen_here
from epochly.licensing.answers import NotReached
from epochly.licensing.background import keep_fresh
from epochly.licensing.licence import Licence
from epochly.licensing.operations import Reply
from epochly.licensing.places import OVERRIDE, state_folder
from epochly.licensing.roots import roots_for
from epochly.licensing.session import Session, World
from epochly.licensing.state import State, StateProblem
from epochly.net.base_url import DEFAULT, VARIABLE, BaseUrlError, base_url
from epochly.net.endpoints import NONCE_HEADER, PROOF_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.operations import Request
    from epochly.licensing.standing import Standing
    from epochly.net.base_url import BaseUrl

UNSET = "; hint: unset it to ask; what is held here goes on until it ends"


def session_here(environ: Mapping[str, str]) -> Session:
    """A session of this process under these variables. Raises `StateProblem`."""
    folder = state_folder(environ, sys.platform)
    if folder is None:
        given = environ.get(OVERRIDE, "")
        what = "is no absolute path" if given else "is not set, and there is no home"
        raise StateProblem(
            given or OVERRIDE, what, f"give `{OVERRIDE}` the absolute path of a folder of yours"
        )
    try:
        base = base_url(environ)
    except BaseUrlError as error:
        raise StateProblem(VARIABLE, error.what.removeprefix(f"`{VARIABLE}` "), error.hint) from None
    from epochly import __version__ as version  # noqa: PLC0415 - read from metadata only when needed

    return Session(
        World(
            environ=environ,
            state=State(folder),
            base_url=str(base),
            roots=lambda: roots_for(str(base), DEFAULT, environ, _read),
            version=version,
            now=lambda: int(time.time()),
            rng=secrets.token_bytes,
            seen=seen_here,
            send=lambda request: send(request, base, environ, version),
        )
    )


def send(request: Request, base: BaseUrl, environ: Mapping[str, str], version: str) -> Reply | NotReached:
    """Ask the service one thing through the gateway."""
    from epochly.net import gateway  # noqa: PLC0415 - httpx, which only who asks something needs

    headers = {} if request.proof is None else {PROOF_HEADER: request.proof}
    asked = gateway.Request(request.endpoint, request.body, headers, request.device_id)
    answer = gateway.send(asked, base, environ, version)
    if isinstance(answer, gateway.Unreachable):
        way_out = UNSET if answer.blocked and "; hint: " not in answer.why else ""
        return NotReached(answer.why + way_out, via_proxy=answer.via_proxy or "")
    return Reply(
        answer.status,
        answer.body,
        nonce=answer.headers.get(NONCE_HEADER.lower(), ""),
        retry_after_s=answer.retry_after_s,
        via_proxy=answer.via_proxy or "",
    )


def licence_here(environ: Mapping[str, str]) -> Licence:
    """The licence of this process; a thread of it may ask the service, nothing else does."""
    return Licence(lambda: session_here(environ), _started)


def _started(session: Session, publish: Callable[[Standing], None]) -> None:
    never = threading.Event()
    thread = threading.Thread(
        target=keep_fresh,
        args=(session, publish, never.wait, lambda: secrets.randbelow(1_000) / 1_000),
        name="epochly-licence",
        daemon=True,  # it may be anywhere when the program ends, and the program does not wait
    )
    try:
        thread.start()
    except (
        RuntimeError
    ):  # no thread may be started any more, or here: the lease goes on without being renewed
        return


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(16_384)
