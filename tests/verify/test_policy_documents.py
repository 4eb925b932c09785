"""The guide, the schema and the parser say the same of policy files."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from epochly_verify.errors import PolicyError
from epochly_verify.limits import Limits
from epochly_verify.model import Layer
from epochly_verify.parse.identity import KEYS, key_name
from epochly_verify.parse.policy import parse_policy

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/spec/policy-v1.schema.json").read_text("utf-8"))
GUIDE = (ROOT / "docs/guide/policy.md").read_text("utf-8")
BUILTIN = (ROOT / "verify/src/epochly_verify/data/policy.toml").read_text("utf-8")
(EXAMPLE,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
HEAD = 'schema = "epochly-verify/policy/v1"\n'
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def valid(text):
    """Whether the schema accepts a TOML text."""
    return VALIDATOR.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", [EXAMPLE, BUILTIN])
def test_complete_examples_are_read_and_fit_the_schema(text):
    """What the guide shows works as it stands, and so does what we ship."""
    assert parse_policy(text.encode(), "guide").rules
    assert valid(text)


def test_guide_example_does_what_its_comments_say():
    """Each project of the example gets the rule the reader expects."""
    policy = parse_policy(EXAMPLE.encode(), "guide")
    chosen = {name: policy.rule_for(name) for name in ("rfc8785", "acme-x", "in-house-y", "numpy")}
    assert [rule.origin for rule in chosen.values()] == [
        "guide: rule[0]",
        "guide: rule[1]",
        "guide: rule[3]",
        "guide: identity",
    ]
    assert Layer.PROVENANCE in chosen["rfc8785"].require
    assert Layer.SIGNATURE not in chosen["in-house-y"].require


def test_guide_lists_every_kind_with_all_its_keys():
    """The table of the guide is complete."""
    rows = {
        kind: set(re.findall(r"`([a-z-]+)`", keys))
        for kinds, keys in re.findall(r"^\| (`[^|]+) \|[^|]+\| ([^|]+) \|$", GUIDE, re.MULTILINE)
        for kind in re.findall(r"`([a-z]+)`", kinds)
    }
    assert rows == {kind: {key_name(key) for key in keys} for kind, keys in KEYS.items()}


def test_schema_knows_the_same_keys_as_the_parser():
    """A key added to one and not the other is noticed."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    definitions = SCHEMA["$defs"]
    for kind, keys in KEYS.items():
        assert set(definitions[f"identity-{kind}"]["properties"]) == {"kind", *map(key_name, keys)}
    assert definitions["identity"]["oneOf"] == [{"$ref": f"#/$defs/identity-{kind}"} for kind in KEYS]
    assert set(SCHEMA["properties"]["limits"]["properties"]) == {
        key_name(field.name) for field in fields(Limits)
    }
    assert set(definitions["layer"]["enum"]) == {"integrity", *Layer}


@pytest.mark.parametrize(
    "text",
    [
        "schema = 'other'",
        HEAD + "surprise = 1",
        HEAD + "require = []",
        HEAD + "require = ['nothing']",
        HEAD + "[limits]\nmembers = 0",
        HEAD + "[limits]\nsurprise = 1",
        HEAD + "[severity]\nidentity-mismatch = 'off'",
        HEAD + "[[rule]]\nrequire = 'hash'",
        HEAD + "[[identity]]\nkind = 'github'",
        HEAD + "[[identity]]\nkind = 'github'\nworkflow = 'x.yml'",
        HEAD + "[[identity]]\nkind = 'any'\nsubject = 'x'",
        HEAD + "[[identity]]\nkind = 'email'\nrepository = 'a/b'\nsubject = 'a@b'",
        HEAD + "[[identity]]\nkind = 'github'\nrepository = 'a/b'\nrunner = 'mine'",
        HEAD + "[[identity]]\nkind = 'github'\nrepository = 'a/b'\ncommit = 'abc'",
        HEAD + "[[identity]]\nkind = 'key'\nkey-id = 'abc'",
        HEAD + "[[identity]]\nkind = 'github'\nsubject = '*'",
    ],
)
def test_schema_refuses_what_the_parser_refuses(text):
    """An editor that knows the schema marks the same mistakes."""
    with pytest.raises(PolicyError):
        parse_policy(text.encode(), "x")
    assert not valid(text)
