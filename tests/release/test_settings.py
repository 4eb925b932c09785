"""Drift between the settings in git and what the forge's API answers, in files or when asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from epochly_release.memory import FakeWorld
from epochly_release.rehearsal.forge import Forge, ForgeRequest
from epochly_release.rehearsal.keys import seeded_sources
from epochly_release.settings import main
from epochly_release.settings.cli import main as settings
from epochly_release.world import Response

FOLDER = Path(__file__).parents[2] / ".github" / "settings"
IDS = ["--id", "RELEASE_APP_ID=7", "--id", "RELEASE_TEAM_ID=9"]


def environment(name, reviewers):
    """The API's answer about an environment that is as it should be."""
    rules = [{"id": 1, "node_id": "x", "type": "branch_policy"}]
    if reviewers:
        who = [{"type": "Team", "reviewer": {"id": 9, "slug": "release", "url": "https://example.org"}}]
        rules.append({"id": 2, "type": "required_reviewers", "prevent_self_review": True, "reviewers": who})
    policy = {"protected_branches": False, "custom_branch_policies": True}
    return {
        "id": 5,
        "name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "can_admins_bypass": False,
        "protection_rules": rules,
        "deployment_branch_policy": policy,
    }


def answers():
    """The API's answers where nothing has drifted, by file name."""
    found = {
        "environments": {
            "total_count": 2,
            "environments": [environment("pypi", True), environment("release-tag", False)],
        },
        "branches": {"total_count": 1, "branch_policies": [{"id": 1, "name": "main", "type": "branch"}]},
    }
    for path in sorted(FOLDER.glob("ruleset-*.json")):
        text = path.read_text("utf-8").replace('"$RELEASE_APP_ID"', "7")
        found[path.stem] = json.loads(text) | {"id": 3, "source": "o/r", "_links": {}, "node_id": "y"}
    for rule in found["ruleset-main"]["rules"]:
        if "parameters" in rule:
            rule["parameters"]["a_parameter_the_api_grew"] = []
    return found


@pytest.fixture
def checked(tmp_path, capsys):
    """Run the check on answers: (exit code, lines of stdout, stderr)."""

    def run(documents, *more):
        files = []
        for name, document in documents.items():
            path = tmp_path / f"{name}.json"
            path.write_text(document if isinstance(document, str) else json.dumps(document))
            files += [] if name == "branches" else [str(path)]
        branches = tmp_path / "branches.json"
        pairs = [part for name in ("pypi", "release-tag") for part in ("--branches", f"{name}={branches}")]
        code = main(["--settings", str(FOLDER), *(more or [*IDS, *pairs]), "--check", *files])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return run


def test_settings_that_match_have_no_drift(checked):
    """What the API adds of its own, and in whatever order it answers, is no drift."""
    documents = answers()
    documents["ruleset-main"]["rules"].reverse()
    assert checked(documents) == (0, ["no drift in 5 settings"], "")


def _rules(documents, name):
    return documents[name]["rules"]


