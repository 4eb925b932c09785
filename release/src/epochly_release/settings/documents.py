"""JSON -> settings in one shape, from both sides: what stands in git, and what the forge's API answers.

A setting is a kind, a name and flat values (`rules.pull_request.required_approving_review_count` -> 1), so that comparing is
comparing tables. Bookkeeping of the API (ids, times, links) is left out by naming what is kept. An answer that leaves out what
only an administrator may see is an `InputError`: it has not been looked at, so it is no match.

Specification: GitHub's REST API, "rules" and "deployment environments".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_release.settings.strictjson import json_value, list_in, name_in, refuse, table_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
_RULESET_KEYS = {"name", "target", "enforcement", "conditions", "rules", "bypass_actors"}
_ENVIRONMENT_KEYS = {
    "environment",
    "can_admins_bypass",
    "wait_timer",
    "prevent_self_review",
    "reviewers",
    "branches",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One ruleset or environment.

    Attributes:
        kind: `ruleset` or `environment`.
        name: its name at the forge.
        values: dotted name -> JSON scalar, or sorted JSON text of a list.
    """

    kind: str
    name: str
    values: Mapping[str, str]


def wanted_setting(data: bytes, path: str, ids: Mapping[str, int]) -> Setting:
    """What a file of `.github/settings/` asks for; `$NAME` in it stands for the number `ids` gives.

    Raises:
        InputError: it is no setting, has an unknown key, or names an id that was not given.
    """
    document = _with_ids(table_in(json_value(data, path), path), path, ids)
    keys = _ENVIRONMENT_KEYS if "environment" in document else _RULESET_KEYS
    odd = sorted(keys ^ set(document))
    if odd:
        refuse(
            "odd-setting", path, f"has or lacks the key `{odd[0]}`", f"the keys are {', '.join(sorted(keys))}"
        )
    return _environment(document, path) if keys is _ENVIRONMENT_KEYS else _ruleset(document, path)


def live_settings(document: Any, path: str, branches: Mapping[str, tuple[str, ...]]) -> tuple[Setting, ...]:
    """What one answer of the API says: a ruleset, an environment, or the list of environments.

    `branches` has the deployment branch patterns of each environment, which the API answers apart.

    Raises:
        InputError: it is none of these, or leaves out what has to be compared.
    """
    if isinstance(document, list):
        refuse(
            "a-list",
            path,
            "a list of rulesets leaves their rules out",
            "give the answer for each ruleset by its id",
        )
    table = table_in(document, path)
    if isinstance(table.get("environments"), list):
        if table.get("total_count") != len(table["environments"]):
            hint = "ask for all of them on one page"
            refuse("not-shown", path, "does not show all `environments`", hint)
        return tuple(_live_environment(table_in(one, path), path, branches) for one in table["environments"])
    if "protection_rules" in table:
        return (_live_environment(table, path, branches),)
    if "target" in table and "enforcement" in table:
        for key in ("rules", "bypass_actors", "conditions"):
            _require_shown(table, key, path)
        return (_ruleset({key: table.get(key) for key in _RULESET_KEYS}, path),)
    return refuse(
        "no-setting", path, "is neither a ruleset nor an environment", "give the API's answer as it came"
    )


def live_branches(document: Any, path: str) -> tuple[str, ...]:
    """The patterns in an answer about an environment's deployment branch policies.

    Raises:
        InputError: it is another answer, or not all of it.
    """
    table = table_in(document, path)
    policies = table.get("branch_policies")
    if not isinstance(policies, list) or table.get("total_count") != len(policies):
        refuse("no-policies", path, "holds no complete `branch_policies`", "ask for all of them on one page")
    return tuple(
        sorted(
            f"{one.get('type', 'branch')}:{one.get('name')}"
            for one in (table_in(each, path) for each in policies)
        )
    )


