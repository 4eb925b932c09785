"""This device, as the service knows it: key, node id and fingerprint, made once and kept in the state folder.

It refuses to make anything that is there in a form it cannot read, and to send another digest than the enrolled one as long as
the machine is recognisably the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import join
from typing import TYPE_CHECKING
from uuid import UUID

from epochly.licensing import fingerprint
from epochly.licensing.canonical import CanonicalError
from epochly.licensing.device_key import kept_key, make_key
from epochly.licensing.state import ENROLLED, INSTALL, NODE, StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.anchor import Seen
    from epochly.licensing.device_key import DeviceKey
    from epochly.licensing.fingerprint import Anchor, Enrolment
    from epochly.licensing.state import State

NODE_ID = "EPOCHLY_NODE_ID"


@dataclass(frozen=True, slots=True)
class Device:
    """Key, node id, and two enrolments: `enrolment` is the one the service knows, `now` the machine as it is.

    They are the same object where nothing was enrolled before. `same` says whether the digest enrolled is still this machine's.
    """

    key: DeviceKey
    node_id: str
    enrolment: Enrolment
    now: Enrolment
    same: bool

    @property
    def digest(self) -> str:
        """The digest to send."""
        return self.enrolment.digest if self.same else self.now.digest


def kept_device(state: State, seen: Seen, environ: Mapping[str, str], salt: bytes) -> Device | None:
    """The device in the state folder, or None where a part of it is missing; nothing is made. Raises `StateProblem`."""
    key = kept_key(state)
    node_id = _node_id(state, environ)
    install_id = _install_id(state)
    kept = _enrolment(state)
    if key is None or node_id is None or install_id is None or kept is None:
        return None
    anchor, now = _looked_at(seen, environ, install_id, salt)
    return Device(key, node_id, kept, now, fingerprint.still_the_same(kept, anchor, seen.attributes))


def made_device(state: State, seen: Seen, environ: Mapping[str, str], rng: Callable[[int], bytes]) -> Device:
    """The same, with what is missing made and kept; whoever calls holds the folder's lock. Raises `StateProblem`."""
    key = kept_key(state) or make_key(state, rng)
    if _install_id(state) is None:
        state.write(INSTALL, rng(32).hex().encode())
    if state.read(NODE) is None:
        state.write(NODE, fingerprint.made_uuid(rng(16)).encode())
    if _enrolment(state) is None:
        _, now = _looked_at(seen, environ, _install_id(state) or "", rng(32))
        state.write(ENROLLED, fingerprint.written(now))
    device = kept_device(state, seen, environ, rng(32))
    if device is None or device.key.kid != key.kid:
        raise StateProblem(state.path, "changes while it is used", "give each process a folder of its own")
    return device


def enrol_anew(state: State, device: Device) -> None:
    """Keep the machine as it is now, which the service has taken. Raises `StateProblem`."""
    state.write(ENROLLED, fingerprint.written(device.now))


def identified(state: State, seen: Seen, environ: Mapping[str, str]) -> tuple[Anchor, str]:
    """What this machine is identified by, and the digest that is sent, or none before one was made. Raises `StateProblem`.

    Nothing is made.
    """
    install_id, kept = _install_id(state), _enrolment(state)
    anchor, now = _looked_at(seen, environ, install_id or "", bytes(32))
    if kept is not None and fingerprint.still_the_same(kept, anchor, seen.attributes):
        return anchor, kept.digest
    return anchor, now.digest if anchor.text else ""


def _looked_at(
    seen: Seen, environ: Mapping[str, str], install_id: str, salt: bytes
) -> tuple[Anchor, Enrolment]:
    try:
        anchor = fingerprint.anchor_of(environ.get(NODE_ID, ""), seen.identifier, install_id)
    except ValueError as error:
        what, _, hint = str(error).partition("; hint: ")
        raise StateProblem(NODE_ID, what.partition("` ")[2], hint) from None
    digest = fingerprint.digest_of(anchor.text, *fingerprint.platform_names(seen.system, seen.machine))
    return anchor, fingerprint.enrolled(anchor, digest, seen.attributes, salt)


def _node_id(state: State, environ: Mapping[str, str]) -> str | None:
    if environ.get(NODE_ID, "").strip():
        return fingerprint.node_id_of(environ[NODE_ID])
    data = state.read(NODE)
    if data is None:
        return None
    try:
        text = data.decode("ascii").strip()
        if str(UUID(text)) != text:
            raise ValueError
    except ValueError:
        raise StateProblem(
            join(state.path, NODE), "holds no UUID", "remove it, a new one will be made"
        ) from None
    return text


def _install_id(state: State) -> str | None:
    data = state.read(INSTALL)
    if data is None:
        return None
    text = data.decode("ascii", "replace").strip()
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise StateProblem(
            join(state.path, INSTALL), "holds no 64 hexadecimal digits", "remove it, a new one will be made"
        )
    return text


def _enrolment(state: State) -> Enrolment | None:
    data = state.read(ENROLLED)
    if data is None:
        return None
    try:
        return fingerprint.read(data)
    except CanonicalError as error:
        raise StateProblem(
            join(state.path, ENROLLED), f"holds {error}", "remove it, the machine will be enrolled anew"
        ) from None
