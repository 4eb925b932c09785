"""What an attack is, what can come of it, and when it counts as refused. Values only.

An attack names the one component that must refuse it, and the code by which that component calls the refusal. Its
control is the same function without the one malicious change, and must go through: a component that refuses
everything has refused no attack. Anything else, a missing program too, is a fault of the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly_release.rehearsal.attacks.scene import Scene

INDEX, JUDGE, LOG, FORGE = "index", "epochly-verify", "log", "forge"


@dataclass(frozen=True, slots=True)
class By:
    """Who refuses, and under which code.

    Attributes:
        component: `INDEX`, `JUDGE`, `LOG`, `FORGE`, or a step of the release by its name.
        code: finding ids, the code of an error, or an HTTP status with the beginning of its text.
    """

    component: str
    code: str

    def __str__(self) -> str:
        return f"{self.component}: {self.code}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A refusal.

    Attributes:
        refused_by: who, and under which code.
        words: its own.
        bundled: path of an artifact with a bundle beside it, which the `sigstore` client can be asked about too.
    """

    refused_by: By
    words: str
    bundled: str = ""


@dataclass(frozen=True, slots=True)
class NotRefused:
    """It went through; `words` say how far. `bundled` as in `Outcome`."""

    words: str
    bundled: str = ""


@dataclass(frozen=True, slots=True)
class CannotRun:
    """The attack, or its control, could not be tried on this machine: shown, and never a pass."""

    words: str
    bundled: str = ""


Tried = Outcome | NotRefused | CannotRun


class Run(Protocol):
    """What an attack is run by."""

    def __call__(self, scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
        """What comes of it, in the folder of the scene."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        name: which attack; several rows can have one name, each with another component that must refuse it.
        does: what is done, in a few words.
        refused_by: who has to refuse it.
        run: does it, and with `malicious=False` the same without the malicious change.
    """

    name: str
    does: str
    refused_by: By
    run: Run


@dataclass(frozen=True, slots=True)
class Row:
    """An attack that was run.

    Attributes:
        attack: which.
        control: what came of the same without the malicious change.
        outcome: what came of the attack.
        sigstore: what the `sigstore` client says of the same bundle; empty where there is none to judge.
    """

    attack: Attack
    control: Tried
    outcome: Tried
    sigstore: str = ""

    @property
    def fault(self) -> str:
        """Why the row fails; empty when the attack was refused by whom it should, and the control was not."""
        for what, tried in (("control", self.control), ("attack", self.outcome)):
            if isinstance(tried, CannotRun):
                return f"the {what} could not be run: {tried.words}"
        if isinstance(self.control, Outcome):
            return f"the control was refused, by {self.control.refused_by}: {self.control.words}"
        if isinstance(self.outcome, NotRefused):
            return f"not refused: {self.outcome.words}"
        assert isinstance(self.outcome, Outcome)
        if self.outcome.refused_by != self.attack.refused_by:
            return f"refused by another than `{self.attack.refused_by}`: {self.outcome.refused_by}"
        return ""


def all_refused(rows: Iterable[Row]) -> bool:
    """Whether there is a row, and none with a fault."""
    faults = [row.fault for row in rows]
    return bool(faults) and not any(faults)
