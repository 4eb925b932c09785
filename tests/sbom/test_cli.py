"""The command line and what it stands on: `cli.py`, `world.py`, `environment.py`, `canonical.py`."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from epochly_sbom.canonical import canonical, without_local_paths
from epochly_sbom.cli import main
from epochly_sbom.environment import environment_sbom
from epochly_sbom.errors import InputError, RefusedError
from epochly_sbom.world import Done, Machine, Memory

SLASH = "/"
HOME = f"{SLASH}home/ada"  # put together, since no committed text may name a machine's path
ENVIRON = {"SOURCE_DATE_EPOCH": "1700000000"}
FOUND = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "components": [
        {
            "type": "library",
            "name": "demo",
            "version": "1",
            "bom-ref": "demo==1",
            "externalReferences": [{"type": "distribution", "url": f"file://{HOME}/demo"}],
            "properties": [{"name": "cdx:python:place", "value": f"below {HOME}/demo"}],
        }
    ],
}


@pytest.fixture
def memory(sample):
    """A machine with one wheel, in the folder `dist`."""
    return Memory({f"dist/{sample.NAME}": sample.build(metadata=sample.requires("alpha>=1"))})


def found(_):
    """What `cyclonedx-py` would say."""
    return Done(0, json.dumps(FOUND), "")


def test_wheel_writes_the_sbom_to_stdout_or_a_file(sample, memory, capsys):
    """Both ways give the same bytes, with the time of SOURCE_DATE_EPOCH."""
    path = f"dist/{sample.NAME}"
    assert main(["wheel", path], environ=ENVIRON, world=memory) == 0
    shown = capsys.readouterr().out
    assert main(["wheel", path, "-o", "out.json"], environ=ENVIRON, world=memory) == 0
    assert (capsys.readouterr().out, memory.files["out.json"].decode()) == ("", shown)
    assert json.loads(shown)["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert "dist/" not in shown


def test_wheel_takes_lock_version_author_and_supplier(sample, memory, capsys):
    """Every option reaches the document."""
    memory.files["lock.txt"] = f"alpha==1.5 --hash=sha256:{sample.DIGEST}\n".encode()
    options = [
        "--lock",
        "lock.txt",
        "--spec-version",
        "1.7",
        "--author",
        "Me",
        "--supplier",
        "Us",
        "--epoch",
        "0",
    ]
    assert main(["wheel", f"dist/{sample.NAME}", *options], environ=ENVIRON, world=memory) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["specVersion"], document["components"][0]["version"]) == ("1.7", "1.5")
    assert document["metadata"]["authors"] == [{"name": "Me"}]
    assert document["metadata"]["component"]["supplier"] == {"name": "Us"}
    assert document["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"


def test_embed_writes_in_place_or_elsewhere_and_tells_the_hash(sample, memory, capsys):
    """What is printed is the hash of what was written; again in place changes nothing."""
    path = f"dist/{sample.NAME}"
    assert main(["embed", path, "-o", "new"], environ={}, world=memory) == 0
    made = memory.files[f"new/{sample.NAME}"]
    assert capsys.readouterr().out == f"{hashlib.sha256(made).hexdigest()}  new/{sample.NAME}\n"
    for _ in range(2):
        assert main(["embed", path], environ={}, world=memory) == 0
        assert memory.files[path] == made


def test_diff_tells_by_its_exit_code_in_both_formats(sample, memory, capsys):
    """0 for the same, 1 for different, whatever the format."""
    main(["wheel", f"dist/{sample.NAME}", "-o", "a"], environ={}, world=memory)
    memory.files[f"dist/{sample.NAME}"] = sample.build()
    main(["wheel", f"dist/{sample.NAME}", "-o", "b"], environ={}, world=memory)
    for extra in ([], ["--format", "json"]):
        assert main(["diff", "a", "a", *extra], environ={}, world=memory) == 0
        assert main(["diff", "a", "b", *extra], environ={}, world=memory) == 1
    assert "- pkg:pypi/alpha\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["wheel", "gone.whl"], 2, "`gone.whl`: cannot be read: no such file"),
        (["wheel", "bad.whl"], 2, "`bad.whl`: is no name of a wheel"),
        (["wheel", "WHEEL", "--epoch", "soon"], 2, "`--epoch`: is no number of seconds"),
        (["wheel", "WHEEL", "--epoch", "999999999999"], 2, "`--epoch`: is no number of seconds"),
        (["wheel", "WHEEL", "--lock", "bad.whl"], 2, "`bad.whl`: `no lock` is no requirement"),
        (["wheel", "WHEEL", "--lock", "old.txt"], 1, "`alpha`: is locked at `0.5`"),
        (["embed", "WHEEL", "--name", "../x"], 2, "`--name`: name is a file name"),
        (["diff", "bad.whl", "bad.whl"], 2, "`bad.whl`: is no JSON"),
        (["environment"], 1, "cannot be started"),
    ],
)
def test_bad_news_is_one_line_with_a_hint(sample, memory, capsys, *, arguments, status, message):
    """Every refusal names the thing, says what to do, writes no data and has its exit code."""
    memory.files["bad.whl"] = b"no lock"
    memory.files["old.txt"] = f"alpha==0.5 --hash=sha256:{sample.DIGEST}\n".encode()
    named = [f"dist/{sample.NAME}" if argument == "WHEEL" else argument for argument in arguments]
    assert main(named, environ={}, world=memory) == status
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert "; hint: " in err


def test_wheel_with_a_wrong_record_is_not_embedded(sample, memory, capsys):
    """Refused with exit code 1, and the file stays as it was."""
    path = f"dist/{sample.NAME}"
    memory.files[path] = before = sample.build(unlisted={"demo_pkg/more.py": b""})
    assert main(["embed", path], environ={}, world=memory) == 1
    assert memory.files[path] == before
    assert "RECORD does not tell `demo_pkg/more.py`" in capsys.readouterr().err


def test_our_own_bug_is_told_apart(memory, capsys):
    """Exit code 70 and a report id, no traceback."""

    def broken(_):
        raise KeyError("x")

    memory.programs = broken
    assert main(["environment"], environ={}, world=memory) == 70
    assert "internal error" in capsys.readouterr().err


def test_environment_is_described_without_local_paths(sample):
    """Places of the machine are taken out, references to them vanish, and the rest stays valid."""
    texts = {
        environment_sbom(Memory(programs=found), sample.OPTIONS, tool=("x",), local=(HOME,)) for _ in "ab"
    }
    text = texts.pop()
    assert not texts
    assert HOME not in text
    assert "externalReferences" not in text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text)["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    "done", [Done(1, "", "usage\nno such thing"), Done(0, "no JSON", ""), Done(0, "[]", ""), Done(3, "", "")]
)
def test_environment_tool_that_fails_is_a_refusal(sample, done):
    """No document is made up when the tool gave none."""
    with pytest.raises(RefusedError, match="`cyclonedx-py`"):
        environment_sbom(Memory(programs=lambda _: done), sample.OPTIONS, tool=("x",))


@pytest.mark.slow
def test_environment_of_this_interpreter_is_reproducible(capsys):
    """The real tool, run twice, gives the same valid bytes without a place of this machine."""
    texts = []
    for _ in range(2):
        assert main(["environment"], environ=dict(os.environ) | ENVIRON) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "cyclonedx-bom" in texts[0]
    assert sys.prefix not in texts[0]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(texts[0]) is None


@pytest.mark.parametrize(
    "text",
    [
        "file:///srv/x.whl",
        "file%3A%2F%2F%2Fsrv%2Fx",
        f"in {HOME}/src",
        f"{SLASH}root/x",
        "(/opt/a/b/c)",
        "D:\\build\\x",
        f"C:{SLASH}Users/ada",
        "\\\\server\\share\\x",
    ],
)
def test_local_paths_are_taken_out(text):
    """File URLs, absolute paths of both worlds and shares are local."""
    clean = without_local_paths(text)
    assert "local-path-removed" in clean
    assert not {"srv", "ada", "root", "opt", "build", "share"} & set(clean.replace("-", " ").split())


@pytest.mark.parametrize(
    "text",
    ["pkg:pypi/demo@1.0?a=b", "member:demo/a/b.so", "https://example.com/a/b/c", "MIT/X11", "a/b/c", "1 / 2"],
)
def test_what_is_no_local_path_stays(text):
    """Package URLs, addresses and paths inside the wheel are not touched."""
    assert without_local_paths(text) == text


def test_canonical_form_is_a_fixed_point():
    """Reading what was written and writing it again changes nothing, serial number included."""
    once = canonical(FOUND)
    assert canonical(json.loads(once)) == once


def test_machine_writes_whole_files_or_none(tmp_path, monkeypatch):
    """A full disk leaves the old file and no leftovers, and is told in one line."""
    machine, path = Machine({}), tmp_path / "sub" / "x"
    machine.write(str(path), b"old")
    assert machine.read(str(path), 3) == b"old"

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RefusedError, match="cannot be written: no space left"):
        machine.write(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["x"]


def test_machine_refuses_what_it_cannot_read_or_start(tmp_path):
    """Missing and oversized files, odd names and missing programs are errors with a name."""
    (tmp_path / "big").write_bytes(b"1234")
    for path in (str(tmp_path / "gone"), str(tmp_path / "big"), "a\0b", str(tmp_path)):
        with pytest.raises(InputError):
            Machine({}).read(path, 3)
    with pytest.raises(RefusedError, match="cannot be started"):
        Machine({}).run([str(tmp_path / "gone")])
