"""The samples: workflow files whose lines say, in a comment at their end, which rules must be found there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from epochly_release.lint.run import lint

SAMPLES = Path(__file__).parent / "samples"
_EXPECTED = re.compile(r"# expect: ([a-z-]+)\s*$")


def pytest_generate_tests(metafunc):
    """Hand each sample of a kind to the tests that ask for one."""
    bad = sorted(SAMPLES.glob("*.bad.yml"))
    if "bad_sample" in metafunc.fixturenames:
        metafunc.parametrize("bad_sample", bad, ids=[path.name for path in bad])
    if "good_sample" in metafunc.fixturenames:
        good = sorted(path for path in SAMPLES.glob("*.yml") if path not in bad)
        metafunc.parametrize("good_sample", good, ids=[path.name for path in good])


@pytest.fixture
def announced():
    """Every (rule, line) a sample announces."""

    def read(path):
        lines = enumerate(path.read_text("utf-8").splitlines(), 1)
        return [(found[1], number) for number, line in lines if (found := _EXPECTED.search(line))]

    return read


@pytest.fixture
def good_with():
    """The rules found in the good sample after pieces of its text were replaced: (old, new), ..."""

    def found(*changes):
        text = (SAMPLES / "good.yml").read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return [finding.rule for finding in lint(text.encode(), "w.yml")]

    return found


@pytest.fixture
def samples():
    """The folder of the samples."""
    return SAMPLES