def _pypi(documents):
    return documents["environments"]["environments"][0]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda d: d.pop("ruleset-tags-kept"), "ruleset release tags never change: is not at the forge"),
        (lambda d: _rules(d, "ruleset-tags-kept").pop(0), "`rules.update` is not set, and should be true"),
        (
            lambda d: d["ruleset-main"].update(enforcement="disabled"),
            '`enforcement` is "disabled", and should be "active"',
        ),
        (
            lambda d: d["ruleset-tags-made"]["bypass_actors"].append(
                {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
            ),
            '`bypass.RepositoryRole.5` is "always", and should not be there',
        ),
        (
            lambda d: d["ruleset-tags-made"]["conditions"]["ref_name"].update(exclude=["refs/tags/v9"]),
            '`conditions.ref_name.exclude` is ["refs/tags/v9"], and should be []',
        ),
        (
            lambda d: _pypi(d).update(can_admins_bypass=True),
            "`can_admins_bypass` is true, and should be false",
        ),
        (lambda d: _pypi(d)["protection_rules"].pop(), "`reviewer.Team.9` is not set, and should be true"),
        (
            lambda d: _pypi(d).update(deployment_branch_policy=None),
            "`branch.every branch` is true, and should not be there",
        ),
        (
            lambda d: (
                d["branches"]["branch_policies"].append({"name": "x/*"})
                or d["branches"].update(total_count=2)
            ),
            "environment pypi: `branch.branch:x/*` is true, and should not be there",
        ),
        (
            lambda d: (
                d["environments"]["environments"].append(
                    environment("staging", False) | {"deployment_branch_policy": None}
                )
                or d["environments"].update(total_count=3)
            ),
            "environment staging: is at the forge only",
        ),
    ],
)
def test_settings_that_differ_are_told_one_by_one(checked, change, line):
    """Anything weakened, added or taken away is a line that names the setting, and exit code 1."""
    documents = answers()
    change(documents)
    code, out, _ = checked(documents)
    assert code == 1
    assert any(line in one for one in out), out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["ruleset-main"].pop("bypass_actors"), "does not show `bypass_actors`"),
        (lambda d: d.update(x=[]), "a list of rulesets leaves their rules out"),
        (lambda d: d.update(x={}), "is neither a ruleset nor an environment"),
        (lambda d: d.update(x="{"), "no JSON"),
        (lambda d: d.update(x='{"a": 1, "a": 2}'), "a key stands twice"),
        (lambda d: d.update(x="[" * 100_000), "no JSON"),
        (lambda d: d.update(x='{"a":' * 50 + "1" + "}" * 50), "deeper than 20 levels"),
        (
            lambda d: d.update(
                x={"target": 1, "enforcement": 1, "rules": 3, "conditions": 0, "bypass_actors": 0}
            ),
            "where a",
        ),
        (lambda d: d["branches"].update(total_count=7), "holds no complete `branch_policies`"),
        (lambda d: d["environments"].update(total_count=31), "does not show all `environments`"),
        (
            lambda d: _pypi(d).pop("can_admins_bypass"),
            "does not show `can_admins_bypass` of environment `pypi`",
        ),
        (lambda d: _pypi(d).pop("protection_rules"), "does not show `protection_rules`"),
        (lambda d: _pypi(d).pop("deployment_branch_policy"), "does not show `deployment_branch_policy`"),
        (
            lambda d: _pypi(d)["protection_rules"][1].pop("prevent_self_review"),
            "does not show `prevent_self_review`",
        ),
        (
            lambda d: _pypi(d)["protection_rules"].append({"type": "wait_timer"}),
            "does not show `wait_timer`",
        ),
    ],
)
def test_settings_that_were_not_seen_are_no_match(checked, change, words):
    """An answer that is broken or leaves something out is exit code 2 and one line with a hint."""
    documents = answers()
    change(documents)
    code, out, err = checked(documents)
    assert (code, out) == (2, [])
    assert words in err
    assert "; hint: " in err


def test_settings_ask_for_the_numbers_they_need(checked):
    """An id that differs from forge to forge is given on the command line, and missing it is an error."""
    code, _, err = checked(answers(), "--id", "RELEASE_APP_ID=7")
    assert code == 2
    assert "`--id RELEASE_TEAM_ID=NUMBER`" in err


def test_environment_whose_branches_were_not_given_is_no_match(checked):
    """The API answers branch policies apart, so their absence is not taken for none."""
    code, _, err = checked(answers(), *IDS)
    assert code == 2
    assert "`--branches pypi=FILE`" in err


@pytest.fixture
def live(capsys):
    """Run the check against a rehearsed forge with these answers: (exit code, lines of stdout, stderr)."""
    forge = Forge(
        "https://localhost:4443", "acme/demo", seeded_sources(lambda: datetime.now(UTC), b"settings")
    )

    def run(documents, *more, token=forge.admin_token, lies=(), **environ):
        rulesets = [one for name, one in documents.items() if name.startswith("ruleset-")]
        forge.rulesets = [one | {"id": number} for number, one in enumerate(rulesets, 1)]
        forge.environments = documents["environments"]["environments"]
        policies = documents["branches"]["branch_policies"]
        forge.branch_policies = {"pypi": policies, "release-tag": policies}

        def answers(url, method, headers, body):
            parts = urlsplit(url)
            for part, answer in lies:
                if parts.path.endswith(part):
                    return answer
            named = {name.lower(): value for name, value in headers.items()}
            path = unquote(parts.path.removeprefix("/forge"))
            reply = forge.answer(ForgeRequest(method, path, dict(parse_qsl(parts.query)), named, body or b""))
            link = {"link": reply.headers["Link"]} if "Link" in reply.headers else {}
            return Response(reply.status, reply.body, link)

        known = {"GITHUB_API_URL": forge.url, "GH_TOKEN": token, **environ}
        world = FakeWorld({name: value for name, value in known.items() if value}, answers=answers)
        arguments = ["--settings", str(FOLDER), *(more or IDS), "--check", "--live", "acme/demo"]
        code = settings(arguments, world)
        out, err = capsys.readouterr()
        assert token not in out + err
        return code, out.splitlines(), err

    run.forge = forge
    return run


