"""A token that was stolen while it counts, and the forge: what an index must take is seen when the release is confirmed.

The index cannot know who holds an upload token. `confirm` compares what it lists with what was released, and asks for the
provenance of every file. Tags and releases are held by the forge's own rules.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.attacks.index_client import sent, upload_token
from epochly_release.rehearsal.attacks.model import FORGE, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import asked, stepped
from epochly_release.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.rehearsal.attacks.scene import Scene


@contextmanager
def _index_as_it_was(scene: Scene) -> Iterator[None]:
    """What is uploaded inside is gone afterwards, and what was there is there."""
    index = scene.served.instance.index
    before = dict(index.files)
    try:
        yield
    finally:
        index.files = before


def _confirmed(scene: Scene) -> Outcome | NotRefused:
    places, world = scene.copied(), scene.world(GH_TOKEN=scene.served.instance.forge.job_token)
    return stepped("confirm", lambda: STEPS["confirm"].run(scene.plan, places, world))


def _stray_upload(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    plan, token = scene.plan, upload_token(scene)
    distribution = plan.of_file(scene.wheel)
    assert distribution is not None  # the wheel is of the plan
    tags = "-".join(scene.wheel.split("-")[-3:])
    with _index_as_it_was(scene):
        if malicious:
            stray = (
                f"{distribution.wheel_prefix}99-{tags}"  # a build number makes it the one that pip prefers
            )
            refused = sent(scene, stray, scene.read(scene.wheel), token, [])
            if isinstance(refused, Outcome):
                return refused
        return _confirmed(scene)


def _first_upload(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    token = upload_token(scene)
    with _index_as_it_was(scene):
        if malicious:
            del scene.served.instance.index.files[scene.wheel]
            refused = sent(scene, scene.wheel, scene.read(scene.wheel), token, [])
            if isinstance(refused, Outcome):
                return refused
        return _confirmed(scene)


def _at_forge(scene: Scene, method: str, path: str, document: Any, token: str) -> tuple[int, dict[str, Any]]:
    instance = scene.served.instance
    url = f"{instance.url}/forge/repos/{instance.forge.repository}{path}"
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "rehearsal",
        "Content-Type": "application/json",
    }
    body = json.dumps(document).encode()
    return asked(scene.world(), url, method=method, headers=headers, body=body)


def _refusal(status: int, document: dict[str, Any]) -> Outcome | NotRefused:
    if status < 400:
        return NotRefused(f"answers {status}")
    first, _, rest = str(document.get("message", "")).partition("\n")
    return Outcome(By(FORGE, f"{status} {first}"), " ".join(rest.split()) or first)


def _tag_by_job(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    forge, tag = scene.served.instance.forge, "v0.0.1.dev0"
    token = forge.job_token if malicious else forge.app_token
    made = {"ref": f"refs/tags/{tag}", "sha": scene.plan.commit}
    try:
        return _refusal(*_at_forge(scene, "POST", "/git/refs", made, token))
    finally:
        forge.tags.refs.pop(tag, None)


def _tag_moved(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    forge, tag = scene.served.instance.forge, scene.plan.tag
    if not malicious:
        return _refusal(*_at_forge(scene, "GET", f"/git/ref/tags/{tag}", None, forge.app_token))
    moved = {"sha": "bad0" * 10, "force": True}
    return _refusal(*_at_forge(scene, "PATCH", f"/git/refs/tags/{tag}", moved, forge.app_token))


def _tag_elsewhere(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    forge, tag = scene.served.instance.forge, scene.plan.tag
    places, world = scene.copied(), scene.world(GH_TOKEN=forge.app_token)
    before = forge.tags.refs[tag]
    if malicious:
        forge.tags.refs[tag] = "bad0" * 10
    try:
        return stepped("stage", lambda: STEPS["stage"].run(scene.plan, places, world))
    finally:
        forge.tags.refs[tag] = before


def _release_overwritten(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """A draft may still get a file; what is published may not."""
    forge = scene.served.instance.forge
    before, token = dict(forge.releases.held), forge.job_token
    tag = scene.plan.tag if malicious else "draft"
    try:
        if not malicious:
            refused = _refusal(
                *_at_forge(scene, "POST", "/releases", {"tag_name": tag, "draft": True}, token)
            )
            if isinstance(refused, Outcome):
                return refused
        number = next(one.id for one in forge.releases.held.values() if one.tag_name == tag)
        path = f"/releases/{number}/assets?name=added.json"
        return _refusal(*_at_forge(scene, "POST", path, {"added": True}, token))
    finally:
        forge.releases.held = before


_BY_RULE = By(FORGE, "422 Repository rule violations found")

ATTACKS = (
    Attack(
        "stolen upload token",
        "add a wheel to the release, without attestations",
        By("confirm", "stray-file"),
        _stray_upload,
    ),
    Attack(
        "stolen upload token",
        "upload the release's own wheel first, without attestations",
        By("confirm", "evidence-missing"),
        _first_upload,
    ),
    Attack("tag by a job", "make a release tag with a job's token", _BY_RULE, _tag_by_job),
    Attack("moved tag", "move the release's tag", _BY_RULE, _tag_moved),
    Attack("moved tag", "have the tag at another commit beforehand", By("stage", "tag"), _tag_elsewhere),
    Attack(
        "overwritten release",
        "add a file to the published release",
        By(FORGE, "422 Assets of an immutable release cannot be added"),
        _release_overwritten,
    ),
)
