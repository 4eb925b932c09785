"""Files that are not what was signed, described, or built: swapped, tampered with, of another version or commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from epochly_release.attestation import (
    BUILT,
    BUNDLE,
    CYCLONEDX,
    PUBLISHED,
    SBOM,
    ToSign,
    statement,
)
from epochly_release.manifest import MANIFEST, SBOM_ENDING
from epochly_release.rehearsal.attacks.certificates import judged_with, with_bundle
from epochly_release.rehearsal.attacks.hand import (
    certified,
    log_of,
    sha256_of,
    sign_release,
    signed_by_hand,
)
from epochly_release.rehearsal.attacks.index_client import attested_by_hand
from epochly_release.rehearsal.attacks.model import JUDGE, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import judged, stepped
from epochly_release.rehearsal.attacks.tokens import other_ref
from epochly_release.rehearsal.attacks.wheels import (
    of_another_version,
    put_into_release,
    with_code,
    with_sbom_of_another_version,
)
from epochly_release.steps import STEPS

if TYPE_CHECKING:
    from epochly_release.rehearsal.attacks.scene import Scene


def _swapped_bundle(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    of = scene.other if malicious else scene.wheel
    return judged_with(scene, scene.read(of + BUNDLE).decode())


def _tampered(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    path = scene.copied_wheel()
    if malicious:
        scene.world().write(path, with_code(scene.wheel, scene.read(scene.wheel), scene.plan))
    return with_bundle(judged(scene, path), path)


def _embedded_sbom(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """A wheel signed by the right run; no SBOM lies beside it that could disagree."""
    data = scene.read(scene.wheel)
    if malicious:
        data = with_sbom_of_another_version(scene.wheel, data, scene.plan)
    world, path = scene.world(), f"{scene.folder}/{scene.wheel}"
    world.write(path, data)
    for ending, made in zip((PUBLISHED, BUILT), attested_by_hand(scene, scene.wheel, data), strict=True):
        world.write(path + ending, json.dumps(made).encode())
    one = ToSign(scene.wheel + BUNDLE, scene.wheel, sha256_of(data))
    world.write(path + BUNDLE, signed_by_hand(one, certified(scene), log_of(scene)).encode())
    return with_bundle(judged(scene, path), path)


def _attested_sbom(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """The right run attests, of the right wheel, an SBOM of another version."""
    path, world = scene.copied_wheel(), scene.world()
    sbom = world.read(path + SBOM_ENDING)
    said = json.loads(of_another_version(sbom) if malicious else sbom)
    sha256 = sha256_of(scene.read(scene.wheel))
    one = ToSign(scene.wheel + SBOM, scene.wheel, sha256, statement(scene.wheel, sha256, CYCLONEDX, said))
    world.write(path + SBOM, signed_by_hand(one, certified(scene), log_of(scene)).encode())
    return judged(scene, path)


def _attached_sbom(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    path, world = scene.copied_wheel(), scene.world()
    if malicious:
        world.write(path + SBOM_ENDING, of_another_version(world.read(path + SBOM_ENDING)))
    return judged(scene, path)


def _rebuilt(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """The builder whose files are signed built another commit; the other builder did not."""
    places, world = scene.copied(), scene.world()
    if malicious:
        wheel = with_code(scene.wheel, scene.read(scene.wheel), scene.plan)
        put_into_release(places, scene.wheel, wheel, scene)
        sign_release(scene, places, {scene.wheel, MANIFEST})
    return stepped("verify", lambda: STEPS["verify"].run(scene.plan, places, world))


def _manifest_of_another_run(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    places, world = scene.copied(), scene.world()
    changes = other_ref(scene.plan) if malicious else {}
    with scene.speaking_as(**changes):
        sign_release(scene, places, {MANIFEST})
    return stepped("verify", lambda: STEPS["verify"].run(scene.plan, places, world))


ATTACKS = (
    Attack(
        "swapped bundle",
        "lay the bundle of another file beside the wheel",
        By(JUDGE, "artifact-mismatch, log-entry-mismatch"),
        _swapped_bundle,
    ),
    Attack(
        "tampered wheel after signing",
        "change a wheel, with a RECORD that fits, and keep its signatures",
        By(JUDGE, "artifact-mismatch, log-entry-mismatch, sbom-wrong-artifact, subject-digest-mismatch"),
        _tampered,
    ),
    Attack(
        "SBOM of another version",
        "embed it and sign the wheel, as the right run",
        By(JUDGE, "sbom-wrong-component"),
        _embedded_sbom,
    ),
    Attack(
        "SBOM of another version",
        "attest it of the wheel, as the right run",
        By(JUDGE, "sbom-wrong-artifact, sboms-disagree"),
        _attested_sbom,
    ),
    Attack(
        "SBOM of another version",
        "lay it beside the wheel, unsigned",
        By(JUDGE, "sbom-wrong-artifact, sboms-disagree"),
        _attached_sbom,
    ),
    Attack(
        "wheel rebuilt from another commit",
        "sign, as the right run, what another commit builds",
        By("verify", "rebuild-differs"),
        _rebuilt,
    ),
    Attack(
        "manifest signed by another run",
        "put another branch's signature over the manifest",
        By("verify", "not-verified"),
        _manifest_of_another_run,
    ),
)
