"""What reaches the index: files signed by other runs, changed files, files under a name that is taken, static tokens.

The index compares repository, workflow and (in the token) environment, and every attestation with its file. It looks at
neither ref nor trigger, as the public one does not: what comes back from it is then judged as a user would.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from epochly_release.attestation import BUNDLE, ToSign
from epochly_release.manifest import MANIFEST, listed
from epochly_release.rehearsal.attacks.certificates import with_bundle
from epochly_release.rehearsal.attacks.hand import certified, log_of, sha256_of, sign_release, signed_by_hand
from epochly_release.rehearsal.attacks.index_client import (
    attested_by_hand,
    judged_from_index,
    refusal_of,
    sent,
    upload_token,
)
from epochly_release.rehearsal.attacks.model import INDEX, JUDGE, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import stepped
from epochly_release.rehearsal.attacks.tokens import other_commit, other_environment, other_ref, tag_push
from epochly_release.rehearsal.attacks.wheels import next_version, put_into_release, with_code
from epochly_release.staged import STAGED, parse_staged, staged_to_bytes
from epochly_release.steps import STEPS, run_step

if TYPE_CHECKING:
    from epochly_release.rehearsal.attacks.model import Run
    from epochly_release.rehearsal.attacks.scene import Scene
    from epochly_release.rehearsal.attacks.tokens import Change
    from epochly_release.steps.result import Places

_CLIENTS = {
    "uv": (
        "publish",
        "--no-config",
        "--no-cache",
        "--trusted-publishing",
        "never",
        "--keyring-provider",
        "disabled",
    ),
    "twine": (
        "upload",
        "--verbose",
        "--non-interactive",
        "--disable-progress-bar",
        "--config-file",
        os.devnull,
    ),
}

_PLAIN = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "COLUMNS": "9999", "NO_COLOR": "1"}


def _published_by(change: Change, *, only_signed: bool = False) -> Run:
    """Another run signs a wheel and (unless it only signs) uploads it; then a user gets it."""

    def run(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
        name, data = next_version(scene)
        token = upload_token(scene) if only_signed else ""
        with ExitStack() as stack:
            if malicious:
                stack.enter_context(scene.speaking_as(**change(scene.plan)))
            token = token or upload_token(scene)
            attestations = attested_by_hand(scene, name, data)
            bundle = signed_by_hand(
                ToSign(name + BUNDLE, name, sha256_of(data)), certified(scene), log_of(scene)
            )
        refused = sent(scene, name, data, token, attestations)
        if isinstance(refused, Outcome):
            return refused
        path = f"{scene.folder}/{name}"
        scene.world().write(
            path + BUNDLE, bundle.encode()
        )  # for `sigstore`; the user has what the index gave
        return with_bundle(judged_from_index(scene, path), path)

    return run


def _tampered_at_index(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    name, data = next_version(scene)
    attestations = attested_by_hand(scene, name, data)
    content = with_code(name, data, scene.plan) if malicious else data
    return sent(scene, name, content, upload_token(scene), attestations)


def _tampered_at_publish(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    places, world = scene.copied(until="stage"), scene.world()
    if malicious:
        world.write(
            f"{places.out}/{scene.wheel}", with_code(scene.wheel, scene.read(scene.wheel), scene.plan)
        )
    return stepped("publish", lambda: run_step("publish", scene.plan, places, world))


def _exists_at_index(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    content = scene.read(scene.wheel)
    if malicious:
        content = with_code(scene.wheel, content, scene.plan)
    return sent(scene, scene.wheel, content, upload_token(scene), [])


def _exists_at_publish(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    places, world = scene.copied(), scene.world()
    if malicious:
        put_into_release(
            places, scene.wheel, with_code(scene.wheel, scene.read(scene.wheel), scene.plan), scene
        )
        sign_release(scene, places, {scene.wheel, MANIFEST})
        _stage_anew(scene, places)
    return stepped("publish", lambda: STEPS["publish"].run(scene.plan, places, world))


def _stage_anew(scene: Scene, places: Places) -> None:
    world, path = scene.world(), f"{places.out}/{STAGED}"
    staged = parse_staged(world.read(path), path, scene.plan)
    files = {name: listed(world.read(f"{places.out}/{name}")) for name in staged.files}
    world.write(path, staged_to_bytes(replace(staged, files=files), scene.plan))


def _static_at_publish(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    places = scene.copied(until="stage")
    world = scene.world(**({"TWINE_PASSWORD": _static(scene)} if malicious else {}))
    return stepped("publish", lambda: run_step("publish", scene.plan, places, world))


def _static_with(client: str) -> Run:
    """A real client is given the token by hand; what counts is what the index answered it."""

    def run(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
        name, data = next_version(scene)
        token = _static(scene) if malicious else upload_token(scene)
        given = (
            {"UV_PUBLISH_TOKEN": token}
            if client == "uv"
            else {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
        )
        world, path = (
            scene.world(**given, PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring"),
            f"{scene.folder}/{name}",
        )
        world.write(path, data)
        at = "--publish-url" if client == "uv" else "--repository-url"
        command = [sys.executable, "-P", "-m", client, *_CLIENTS[client], at, scene.served.upload_url, path]
        before = len(scene.served.instance.seen)
        ran = world.run(command)
        said = " ".join((ran.stdout + b" " + ran.stderr).decode("utf-8", "replace").split())
        answers = [line for line in scene.seen_since(before) if line.startswith("POST /legacy/ ")]
        if ran.status == 0 and answers == ["POST /legacy/ 200"]:
            return NotRefused(f"uploaded by {client}")
        if ran.status and answers == ["POST /legacy/ 403"] and refusal_of(403, said):
            return Outcome(By(INDEX, refusal_of(403, said)), f"{client} ends with {ran.status}")
        return Outcome(By(client, f"exit code {ran.status}"), said[-200:])

    return run


def _static(scene: Scene) -> str:
    """A token as a leak of years ago would have it: of the right form."""
    return f"pypi-{scene.sources.random_bytes(32).hex()}"


_IDENTITY = By(JUDGE, "identity-mismatch")
_UNKNOWN = By(INDEX, "403 Invalid or non-existent authentication")

ATTACKS = (
    Attack(
        "wrong ref",
        "sign and upload from another branch: the index takes it",
        _IDENTITY,
        _published_by(other_ref),
    ),
    Attack(
        "tag-push trigger",
        "sign and upload from a run that a pushed tag started: the index takes it",
        _IDENTITY,
        _published_by(tag_push),
    ),
    Attack(
        "wrong environment",
        "upload what another environment signed: the index takes it",
        By(JUDGE, "identity-mismatch, publisher-mismatch"),
        _published_by(other_environment, only_signed=True),
    ),
    Attack(
        "wheel rebuilt from another commit",
        "sign and upload from a run at another commit: the index takes it",
        _IDENTITY,
        _published_by(other_commit),
    ),
    Attack(
        "tampered wheel after signing",
        "upload a changed wheel with its old attestations",
        By(INDEX, "400 Invalid attestations"),
        _tampered_at_index,
    ),
    Attack(
        "tampered wheel after signing",
        "change a wheel between `stage` and `publish`",
        By("publish", "changed-file"),
        _tampered_at_publish,
    ),
    Attack(
        "upload with a static token",
        "leave a token in the environment of the publishing job",
        By("publish", "long-lived-token"),
        _static_at_publish,
    ),
    Attack("upload with a static token", "upload with `uv` and such a token", _UNKNOWN, _static_with("uv")),
    Attack(
        "upload with a static token", "upload with `twine` and such a token", _UNKNOWN, _static_with("twine")
    ),
    Attack(
        "file already exists",
        "upload another wheel under a name that is taken",
        By(INDEX, "400 File already exists"),
        _exists_at_index,
    ),
    Attack(
        "file already exists",
        "release another wheel, signed by the right run, under that name",
        By("publish", "file-exists"),
        _exists_at_publish,
    ),
)
