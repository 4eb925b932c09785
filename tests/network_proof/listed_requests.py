"""A request's bytes against the list of everything that may be asked: what in it is not the list's.

Written from the specifications, with the client's registry as the list, so that both have to agree with what passed.
"""

from __future__ import annotations

import re

from epochly.net.endpoints import ENDPOINTS
from epochly.net.messages import MessageError, checked

USER_AGENT = re.compile(
    r"epochly/[0-9]+(\.[0-9]+){1,2}\S{0,16} \(python/3\.[0-9]{1,2}; (linux|darwin|windows|other); proto/1\)"
)
ALWAYS = {"host", "user-agent", "accept", "accept-encoding", "connection"}
SOMETIMES = {"content-length", "content-type"}
MOST = 16_384  # bytes of a body: section 5 of epochly-pop v1, section 2 of epochly-telemetry v1


def endpoint_of(method, target):
    """The endpoint that a request line asks for, None where it is in no list."""
    for each in ENDPOINTS.values():
        path = re.sub(r"\\\{[a-z]+\\\}", r"[A-Za-z0-9_-]{1,64}", re.escape(each.path))
        if each.method == method and re.fullmatch(path, target):
            return each
    return None


def faults(request, authority):
    """What in a request should not be there, one line each; `authority` is where it was meant to go."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.rpartition(" ")
    headers = [line.partition(":") for line in lines]
    names = [name.lower() for name, _, _ in headers]
    values = {name.lower(): value.strip() for name, _, value in headers}
    endpoint = endpoint_of(method, target)
    if version != "HTTP/1.1":
        yield f"it speaks `{version}`"
    if endpoint is None:
        yield f"`{method} {target}` is in no list"
        return
    if "?" in target or "#" in target:
        yield "it has a query"
    if len(set(names)) != len(names):
        yield "a header that comes twice"
    allowed = ALWAYS | SOMETIMES | {name.lower() for name in endpoint.headers}
    yield from (f"a header `{name}`" for name in sorted(set(names) - allowed))
    yield from (f"no header `{name}`" for name in sorted(ALWAYS - set(names)))
    if values.get("host") != authority:
        yield f"it is meant for `{values.get('host')}`"
    if not USER_AGENT.fullmatch(values.get("user-agent", "")):
        yield f"`{values.get('user-agent')}` tells more or less than versions and the system's family"
    if values.get("connection") != "close" or values.get("accept-encoding") != "identity":
        yield "it asks to be kept or packed"
    if len(body) > MOST or len(body) != int(values.get("content-length", "0")):
        yield "a body that is too long, or not as long as it says"
    try:
        checked(endpoint.request, body)
    except MessageError as error:
        yield f"a body that is not `{endpoint.name}`'s: {error}"
