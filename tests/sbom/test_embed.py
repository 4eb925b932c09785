"""An SBOM put into a wheel: `embed.py`, and the strict reading of RECORD it stands on."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from epochly_sbom.embed import embed
from epochly_sbom.errors import RefusedError
from epochly_sbom.parse.archive import parse_wheel
from epochly_sbom.parse.record import check_record


def embedded(sample, data=None, **more):
    """A wheel with its SBOM inside."""
    return embed(
        parse_wheel(data or sample.build({"demo_pkg/z.py": b"z = 1\n"}), sample.NAME), sample.OPTIONS, **more
    )


def test_embedding_adds_the_sbom_and_a_right_record(sample):
    """The SBOM lies where PEP 770 says, RECORD tells it, and everything else is as it was."""
    data = embedded(sample)
    wheel = parse_wheel(data, sample.NAME)
    check_record(wheel)
    files = {member.path: member.data for member in wheel.members}
    document = json.loads(files[f"{sample.INFO}/sboms/demo-pkg.cdx.json"])
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/demo-pkg@1.0"
    assert files["demo_pkg/z.py"] == b"z = 1\n"


def test_embedded_wheel_has_one_form(sample):
    """Entries are sorted with RECORD last, stored, of one time and mode; folders and compression of the input are gone."""
    with zipfile.ZipFile(io.BytesIO(embedded(sample))) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    inside = [name for name in names if name.startswith(sample.INFO)]
    assert names == [
        *sorted(set(names) - set(inside)),
        *sorted(set(inside) - {names[-1]}),
        f"{sample.INFO}/RECORD",
    ]
    assert {(e.date_time[0], e.compress_type, e.external_attr >> 16, e.extra) for e in entries} == {
        (1980, zipfile.ZIP_STORED, 0o100644, b"")
    }


def test_embedding_again_changes_nothing(sample):
    """The result is a fixed point, and a stored or a deflated input leads to the same one."""
    once = embedded(sample, sample.build({"demo_pkg/z.py": b"z = 1\n"}))
    stored = sample.build({"demo_pkg/z.py": b"z = 1\n"}, compression=zipfile.ZIP_STORED)
    assert embedded(sample, once) == once == embedded(sample, stored)


@pytest.mark.parametrize(
    ("lies", "message"),
    [
        ({"record": lambda honest: honest.replace("sha256=", "sha256=x", 1)}, "has another hash or size for"),
        ({"record": lambda honest: honest.replace(",6\n", ",7\n", 1)}, "has another hash or size for"),
        ({"record": lambda honest: honest + "demo_pkg/gone.py,,\n"}, "which is not there"),
        ({"record": lambda honest: honest + honest.splitlines()[0] + "\n"}, "twice"),
        ({"record": lambda honest: honest + "one,two\n"}, "a row of 2 columns"),
        ({"record": lambda honest: honest.partition("\n")[2]}, "does not tell `demo_pkg/__init__.py`"),
        (
            {"record": lambda honest: honest.replace("RECORD,,", "RECORD,sha256=a,1")},
            "gives a hash of itself",
        ),
        ({"record": lambda honest: honest.replace("sha256=", "md5=", 1)}, "has another hash or size for"),
        ({"record": lambda honest: '"' + honest}, "RECORD is no CSV"),
        ({"unlisted": {"demo_pkg/more.py": b""}}, "does not tell `demo_pkg/more.py`"),
        ({"unlisted": {"demo_pkg-1.0.dist-info/RECORD.jws": b"{}"}}, "RECORD is signed"),
    ],
)
def test_wheel_whose_record_does_not_match_is_refused(sample, lies, message):
    """What was changed after the build is not sealed with a fresh RECORD."""
    with pytest.raises(RefusedError, match=message):
        embedded(sample, sample.build(**lies))


def test_sbom_of_another_tool_is_not_overwritten(sample):
    """A name that is taken is refused; another name keeps both, and ours tells the other."""
    path = f"{sample.INFO}/sboms/demo-pkg.cdx.json"
    data = sample.build({path: b'{"bomFormat": "CycloneDX"}'})
    with pytest.raises(RefusedError, match=r"another tool wrote.*--name"):
        embedded(sample, data)
    wheel = parse_wheel(embedded(sample, data, name="epochly.cdx.json"), sample.NAME)
    files = {member.path: member.data for member in wheel.members}
    root = json.loads(files[f"{sample.INFO}/sboms/epochly.cdx.json"])["metadata"]["component"]
    assert [item["url"] for item in root["externalReferences"]] == [path]


@pytest.mark.parametrize("name", ["../x.json", "a/b.json", "..", "x\n.json"])
def test_sbom_name_with_a_folder_is_the_callers_mistake(sample, name):
    """The SBOM goes below `sboms/` and nowhere else."""
    with pytest.raises(ValueError, match="file name without folders"):
        embedded(sample, name=name)


def test_the_judge_accepts_an_embedded_wheel(sample, tmp_path):
    """`epochly-verify`, which shares no code with the maker, finds integrity and the SBOM right."""
    judge = shutil.which("epochly-verify", path=str(Path(sys.executable).parent)) or shutil.which(
        "epochly-verify"
    )
    assert judge, "epochly-verify is installed for the tests"
    (tmp_path / sample.NAME).write_bytes(embedded(sample))
    command = [judge, "--require", "integrity", "--format", "json", sample.NAME]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    layers = {layer["id"]: layer["status"] for layer in json.loads(done.stdout)["artifacts"][0]["layers"]}
    assert layers["sbom"] == "passed"
