"""What we make of the second opinion's answers: one verdict a bundle, or an error; never a pass by accident.

The program itself is tested in `second_opinion/`.
"""

from __future__ import annotations

import json

import pytest

from epochly_release.errors import InputError
from epochly_release.memory import FakeWorld
from epochly_release.second_opinion import (
    INSTALLED,
    NotAsked,
    Opinion,
    Signer,
    refuse_doubted,
    second_opinion,
)
from epochly_release.world import Ran

SIGNER = Signer(
    "https://github.com/acme/demo-pkg/.github/workflows/release.yml@refs/heads/main",
    "https://token.actions.githubusercontent.com",
)
PAIRS = (("/d/a.whl", "/d/a.sigstore.json"), ("/d/b.whl", "/d/b.sigstore.json"))
FOLDER = "/second-opinion"
DISK = {f"{FOLDER}/verify.mjs": b"", f"{FOLDER}/{INSTALLED}": b""}


def verdict(pair, **change):
    """A line that believes a pair, after a change."""
    line = {
        "bundle": pair[1],
        "artifact": pair[0],
        "ok": True,
        "reason": None,
        "signer": {"uri": SIGNER.uri, "issuer": SIGNER.issuer},
    }
    return json.dumps(line | change).encode() + b"\n"


def refused(pair, why="bad"):
    """A line that refuses a pair."""
    return verdict(pair, ok=False, reason=why, signer=None)


def answered(status, *lines, stderr=b"", pairs=PAIRS):
    """What we make of an answer."""
    world = FakeWorld(
        disk=dict(DISK),
        installed=frozenset({"node"}),
        programs=lambda _arguments, _cwd, _environ: Ran(status, b"".join(lines), stderr),
    )
    return second_opinion(world, FOLDER, pairs, "/d/trusted.json", SIGNER)


def test_program_is_given_the_pairs_and_no_environment():
    """The program gets each pair in order, the signer, and of our environment nothing but the path."""
    asked = []

    def program(arguments, _cwd, environ):
        asked.append((tuple(arguments), dict(environ)))
        return Ran(0, b"".join(map(verdict, PAIRS)))

    environ = {"PATH": "/bin", "NODE_OPTIONS": "--require=/evil.js"}
    world = FakeWorld(environ=environ, disk=dict(DISK), installed=frozenset({"node"}), programs=program)
    assert second_opinion(world, FOLDER, PAIRS, "/d/trusted.json", SIGNER, timestamps=2) == tuple(
        Opinion(*pair) for pair in PAIRS
    )
    ((arguments, given),) = asked
    assert given == {"PATH": "/bin"}
    assert arguments == (
        "node",
        "/second-opinion/verify.mjs",
        "--trusted-root=/d/trusted.json",
        f"--identity-uri={SIGNER.uri}",
        f"--issuer={SIGNER.issuer}",
        "--tsa-threshold=2",
        "--",
        "/d/a.whl=/d/a.sigstore.json",
        "/d/b.whl=/d/b.sigstore.json",
    )


@pytest.mark.parametrize(
    ("installed", "disk", "said"),
    [
        (frozenset(), DISK, "`node` is not on the path"),
        (frozenset({"node"}), {}, "`/second-opinion/verify.mjs` is not there"),
        (frozenset({"node"}), {f"{FOLDER}/verify.mjs": b""}, "run `npm ci --ignore-scripts` there"),
    ],
)
def test_nobody_to_ask_is_told_and_is_no_verdict(installed, disk, said):
    """Without node, script or library nothing is started, and the answer says why; it holds no opinion."""
    answer = second_opinion(
        FakeWorld(installed=installed, disk=disk), FOLDER, PAIRS, "/d/trusted.json", SIGNER
    )
    assert isinstance(answer, NotAsked)
    assert said in answer.why
    assert "hint: " in answer.why


def test_nothing_to_ask_about_is_misuse():
    """No pair is no question: a release without bundles does not pass unseen."""
    with pytest.raises(ValueError, match="no pair"):
        answered(0, pairs=())
    with pytest.raises(ValueError, match="no opinion"):
        refuse_doubted(())


def test_refusal_is_kept_with_its_reason():
    """A refused bundle keeps its reason, fit for a terminal and bounded."""
    answer = answered(1, verdict(PAIRS[0]), refused(PAIRS[1], "\x1b[2Jbad\u202e" + "x" * 1000))
    assert answer[0] == Opinion(*PAIRS[0])
    assert answer[1].reason.startswith("?[2Jbad?xxx")
    assert len(answer[1].reason) == 400


@pytest.mark.parametrize(
    ("status", "lines", "said"),
    [
        (0, [], "0 verdicts on 2"),
        (1, [], "0 verdicts on 2"),
        (0, [verdict(PAIRS[0])], "1 verdicts on 2"),
        (0, [*map(verdict, PAIRS), b"{}\n"], "3 verdicts on 2"),
        (0, [verdict(PAIRS[1]), verdict(PAIRS[0])], "neither yes nor no"),
        (0, [verdict(PAIRS[0]), verdict(PAIRS[0])], "neither yes nor no"),
        (0, [verdict(PAIRS[0]), b"\xff\xfe\n"], "not JSON"),
        (0, [verdict(PAIRS[0]), b"[" * 100_000 + b"\n"], "not JSON"),
        (0, [verdict(PAIRS[0]), b"7\n"], "neither yes nor no"),
        (0, [verdict(PAIRS[0]), verdict(PAIRS[1], ok=1)], "neither yes nor no"),
        (0, [verdict(PAIRS[0]), verdict(PAIRS[1], more=1)], "neither yes nor no"),
        (0, [verdict(PAIRS[0]), verdict(PAIRS[1], signer=None)], "neither yes nor no"),
        (
            0,
            [verdict(PAIRS[0]), verdict(PAIRS[1], signer={"uri": "x", "issuer": SIGNER.issuer})],
            "neither yes nor no",
        ),
        (0, [verdict(PAIRS[0]), verdict(PAIRS[1], reason="none")], "neither yes nor no"),
        (1, [verdict(PAIRS[0]), refused(PAIRS[1], "")], "neither yes nor no"),
        (1, [verdict(PAIRS[0]), refused(PAIRS[1], None)], "neither yes nor no"),
        (1, [verdict(PAIRS[0]), refused(PAIRS[1], ["bad"])], "neither yes nor no"),
        (1, [*map(verdict, PAIRS)], "ends with 1, which is not"),
        (0, [verdict(PAIRS[0]), refused(PAIRS[1])], "ends with 0, which is not"),
        (0, [b" " * 5_000_000], "more than"),
        (-9, [*map(verdict, PAIRS)], "ended with -9: without a word"),
        (3, [*map(verdict, PAIRS)], "ended with 3"),
    ],
)
def test_answer_that_is_none_is_an_error(status, lines, said):
    """Anything but one verdict a bundle, in order, with the exit status to match, is an error and never a pass."""
    with pytest.raises(InputError, match=said) as caught:
        answered(status, *lines)
    assert caught.value.code == "second-opinion"


def test_trouble_of_the_program_is_told_in_its_words():
    """What the program could not read is named with the program's own hint, once."""
    with pytest.raises(InputError) as caught:
        answered(2, stderr=b"`/d/trusted.json`: cannot be read: ENOENT; hint: see the path\nmore\n")
    error = caught.value
    assert (error.where, error.message, error.hint) == (
        "/d/trusted.json",
        "cannot be read: ENOENT",
        "see the path",
    )
    with pytest.raises(InputError, match=r"ended with 70: node: \?\[31mboom"):
        answered(70, stderr=b"node: \x1b[31mboom\nat line 1\n")
