"""`--explain`: the catalogue's words for one finding, and the page that is made of all of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from epochly_verify import findings
from epochly_verify.findings import Kind, catalogue
from epochly_verify.model import Layer, Severity
from epochly_verify.render.explain import explain

TOOL = Path(__file__).parents[2] / "tools" / "write_docs.py"
RECORD = Kind(
    "record-digest",
    Severity.ERROR,
    "A file is not what `RECORD` says. Whoever changed it after the build did not change the list of digests.",
    "get the file again from its publisher",
    "binary distribution format, `RECORD`; <none> of *the* [usual] installers check it",
)
HOOK = Kind("start-up-hook", Severity.WARNING, "It runs.", "read it", "T1546.018", Severity.ERROR)
KINDS = {RECORD.id: (Layer.RECORD, RECORD), HOOK.id: (Layer.INSTALL, HOOK)}


@pytest.fixture
def kinds(monkeypatch):
    """A catalogue of two."""
    monkeypatch.setattr(findings, "_KINDS", KINDS)


@pytest.fixture
def write_docs():
    """The tool that writes the pages, as a module."""
    spec = importlib.util.spec_from_file_location("write_docs", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("kinds")
def test_explain_tells_meaning_weight_layer_hint_and_source():
    """The entry of an id is told in full, wrapped at the width."""
    assert explain("record-digest", 72) == (
        "record-digest: error, layer `record`\n"
        "\n"
        "A file is not what `RECORD` says. Whoever changed it after the build did\n"
        "not change the list of digests.\n"
        "\n"
        "what to do: get the file again from its publisher\n"
        "source:     binary distribution format, `RECORD`; <none> of *the*\n"
        "            [usual] installers check it\n"
    )
    assert explain("start-up-hook").startswith(
        "start-up-hook: warning, error under `--strict`, layer `install`\n"
    )


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("record-digst", "no finding is called `record-digst`; nearest: `record-digest`"),
        ("HOOK", "no finding is called `HOOK`; nearest: `start-up-hook`"),
        ("zzz", "no finding is called `zzz`"),
        ("", "no finding is called ``"),
        ("\x1b[2J", r"no finding is called `\x1b[2J`"),
    ],
)
def test_explain_of_an_unknown_id_names_the_nearest(given, message):
    """A slip of the hand is answered with what was probably meant, safely printed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        explain(given)
    assert str(caught.value) == message


def test_explain_knows_every_kind():
    """Every id in the catalogue can be explained at any width."""
    for finding_id in catalogue():
        for width in (1, 80):
            assert explain(finding_id, width).startswith(f"{finding_id}: ")


def test_findings_page_lists_every_kind_once(write_docs):
    """The page has a heading an id, its layer's table row, and text that Markdown shows as it is."""
    page = write_docs.findings_page(KINDS)
    assert page.count("### record-digest\n") == page.count("### start-up-hook\n") == 1
    assert "| [record](#record) | [record-digest](#record-digest) |\n" in page
    assert "**warning, error under `--strict`.** It runs.\n" in page
    assert r"&lt;none> of \*the\* \[usual\] installers check it" in page


def test_findings_page_is_up_to_date(write_docs, capsys):
    """`docs/findings.md` is what the catalogue says; `make docs` writes it."""
    assert write_docs.main(["--check"]) == 0, capsys.readouterr().err


def test_findings_page_check_sees_a_stale_page(write_docs, tmp_path, monkeypatch, capsys):
    """The check fails, and writes nothing, when a page is not what the catalogue says."""
    docs = tmp_path / "docs"
    docs.mkdir()
    monkeypatch.setattr(write_docs, "DOCS", docs)
    (docs / "findings.md").write_text("old")
    assert write_docs.main(["--check"]) == 1
    assert "docs/findings.md is out of date" in capsys.readouterr().err
    assert (docs / "findings.md").read_text() == "old"
    assert write_docs.main([]) == 0
    assert write_docs.main(["--check"]) == 0
