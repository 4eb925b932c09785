"""The API's answers about rulesets and environments, fetched: the same documents that can be given as files.

It fetches and changes nothing. A list that is not complete is an `InputError`; so is an answer that the token may not
have, by the client itself: what was not shown has not been looked at. Rulesets of the organisation are left out, as
they are not this repository's to set, and can only forbid more.

Specification: GitHub's REST API, "rules" and "deployment environments".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from epochly_release.forge_api import get_json, get_pages
from epochly_release.settings.strictjson import list_in, name_in, refuse, table_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.forge_api import Forge


@dataclass(frozen=True, slots=True)
class Answers:
    """What the forge answers.

    Attributes:
        settings: rulesets and environments, each with the address it is from.
        policies: answers about deployment branch policies, likewise, by environment.
    """

    settings: tuple[tuple[str, Any], ...]
    policies: Mapping[str, tuple[str, Any]] = field(default_factory=dict)


def fetched_answers(forge: Forge) -> Answers:
    """Every ruleset and environment of the repository; raises `InputError`."""
    top = forge.repository_path
    settings: list[tuple[str, Any]] = []
    for page in get_pages(forge, f"{top}/rulesets", "includes_parents=false"):
        for one in list_in(page, f"{top}/rulesets"):
            number = table_in(one, f"{top}/rulesets").get("id")
            if type(number) is not int:
                refuse("odd-setting", f"{top}/rulesets", "shows a ruleset without `id`", "see the address")
            settings.append((f"{top}/rulesets/{number}", get_json(forge, f"{top}/rulesets/{number}")))
    path = f"{top}/environments"
    environments = _whole(forge, path, "environments")
    settings.append((path, environments))
    policies = {}
    for one in environments["environments"]:
        table = table_in(one, path)
        policy = table.get("deployment_branch_policy")
        if isinstance(policy, dict) and policy.get("custom_branch_policies"):
            name = name_in(table.get("name"), path)
            below = f"{path}/{quote(name, safe='')}/deployment-branch-policies"
            policies[name] = (below, _whole(forge, below, "branch_policies"))
    return Answers(tuple(settings), policies)


def _whole(forge: Forge, path: str, key: str) -> dict[str, Any]:
    """A list that comes in pages beside the count of all, as one answer."""
    found: list[Any] = []
    count: Any = None
    for page in get_pages(forge, path):
        table = table_in(page, path)
        found += list_in(table.get(key), path)
        count = table.get("total_count")
    if type(count) is not int or count != len(found):
        refuse("not-shown", path, f"does not show all `{key}`", "run it again")
    return {"total_count": count, key: found}
