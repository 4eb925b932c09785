"""The check step: what may not be released, and that an honest commit may."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import pytest

from epochly_release import cli
from epochly_release.checkout import Repository, clean_clone, gather_facts
from epochly_release.config import parse_config
from epochly_release.errors import InputError, Refused
from epochly_release.index import Listed, files_from_answer, version_of
from epochly_release.locks import parse_lock, refuse_other_tools, refuse_stale
from epochly_release.memory import FakeWorld
from epochly_release.plan import plan_from_facts
from epochly_release.steps import check
from epochly_release.steps.result import Places
from epochly_release.world import Response


@pytest.fixture
def run_check(project, machine, tmp_path):
    """Runs the check step on the project as it is now."""

    def run(world=machine, **places):
        data = (project / "pyproject.toml").read_bytes()
        config = parse_config(data, "pyproject.toml")
        plan = plan_from_facts(config, gather_facts(Repository(str(project), world), "HEAD", config, data))
        where = Places(str(project), str(project / "dist"), str(tmp_path / "build"), ("python3",))
        return check.run(plan, replace(where, **places), world)

    return run


def test_honest_commit_passes(run_check):
    """A clean tree with one version and fresh locks may be released."""
    assert len(run_check().notes) == 4


def test_own_output_folder_does_not_make_the_tree_dirty(run_check, project):
    """Files of a run before, in the output folder, are not counted."""
    (project / "dist").mkdir()
    (project / "dist" / "journal.jsonl").write_text("")
    run_check()


@pytest.mark.parametrize("name", ["VERSION", "new file.py", "src/sample_project/\u00e9.py"])
def test_dirty_tree_is_refused_by_name(run_check, project, name):
    """A changed or untracked file stops the release, and is named."""
    with (project / name).open("a") as file:
        file.write("\n")
    with pytest.raises(Refused, match="is not as committed") as caught:
        run_check()
    assert (caught.value.code, caught.value.where) == ("dirty-tree", name)
    run_check(any_tree=True)


def test_file_that_is_committed_and_ignored_does_no_harm(run_check, project, commit):
    """A tracked file stays part of the commit even if a pattern would ignore it."""
    (project / ".gitignore").write_text("*.c\n")
    commit(project)
    run_check()


def test_clone_has_the_modes_of_git_and_the_time_of_the_commit(project, machine, tmp_path, commit):
    """The umask and the clock of the machine leave no trace in the clone."""
    script = project / "run.sh"
    script.write_text("#!/bin/sh\r\n", newline="")
    script.chmod(0o700)
    head = commit(project)
    before = os.umask(0o077)
    try:
        clone = clean_clone(
            Repository(str(project), machine), head, str(tmp_path / "clone"), 1_700_000_001, backwards=True
        )
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(os.stat(f"{clone.path}/{name}").st_mode) for name in ("run.sh", "VERSION")}
    assert modes == {"run.sh": 0o755, "VERSION": 0o644}
    assert os.stat(f"{clone.path}/run.sh").st_mtime == 1_700_000_001
    with open(f"{clone.path}/run.sh", "rb") as file:
        assert file.read() == b"#!/bin/sh\r\n"


def test_clone_never_takes_over_a_folder_of_somebody_else(project, machine, tmp_path):
    """A link planted at the build place is refused, not followed."""
    (tmp_path / "target").mkdir()
    (tmp_path / "clone").symlink_to(tmp_path / "target")
    origin = Repository(str(project), machine)
    with pytest.raises(InputError, match="belongs to somebody else"):
        clean_clone(origin, origin.commit("HEAD"), str(tmp_path / "clone"), 1)


@pytest.mark.parametrize(
    "bad",
    [
        ("CHANGES.md", "# Changes\n\n## 0.9\n", "changelog"),
        ("CHANGES.md", "# Changes\n\n## 1.1\n\n## 1.0\n", "changelog"),
        ("CHANGES.md", "1.0 is coming\n", "changelog"),
        ("build.in", "build\nsetuptools>=77\nwheel\n", "lock-stale"),
        ("build.in", "build<1\nsetuptools>=77\n", "lock-stale"),
        ("build.txt", "build==1.0\n", "lock"),
        ("build.txt", "--index-url x\n", "lock"),
        ("build.txt", "", "lock"),
    ],
)
def test_commit_that_disagrees_with_itself_is_refused(run_check, project, commit, bad):
    """Version, changelog and locks have to agree before anything is built."""
    name, text, code = bad
    (project / name).write_text(text)
    commit(project)
    with pytest.raises(Refused, match="hint: ") as caught:
        run_check()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["## [1.0] - 2026-01-01", "# v1.0", "1.0 (2026)\n==========", "## Unreleased\n\n## 1.0"]
)
def test_changelog_forms_in_use_are_understood(text):
    """Markdown and underlined headings, with or without brackets, dates and `v`."""
    check.refuse_other_changelog(text, "1.0", "CHANGES.md")


def test_missing_lock_is_refused_by_name(run_check, project, commit):
    """A lock that the commit does not hold is named."""
    (project / "build.txt").unlink()
    commit(project)
    with pytest.raises(Refused, match=r"`build\.txt`: is not in commit"):
        run_check()


def test_tag_elsewhere_and_rival_tag_are_refused(run_check, project, commit, git_in):
    """The version's tag is at this commit or nowhere, and no other version's tag is."""
    git_in(project, "tag", "1.0")
    run_check()
    git_in(project, "tag", "2.0")
    with pytest.raises(Refused, match=r"`2\.0`: is at this commit"):
        run_check()
    (project / "more.txt").write_text("")
    commit(project)
    with pytest.raises(Refused, match=r"`1\.0`: is at"):
        run_check()


def test_version_that_was_released_is_refused(run_check, machine):
    """What the index has is never released again."""

    def has_it(url):
        assert url == "https://index.example/simple/sample-project/"
        file = {"filename": "sample_project-1.0.tar.gz", "url": "../x", "hashes": {}}
        return Response(200, json.dumps({"files": [file]}).encode())

    world = replace(machine, answers=has_it)
    with pytest.raises(Refused, match="on the index already"):
        run_check(world)


def test_index_that_is_down_is_no_answer(run_check, machine):
    """An index that cannot be asked stops the release: not knowing is not a no."""

    def down(url):
        raise InputError("unreachable", url, "cannot be reached", "see the network")

    with pytest.raises(InputError, match="cannot be reached"):
        run_check(replace(machine, answers=down))
    with pytest.raises(InputError, match="answers 503"):
        run_check(replace(machine, answers=lambda _url: Response(503)))


def test_index_answer_gives_the_versions_of_its_files():
    """Versions come from the file names; what is no wheel or sdist of today has none."""
    names = ["a-1.0.tar.gz", "a-1.1-py3-none-any.whl", "a.exe"]
    listed = [{"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": "x"}} for name in names]
    files = files_from_answer(json.dumps({"files": listed}).encode(), "https://index.example/simple/a/")
    assert [version_of(file.filename) for file in files] == ["1.0", "1.1", ""]
    assert files[0] == Listed(names[0], f"https://index.example/files/{names[0]}", "x")
    for bad in (
        b"",
        b"<html>",
        b"[]",
        b'{"files": [{}]}',
        b'{"files": [{"filename": "a", "url": "b", "hashes": 1}]}',
    ):
        with pytest.raises(InputError, match="PEP 691"):
            files_from_answer(bad, "index")


def test_lock_follows_includes_and_reports_what_nobody_asks_for_any_more():
    """Freshness is content: includes are read, and a pin for a dropped requirement makes a lock stale."""
    files = {"r/a.in": b"-r b.in\nx>=1  # why\n", "r/b.in": b"y[z] ; python_version > '3'\n"}
    row = " --hash=sha256:" + "0" * 64
    lock = f"x==1.5{row}\n    # via -r r/a.in\ny==2{row}\n    # via\n    #   -r r/b.in\n    #   x\nw==3{row}\n    # via x\n"
    refuse_stale("a.txt", lock.encode(), "r/a.in", files.__getitem__)
    with pytest.raises(Refused, match="still holds `v`"):
        refuse_stale("a.txt", f"{lock}v==1{row}\n    # via -r r/a.in\n".encode(), "r/a.in", files.__getitem__)


def test_interpreter_without_the_locked_tools_is_refused():
    """A tool of another version than the lock's is named; a pin for another platform is not asked for."""
    row = " --hash=sha256:" + "0" * 64
    pins = parse_lock(f"build==1.0{row}\nw==1 ; os_name == 'nt'{row}\n".encode(), "build.txt")
    refuse_other_tools("build.txt", pins, {"build": "1.0"}, {"os_name": "posix"})
    with pytest.raises(Refused, match=r"`build`: is there as 1\.1"):
        refuse_other_tools("build.txt", pins, {"build": "1.1"}, {"os_name": "posix"})


