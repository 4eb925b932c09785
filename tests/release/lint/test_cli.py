"""The command: exit codes, formats, and files that cannot be read."""

from __future__ import annotations

import json

import pytest

from epochly_release.lint.main import main
from epochly_release.lint.rules import RULES


@pytest.mark.parametrize("shape", ["text", "json", "sarif"])
def test_exit_code_does_not_depend_on_the_format(samples, capsys, shape):
    """0 clean, 1 findings, 2 unreadable, in every format."""
    good, bad = str(samples / "good.yml"), str(samples / "cache-in-release.bad.yml")
    assert main(["--format", shape, good]) == 0
    assert main(["--format", shape, bad, good]) == 1
    assert main(["--format", shape, bad, str(samples / "absent.yml")]) == 2
    capsys.readouterr()


def test_text_names_file_line_rule_and_hint(samples, capsys):
    """A reader can jump to the place and knows what to write."""
    path = str(samples / "checkout-keeps-credentials.bad.yml")
    main([path])
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{path}:10: checkout-keeps-credentials: job `build-a` leaves")
    assert out[1] == "    hint: give `persist-credentials: false`"
    assert out[-1] == "1 finding in 1 workflow"


def test_json_has_its_own_shape(samples, capsys):
    """The document says what was read, what was found and what was not read."""
    main(["--format", "json", str(samples / "pull-request-target.bad.yml"), str(samples / "absent.yml")])
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "epochly-release/lint/v1"
    assert [finding["rule"] for finding in document["findings"]] == ["pull-request-target"]
    assert [error["code"] for error in document["unread"]] == ["unreadable"]
    assert len(document["workflows"]) == 1


def test_sarif_has_the_place_and_every_rule(samples, capsys):
    """A viewer gets the line, the rules with their reasons, and is told when a file was not read."""
    main(["--format", "sarif", str(samples / "pull-request-target.bad.yml"), str(samples / "absent.yml")])
    run = json.loads(capsys.readouterr().out)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    (result,) = run["results"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "pull-request-target"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 5}
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_folder_is_linted_whole_and_an_empty_one_is_not_clean(samples, tmp_path, capsys):
    """All workflows of a folder are read; where there is none, nothing was looked at."""
    assert main([str(samples)]) == 1
    assert main([str(tmp_path)]) == 2
    assert "no workflow in it; hint:" in capsys.readouterr().err


def test_default_folder_is_that_of_the_forge(tmp_path, monkeypatch, samples, capsys):
    """Without arguments the repository's own workflows are linted."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "release.yaml").write_bytes((samples / "good.yml").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert capsys.readouterr().out == "no findings in 1 workflow\n"


def test_explain_says_why(capsys):
    """Each rule can be asked for its reason; an unknown one is a usage error."""
    assert main(["--explain", "single-builder"]) == 0
    assert "TanStack" in capsys.readouterr().out
    assert main(["--explain", "nothing"]) == 2


def test_hostile_names_do_not_reach_the_terminal(tmp_path, capsys):
    """What a workflow calls itself cannot move the cursor or break a line."""
    path = tmp_path / "w.yml"
    path.write_text(
        'on: push\npermissions: {}\njobs:\n  "a\\e[2J\\nb":\n    steps: [{uses: "x\\e[31my@v1"}]\n'
    )
    assert main([str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out
