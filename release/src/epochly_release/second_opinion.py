"""Whether our bundles also verify with `@sigstore/verify`, an implementation written apart from Python's.

The program is `release/second-opinion/verify.mjs`, started through the world; here its answer is read. Where node or
the library is missing the answer is `NotAsked`, which is never a pass and never an error: whoever asks shows it. The
program's words are believed only when they are exactly one verdict for each bundle, in order, and its exit status
says the same. Refuses to install anything, to find bundles itself, and to weigh a refusal: `refuse_doubted` stops at any.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_release.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.world import Ran, World

SCRIPT = "verify.mjs"
INSTALLED = "node_modules/@sigstore/verify/package.json"
INSTALL = "npm ci --ignore-scripts"
MOST_ANSWER_BYTES = (
    4 * 2**20
)  # bytes: a verdict is below 1 KiB, two paths included, and a release has a few dozen
MOST_WORDS = 400  # characters shown of what the program says; it cuts its own reasons at 300


@dataclass(frozen=True, slots=True)
class Signer:
    """Who must have signed: the certificate's whole URI, and the issuer who vouches for it."""

    uri: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """The verdict on one bundle; `reason` is empty exactly when it is believed."""

    artifact: str
    bundle: str
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the bundle is believed."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class NotAsked:
    """There is no second opinion on this machine; `why` is one line for the reader."""

    why: str


def second_opinion(
    world: World,
    folder: str,
    pairs: Sequence[tuple[str, str]],
    trusted_root: str,
    signer: Signer,
    *,
    timestamps: int = 1,
) -> tuple[Opinion, ...] | NotAsked:
    """The other implementation's verdict on each pair, in order.

    Args:
        world: the machine.
        folder: where the script is, with its library installed beside it.
        pairs: artifact and bundle, absolute paths.
        trusted_root: path of the trusted root, JSON.
        signer: who must have signed every one of them.
        timestamps: timestamp authorities that must have seen each signature, 0 to 9.

    Raises:
        InputError: a file could not be read, or the program's answer is not one.
        ValueError: there is nothing to ask about.
    """
    if not pairs:
        raise ValueError("no pair of artifact and bundle was given")
    missing = _missing(world, folder)
    if missing:
        return NotAsked(f"no second opinion: {missing}")
    ran = world.run(
        [
            "node",
            f"{folder}/{SCRIPT}",
            f"--trusted-root={trusted_root}",
            f"--identity-uri={signer.uri}",
            f"--issuer={signer.issuer}",
            f"--tsa-threshold={timestamps}",
            "--",
            *(f"{artifact}={bundle}" for artifact, bundle in pairs),
        ],
        environ={"PATH": world.environ.get("PATH", "")},  # NODE_OPTIONS could bring in other code
    )
    return _opinions(ran, pairs, signer)


def refuse_doubted(opinions: Sequence[Opinion]) -> None:
    """Raises `Refused` if any bundle is not believed, naming the first and telling of all; `ValueError` for none."""
    if not opinions:
        raise ValueError("no opinion is no consent")
    doubted = [opinion for opinion in opinions if not opinion.ok]
    if doubted:
        raise Refused(
            "second-opinion",
            doubted[0].bundle,
            f"another implementation refuses it: {doubted[0].reason}",
            "publish nothing that two implementations do not agree on",
            tuple(f"{opinion.bundle}: {opinion.reason}" for opinion in doubted),
        )


def _missing(world: World, folder: str) -> str:
    if not world.has_program("node"):
        return "`node` is not on the path; hint: install Node.js 20.17 or newer"
    for needed, hint in (
        (SCRIPT, "name the folder `release/second-opinion`"),
        (INSTALLED, f"run `{INSTALL}` there"),
    ):
        path = f"{folder}/{needed}"
        if path not in world.files(path.rpartition("/")[0]):
            return f"`{path}` is not there; hint: {hint}"
    return ""


def _opinions(ran: Ran, pairs: Sequence[tuple[str, str]], signer: Signer) -> tuple[Opinion, ...]:
    if ran.status not in {0, 1}:
        raise _its_trouble(ran)
    if len(ran.stdout) > MOST_ANSWER_BYTES:
        raise _unusable(f"answers with more than {MOST_ANSWER_BYTES} bytes")
    lines = ran.stdout.splitlines()
    if len(lines) != len(pairs):
        raise _unusable(f"gives {len(lines)} verdicts on {len(pairs)} bundles")
    opinions = tuple(_opinion(line, pair, signer) for line, pair in zip(lines, pairs, strict=True))
    if all(opinion.ok for opinion in opinions) != (ran.status == 0):
        raise _unusable(f"ends with {ran.status}, which is not what its verdicts say")
    return opinions


def _opinion(line: bytes, pair: tuple[str, str], signer: Signer) -> Opinion:
    """One line of the answer, which must be about this pair, and name this signer if it is a yes."""
    artifact, bundle = pair
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _unusable(f"gives a verdict on `{bundle}` that is not JSON") from None
    about = {"bundle": bundle, "artifact": artifact}
    yes = {"ok": True, "reason": None, "signer": {"uri": signer.uri, "issuer": signer.issuer}}
    if found == about | yes and found["ok"] is True:
        return Opinion(artifact, bundle)
    reason = found.get("reason") if isinstance(found, dict) else None
    no = {"ok": False, "reason": reason, "signer": None}
    if found == about | no and found["ok"] is False and isinstance(reason, str) and _shown(reason):
        return Opinion(artifact, bundle, _shown(reason))
    raise _unusable(f"gives a verdict on `{bundle}` that is neither yes nor no")


def _its_trouble(ran: Ran) -> InputError:
    """The program's own line about what it could not do, or that it left none."""
    words = _shown(ran.stderr.decode("utf-8", "replace").strip().partition("\n")[0])
    parts = re.fullmatch("`(.+?)`: (.+); hint: (.+)", words)
    if parts:
        return InputError("second-opinion", parts[1], parts[2], parts[3])
    return _unusable(f"ended with {ran.status}: {words or 'without a word'}")


def _shown(words: str) -> str:
    """Words of the program, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:MOST_WORDS].strip()


def _unusable(message: str) -> InputError:
    hint = f"run it by hand; is its folder as `{INSTALL}` leaves it?"
    return InputError("second-opinion", SCRIPT, message, hint)
