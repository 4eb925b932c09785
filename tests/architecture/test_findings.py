"""The catalogue of findings: every id is stable, told, raised by a parser or a check, and asserted by a test."""

from __future__ import annotations

import ast
import re

import pytest

from epochly_verify.findings import catalogue

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAKERS = {"Finding", "Refusal"}  # what takes an id first
RAISERS = {"parse", "checks", "authenticity", "signatures"}


def prose_faults(kind):
    """What is wrong with how one kind of finding is told."""
    if not KEBAB.fullmatch(kind.id):
        yield f"{kind.id}: not kebab-case"
    if not kind.means.endswith(".") or len(kind.means.split()) < 5:
        yield f"{kind.id}: `means` is no explanation in whole sentences"
    if not kind.hint or kind.hint.endswith(".") or kind.hint[0].isupper():
        yield f"{kind.id}: `hint` is not one lower-case clause without full stop"
    if not kind.source:
        yield f"{kind.id}: no source"


def texts_in(tree):
    """Every string a tree writes out, docstrings left aside."""
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said
    }


def ids_made(tree):
    """Every id that is written out where a finding is made: (id, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in MAKERS:
            given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "id")]
            for value in given:
                if isinstance(value, ast.Constant):
                    yield value.value, value.lineno


def unmentioned(ids, texts):
    """The ids that stand in none of the texts as a whole word."""
    words = {word for text in texts for word in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+|[a-z0-9]+", text)}
    return sorted(set(ids) - words)


def test_every_finding_is_told_in_the_same_way():
    """An id is kebab-case; its meaning is in sentences, its hint in a clause, its source named."""
    faults = [fault for _, kind in catalogue().values() for fault in prose_faults(kind)]
    assert not faults, "\n".join(faults)


def test_every_finding_can_be_raised(modules):
    """No id stands in the catalogue that no parser or check writes out."""
    raisers = [m for m in modules if m.package == "epochly_verify" and m.part in RAISERS]
    missing = unmentioned(catalogue(), [text for module in raisers for text in texts_in(module.tree)])
    assert not missing, "\n".join(missing)


def test_every_finding_made_is_in_the_catalogue(modules):
    """No parser or check makes an id that `--explain` does not know."""
    unknown = [
        f"{module.path}:{line}: {id_}"
        for module in modules
        for id_, line in ids_made(module.tree)
        if id_ not in catalogue()
    ]
    assert not unknown, "\n".join(unknown)


def test_every_finding_is_asserted_by_a_test(committed):
    """No id lives without a test that expects it by name."""
    tests = [
        text
        for path, data in committed.items()
        if re.fullmatch(r"tests/(?!architecture/|vectors/).*\.(py|toml|json)", path)
        for text in ([data.decode()] if not path.endswith(".py") else texts_in(ast.parse(data)))
    ]
    missing = unmentioned(catalogue(), tests)
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", "Bad_Id"), ("means", "no sentence"), ("hint", "Do this."), ("hint", ""), ("source", "")],
)
def test_prose_faults_sees_a_planted_fault(field, value):
    """The rule catches each way of telling a finding badly."""
    from dataclasses import replace

    from epochly_verify.findings import Kind
    from epochly_verify.model import Severity

    means = "A member stands twice. Two readers may take two different contents from one file."
    good = Kind("member-twice", Severity.ERROR, means, "ask the publisher", "PKWARE APPNOTE 4.3.1")
    assert list(prose_faults(good)) == []
    assert len(list(prose_faults(replace(good, **{field: value})))) == 1


def test_unmentioned_sees_a_planted_id():
    """An id that is only part of another word does not count as mentioned."""
    assert unmentioned(["member-twice", "zip"], ["member-twice-over", "an `unzip` of it"]) == [
        "member-twice",
        "zip",
    ]
    assert unmentioned(["member-twice"], ["expects member-twice here"]) == []


def test_texts_in_leaves_docstrings_aside():
    """A test that only talks about an id does not assert it."""
    tree = ast.parse("def f():\n    'a-b is talked about'\n    assert ids == {'c-d'}")
    assert texts_in(tree) == {"c-d"}


def test_ids_made_sees_a_planted_finding():
    """The rule reads an id given by position and by name."""
    tree = ast.parse(
        "Finding('a-b', s, m)\nmodel.Finding(id='c-d', subject=s, message=m)\nraise Refusal('e-f', s, m)\nOther('g-h')"
    )
    assert sorted(id_ for id_, _ in ids_made(tree)) == ["a-b", "c-d", "e-f"]
