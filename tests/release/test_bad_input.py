"""What stops a release: one clear line, a hint, and a journal that says where. Nothing leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from released import Release, committed_project, plan_of, services

from epochly_release.errors import InputError, ReleaseError
from epochly_release.manifest import MANIFEST
from epochly_release.rehearsal.network import can_enter
from epochly_release.steps import JOURNAL
from epochly_release.world import Machine

WHEEL, SDIST = "small_thing-1.0-py3-none-any.whl", "small_thing-1.0.tar.gz"


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A release that is verified, and not published yet."""
    folder = tmp_path_factory.mktemp("verified")
    project = committed_project(folder)
    plan = plan_of(project)
    with services(folder / "tls", plan) as served:
        release = Release(plan, served, folder / "release", project)
        release.rebuild()
        for step in ("build", "describe", "attest", "verify"):
            release.run(step)
        yield release


@pytest.fixture
def release(verified, tmp_path):
    """A copy of it, as it was after the verification."""
    shutil.copytree(verified.folder, tmp_path / "release")
    copied = replace(verified, folder=tmp_path / "release", changes=())
    yield copied
    verified.served.instance.index.files.clear()
    verified.served.instance.forge.tags.refs.clear()
    verified.served.instance.forge.releases.held.clear()


def back_to(release, step):
    """Forget that a step, and those after it, ended."""
    lines = (release.out / JOURNAL).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["step"] not in _from(step)]
    (release.out / JOURNAL).write_bytes(b"".join(kept))


def _from(step):
    order = ["check", "build", "describe", "attest", "verify", "stage", "publish", "confirm"]
    return order[order.index(step) :]


def refusal(release, step, **places):
    """How the step ends, once it was seen that the line is one, has a hint, and is in the journal."""
    with pytest.raises(ReleaseError) as stopped:
        release.run(step, **places)
    error = stopped.value
    assert str(error).count("\n") == 0
    assert "; hint: " in str(error)
    last = json.loads((release.out / JOURNAL).read_text().splitlines()[-1])
    assert (last["step"], last["event"]) == (step, "fail")
    assert last["why"].startswith(f"{error.code} `{error.where}`: ")
    return error


def test_expired_token_signs_nothing(release):
    """A token whose time is over is named as the reason, and no signature is left."""
    back_to(release, "attest")
    for name in release.out.iterdir():
        if name.name.endswith((".sigstore.json", ".attestation")):
            name.unlink()
    issuer = release.served.instance.issuer
    expired = issuer.issue("sigstore", exp=1)
    machine = type("Late", (Machine,), {"identity_token": lambda _self, _audience: expired})
    error = refusal(replace(release, machine=machine), "attest")
    assert error.code == "expired"
    assert not list(release.out.glob("*.attestation"))


def test_no_identity_is_no_signature(release):
    """Off the forge there is nobody to be: the step says so, and asks for no log-in."""
    back_to(release, "attest")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        error = refusal(replace(release, changes=((name, ""),)), "attest")
        assert error.code == "no-identity"
        assert "id-token: write" in error.hint
        back_to(release, "attest")
    assert refusal(replace(release, changes=(("GITHUB_ACTIONS", ""),)), "attest").code == "no-identity"


def test_sigstore_that_is_down_is_said(release):
    """No certificate authority to be reached: one line that names the file, and the step can be repeated."""
    back_to(release, "attest")
    (release.out / f"{WHEEL}.sigstore.json").unlink()
    text = json.dumps(release.served.instance.trust_config).replace(
        "https://localhost:", "https://localhost:1"
    )
    (release.folder / "down.json").write_text(text.replace("localhost:1", "127.0.0.1:1/x"))
    error = refusal(release, "attest", trust_config=str(release.folder / "down.json"))
    assert (error.code, error.where) == ("signing", f"{WHEEL}.sigstore.json")


def test_index_that_is_down_gets_nothing(release):
    """An index that cannot be reached stops the upload, and no token was asked for."""
    release.run("stage")
    error = refusal(release, "publish", index="https://127.0.0.1:1/simple")
    assert (error.code, isinstance(error, InputError)) == ("index", True)
    assert not release.served.instance.index.files


def test_forge_token_that_is_missing_makes_no_tag(release):
    """Without a token for the forge there is no tag, and nothing is staged."""
    error = refusal(replace(release, changes=(("GH_TOKEN", ""),)), "stage")
    assert error.code == "no-forge-token"
    assert not (release.out / "staged.json").exists()