def test_live_settings_that_match_have_no_drift(live):
    """Asked with an administrator's rights, the forge's own answers are compared like files."""
    assert live(answers()) == (0, ["no drift in 5 settings"], "")


def test_live_settings_are_asked_for_page_by_page(live):
    """What stands on the second page of a list counts: here, a hundred environments nobody protected."""
    documents = answers()
    loose = environment("x", False) | {"deployment_branch_policy": None}
    documents["environments"]["environments"][:0] = [loose | {"name": f"x{number}"} for number in range(150)]
    code, out, _ = live(documents)
    assert (code, len(out)) == (1, 150)
    assert out[-1] == "environment x149: is at the forge only"


def test_live_settings_leave_out_what_the_organisation_sets(live):
    """A ruleset above the repository only forbids more, and is no drift of the repository."""
    above = {"name": "above", "target": "tag", "source_type": "Organization"}
    assert live(answers() | {"ruleset-above": above}) == (0, ["no drift in 5 settings"], "")


def test_live_settings_that_differ_are_told(live):
    """A rule that was switched off at the forge is drift, exit code 1."""
    documents = answers()
    documents["ruleset-tags-kept"]["enforcement"] = "evaluate"
    code, out, _ = live(documents)
    assert code == 1
    assert out == ['ruleset release tags never change: `enforcement` is "evaluate", and should be "active"']


def test_live_settings_need_an_administrators_token(live):
    """A token that is not shown who may bypass a rule knows nothing: exit code 2, never `no drift`."""
    code, out, err = live(answers(), token=live.forge.job_token)
    assert (code, out) == (2, [])
    assert "does not show `bypass_actors`" in err


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (("/rulesets", Response(403, b'{"message": "Resource not accessible"}')), "Resource not accessible"),
        (("/rulesets", Response(404, b"{}")), "answers 404"),
        (("/rulesets", Response(200, b'[{"name": "x"}]')), "shows a ruleset without `id`"),
        (("/rulesets", Response(200, b"{}")), "where a list belongs"),
        (("/rulesets/2", Response(404, b"{}")), "answers 404"),
        (("/rulesets/2", Response(200, b"{}")), "is neither a ruleset nor an environment"),
        (("/environments", Response(403, b"{}")), "answers 403"),
        (("/environments", Response(200, b"{}")), "where a list belongs"),
        (("/environments", Response(200, b'{"environments": []}')), "does not show all `environments`"),
        (("/environments", Response(200, b'{"total_count": 9, "environments": []}')), "does not show all"),
        (("/deployment-branch-policies", Response(404, b"{}")), "answers 404"),
        (("/deployment-branch-policies", Response(200, b'{"branch_policies": []}')), "does not show all"),
        (("/environments", Response(500, b"")), "answers 500"),
        (("/environments", Response(200, b"<html>")), "no JSON"),
    ],
)
def test_live_settings_that_are_not_shown_are_no_match(live, lie, words):
    """An answer that the token may not have, or that is incomplete or none, is exit code 2 and one line."""
    code, out, err = live(answers(), lies=[lie])
    assert (code, out) == (2, [])
    assert words in err
    assert "; hint: " in err
    assert err.count("\n") == 1


def test_live_settings_ask_the_public_forge_unless_told_otherwise():
    """Without `GITHUB_API_URL` the public API is meant."""
    asked = []

    def none(url, *_):
        asked.append(url)
        return Response(404)

    arguments = ["--settings", str(FOLDER), *IDS, "--check", "--live", "acme/demo"]
    assert settings(arguments, FakeWorld({"GH_TOKEN": "t"}, answers=none)) == 2
    assert [urlsplit(url).netloc for url in asked] == ["api.github.com"]


def test_live_settings_need_a_token(live):
    """Without a token nothing is asked, and nothing is known."""
    code, out, err = live(answers(), GH_TOKEN="")
    assert (code, out) == (2, [])
    assert "`GH_TOKEN`: is not set" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check"],
        ["--live", "acme/demo"],
        ["--check", "x.json", "--live", "acme/demo"],
        ["--check", "--live", "acme/demo", "--branches", "pypi=x.json"],
    ],
)
def test_settings_are_from_files_or_from_the_forge(arguments):
    """Both, or neither, is a usage error: it would not be clear what was looked at."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