def _ruleset(document: Mapping[str, Any], path: str) -> Setting:
    values: dict[str, str] = {}
    for key in ("target", "enforcement", "conditions"):
        _flatten(key, document[key], values)
    for rule in list_in(document["rules"], path):
        kind = name_in(table_in(rule, path).get("type"), path)
        values[f"rules.{kind}"] = "true"
        _flatten(f"rules.{kind}", rule.get("parameters") or {}, values)
    for actor in list_in(document["bypass_actors"], path):
        one = table_in(actor, path)
        values[f"bypass.{one.get('actor_type')}.{one.get('actor_id')}"] = _scalar(one.get("bypass_mode"))
    return Setting("ruleset", name_in(document["name"], path), values)


def _environment(document: Mapping[str, Any], path: str) -> Setting:
    values = {
        key: _scalar(document[key]) for key in ("can_admins_bypass", "wait_timer", "prevent_self_review")
    }
    for reviewer in list_in(document["reviewers"], path):
        one = table_in(reviewer, path)
        values[f"reviewer.{one.get('type')}.{one.get('id')}"] = "true"
    for branch in list_in(document["branches"], path):
        values[f"branch.branch:{name_in(branch, path)}"] = "true"
    return Setting("environment", name_in(document["environment"], path), values)


def _live_environment(
    document: Mapping[str, Any], path: str, branches: Mapping[str, tuple[str, ...]]
) -> Setting:
    name = name_in(document.get("name"), path)
    for key in ("can_admins_bypass", "protection_rules", "deployment_branch_policy"):
        _require_shown(document, key, path, f" of environment `{name}`")
    values = {
        "can_admins_bypass": _scalar(document["can_admins_bypass"]),
        "wait_timer": "0",
        "prevent_self_review": "false",
    }
    for each in list_in(document.get("protection_rules"), path):
        rule = table_in(each, path)
        if rule.get("type") == "wait_timer":
            _require_shown(rule, "wait_timer", path, f" of environment `{name}`")
            values["wait_timer"] = _scalar(rule["wait_timer"])
        elif rule.get("type") == "required_reviewers":
            _require_shown(rule, "prevent_self_review", path, f" of environment `{name}`")
            values["prevent_self_review"] = _scalar(rule["prevent_self_review"])
            for reviewer in list_in(rule.get("reviewers"), path):
                one = table_in(reviewer, path)
                who = table_in(one.get("reviewer"), path)
                values[f"reviewer.{one.get('type')}.{who.get('id')}"] = "true"
        elif rule.get("type") != "branch_policy":
            values[f"protection.{rule.get('type')}"] = "true"
    policy = document.get("deployment_branch_policy")
    if policy is None:
        values["branch.every branch"] = "true"
    elif table_in(policy, path).get("protected_branches"):
        values["branch.every protected branch"] = "true"
    elif name in branches:
        values |= {f"branch.{pattern}": "true" for pattern in branches[name]}
    else:
        hint = f"give the API's answer about its branch policies with `--branches {name}=FILE`"
        refuse("not-shown", path, f"does not show the branches of environment `{name}`", hint)
    return Setting("environment", name, values)


def _require_shown(table: Mapping[str, Any], key: str, path: str, of: str = "") -> None:
    """Raises `InputError` unless the key is there: the API leaves out what the asker may not see."""
    if key not in table:
        hint = "ask the API with the rights of an administrator"
        refuse("not-shown", path, f"does not show `{key}`{of}", hint)


def _flatten(name: str, value: Any, into: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, into)
    else:
        into[name] = _scalar(value)


def _scalar(value: Any) -> str:
    """JSON text; a list's members in order of their text, because the API keeps no order, and without empty keys."""
    if isinstance(value, dict):
        value = {key: inner for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return "[" + ", ".join(sorted(_scalar(one) for one in value)) + "]"
    return json.dumps(value, sort_keys=True)


def _with_ids(value: Any, path: str, ids: Mapping[str, int]) -> Any:
    if isinstance(value, dict):
        return {key: _with_ids(inner, path, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids(inner, path, ids) for inner in value]
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    if found[1] not in ids:
        refuse("no-id", path, f"`{value}` was given no number", f"say `--id {found[1]}=NUMBER`")
    return ids[found[1]]