def test_tag_at_another_commit_ends_the_release(release):
    """A tag never moves."""
    release.served.instance.forge.tags.refs["v1.0"] = "d" * 40
    assert refusal(release, "stage").code == "tag"


def test_stray_file_does_not_leave(release):
    """A file that nobody described is not carried to the forge by being there."""
    (release.out / "secret.txt").write_text("x")
    error = refusal(release, "stage")
    assert (error.code, error.where) == ("stray-file", "secret.txt")
    (release.out / "secret.txt").unlink()
    (release.out / f"{WHEEL}.part").write_text("half")
    release.run("stage")
    assert "part" not in (release.out / "staged.json").read_text()


def test_file_changed_between_two_steps_is_refused(release):
    """Every step looks at what the one before left, byte for byte."""
    with (release.out / WHEEL).open("ab") as wheel:
        wheel.write(b"x")
    assert refusal(release, "stage").where == WHEEL
    assert not release.served.instance.forge.tags.refs


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda out, _rebuilt: (out / f"{SDIST}.sigstore.json").unlink(), "evidence-missing"),
        (lambda out, _rebuilt: (out / f"{WHEEL}.cdx.sigstore.json").unlink(), "evidence-missing"),
        (
            lambda out, _rebuilt: shutil.copy(out / f"{SDIST}.sigstore.json", out / f"{WHEEL}.sigstore.json"),
            "not-verified",
        ),
        (
            lambda out, _rebuilt: shutil.copy(
                out / f"{SDIST}.sigstore.json", out / f"{MANIFEST}.sigstore.json"
            ),
            "not-verified",
        ),
        (lambda _out, rebuilt: shutil.rmtree(rebuilt), "rebuild-differs"),
        (lambda _out, rebuilt: (rebuilt / SDIST).write_bytes(b"another"), "rebuild-differs"),
        (lambda _out, rebuilt: (rebuilt / "more-1.0.tar.gz").write_bytes(b"x"), "rebuild-differs"),
        (lambda _out, rebuilt: (rebuilt / f"{WHEEL}.cdx.json").unlink(), "rebuild-differs"),
    ],
    ids=["bundle", "sbom", "swapped", "manifest", "no-rebuild", "rebuilt", "more", "less"],
)
def test_verification_lets_nothing_pass(release, damage, code):
    """A missing or swapped signature, and any difference to the rebuild, ends the release before the tag."""
    back_to(release, "attest")
    lines = (release.out / JOURNAL).read_bytes().splitlines(keepends=True)
    end = json.loads(lines[-1])
    assert (end["step"], end["event"]) == ("describe", "end")
    damage(release.out, release.folder / "rebuilt")
    _pretend_attested(release)
    assert refusal(release, "verify").code == code


def test_verification_needs_a_rebuild(release):
    """Not compared is not equal."""
    back_to(release, "verify")
    assert refusal(release, "verify", rebuilt="").code == "no-rebuild"


def _pretend_attested(release):
    """A journal that says `attest` ended, as one that an attacker wrote would."""
    from epochly_release.journal import Entry, entry_line, parse_journal

    data = (release.out / JOURNAL).read_bytes()
    journal = parse_journal(data, JOURNAL)
    entry = Entry("attest", "end", "2026-01-02T03:04:05Z", release.plan.sha256())
    (release.out / JOURNAL).write_bytes(data + entry_line(entry, journal.last))


def test_disk_that_is_full_stops_with_one_line(release):
    """On a real full disk a step says so in one line, and goes on after room was made."""
    world = Machine(dict(os.environ), lambda: "", lambda _text: None)
    if not can_enter(world, os.geteuid()):
        pytest.skip("this machine gives no mount namespace, so no small disk")
    out = release.folder / "small"
    out.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k tmpfs {out} && cp -r {release.out}/built {out} && "
        f"head -2 {release.out}/{JOURNAL} > {out}/{JOURNAL} && "
        f"{sys.executable} -P -m epochly_release describe --out {out} --tools installed"
        f" --build-root {release.folder}/d; code=$?; tail -1 {out}/{JOURNAL}; exit $code"
    )
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", script]
    done = subprocess.run(
        command,
        cwd=release.project,
        env=release.environ("describe"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written: the disk is full; hint: make room" in done.stderr.splitlines()[-1]
    assert json.loads(done.stdout.splitlines()[-1])["why"].startswith("disk-full")
