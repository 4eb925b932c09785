"""Policy files: TOML that says who may sign, which layers must pass, and what findings weigh.

Data model: `docs/spec/policy-v1.schema.json`; how to write one: `docs/guide/policy.md`. The reading is strict,
because a key that is not understood is a rule that is not in force: unknown keys, wrong types, unknown findings,
identities that pin nobody and rules that can never apply are all refused.

The built-in policy, which says who signs the `epochly*` distributions, is package data in the same format.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import cache
from pkgutil import get_data
from types import MappingProxyType
from typing import TYPE_CHECKING

from epochly_verify.errors import InputError, PolicyError
from epochly_verify.findings import catalogue
from epochly_verify.limits import DEFAULT, KIB, Limits
from epochly_verify.model import Layer, Severity
from epochly_verify.parse.identity import KEYS, checked_identity, identity_from_flags, key_name
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.stricttoml import load_toml
from epochly_verify.parse.tomlfields import TomlTable, nearest
from epochly_verify.policy import INTEGRITY, ISSUERS, STANDARD, Identity, Policy, Rule, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["builtin_policy", "combine", "identity_from_flags", "layers_from_names", "parse_policy"]

SCHEMA = "epochly-verify/policy/v1"
MAX_POLICY_BYTES = 256 * KIB  # bytes; written by hand, and a rule with two identities takes about half a KiB
MAX_DOTS = 128  # dots in one line; the standard reader takes quadratic time for a key of many dotted parts
_TOP_KEYS = ("schema", "require", "strict", "severity", "limits", "rule", "identity")
_RULE_KEYS = ("projects", "require", "builders", "build-types", "identity")
_LIMITS: Mapping[str, str] = MappingProxyType({key_name(field.name): field.name for field in fields(Limits)})
_PROJECT = re.compile(r"[A-Za-z0-9._*?\[\]!-]{1,200}")
_WORDS: Mapping[str, frozenset[Layer]] = MappingProxyType(
    {"integrity": INTEGRITY, **{layer.value: frozenset({layer}) for layer in Layer}}
)


def parse_policy(data: bytes, origin: str) -> Policy:
    """Read a policy file.

    Args:
        data: its bytes.
        origin: what to call it in errors and in the report.

    Raises:
        PolicyError: whatever is wrong with it; `where` is the origin and the path of the key,
            e.g. `policy.toml: rule[1].identity[0].ref`, counted from zero.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyError(
            "policy-too-large",
            origin,
            f"has {len(data)} bytes, more than {MAX_POLICY_BYTES}",
            "split it into one policy a project, or use patterns",
        )
    if max(line.count(b".") for line in data.split(b"\n")) > MAX_DOTS:
        raise PolicyError(
            "policy-syntax", origin, f"a line holds more than {MAX_DOTS} dots", "break the line"
        )
    try:
        top = TomlTable(load_toml(data, origin), origin)
    except InputError as error:
        raise PolicyError("policy-syntax", origin, error.message, "write TOML 1.0 in UTF-8") from error
    _ensure_schema(top)
    top.allow(_TOP_KEYS, "a policy")
    require = _require(top)
    rules = [_rule(table) for table in top.tables("rule")]
    everybody = tuple(_identity(table) for table in top.tables("identity"))
    if everybody:
        rules.append(Rule(identities=everybody, origin=f"{origin}: identity"))
    _ensure_reachable(rules, top)
    return Policy(
        rules=tuple(rules),
        require=STANDARD if require is None else require,
        strict=top.flag("strict"),
        severities=_severities(top.table("severity")),
        limits=_limits(top.table("limits")),
    )


@cache
def builtin_policy() -> Policy:
    """Who signs the `epochly*` distributions; read when it is first asked for."""
    data = get_data("epochly_verify", "data/policy.toml")
    assert data is not None  # only where a package was loaded in a way that cannot hold data
    return parse_policy(data, "built-in policy")


def layers_from_names(names: Iterable[str], refuse: Callable[[str, str], PolicyError]) -> frozenset[Layer]:
    """The layers a list of names asks for; `integrity` is archive, record, metadata and install.

    A signature counts only with whom it is from, and provenance only with who says so: `signature` and `identity`
    each ask for both, and `provenance` for all three.

    Args:
        names: of layers.
        refuse: makes the error for what is wrong and a hint.

    Raises:
        PolicyError: a name is unknown, or there is none.
    """
    found: set[Layer] = set()
    for name in names:
        if name not in _WORDS:
            raise refuse(f"{quoted(name, most=80)} is no layer", nearest(name, _WORDS, "layers"))
        found |= _WORDS[name]
    if not found:
        raise refuse("names no layer", "leave it out for the usual ones, or write e.g. `integrity`")
    if found & {Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE}:
        found |= {Layer.SIGNATURE, Layer.IDENTITY}
    return frozenset(found)


