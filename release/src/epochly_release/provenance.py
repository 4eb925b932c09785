"""SLSA provenance v1 of a build at GitHub, made from the claims of the run's own identity token. Pure.

Environment variables of a job can be set by any earlier step; the token's claims are signed by the forge, and the
certificate says the same. So what is stated here can be held against the certificate, claim by claim. Refuses a token
of another commit, repository, workflow or environment than the plan's before anything is signed with it.

Sources: slsa.dev/spec/v1.1/provenance, actions.github.io/buildtypes/workflow/v1, GitHub "OpenID Connect reference".
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from epochly_release.errors import InputError, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.plan import Plan

SLSA = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://actions.github.io/buildtypes/workflow/v1"
FORGE = "https://github.com"
_NEEDED = (
    "event_name",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "run_attempt",
    "run_id",
    "runner_environment",
    "sha",
    "workflow_ref",
)


def claims_of_token(token: str) -> dict[str, str]:
    """What a GitHub identity token says of its run, not verified here: whoever takes the token does that.

    Raises:
        InputError: it is no such token.
    """
    try:
        _, middle, _ = token.split(".")
        value = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        claims = {name: str(value[name]) for name in _NEEDED}
        claims["environment"] = str(value.get("environment", ""))
    except (ValueError, binascii.Error, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "identity", "OIDC", "is no token of a workflow at GitHub", "release from the workflow"
        ) from error
    return claims


def refuse_other_run(plan: Plan, claims: Mapping[str, str]) -> None:
    """Raises `Refused` when the run is not the one that may release this plan."""
    config = plan.config
    file = f"{config.repository}/.github/workflows/{config.workflow}"
    for what, is_, wanted in (
        ("repository", claims["repository"], config.repository),
        ("workflow", claims["workflow_ref"].partition("@")[0], file),
        ("signing workflow", claims["job_workflow_ref"].partition("@")[0], file),
        ("ref", claims["ref"], config.ref),
        ("trigger", claims["event_name"], config.trigger),
        ("commit", claims["sha"], plan.commit),
        ("environment", claims["environment"], config.environment),
    ):
        if is_.lower() != wanted.lower():
            message = f"the run's {what} is {is_[:100]!r}, the release wants {wanted!r}"
            raise Refused("other-run", "OIDC", message, "start the release workflow by hand, as planned")


def slsa_predicate(claims: Mapping[str, str], byproducts: Mapping[str, str]) -> dict[str, Any]:
    """The predicate; `byproducts` maps the name of a file that records the build to its sha256."""
    repository = f"{FORGE}/{claims['repository']}"
    path = claims["workflow_ref"].partition("@")[0].removeprefix(f"{claims['repository']}/")
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "workflow": {"ref": claims["ref"], "repository": repository, "path": path}
            },
            "internalParameters": {
                "github": {
                    "event_name": claims["event_name"],
                    "repository_id": claims["repository_id"],
                    "repository_owner_id": claims["repository_owner_id"],
                    "runner_environment": claims["runner_environment"],
                }
            },
            "resolvedDependencies": [
                {"uri": f"git+{repository}@{claims['ref']}", "digest": {"gitCommit": claims["sha"]}}
            ],
        },
        "runDetails": {
            "builder": {"id": f"{FORGE}/{claims['job_workflow_ref']}"},
            "metadata": {
                "invocationId": f"{repository}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
            },
            "byproducts": [
                {"name": name, "digest": {"sha256": byproducts[name]}} for name in sorted(byproducts)
            ],
        },
    }
