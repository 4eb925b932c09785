"""The negative rehearsal: every attack is refused by whom it must be, and a row that is anything else is a failure."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_release import NOW, planned, released

from epochly_release.errors import InputError
from epochly_release.rehearsal import cli
from epochly_release.rehearsal.attacks import ATTACKS, ORDER, Attack, all_refused, run_attacks, table, uploads
from epochly_release.rehearsal.attacks.model import By, NotRefused, Outcome, Row
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.rehearse import publisher_of, run_of
from epochly_release.rehearsal.serve import serve
from epochly_release.world import Machine

PROMISED = (
    "replayed token",
    "wrong repository",
    "wrong workflow",
    "wrong ref",
    "wrong environment",
    "tag-push trigger",
    "expired certificate",
    "certificate for another key",
    "forged checkpoint",
    "forged SCT",
    "entry from another log",
    "tampered wheel after signing",
    "swapped bundle",
    "SBOM of another version",
    "wheel rebuilt from another commit",
    "upload with a static token",
    "file already exists",
)
REFUSERS = {
    "replayed token": {"index"},
    "wrong repository": {"index", "attest"},
    "wrong workflow": {"index", "attest"},
    "wrong environment": {"index", "attest", "epochly-verify"},
    "wrong ref": {"attest", "epochly-verify"},
    "tag-push trigger": {"attest", "epochly-verify"},
    "expired certificate": {"epochly-verify"},
    "certificate for another key": {"log", "epochly-verify"},
    "forged checkpoint": {"epochly-verify"},
    "forged SCT": {"epochly-verify"},
    "entry from another log": {"epochly-verify"},
    "tampered wheel after signing": {"epochly-verify", "index", "publish"},
    "swapped bundle": {"epochly-verify"},
    "SBOM of another version": {"epochly-verify"},
    "wheel rebuilt from another commit": {"verify", "epochly-verify"},
    "upload with a static token": {"publish", "index"},
    "file already exists": {"publish", "index"},
}
HERE = By("here", "no")
GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "rehearse.md"


class Scenes:
    """The services, a release made with them, and a machine to attack from."""

    def __init__(self, served, honest, sources):
        self.served, self.honest, self.sources = served, honest, sources
        self.world = Machine(os.environ, lambda: NOW, lambda _text: None)

    def rows(self, *attacks):
        """The rows of these attacks."""
        return run_attacks(attacks, self.served, self.honest, self.sources, self.world)

    def state(self):
        """All that an attack must leave as it was."""
        instance, folder = self.served.instance, Path(self.honest.places.out)
        names = [name for name in instance.index.files if "-1.0" in name and ".post" not in name]
        return {
            "files": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in folder.iterdir()
                if path.is_file()
            },
            "run": instance.issuer.run,
            "services": (instance.fulcio, instance.rekor2),
            "index": {name: instance.index.files[name] for name in names},
            "tags": dict(instance.forge.tags.refs),
            "releases": dict(instance.forge.releases.held),
        }


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """One small release for all tests, and its services alive."""
    folder = tmp_path_factory.mktemp("attacked")
    plan = planned(folder / "repository")
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    (folder / "tls").mkdir()
    with (
        serve(folder / "tls", run_of(plan), [publisher_of(plan)], sources) as served,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", str(served.files.ca_file))  # the library that signs reads it
        (folder / "trust.json").write_text(json.dumps(served.instance.trust_config))
        yield Scenes(served, released(served, plan, str(folder)), sources)


@pytest.fixture(scope="module")
def attacked(scenes):
    """Every attack, run once: the state before, the rows, the state after."""
    before = scenes.state()
    return before, scenes.rows(*ATTACKS), scenes.state()


@pytest.mark.parametrize(
    "number", range(len(ATTACKS)), ids=[f"{each.name}-{each.refused_by.component}" for each in ATTACKS]
)
def test_attack_is_refused_by_whom_it_must_be(attacked, number):
    """The named component refuses it by the named code, and lets the control through."""
    row = attacked[1][number]
    assert row.attack is ATTACKS[number]
    assert row.fault == ""
    assert isinstance(row.control, NotRefused)
    assert isinstance(row.outcome, Outcome)
    assert row.outcome.words.strip()


def test_attacks_are_all_that_were_promised():
    """Each attack that the release promises to withstand is there, with everybody who must refuse it."""
    there = {name: {each.refused_by.component for each in ATTACKS if each.name == name} for name in PROMISED}
    assert there == REFUSERS
    assert {each.name for each in ATTACKS} == set(ORDER)


def test_attacks_leave_the_release_and_the_services_as_they_were(attacked):
    """Files, identity, services, tags, releases and the index's files of the release are what they were."""
    before, _, after = attacked
    assert after == before


def test_sigstore_is_asked_about_every_forged_bundle(attacked):
    """The real client refuses what is forged, and takes what only our policy or the SBOM tells apart."""
    said = {
        (row.attack.name, row.attack.refused_by.code): row.sigstore for row in attacked[1] if row.sigstore
    }
    accepted = {name for (name, _), words in said.items() if words == "accepts"}
    assert accepted == {"wrong environment", "SBOM of another version"}
    assert set(said.values()) == {"accepts", "refuses"}
    assert {name for name, _ in said} >= {
        "expired certificate",
        "forged checkpoint",
        "forged SCT",
        "swapped bundle",
    }


