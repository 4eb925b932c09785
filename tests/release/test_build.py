"""The build step: equal bytes or a refusal that says why."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

from epochly_release.build import USUAL, VARIED, build_environment
from epochly_release.buildinfo import interpreter_from_probe
from epochly_release.canonical import canonical
from epochly_release.checkout import Repository, gather_facts
from epochly_release.compare import explain
from epochly_release.config import parse_config
from epochly_release.errors import InputError, Refused
from epochly_release.plan import plan_from_facts
from epochly_release.steps import build
from epochly_release.steps.result import Places

BACKEND = '''\
"""A build backend in one file; LEAK is where a test puts what should not be in a wheel."""
import base64, hashlib, io, os, pathlib, tarfile, time, zipfile
def build_sdist(folder, settings=None):
    name = "sample_project-1.0"
    with tarfile.open(pathlib.Path(folder, name + ".tar.gz"), "w:gz") as archive:
        for path in sorted(pathlib.Path().rglob("*")):
            if path.is_file() and ".git" not in path.parts:
                archive.add(path, f"{name}/{path}")
        info = tarfile.TarInfo(f"{name}/PKG-INFO")
        archive.addfile(info)
    return name + ".tar.gz"
def build_wheel(folder, settings=None, metadata=None):
    files = {"demo.py": LEAK.encode() + b"\\n", "sample_project-1.0.dist-info/METADATA": b"Name: sample-project\\n"}
    rows = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows += f"{name},sha256={digest},{len(data)}\\n"
    files["sample_project-1.0.dist-info/RECORD"] = (rows + "sample_project-1.0.dist-info/RECORD,,\\n").encode()
    with zipfile.ZipFile(pathlib.Path(folder, "sample_project-1.0-py3-none-any.whl"), "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return "sample_project-1.0-py3-none-any.whl"
'''
NAMESPACE = ["unshare", "--user", "--map-user=1", "--map-group=1", "true"]
two_users = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(NAMESPACE, check=False, capture_output=True).returncode != 0,
    reason="this machine allows no user namespace",
)


@pytest.fixture
def run_build(project, machine, tmp_path):
    """Builds the project as it is committed now; `leak` switches it to the small backend first."""

    def run(
        commit=None, *, leak="", where="one", out="out", world=machine, extra="", pythons=(sys.executable,)
    ):
        if leak:
            text = (project / "pyproject.toml").read_text().replace('"setuptools>=77"', "")
            text = text.replace(
                'build-backend = "setuptools.build_meta"', 'build-backend = "small"\nbackend-path = ["."]'
            )
            (project / "pyproject.toml").write_text(text + extra)
            (project / "small.py").write_text(BACKEND.replace("LEAK", leak))
            commit(project)
        data = (project / "pyproject.toml").read_bytes()
        config = parse_config(data, "pyproject.toml")
        plan = plan_from_facts(config, gather_facts(Repository(str(project), world), "HEAD", config, data))
        places = Places(
            str(project),
            str(tmp_path / out),
            str(tmp_path / where),
            pythons,
            tools="installed",
            any_tree=True,
        )
        return build.run(plan, places, world)

    return run


def test_extension_in_c_builds_to_equal_bytes_in_two_places(run_build, tmp_path):
    """A package with an extension comes out the same from two folders, each time under two circumstances."""
    first, second = run_build(where="one", out="a"), run_build(where="some/where/else", out="b")
    assert first.files == second.files
    assert len(first.files) == 3
    for name in first.files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    (wheel,) = (tmp_path / "a" / "built").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (library,) = (name for name in archive.namelist() if name.endswith(".so"))
        assert str(tmp_path).encode() not in archive.read(library)


def test_built_files_are_canonical_and_recorded(run_build, commit, tmp_path):
    """What is left in the folder is in canonical form, and the buildinfo names its hash but no path of the machine."""
    result = run_build(commit, leak="'nothing'")
    record = (tmp_path / "out" / "built" / "buildinfo.json").read_text()
    value = json.loads(record)
    digests = {f"built/{name}": digest for name, digest in value["files"].items()}
    assert digests == {name: result.files[name] for name in result.files if name != "built/buildinfo.json"}
    assert str(tmp_path) not in record
    assert value["interpreters"][0]["zlib"]
    for name in value["files"]:
        data = (tmp_path / "out" / "built" / name).read_bytes()
        assert canonical(name, data, 1_700_000_001) == data


@pytest.mark.parametrize(
    "leak",
    [
        "os.getcwd()",
        "time.tzname[0]",
        "os.environ['LC_ALL']",
        "os.environ['PYTHONHASHSEED']",
        "str(os.umask(0))",
        pytest.param("str(os.getuid())", marks=two_users),
        pytest.param("str(os.stat('.').st_gid)", marks=two_users),
    ],
)
def test_build_that_depends_on_the_machine_is_refused_with_the_line(run_build, commit, tmp_path, leak):
    """Path, time zone, locale, hash seed, umask and user are varied; what leaks into a wheel is shown by member and line."""
    with pytest.raises(Refused, match=r"any\.whl`: differs between two builds") as caught:
        run_build(commit, leak=leak)
    assert caught.value.details[0] == "`demo.py` differs:"
    assert any(line.startswith("  -") for line in caught.value.details)
    assert not list(tmp_path.glob("out/**/*.whl"))


def test_pythons_that_make_one_name_are_held_to_the_same_bytes(run_build, commit, tmp_path):
    """When two Pythons make a file of one name, e.g. for an extension, and it differs, both are named."""
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nFLAGS=-O3 exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    with pytest.raises(
        Refused, match=r"two builds \(cpython [\d.]+, usual; cpython [\d.]+, usual\)"
    ) as caught:
        run_build(commit, leak="os.environ.get('FLAGS', '-O2')", pythons=(sys.executable, str(other)))
    assert {"  --O2", "  +-O3"} <= set(caught.value.details)


@pytest.mark.parametrize(
    "unshare", ["", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho unshare: not permitted >&2; exit 1\n"]
)
def test_build_on_a_machine_of_one_user_says_so_and_goes_on(run_build, commit, machine, tmp_path, unshare):
    """Where no second user can be had, one line says it, the buildinfo records it, and the rest is varied."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    if unshare:
        (programs / "unshare").write_text(unshare)
        (programs / "unshare").chmod(0o755)
    told = []
    world = replace(machine, environ={**machine.environ, "PATH": str(programs)}, show=told.append)
    run_build(commit, leak="str(os.getuid())", world=world)
    (line,) = (line for line in told if "user id" in line)
    assert line.startswith("build: the user id is not varied here: ")
    usual, varied = json.loads((tmp_path / "out" / "built" / "buildinfo.json").read_text())["variations"]
    assert usual["user"] is varied["user"] is None
    assert usual["umask"] != varied["umask"]


