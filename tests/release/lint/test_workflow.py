"""Reading a workflow: what it says is kept with its lines, and anything else is refused in one clear line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_release.lint.errors import LintError
from epochly_release.lint.run import lint
from epochly_release.lint.workflow import parse_workflow

TINY = "on: push\njobs:\n  a:\n    steps:\n      - run: ls\n"


def refusal(text):
    """The error a text is refused with."""
    with pytest.raises(LintError) as caught:
        parse_workflow(text.encode(), "w.yml")
    return caught.value


def test_workflow_keeps_words_and_lines():
    """`on` is no truth value, `1.10` no number, and every value knows its line."""
    text = TINY.replace(
        "run: ls",
        "run: |\n          one\n          two\n        env: {A: 1.10, B: on}\n        if: ${{ always() }}",
    )
    workflow = parse_workflow(text.encode(), "w.yml")
    step = workflow.jobs[0].steps[0]
    assert list(workflow.triggers) == ["push"]
    assert (step.env["A"].text, step.env["B"].text, step.env["A"].line) == ("1.10", "on", 8)
    assert (step.run.line, step.run.line_of(1), step.condition) == (5, 7, "always()")


def test_workflow_reads_anchors_where_they_are_used():
    """An alias stands for the same value."""
    text = TINY.replace("steps:", "steps: &steps") + "  b:\n    steps: *steps\n"
    assert [job.steps[0].run.text for job in parse_workflow(text.encode(), "w.yml").jobs] == ["ls", "ls"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("[]", "odd-workflow"),
        ("on: push", "odd-workflow"),
        ("jobs: {}\non: push", "odd-workflow"),
        (TINY + "on: x\n", "key-twice"),
        (TINY + '"on": x\n', "key-twice"),
        (TINY + "<<: {a: b}\n", "merge-key"),
        (TINY + "env: !!python/object:os.system {}\n", "tag"),
        (TINY + "---\na: b\n", "several-documents"),
        (TINY + "env: &a {b: *a}\n", "bad-alias"),
        (TINY + "env: *nothing\n", "bad-alias"),
        (TINY + "env: {? [a] : b}\n", "odd-key"),
        (TINY + "env: " + "[" * 40 + "]" * 40, "too-deep"),
        (TINY + "env: " + "[" * 100_000, "too-deep"),
        (TINY + "\tx: y", "not-yaml"),
        (TINY + 'name: "\\UFFFFFFFF"', "not-yaml"),
        ("%YAML " + "9" * 5000 + ".1\n---\n" + TINY, "not-yaml"),
        (TINY + "permissions: all\n", "odd-workflow"),
        (TINY + "permissions: {contents: admin}\n", "odd-workflow"),
        (TINY.replace("- run: ls", "- name: x"), "odd-workflow"),
        (TINY.replace("- run: ls", "- run: [ls]"), "odd-workflow"),
        (TINY.replace("- run: ls", "- {run: a, uses: b}"), "odd-workflow"),
        (TINY.replace("steps:", "needs: {a: b}\n    steps:"), "odd-workflow"),
        (TINY.replace("steps:\n      - run: ls", "x: y"), "odd-workflow"),
        (TINY + "".join(f"  a{n}: {{steps: [{{run: ls}}]}}\n" for n in range(300)), "odd-workflow"),
        ("#" * 600_000, "too-large"),
    ],
)
def test_workflow_that_is_none_is_refused(text, code):
    """What GitHub would not run, or two readers may read in two ways, is an error with its own code, never clean."""
    error = refusal(text)
    assert error.code == code
    assert "; hint: " in str(error)
    assert "\n" not in str(error)


def test_workflow_that_blows_up_by_aliases_is_refused():
    """Nine levels of nine aliases are counted as what they stand for, before anything is made of them."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    assert refusal(bomb + TINY).code == "too-many"


def test_workflow_that_is_no_utf8_is_refused():
    """Bytes that are no text have not been looked at."""
    with pytest.raises(LintError, match="no UTF-8"):
        parse_workflow(b"on: \xff", "w.yml")


@given(
    st.binary(max_size=200)
    | st.text(alphabet="on:jbs stepru-&*{}[]'\"|>\n#?!%", max_size=200).map(str.encode)
)
def test_any_bytes_give_findings_or_a_refusal(data):
    """No bytes lead to anything but findings or a `LintError`."""
    try:
        lint(data, "w.yml")
    except LintError as error:
        told = str(error)
    else:
        return
    assert "; hint: " in told