def test_client_that_signs_for_another_key_believes_it_signed(attacked):
    """With an accomplice for a log, the real client ends well, and the judge still refuses."""
    (row,) = [row for row in attacked[1] if str(row.attack.refused_by) == "epochly-verify: signature-invalid"]
    assert row.sigstore == "refuses"


def refuses(by=HERE):
    """Refuses the malicious, and only that."""
    return lambda scene, *, malicious: Outcome(by, "no") if malicious else NotRefused("yes")  # noqa: ARG005


def cannot(scene, *, malicious):  # noqa: ARG001 - the form of every attack
    """A machine on which the attack cannot be tried."""
    raise InputError("no-program", "twine", "is not there", "install it")


FAILING = {
    "not refused": (lambda scene, *, malicious: NotRefused("published"), "not refused: published"),  # noqa: ARG005
    "refused by another component": (
        refuses(By("there", "no")),
        "refused by another than `here: no`: there: no",
    ),
    "refused under another code": (
        refuses(By("here", "maybe")),
        "refused by another than `here: no`: here: maybe",
    ),
    "control refused": (
        lambda scene, *, malicious: Outcome(HERE, "always"),  # noqa: ARG005
        "the control was refused, by here: no: always",
    ),
    "program missing": (cannot, "the control could not be run: no-program: `twine`: is not there"),
}


@pytest.mark.parametrize(("run", "fault"), FAILING.values(), ids=FAILING)
def test_row_that_is_not_a_refusal_by_the_named_one_is_a_fault(scenes, run, fault):
    """An attack that got through, or was refused elsewhere, or with its control, fails the rehearsal and is shown."""
    rows = scenes.rows(Attack("good", "nothing", HERE, refuses()), Attack("planted", "nothing", HERE, run))
    assert [row.fault.startswith(fault) for row in rows] == [False, True]
    assert not all_refused(rows)
    assert fault.split(":", maxsplit=1)[0] in " ".join(" ".join(table(rows, str)).split())


def test_no_attack_at_all_is_a_failure():
    """An empty table has refused nothing."""
    assert not all_refused(())


def test_client_that_is_not_there_is_no_refusal(scenes, monkeypatch):
    """That nothing was uploaded because there is no client is a fault, not a pass."""
    monkeypatch.setitem(uploads._CLIENTS, "no_such_client", ())
    (row,) = scenes.rows(
        Attack("static", "upload", By("index", "403"), uploads._static_with("no_such_client"))
    )
    assert "No module named no_such_client" in row.fault


@pytest.fixture
def rehearsing(scenes, monkeypatch, tmp_path):
    """The command `rehearse --attacks` with one attack, after a release that is taken to have gone through."""
    plan, repository = scenes.honest.plan, scenes.honest.places.repository
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_plan", lambda *_: (plan, repository, ()))
    for step in ("rehearse", "_judged", "_second_opinion"):
        monkeypatch.setattr(cli, step, lambda *_: True)

    def command(run):
        monkeypatch.setattr(cli, "ATTACKS", (Attack("planted", "nothing", HERE, run),))
        return cli.main(["--network", "loopback", "--attacks"])

    return command


@pytest.mark.parametrize(("run", "code"), [(refuses(), 0), *((run, 1) for run, _ in FAILING.values())])
def test_rehearse_ends_with_one_unless_every_attack_is_refused(rehearsing, capsys, run, code):
    """Exit code 0 only when each attack was refused by whom it must be, 1 for anything else, with the reason shown."""
    assert rehearsing(run) == code
    assert ("FAULT: " in capsys.readouterr().out) == bool(code)


def test_table_fits_a_terminal_and_shows_every_word():
    """No line is wider than a log shows, and no control character comes through from a component's words."""
    words = "a \x1b[31mvery\x1b[0m long " + "explanation " * 20
    attack = Attack(
        "a name that is rather long",
        "something that takes a few words to say",
        By("x", "a-very-long-code" * 3),
        refuses(),
    )
    rows = (
        Row(attack, NotRefused("yes"), Outcome(attack.refused_by, words), "refuses"),
        Row(attack, NotRefused("yes"), NotRefused("got through " * 20)),
    )
    lines = list(table(rows, lambda good: "+" if good else "-"))
    assert max(map(len, lines)) <= cli.WIDTH
    assert "\x1b" not in "".join(lines)
    assert [line[:2] for line in lines if line[0] in "+-"] == ["++", "-+"]


def test_guide_names_who_refuses_each_attack():
    """The table in the guide is the table of the rehearsal."""
    text = GUIDE.read_text("utf-8")
    shown = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1] in ORDER:
            shown[cells[1]] = set(cells[2].replace("`", "").split("<br>"))
    assert shown == {name: {str(each.refused_by) for each in ATTACKS if each.name == name} for name in ORDER}
