"""Each rule finds what it is about, where it stands, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from epochly_release.lint.rules import RULES
from epochly_release.lint.run import lint


def test_bad_sample_gives_exactly_the_announced_findings(bad_sample, announced):
    """A workflow with one wrong thing gives the findings its comments announce, on those lines, and no other."""
    found = [(finding.rule, finding.line) for finding in lint(bad_sample.read_bytes(), bad_sample.name)]
    assert sorted(found) == sorted(announced(bad_sample))
    assert {rule for rule, _ in found} == {bad_sample.name.removesuffix(".bad.yml")}


def test_good_sample_is_clean(good_sample):
    """A workflow of the right shape, and one that only looks wrong, give no finding."""
    assert lint(good_sample.read_bytes(), good_sample.name) == ()


def test_every_rule_has_a_bad_sample(samples):
    """No rule is there that nobody has seen find something."""
    assert {path.name.removesuffix(".bad.yml") for path in samples.glob("*.bad.yml")} == {
        rule.id for rule in RULES
    }


def test_the_guide_lists_every_rule_in_order():
    """The guide's table has the rules that are there, in the order of a report."""
    guide = Path(__file__).parents[3] / "docs" / "guide" / "release-lint.md"
    assert re.findall(r"^\| `([a-z-]+)` \|", guide.read_text("utf-8"), re.MULTILINE) == [
        rule.id for rule in RULES
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_says_why_and_what_to_do(rule):
    """Whoever meets a finding learns what went wrong elsewhere, in sentences, and what to write instead, in a clause."""
    assert rule.why.endswith(".")
    assert len(rule.why.split()) > 20
    assert rule.hint[0].islower()
    assert not rule.hint.endswith(".")


@pytest.mark.parametrize(
    "step",
    [
        "- run: epochly-verify dist/* || true",
        "- run: epochly-verify dist/* | tee log",
        "- run: epochly-verify dist/* &",
        "- run: |\n          epochly-verify dist/* && echo fine\n          ls",
        "- run: |\n          set +e\n          epochly-verify dist/*\n          ls",
        "- run: if epochly-verify dist/*; then echo fine; fi",
        "- run: if test -e x; then epochly-verify dist/*; fi",
        "- run: (epochly-verify dist/*) || true",
        "- run: '{ epochly-verify dist/*; } || true'",
        "- run: '! epochly-verify dist/*'",
        "- run: 'check() { epochly-verify dist/*; }'",
        "- run: bash -c 'epochly-verify dist/*; ls'",
        "- run: bash -ec 'epochly-verify dist/*' || true",
        "- run: epochly-verify dist/*\n        shell: pwsh",
        "- run: epochly-verify dist/*\n        shell: bash {0}",
        "- run: echo $(epochly-verify dist/*)",
        "- run: echo epochly-verify dist/*",
        "- run: |\n          # epochly-verify dist/*\n          true",
        "- run: epochly-verify dist/*\n        continue-on-error: true",
        "- run: epochly-verify dist/*\n        if: ${{ inputs.check }}",
        "- run: sigstore verify github dist/*",
    ],
)
def test_verifying_that_cannot_stop_a_release_counts_for_nothing(good_with, step):
    """Only a verification whose failure keeps the files back is one."""
    assert good_with(("- run: epochly-verify --strict dist/*", step)) == ["publish-unverified"]


@pytest.mark.parametrize(
    "step",
    [
        "- run: set -e; epochly-verify dist/* && echo fine",
        "- run: |\n          set +e\n          ls\n          set -euo pipefail\n          epochly-verify dist/*\n          ls",
        "- run: |\n          if test -e x; then ls; fi\n          epochly-verify dist/*\n          ls",
        "- run: bash -euc 'epochly-verify dist/*'",
        "- run: .venv/bin/epochly-verify dist/*",
        "- run: python -m epochly_verify dist/*",
        "- run: epochly-release verify\n        if: success()",
    ],
)
def test_verifying_is_seen_however_it_is_called(good_with, step):
    """Honest ways to call the judge are all accepted."""
    assert good_with(("- run: epochly-verify --strict dist/*", step)) == []


@pytest.mark.parametrize("condition", ["always()", "${{ !cancelled() }}", "failure() || success()"])
def test_publishing_despite_failure_is_unverified(good_with, condition):
    """A job that runs although the verification failed is not held by it, nor by the comparison before it."""
    changed = good_with(("    environment: pypi\n", f'    environment: pypi\n    if: "{condition}"\n'))
    assert set(changed) == {"publish-unverified", "single-builder"}


def test_verifying_after_publishing_is_too_late(good_with):
    """A verification below the upload in the same job does not count."""
    late = "          twine upload dist/*\n          epochly-verify dist/*\n"
    changes = [
        ("- run: epochly-verify --strict dist/*", "- run: ls"),
        ("          twine upload --attestations dist/*\n", late),
    ]
    assert good_with(*changes) == ["publish-unverified"]


def test_a_verifying_job_that_may_fail_counts_for_nothing(good_with):
    """`continue-on-error` on the whole job lets the release go on."""
    change = ("    needs: compare\n", "    needs: compare\n    continue-on-error: true\n")
    assert good_with(change) == ["publish-unverified"]


def test_a_token_at_the_top_belongs_to_every_job(good_with):
    """Rights inherited from the top of the file are the job's own."""
    found = set(good_with(("permissions: {}", "permissions: {id-token: write}")))
    assert {"permissions-not-empty", "token-beside-build"} <= found


def test_write_all_holds_a_token(good_with):
    """`write-all` is `id-token: write` too."""
    found = good_with(("  build-a:\n", "  build-a:\n    permissions: write-all\n"))
    assert set(found) == {"permissions-not-empty", "token-beside-build"}


@pytest.mark.parametrize(
    "trigger", ["push:", "push:\n    tags-ignore: [x]", "create:", "release:\n    types: [published]"]
)
def test_triggers_by_which_a_tag_starts_a_release_are_found(good_with, trigger):
    """A bare `push` fires for tags as well, and so do `create` and `release`."""
    assert good_with(("workflow_dispatch:", trigger)) == ["tag-push-trigger"]


def test_secrets_handed_on_in_a_release_are_found(good_with):
    """`secrets: inherit` gives a called file everything."""
    called = "  other:\n    uses: ./.github/workflows/other.yml\n    secrets: inherit\n  confirm:\n"
    assert good_with(("  confirm:\n", called)) == ["stored-secret"]


def test_confirming_by_hand_is_accepted(good_with):
    """Downloading from the index and judging that is a confirmation as well."""
    step = (
        'pip download --require-hashes --no-deps -r released.txt\n      - run: epochly-verify *.whl "$BRANCH"'
    )
    assert good_with(('epochly-release confirm --branch "$BRANCH"', step)) == []
