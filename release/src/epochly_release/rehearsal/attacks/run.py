"""Runs attacks one after the other, each with its control, and asks the `sigstore` client about the same bundles.

An attack that cannot be tried ends in its row, not in an exception; a bug of ours is none of these, and surfaces.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from epochly_release.errors import ReleaseError
from epochly_release.rehearsal.attacks.model import CannotRun, Row
from epochly_release.rehearsal.attacks.scene import Scene
from epochly_release.rehearsal.rehearse import shared_environment
from epochly_release.steps.result import Places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.attacks.model import Attack, Tried
    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.rehearse import Stage
    from epochly_release.rehearsal.serve import Served
    from epochly_release.world import World

CLIENTS_AT_ONCE = 2  # processes of the `sigstore` client beside the attack that runs


@dataclass(frozen=True, slots=True)
class Honest:
    """The release that went through.

    Attributes:
        plan: what was released.
        places: where; `out` holds the files with all signatures, `rebuilt` the other builder's, and the index is named.
        environ: of any job; identities are asked for at the issuer.
        scratch: folder for what is thrown away.
    """

    plan: Plan
    places: Places
    environ: Mapping[str, str]
    scratch: str


def run_attacks(
    attacks: Sequence[Attack], served: Served, honest: Honest, sources: Sources, world: World
) -> tuple[Row, ...]:
    """A row for each attack, in order; what an attack meets ends in its row.

    Args:
        attacks: which.
        served: the services the release was made with, alive.
        honest: the release.
        sources: of keys and randomness for the attackers.
        world: the machine; it is told of progress.

    Raises:
        InputError: the folder cannot be written.
    """
    scratch = honest.scratch
    world.fresh_folder(f"{scratch}/attacks")
    config = f"{scratch}/attacks/trust.json"
    world.write(config, json.dumps(served.instance.trust_config).encode())
    places = replace(honest.places, trust_config=config)
    scene = Scene(served, honest.plan, places, honest.environ, sources, world.now, "")
    rows: list[Row] = []
    asked: dict[int, Future[bool]] = {}
    with ThreadPoolExecutor(CLIENTS_AT_ONCE) as clients:
        for number, attack in enumerate(attacks, 1):
            world.tell(f"attack {number} of {len(attacks)}: {attack.name}, {attack.refused_by.component}")
            control, outcome = (
                _tried(attack, scene, f"{scratch}/attacks/{number}-{kind}", malicious=kind == "attack")
                for kind in ("control", "attack")
            )
            if control.bundled and outcome.bundled:
                asked[number - 1] = clients.submit(_accepts, scene, outcome.bundled)
            rows.append(Row(attack, control, outcome))
        controls = [rows[number].control.bundled for number in asked]
        together = bool(controls) and _accepts(scene, *controls)
        for number, accepts in asked.items():
            sound = together or _accepts(scene, rows[number].control.bundled)
            said = "refuses both" if not sound else "accepts" if accepts.result() else "refuses"
            rows[number] = replace(rows[number], sigstore=said)
    return tuple(rows)


def rehearsed(served: Served, stage: Stage, plan: Plan, given: Mapping[str, str]) -> Honest:
    """The release that `rehearse` left on its stage; `given` is the environment."""
    places = Places(
        repository=stage.repository,
        out=f"{stage.out}/a",
        build_root=f"{stage.scratch}/attacks",
        pythons=(),
        index=served.simple_url,
        rebuilt=f"{stage.out}/b",
        upload_url=served.upload_url,
    )
    return Honest(plan, places, shared_environment(served, stage, given), stage.scratch)


def _tried(attack: Attack, scene: Scene, folder: str, *, malicious: bool) -> Tried:
    scene.world().fresh_folder(folder)
    try:
        return attack.run(replace(scene, folder=folder), malicious=malicious)
    except ReleaseError as error:
        return CannotRun(f"{error.code}: {error}")


def _accepts(scene: Scene, *artifacts: str) -> bool:
    """Whether the unmodified client verifies all of these, with the bundles beside them. It decides nothing here."""
    config, plan = scene.plan.config, scene.plan
    command = [sys.executable, "-P", "-m", "sigstore", "--trust-config", scene.places.trust_config]
    command += ["verify", "github", "--offline", "--repository", config.repository, "--ref", config.ref]
    command += ["--trigger", config.trigger, "--sha", plan.commit, *artifacts]
    return scene.world().run(command).status == 0
