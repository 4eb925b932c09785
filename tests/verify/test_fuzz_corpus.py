"""Every input the fuzzer starts from, and every one that once broke a target, is judged as its target promises."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "fuzz"
if str(FUZZ) not in sys.path:
    sys.path.insert(0, str(FUZZ))
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.py"))
MOST_BYTES = 1_000_000  # of the whole corpus: it is for starting, not for keeping what a search found

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error


@pytest.mark.parametrize("name", TARGETS)
def test_corpus_holds_for_its_target(name):
    """No seed and no former finding breaks its target, and neither does nothing at all."""
    target = importlib.import_module(f"fuzz_{name}")
    assert callable(target.mutate)
    target.one_input(b"")
    seeds = sorted((FUZZ / "corpus" / name).iterdir())
    assert seeds
    for seed in seeds:
        target.one_input(seed.read_bytes())


def test_corpus_has_a_folder_for_every_target_and_no_other():
    """A target without seeds would search in the dark, and seeds without a target are forgotten."""
    assert sorted(path.name for path in (FUZZ / "corpus").iterdir()) == TARGETS


def test_corpus_is_small():
    """The whole corpus stays below a megabyte."""
    assert sum(path.stat().st_size for path in (FUZZ / "corpus").rglob("*") if path.is_file()) < MOST_BYTES


def test_every_parser_of_bytes_has_a_target():
    """A parser that is handed foreign bytes is imported by some target."""
    source = "".join(path.read_text("utf-8") for path in FUZZ.glob("*.py"))
    parse = FUZZ.parent / "verify" / "src" / "epochly_verify" / "parse"
    readers = [path.stem for path in parse.glob("*.py") if "data: bytes" in path.read_text("utf-8")]
    through_others = {
        "distinfo", "retain", "fields", "headers", "hash_source", "dependency_specifiers", "tables", "tomlfields",
        "zipinflate", "zipformat", "tarformat", "digests", "source", "gzipstream", "zip", "tar",
    }  # fmt: skip
    assert [name for name in readers if f"parse.{name} " not in source and name not in through_others] == []
