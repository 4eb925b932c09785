"""The configuration and the plan: strict, pure, the same for the same commit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from epochly_release.checkout import Repository, gather_facts
from epochly_release.config import parse_config
from epochly_release.errors import InputError, Refused
from epochly_release.plan import Facts, plan_from_facts

TEXT = (Path(__file__).parent / "sample_project" / "pyproject.toml").read_bytes()
CONFIG = parse_config(TEXT, "pyproject.toml")
FILES = {"VERSION": b"1.0\n", "pyproject.toml": TEXT}


def facts(**files):
    """Facts of one commit, with some files replaced."""
    return Facts(
        "c" * 40,
        1_700_000_001,
        "0" * 64,
        FILES | {name.replace("_", "."): data for name, data in files.items()},
    )


def test_plan_names_commit_version_tag_and_files():
    """A plan says what will come out before anything is built."""
    plan = plan_from_facts(CONFIG, facts())
    (distribution,) = plan.distributions
    assert (plan.commit, plan.epoch, plan.version, plan.tag) == ("c" * 40, 1_700_000_001, "1.0", "1.0")
    assert (distribution.name, distribution.sdist) == ("sample-project", "sample_project-1.0.tar.gz")
    assert plan.of_file("sample_project-1.0-py3-none-any.whl") == distribution
    assert plan.of_file("sample_project-1.0.1.tar.gz") is None


def test_plan_hash_is_of_its_content():
    """Equal facts give an equal hash, and another commit another."""
    plan = plan_from_facts(CONFIG, facts())
    other = Facts("d" * 40, 1_700_000_001, "0" * 64, FILES)
    assert plan.sha256() == plan_from_facts(CONFIG, facts()).sha256()
    assert plan.sha256() != plan_from_facts(CONFIG, other).sha256()


@pytest.mark.parametrize("text", [b"", b"one", b"1.0.0-rc1", b"v1.0", b"1.0\n1.1", b"\xff"])
def test_version_file_without_a_plain_version_is_refused(text):
    """A version is written in its normal form or not at all."""
    with pytest.raises(Refused, match=r"`VERSION`.*hint"):
        plan_from_facts(CONFIG, facts(VERSION=text))


def test_pyproject_with_another_version_is_refused():
    """A static version that disagrees with the version file stops the release."""
    with pytest.raises(Refused, match=r"says version '1\.0', not `2\.0`"):
        plan_from_facts(CONFIG, facts(VERSION=b"2.0"))


@pytest.mark.parametrize("text", [b"", b"[project]\nname = 3", b"[project]\nname = '../x'", b"[", b"\xff"])
def test_pyproject_without_a_project_is_refused(text):
    """A folder that holds no project is named."""
    with pytest.raises(Refused, match=r"`pyproject\.toml`"):
        plan_from_facts(CONFIG, facts(pyproject_toml=text))


def test_facts_come_from_the_commit_and_not_from_the_working_tree(project, machine):
    """What was changed but not committed has no influence on the plan."""
    (project / "VERSION").write_text("9.9\n")
    found = gather_facts(Repository(str(project), machine), "HEAD", CONFIG, TEXT)
    assert (found.files["VERSION"], found.epoch) == (b"1.0\n", 1_700_000_001)


def test_config_reads_the_ten_lines():
    """The sample's configuration has ten lines and is understood."""
    assert len(tomllib.loads(TEXT.decode())["tool"]["epochly-release"]) == 9
    assert (CONFIG.distributions, CONFIG.build_lock, CONFIG.locks[0].source) == (
        (".",),
        "build.txt",
        "build.in",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tag = "{version}"', 'tagg = "x"', "unknown key 'tagg'"),
        ('tag = "{version}"', 'tag = "release"', "`tag` cannot be"),
        ('workflow = "release.yml"\n', "", "no key `workflow`"),
        ('version-file = "VERSION"', 'version-file = "../VERSION"', "leaves the repository"),
        ('distributions = ["."]', "distributions = []", "`distributions`"),
        ('distributions = ["."]', "distributions = [1]", "`distributions` cannot be 1"),
        ('build-lock = "build.txt"', 'build-lock = "other.txt"', "not in `locks`"),
        ('tag = "{version}"', 'index = "ftp://x"', "`index` cannot be"),
        ('tag = "{version}"', "same-path = 1", "`same-path`"),
        ("[tool.epochly-release]", "[tool.other]", "no table"),
        ("[tool.epochly-release]", "[tool", "is no TOML"),
    ],
)
def test_config_that_is_wrong_names_the_key(old, new, message):
    """Every mistake in the configuration stops with a line that names it, and a hint."""
    with pytest.raises(InputError, match="hint: ") as caught:
        parse_config(TEXT.replace(old.encode(), new.encode()), "pyproject.toml")
    assert message in str(caught.value)
