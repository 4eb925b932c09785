"""Who gets a token for uploads, and who may sign: replayed identities and those of other workflow runs.

The index takes no identity twice and none of another repository, workflow or environment. The step `attest` refuses any
run but the planned one before it asks for a certificate; ref and trigger are known to it and not to the index.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.attacks.model import INDEX, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import asked, stepped
from epochly_release.rehearsal.index import AUDIENCE
from epochly_release.steps import run_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.attacks.model import Run
    from epochly_release.rehearsal.attacks.scene import Scene

    Change = Callable[[Plan], dict[str, Any]]

_JSON = {"Content-Type": "application/json"}


def exchanged(scene: Scene, identity: str) -> Outcome | str:
    """The upload token that the index gives for an identity token, or its refusal."""
    url = f"{scene.served.instance.url}/_/oidc/mint-token"
    body = json.dumps({"token": identity}).encode()
    status, document = asked(scene.world(), url, method="POST", headers=_JSON, body=body)
    if status == 200:
        return str(document["token"])
    errors = document.get("errors") or [{}]
    code = f"{status} {errors[0].get('code', 'without a code')}"
    return Outcome(By(INDEX, code), str(errors[0].get("description", "")))


def other_repository(plan: Plan) -> dict[str, Any]:
    """A fork of the same name, by another owner."""
    return {"repository": f"evil/{plan.config.repository.partition('/')[2]}", "owner_id": "666"}


def other_workflow(_: Plan) -> dict[str, Any]:
    """Another file below `.github/workflows/`."""
    return {"workflow": "attacker.yml"}


def other_environment(_: Plan) -> dict[str, Any]:
    """An environment without the release's protection."""
    return {"environment": "attacker"}


def other_ref(_: Plan) -> dict[str, Any]:
    """A branch that anybody with write access can push."""
    return {"ref": "refs/heads/attacker"}


def tag_push(plan: Plan) -> dict[str, Any]:
    """A pushed tag that starts the workflow, by the name the release would have."""
    return {"event": "push", "ref": f"refs/tags/{plan.tag}"}


def other_commit(_: Plan) -> dict[str, Any]:
    """The right branch, with another commit on it."""
    return {"sha": "bad0" * 10}


def _replay(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    identity = scene.world().identity_token(AUDIENCE)
    got = exchanged(scene, identity)
    if malicious and not isinstance(got, Outcome):
        got = exchanged(scene, identity)
    return got if isinstance(got, Outcome) else NotRefused("gives an upload token")


def _other_audience(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    got = exchanged(scene, scene.world().identity_token("sigstore" if malicious else AUDIENCE))
    return got if isinstance(got, Outcome) else NotRefused("gives an upload token")


def _asks_index(change: Change) -> Run:
    def run(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
        with ExitStack() as stack:
            if malicious:
                stack.enter_context(scene.speaking_as(**change(scene.plan)))
            got = exchanged(scene, scene.world().identity_token(AUDIENCE))
        return got if isinstance(got, Outcome) else NotRefused("gives an upload token")

    return run


def _asks_attest(change: Change) -> Run:
    def run(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
        places = scene.copied(until="describe")
        before = len(scene.served.instance.seen)
        with ExitStack() as stack:
            if malicious:
                stack.enter_context(scene.speaking_as(**change(scene.plan)))
            came = stepped("attest", lambda: run_step("attest", scene.plan, places, scene.world()))
        if isinstance(came, Outcome) and any("signingCert" in line for line in scene.seen_since(before)):
            return NotRefused(f"refused only after it had a certificate: {came.words}")
        return came

    return run


_PUBLISHER = By(INDEX, "422 invalid-publisher")
_OTHER_RUN = By("attest", "other-run")

ATTACKS = (
    Attack(
        "replayed token",
        "exchange an identity token that was exchanged before",
        By(INDEX, "422 invalid-reuse-token"),
        _replay,
    ),
    Attack(
        "token of another audience",
        "exchange a token that was meant for the signing service",
        By(INDEX, "422 invalid-token"),
        _other_audience,
    ),
    Attack(
        "wrong repository", "ask for an upload token from a fork", _PUBLISHER, _asks_index(other_repository)
    ),
    Attack("wrong repository", "sign from a fork", _OTHER_RUN, _asks_attest(other_repository)),
    Attack(
        "wrong workflow",
        "ask for an upload token from another workflow",
        _PUBLISHER,
        _asks_index(other_workflow),
    ),
    Attack("wrong workflow", "sign from another workflow", _OTHER_RUN, _asks_attest(other_workflow)),
    Attack(
        "wrong environment",
        "ask for an upload token from another environment",
        _PUBLISHER,
        _asks_index(other_environment),
    ),
    Attack("wrong environment", "sign from another environment", _OTHER_RUN, _asks_attest(other_environment)),
    Attack("wrong ref", "sign from another branch", _OTHER_RUN, _asks_attest(other_ref)),
    Attack(
        "tag-push trigger", "sign from a run that a pushed tag started", _OTHER_RUN, _asks_attest(tag_push)
    ),
)