def test_backend_that_writes_its_path_builds_where_same_path_is_asked_for(run_build, commit):
    """A project may say that its backend needs one path; the rest is varied all the same."""
    run_build(commit, leak="os.getcwd()", extra="same-path = true\n")


def test_failing_build_shows_its_own_words(run_build, commit):
    """The last lines of a build that fails are shown, with one clear line."""
    with pytest.raises(Refused, match="makes no wheel: the build ended") as caught:
        run_build(commit, leak="no_such_name")
    assert any("NameError" in line for line in caught.value.details)


def test_diffoscope_is_asked_where_it_is_installed(run_build, commit, machine, tmp_path):
    """With `diffoscope` at hand its report is kept beside, and quoted."""
    program = tmp_path / "bin" / "diffoscope"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho said by diffoscope\n")
    program.chmod(0o755)
    world = replace(
        machine, environ={**machine.environ, "PATH": f"{program.parent}:{machine.environ['PATH']}"}
    )
    with pytest.raises(Refused) as caught:
        run_build(commit, leak="os.getcwd()", world=world)
    assert caught.value.details[-1] == "said by diffoscope"
    assert (
        tmp_path / "out" / "sample_project-1.0-py3-none-any.whl.diffoscope.txt"
    ).read_text() == "said by diffoscope\n"


def test_tools_other_than_the_locked_ones_build_nothing(run_build, project, commit):
    """An interpreter whose tools differ from the lock is refused before it builds."""
    text = (project / "build.txt").read_text()
    (project / "build.txt").write_text(text.replace("setuptools==", "setuptools==0."))
    commit(project)
    with pytest.raises(Refused, match="`setuptools`: is there as"):
        run_build()


def test_build_environment_holds_nothing_of_the_machine_but_path():
    """Two machines give a build the same environment, and the two variations differ where they should."""
    usual = build_environment("/bin", 1, "/b", USUAL)
    varied = build_environment("/bin", 1, "/b", VARIED)
    assert {name for name in usual if usual[name] != varied[name]} == {"TZ", "LC_ALL", "PYTHONHASHSEED"}
    assert (usual["SOURCE_DATE_EPOCH"], usual["PATH"], USUAL.umask) == ("1", "/bin", 0o022)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"packages": {}, "markers": {}, "zlib": "", "libc": ""}']
)
def test_interpreter_that_does_not_describe_itself_is_refused(text):
    """A program that is no Python is named."""
    with pytest.raises(InputError, match="`python9`"):
        interpreter_from_probe(text, "python9")


def archive(**files):
    """A small zip with the given members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def test_explanation_names_members_lines_and_bytes():
    """Text is shown as lines, other contents as sizes and hashes, and a member that is missing is named."""
    lines = explain("a.whl", archive(t="1\n2\n", b=b"\0\1", x=""), archive(t="1\n3\n", b=b"\0\2\3", y=""))
    assert [line for line in lines if "differs" in line] == ["`b` differs:", "`t` differs:"]
    assert {
        "  -2",
        "  +3",
        "  from byte 1 on",
        "`x` is only in the first build",
        "`y` is only in the second build",
    } <= set(lines)


def test_explanation_of_equal_members_blames_the_container():
    """Equal contents in other bytes are said to be just that, and equal bytes need no words."""
    assert explain("a.whl", archive(a="1", b="2"), archive(b="2", a="1")) == (
        "`a.whl` has equal members: only the container differs (order, times or compression)",
    )
    assert explain("a.whl", b"1", b"1") == ()


def test_explanation_of_broken_files_says_what_it_can():
    """Files that are no archives are compared as bytes."""
    assert any("from byte 0 on" in line for line in explain("a.whl", b"1", b"2"))