def test_machine_without_git_stops_with_one_clear_line():
    """No git is said as what it is."""
    with pytest.raises(InputError, match="`git`: is not there; hint: install it"):
        Repository("/repo", FakeWorld()).commit("HEAD")


@pytest.mark.parametrize(
    "case",
    [
        (["plan"], 0, ""),
        (["plan", "--json"], 0, ""),
        (["plan", "--commit", "nothing"], 2, "`nothing`: is no commit here"),
        (["plan", "--commit", "--output=x"], 2, "hint"),
        (["plan", "--config", "absent.toml"], 2, "absent.toml"),
        (["fly"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_command_line_ends_with_its_exit_code_and_one_line(project, monkeypatch, capsys, case):
    """0 for done, 2 for what cannot be read; a message is one line with a hint, never a traceback."""
    arguments, status, words = case
    monkeypatch.chdir(project)
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert (code, bool(captured.out)) == (status, status == 0)
    assert words in captured.err
    assert captured.err.count("\n") == (status != 0)
    assert status == 0 or "; hint: " in captured.err


def test_command_line_refuses_a_dirty_tree_with_1(project, monkeypatch, capsys, tmp_path):
    """A refusal is exit code 1, and the journal says where."""
    monkeypatch.chdir(project)
    (project / "stray").write_text("")
    assert cli.main(["build", "--build-root", str(tmp_path / "b")]) == 1
    assert "`stray`: is not as committed" in capsys.readouterr().err
    assert "dirty-tree `stray`" in (project / "dist" / "journal.jsonl").read_text()


def test_command_line_outside_a_repository_says_so(tmp_path, project, monkeypatch, capsys):
    """A folder that is no repository is named."""
    (tmp_path / "release.toml").write_bytes((project / "pyproject.toml").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan"]) == 2
    assert "git rev-parse" in capsys.readouterr().err
