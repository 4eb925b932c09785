"""Trusted publishing: an identity token becomes an upload token of minutes, which is burned when it was used.

The exchange is done here and not left to `twine`, which never burns its token. The token lives in memory and in the
environment of the one program that uploads; it is never written, shown, or part of an address.

Source: docs.pypi.org/trusted-publishers, `/_/oidc/audience`, `/_/oidc/mint-token`, `/_/oidc/burn-token`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from epochly_release.errors import InputError, Refused, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.world import Response, World

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@contextmanager
def upload_token(world: World, upload_url: str) -> Iterator[str]:
    """A token for uploads to the index at this address, burned when the block ends, however it ends.

    Raises:
        InputError: no index there that takes trusted publishers, or no identity on this machine.
        Refused: the index knows no publisher for this run, or the token was used before.
    """
    parts = urlsplit(upload_url)
    base = f"{parts.scheme}://{parts.netloc}/_/oidc"
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise InputError("upload-url", upload_url, "is no https address of an index", "see `--upload-url`")
    token = _minted(world, base)
    try:
        yield token
    finally:
        world.tell(f"publish: {_burned(world, base, token)}")


def _minted(world: World, base: str) -> str:
    audience = _document(world.fetch(f"{base}/audience")).get("audience")
    if not isinstance(audience, str):
        hint = "trusted publishing is the only way to publish: see the index's documentation"
        raise InputError("no-trusted-publishing", base, "offers no trusted publishing", hint)
    body = json.dumps({"token": world.identity_token(audience)}).encode()
    answer = world.fetch(f"{base}/mint-token", method="POST", headers=_JSON, body=body)
    document = _document(answer)
    token = document.get("token")
    if answer.status == 200 and isinstance(token, str):
        return token
    listed = document.get("errors")
    errors = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    said = "; ".join(f"{each.get('code')}: {each.get('description')}" for each in errors) or "no reason given"
    hint = "register this workflow and environment as a trusted publisher of every project"
    if any(each.get("code") == "invalid-reuse-token" for each in errors):
        hint = "run the step again: every try needs a fresh identity token"
    raise Refused("not-a-publisher", base, f"gives no upload token ({answer.status}): {said[:400]}", hint)


def _burned(world: World, base: str, token: str) -> str:
    body = json.dumps({"token": token}).encode()
    try:
        answer = world.fetch(f"{base}/burn-token", method="POST", headers=_JSON, body=body)
    except ReleaseError as error:
        return f"the upload token could not be burned and expires by itself: {error.message}"
    if answer.status in {200, 202, 204}:
        return "the upload token was burned"
    return f"the index burns no tokens ({answer.status}); this one expires by itself within 15 minutes"


def _document(answer: Response) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
