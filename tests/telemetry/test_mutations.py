"""Each guard against text in events is taken out of a copy, and tests of that copy fail; untouched, they pass.

A copy has the sources of client and service, the tools, the specifications and these tests. What a change makes is made again before the tests
look, so that they fail for what it is and not for being out of date.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = (
    "src",
    "service/src",
    "tools",
    "docs/spec",
    "docs/security",
    "tests/telemetry",
    "tests/net",
    "tests/network_proof",
)
FILES = ("pyproject.toml", "VERSION", "tests/conftest.py")
KINDS, EVENTS, BATCH, TRIPWIRE = (
    f"src/epochly/telemetry/{name}.py" for name in ("kinds", "events", "batch", "tripwire")
)
TEXT_IN_TOOLS = [  # a kind of text: read by the tools, made a `str` of
    ("tools/telemetry_registry.py", '    "share": {},\n', '    "share": {},\n    "text": {},\n'),
    ("tools/write_telemetry.py", '"bool" if field.kind == "flag" else', '"bool" if field.kind == "flag" else "str" if field.kind == "text" else'),
    ("docs/spec/telemetry-v1.toml", "fields.part = {", 'fields.who = { kind = "text", says = "who" }\nfields.part = {'),
]  # fmt: skip
HOLDS = "return type(value) is str and value in self.of"
MUTATIONS = {  # name -> changes, tests that have to fail
    "a field of a kind of text": (
        TEXT_IN_TOOLS,
        ["test_registry.py::test_no_field_can_hold_a_free_string", "test_registry.py::test_functions_of_the_client_take_no_string"],
    ),
    "a literal that somebody wrote": (
        [
            ("docs/spec/telemetry-v1.toml", '"linux", "darwin"', '"linux", "of-alice_smith.and-of-her-whole-family", "darwin"'),
            ("tools/telemetry_registry.py", "{0,31}", "{0,99}"),
        ],
        ["test_registry.py::test_another_registry_is_refused"],
    ),
    "a function that takes any text": (
        [(EVENTS, "def fault(*, part: Fault)", "def fault(*, part: str)")],
        ["test_registry.py::test_functions_of_the_client_take_no_string", "test_registry.py::test_everything_made_is_what_the_registry_makes"],
    ),
    "an enum that holds any text": (
        [(KINDS, HOLDS, "return type(value) is str")],
        ["test_registry.py::test_a_fact_is_what_the_registry_has_or_none", "test_closed_world.py::test_events_hold_nothing_but_words_of_the_registry"],
    ),
    "any fact is registered": (
        [(KINDS, "    event = events.get(fact[0]) if", "    return True\n    event = events.get(fact[0]) if")],
        ["test_counters.py::test_what_is_not_registered_is_not_counted", "test_closed_world.py::test_events_hold_nothing_but_words_of_the_registry"],
    ),
    "a batch that holds any fact": (
        [(BATCH, "and is_registered(fact, EVENTS)", "")],
        ["test_post.py::test_each_guard_holds_without_the_others"],
    ),
    "a tripwire that is silent": (
        [(TRIPWIRE, "        size, room = 0, MOST_READ\n", '        return ""\n        size, room = 0, MOST_READ\n')],
        ["test_tripwire.py::test_every_shape_fires", "test_people.py::test_whatever_they_are_called_it_is_found"],
    ),
}  # fmt: skip
pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path):
    """A copy of all that these tests need."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def failed(copy, tests):
    """Which of the tests fail in a copy, and what pytest said."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(copy / "src"), str(copy / "service/src")])}
    names = [f"tests/telemetry/{name}" for name in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names],
        cwd=copy,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return {name for name in tests if f"FAILED tests/telemetry/{name}" in done.stdout}, done.stdout


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_guard_that_is_taken_out_is_missed(copy, name):
    """With this change, each of the tests that answer for the guard fails."""
    changes, tests = MUTATIONS[name]
    for place, old, new in changes:
        text = (copy / place).read_text("utf-8")
        assert old in text, (place, old)
        (copy / place).write_text(text.replace(old, new, 1), "utf-8")
    if any(place.startswith(("docs/", "tools/")) for place, _, _ in changes):
        subprocess.run([sys.executable, str(copy / "tools/write_telemetry.py")], check=True, cwd=copy)
    found, said = failed(copy, tests)
    assert found == set(tests), said[-4_000:]


def test_without_a_change_these_tests_pass(copy):
    """The control: a copy as it is fails none of them."""
    tests = sorted({name for _, names in MUTATIONS.values() for name in names})
    found, said = failed(copy, tests)
    assert found == set(), said[-4_000:]
    assert " passed" in said
