"""The policy that ships with the package, and how a user's own goes with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from epochly_verify.model import Layer
from epochly_verify.parse.policy import builtin_policy, combine
from epochly_verify.policy import INTEGRITY, Identity, Policy, Rule

OURS = ("epochly", "epochly-verify", "epochly-sbom", "epochly-release", "epochly-service")


@pytest.mark.parametrize("project", OURS)
def test_builtin_policy_names_the_release_workflow_for_each_of_ours(project):
    """Only the approved, manually started release run on the main branch may sign these."""
    rule = builtin_policy().rule_for(project)
    assert rule.identities == (
        Identity(
            kind="github",
            repository="https://github.com/epochly/epochly",
            workflow="release.yml",
            ref=("refs/heads/main",),
            environment="pypi",
            trigger=("workflow_dispatch",),
            runner="github-hosted",
        ),
    )
    assert rule.require == INTEGRITY | {Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE}


@pytest.mark.parametrize("project", ["epochly-extra", "numpy", "epochl", ""])
def test_builtin_policy_says_nothing_of_others(project):
    """A similar name inherits no trust."""
    assert builtin_policy().rule_for(project) is None


def test_combine_lets_a_users_rule_win():
    """The user's rule for a project applies; for every other project ours does; everything else is the user's."""
    mine = Rule(projects=("epochly",), origin="mine")
    user = Policy(rules=(mine,), strict=True)
    both = combine(user, builtin_policy())
    assert both.rule_for("epochly") is mine
    assert both.rule_for("epochly-verify").origin == "built-in policy: rule[0]"
    assert both.rule_for("numpy") is None
    assert both.strict is True
    assert combine(None, builtin_policy()) == builtin_policy()
    everything = Rule(origin="mine")
    assert combine(Policy(rules=(everything,)), builtin_policy()).rule_for("epochly") is everything


def test_builtin_policy_is_read_only_when_asked_for():
    """Importing the parser opens no package data."""
    probe = (
        "import sys, epochly_verify.parse.policy as p\n"
        "sys.exit('importlib.resources' in sys.modules or p.builtin_policy.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