def _ensure_schema(top: TomlTable) -> None:
    if "schema" not in top.values:
        raise top.bad("schema", "is missing", f'start the file with `schema = "{SCHEMA}"`', "policy-schema")
    if top.text("schema") != SCHEMA:
        raise top.bad(
            "schema",
            f"is {quoted(top.text('schema'), most=80)}, which this version does not know",
            f"write `{SCHEMA}`, or use the version of epochly-verify the policy was written for",
            "policy-schema",
        )


def _require(table: TomlTable) -> frozenset[Layer] | None:
    if "require" not in table.values:
        return None
    return layers_from_names(
        table.texts("require"), lambda message, hint: table.bad("require", message, hint)
    )


def _rule(table: TomlTable) -> Rule:
    table.allow(_RULE_KEYS, "a rule")
    projects = table.texts("projects")
    if not projects:
        raise table.bad("projects", "is missing", '`projects = ["*"]` is every project')
    for project in projects:
        if not _PROJECT.fullmatch(project):
            raise table.bad(
                "projects", f"{quoted(project)} is no project name or pattern", "write e.g. `numpy`, `my-*`"
            )
    return Rule(
        projects=tuple(re.sub(r"[-_.]+", "-", project).lower() for project in projects),  # PEP 503
        identities=tuple(_identity(item) for item in table.tables("identity")),
        require=_require(table),
        builders=_patterns(table, "builders"),
        build_types=table.texts("build-types"),
        origin=table.where(),
    )


def _patterns(table: TomlTable, key: str) -> tuple[str, ...]:
    patterns = table.texts(key)
    for pattern in patterns:
        if not pattern.strip("*?"):
            raise table.bad(
                key, f"{quoted(pattern)} matches every builder", "write at least what is fixed of it"
            )
    return patterns


def _identity(table: TomlTable) -> Identity:
    if "kind" not in table.values:
        kinds = ", ".join(f"`{kind}`" for kind in ISSUERS)
        raise table.bad("kind", "is missing", f"add one of {kinds}")
    names = {key_name(name) for keys in KEYS.values() for name in keys} | {"kind"}
    table.allow(names, "an identity")
    identity = Identity(
        kind=table.text("kind"),
        repository=table.text("repository"),
        repository_id=table.number_text("repository-id"),
        owner_id=table.number_text("owner-id"),
        workflow=table.text("workflow"),
        ref=table.texts("ref"),
        tag_matches_version=table.flag("tag-matches-version"),
        environment=table.text("environment"),
        trigger=table.texts("trigger"),
        runner=table.text("runner"),
        signer=table.text("signer"),
        commit=table.text("commit"),
        subject=table.text("subject"),
        issuer=table.text("issuer"),
        key_id=table.text("key-id"),
        project_id=table.text("project-id"),
        pipeline_definition_id=table.text("pipeline-definition-id"),
    )
    return checked_identity(identity, table.bad)


def _severities(table: TomlTable) -> Mapping[str, Severity]:
    found = {}
    for id_ in table.values:
        if id_ not in catalogue():
            raise table.bad(
                id_, "there is no such finding", nearest(id_, catalogue(), "findings"), "policy-unknown-key"
            )
        weight = table.text(id_)
        if weight not in set(Severity):
            weights = ", ".join(f"`{severity}`" for severity in Severity)
            raise table.bad(id_, f"{quoted(weight, most=80)} is no severity", f"write one of {weights}")
        found[id_] = Severity(weight)
    return MappingProxyType(found)


def _limits(table: TomlTable) -> Limits:
    table.allow(_LIMITS, "the table of limits")
    return replace(DEFAULT, **{_LIMITS[key]: table.positive(key) for key in table.values})


def _ensure_reachable(rules: list[Rule], top: TomlTable) -> None:
    """The first rule that selects a project applies, so that nothing comes after one that selects every project."""
    for position, rule in enumerate(rules[:-1]):
        if "*" in rule.projects:
            later = f"rule[{position + 1}]" if position + 1 < len(top.values.get("rule", [])) else "identity"
            raise top.bad(
                later,
                f"never applies: `rule[{position}]` already selects every project",
                "put the rule for `*` last",
            )
