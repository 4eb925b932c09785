"""PEP 751 `attestation-identities`: whom a lock file saw as the publishers of a package, read as a rule.

The tables are publisher objects of index-hosted attestations (PEP 740), copied as they were found. Reading them
never fails: a table that cannot be judged (an unknown kind, a missing field) becomes an identity that matches
nothing and says why, so that it can make a verdict inconclusive but never good. Keys besides the known ones are
left alone, as in every foreign format.
https://packaging.python.org/specifications/pylock-toml/ and
https://packaging.python.org/specifications/index-hosted-attestations/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import PolicyError
from epochly_verify.parse.identity import checked_identity
from epochly_verify.parse.quote import quoted
from epochly_verify.policy import UNSUPPORTED, Identity, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_IDENTITIES = 1000  # tables for one package; real ones hold one or two


def rule_from_lock(tables: Sequence[Mapping[str, Any]], origin: str) -> Rule:
    """A rule for every project whose identities are the tables', any one of which is enough.

    Args:
        tables: as `tomllib` made them.
        origin: the lock file, for the report.
    """
    identities = [_identity(table) for table in tables[:MAX_IDENTITIES]]
    if len(tables) > MAX_IDENTITIES:
        identities.append(Identity(UNSUPPORTED, subject=f"there are more than {MAX_IDENTITIES} of them"))
    return Rule(identities=tuple(identities), origin=origin)


def _identity(table: Mapping[str, Any]) -> Identity:
    try:
        match str(_text(table, "kind")).lower():
            case "github":
                found = Identity(
                    "github",
                    repository=_text(table, "repository"),
                    workflow=_text(table, "workflow"),
                    environment=_literal(_optional(table, "environment")),
                )
            case "gitlab":
                found = Identity(
                    "gitlab",
                    repository=_text(table, "repository"),
                    workflow=_text(table, "workflow_filepath"),
                    environment=_literal(_optional(table, "environment")),
                )
            case "google":
                found = Identity("google", subject=_text(table, "email"))
            case "circleci":
                ref = _optional(table, "vcs_ref")
                found = Identity(
                    "circleci",
                    project_id=_text(table, "project_id"),
                    pipeline_definition_id=_text(table, "pipeline_definition_id"),
                    repository=_optional(table, "vcs_origin"),
                    ref=(_literal(ref),) if ref else (),
                )
            case _:
                return _unsupported(
                    f"a publisher of kind {_shown(table.get('kind'))} is not known to this version"
                )
        return checked_identity(found, _refuse)
    except PolicyError as error:
        return _unsupported(
            f"its {_shown(table.get('kind'))} publisher cannot be read: {error.where} {error.message}"
        )


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _refuse(key, "is missing" if key not in table else "is no text", "")
    if "*" in value:
        raise _refuse(key, "is a pattern", "")
    return value


def _optional(table: Mapping[str, Any], key: str) -> str:
    return _text(table, key) if table.get(key) is not None else ""


def _literal(text: str) -> str:
    """A glob that matches `text` and nothing else."""
    return re.sub(r"([*?[])", r"[\1]", text)


def _refuse(key: str, message: str, hint: str) -> PolicyError:
    return PolicyError("lock-identity", f"`{key}`", message, hint)


def _unsupported(why: str) -> Identity:
    return Identity(UNSUPPORTED, subject=why)


def _shown(kind: object) -> str:
    return quoted(kind, most=60) if isinstance(kind, str) else "no text"
