"""What a device holds: its lease, the keyset that vouches for it, and a request whose answer has not come yet.

A frozen value and the text it is kept as. It refuses a file of another form. A licence key is never kept: of a request that has
one, the digest of its body is, so that the same request is known again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from epochly.licensing.canonical import CanonicalError, canonical, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.licensing.canonical import Value

_DEVICE_ID = re.compile(r"dev_[A-Za-z0-9_-]{22}", re.ASCII)
_TEXTS = ("base_url", "device_id", "lease", "keyset", "dropped", "entered")


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that may have had its effect: endpoint, the device in its path, its `ik`, and the body without that.

    `body` is empty where nobody may repeat it unasked; `digest` tells the body in any case. `entered` is as in `Held`.
    """

    name: str
    device_id: str
    ik: str
    body: str
    digest: str
    entered: str


@dataclass(frozen=True, slots=True)
class Held:
    """`licence.json`. Tokens as text; `seq` of the last lease, also once `dropped` tells the code of the refusal that took it.

    `entered` tells the licence by a digest of its key, or is `trial`. `latest` is the latest time known, in Unix seconds.
    """

    base_url: str
    device_id: str = ""
    lease: str = ""
    keyset: str = ""
    dropped: str = ""
    entered: str = ""
    seq: int = 0
    latest: int = 0
    pending: Pending | None = None


def digest_of(args: Mapping[str, Value]) -> str:
    """Which body it is. A licence key has 120 random bits, so its digest tells nobody what it is."""
    return sha256(canonical(dict(args))).hexdigest()


def is_device_id(text: str) -> bool:
    """Whether it has the form of one, which goes into paths."""
    return _DEVICE_ID.fullmatch(text) is not None


def body_of(args: Mapping[str, Value]) -> str:
    """The body as it is noted."""
    return canonical(dict(args)).decode()


def args_of(pending: Pending) -> dict[str, Value] | None:
    """The body without `ik`, or None where it was not kept."""
    try:
        args = parsed(pending.body.encode()) if pending.body else None
    except CanonicalError:
        return None
    return args if isinstance(args, dict) else None


def written(held: Held) -> bytes:
    """As it is kept."""
    value: dict[str, Value] = {name: getattr(held, name) for name in _TEXTS}
    waiting = held.pending
    if waiting is not None:
        value["pending"] = {name: getattr(waiting, name) for name in Pending.__slots__}
    return canonical({**value, "v": 1, "seq": held.seq, "latest": held.latest})


def read(data: bytes) -> Held:
    """What was kept. Raises `CanonicalError` for anything else."""
    value = parsed(data)
    if not isinstance(value, dict) or value.keys() - {"pending"} != {"v", "seq", "latest", *_TEXTS}:
        raise CanonicalError("not the members of a kept licence")
    if _number(value["v"]) != 1:
        raise CanonicalError("a kept licence of another version")
    waiting = value.get("pending")
    return Held(
        **_texts(value, _TEXTS),
        seq=_number(value["seq"]),
        latest=_number(value["latest"]),
        pending=None if waiting is None else _pending(waiting),
    )


def _number(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CanonicalError("a member that is no number")
    return value


def _pending(value: Value) -> Pending:
    if not isinstance(value, dict) or value.keys() != set(Pending.__slots__):
        raise CanonicalError("a request of no form there is")
    return Pending(**_texts(value, Pending.__slots__))


def _texts(value: Mapping[str, Value], names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        text = value[name]
        if not isinstance(text, str):
            raise CanonicalError("a member that is no text")
        if name == "device_id" and text and not is_device_id(text):
            raise CanonicalError("a device's id that is none")
        found[name] = text
    return found
