"""The shipped release workflow, run by `act` from its first job to where it ends, against a rehearsal instance.

Nothing of it is rewritten for the test. The commit it releases is what lies here, plus lines in `release.toml` that name the
rehearsal's index and Sigstore instance, as a public release names none. One run is part of every test run: it releases
two of the distributions, with Pythons that have the locked tools from the start. The slow ones leave nothing out, or
end early.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from acted import act, repository, tools_of_lock

from epochly_release.config import parse_config
from epochly_release.manifest import is_distribution
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.publisher import Publisher
from epochly_release.rehearsal.serve import serve

ROOT = Path(__file__).parents[3]
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
CONFIG = parse_config((ROOT / "release.toml").read_bytes(), "release.toml")
RUN = Run(CONFIG.repository, environment=CONFIG.environment)
VERSION = (ROOT / "VERSION").read_text("utf-8").strip()
TRUST = "rehearsal/trust.json"
ALL = {".": "epochly", **{name: f"epochly-{name}" for name in ("verify", "sbom", "release", "service")}}
SMALL = (".", "service")  # those without dependencies
ORDER = ["check", "build-a", "build-b", "compare", "attest", "verify", "tag", "publish", "confirm"]
LEAKS = '''"""A build that writes down where it ran: equal twice on one machine, different on the next."""

import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Leak(BuildHookInterface):
    def initialize(self, version, build_data):
        with open(os.path.join(self.root, "src", "epochly", "_where.py"), "w") as file:
            file.write(f"PATH = {os.environ['PATH']!r}\\n")
'''


@dataclass(frozen=True, slots=True)
class Released:
    """How a run went, the services it ran against, the commit, and a folder to work in."""

    acted: object
    served: object
    commit: str
    folder: Path

    def artifact(self, name):
        """What a job handed over: name -> bytes, without what lies in folders."""
        folder = self.folder / "scratch" / "artifacts" / name
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def released(tmp_path):
    """Runs the workflow on the files that lie here, with some of them changed; the services stay up until the test ends."""
    with ExitStack() as until_then:

        def release(folders=SMALL, *, install=False, changes=None, key=None):
            for name in ("tls", "scratch"):
                (tmp_path / name).mkdir()
            tools = tools_of_lock(whole=install)
            sources = live_sources(lambda: datetime.now(UTC), os.urandom)
            projects = tuple(ALL[folder] for folder in folders)
            publisher = Publisher(RUN.repository, RUN.owner_id, CONFIG.workflow, CONFIG.environment, projects)
            served = until_then.enter_context(serve(tmp_path / "tls", RUN, [publisher], sources))
            origin, here = tmp_path / "origin", rehearsal_files(served, folders)
            commit = repository(origin, f"https://github.com/{RUN.repository}", here | (changes or {}))
            served.instance.issuer.run = replace(RUN, sha=commit)
            served.instance.forge.tags.commits = {commit}
            inputs = {"version": VERSION}
            scratch = tmp_path / "scratch"
            acted = act(
                RELEASE, origin, served, scratch, tools=tools, install=install, inputs=inputs, key=key
            )
            return Released(acted, served, commit, tmp_path)

        yield release


def rehearsal_files(served, folders):
    """What a commit says to be released with a rehearsal's services: where they are, and whom to trust."""
    lines = [
        line if not line.startswith("distributions = ") else f"distributions = {json.dumps(folders)}"
        for line in (ROOT / "release.toml").read_text("utf-8").splitlines()
    ]
    lines += [f'index = "{served.simple_url}"', f'upload-url = "{served.upload_url}"']
    lines += [f'trust-config = "{TRUST}"', ""]
    return {
        "release.toml": "\n".join(lines).encode(),
        TRUST: json.dumps(served.instance.trust_config).encode(),
    }


def who_asked(requests):
    """`METHOD path` of all that needs a credential, numbers and names taken out -> the jobs that asked, and were heard."""
    jobs = {}
    for job, lines in requests.items():
        for line in lines:
            method, path, status = line.split()
            if method == "GET" and path != "/idtoken":
                continue
            assert status.startswith("2"), line
            parts = ["N" if part.isdigit() else part for part in path.split("/")]
            jobs.setdefault(f"{method} {'/'.join(parts)}", set()).add(job)
    return jobs


def fetched(served, url, accept):
    """The body at an address, as a user's client would get it."""
    trusted = ssl.create_default_context(cafile=str(served.files.ca_file))
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, context=trusted) as answer:
        return answer.read()


def from_index(served, projects, folder):
    """Every file of the projects at the index, with the provenance beside it, put into the folder; name -> bytes."""
    folder.mkdir()
    files = {}
    for project in projects:
        page = fetched(served, f"{served.simple_url}{project}/", "application/vnd.pypi.simple.v1+json")
        for file in json.loads(page)["files"]:
            files[file["filename"]] = fetched(served, file["url"], "*/*")
            provenance = fetched(served, file["provenance"], "application/vnd.pypi.integrity.v1+json")
            (folder / file["filename"]).write_bytes(files[file["filename"]])
            (folder / f"{file['filename']}.provenance").write_bytes(provenance)
    return files


def verified(went, *policy):
    """Exit code of the command that users have, for what they got, and how many files it says are verified."""
    trust = went.folder / "trust.json"
    trust.write_text(json.dumps(went.served.instance.trust_config))
    paths = [str(path) for path in sorted((went.folder / "got").iterdir()) if is_distribution(path.name)]
    command = [sys.executable, "-P", "-m", "epochly_verify", *paths, "--trust-config", str(trust), *policy]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, sum(line.startswith("VERIFIED ") for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("folders", "install"),
    [
        pytest.param(SMALL, False, id="two distributions"),
        pytest.param(tuple(ALL), True, id="everything", marks=pytest.mark.slow),
    ],
)
def test_release_goes_through(released, folders, install):
    """What two builders agree on is signed, judged, tagged, published with attestations, and what users get."""
    went = released(folders, install=install)
    acted, served = went.acted, went.served
    assert acted.status == 0, acted.log
    assert acted.jobs == dict.fromkeys(ORDER, "success")
    ended = list(acted.jobs)
    assert [ended[0], *sorted(ended[1:3]), *ended[3:]] == ORDER

    repo, log = f"/forge/repos/{RUN.repository}", "log/entries"
    assert who_asked(acted.requests) == {
        "GET /idtoken": {"attest", "publish"},
        "POST /api/v2/signingCert": {"attest"},
        "POST /api/v1/timestamp": {"attest"},
        f"POST /api/v1/{log}": {"attest"},
        f"POST /api/v2/{log}": {"attest"},
        f"POST {repo}/git/refs": {"tag"},
        "POST /_/oidc/mint-token": {"publish"},
        "POST /legacy/": {"publish"},
        "POST /_/oidc/burn-token": {"publish"},
        f"POST {repo}/releases": {"confirm"},
        f"POST {repo}/releases/N/assets": {"confirm"},
        f"PATCH {repo}/releases/N": {"confirm"},
    }
    sent = [line for line in acted.requests["publish"] if not line.startswith("GET")]
    uploads = 2 * len(folders)
    assert sent[0] == "POST /_/oidc/mint-token 200"
    assert sent[1:] == [*uploads * ["POST /legacy/ 200"], "POST /_/oidc/burn-token 202"]

    at_index = from_index(served, [ALL[folder] for folder in folders], went.folder / "got")
    assert len(at_index) == uploads
    for builder in ("files-a", "files-b"):
        assert at_index == {
            name: data for name, data in went.artifact(builder).items() if is_distribution(name)
        }

    assert served.instance.forge.tags.refs == {f"v{VERSION}": went.commit}
    (release,) = served.instance.forge.releases.held.values()
    assert (release.tag_name, release.draft) == (f"v{VERSION}", False)
    own = ("journal.jsonl", "staged.json")
    staged = {name: data for name, data in went.artifact("published").items() if name not in own}
    assert {asset.name: asset.content for asset in release.assets.values()} == staged
    assert staged.items() >= at_index.items()
    assert {f"{name}.sigstore.json" for name in at_index} < set(staged)

    assert verified(went) == (0, uploads)  # under the policy that the judge brings along
    assert verified(went, "--repository", "somebody/else") == (1, 0)


@pytest.mark.slow
def test_release_ends_without_the_apps_key(released):
    """Whoever has not the App's key makes no tag, and without the tag nothing is uploaded."""
    went = released(key="ghs_somebody-elses")
    ended = dict.fromkeys(ORDER[: ORDER.index("tag")], "success") | {"tag": "failure"}
    assert went.acted.jobs == ended, went.acted.log
    assert went.acted.status == 1
    instance = went.served.instance
    assert (instance.forge.tags.refs, instance.forge.releases.held, instance.index.files) == ({}, {}, {})
    assert went.acted.requests["tag"] == [f"POST /forge/repos/{RUN.repository}/git/refs 401"]


@pytest.mark.slow
def test_release_ends_when_the_builders_disagree(released):
    """What depends on the machine that builds it is seen by no single builder, and is neither signed nor uploaded."""
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    for old, new in [
        ("\n[tool.ruff]\n", '\n[tool.hatch.build.hooks.custom]\npath = "leaks.py"\n\n[tool.ruff]\n'),
        ('include = ["/src/epochly", ', 'include = ["/src/epochly", "/leaks.py", '),
    ]:
        assert pyproject.count(old) == 1
        pyproject = pyproject.replace(old, new)
    went = released((".",), changes={"pyproject.toml": pyproject.encode(), "leaks.py": LEAKS.encode()})
    ended = {"check": "success", "build-a": "success", "build-b": "success", "compare": "failure"}
    assert went.acted.jobs == ended, went.acted.log
    assert went.acted.status == 1
    lines = [line for line in went.acted.log.splitlines() if line.startswith(("compare: < ", "compare: > "))]
    wheel, sdist = f"epochly-{VERSION}-py3-none-any.whl", f"epochly-{VERSION}.tar.gz"
    assert sorted(line.split()[-1] for line in lines) == sorted(2 * [wheel, f"{wheel}.cdx.json", sdist])
    assert [line for line in went.served.instance.seen if not line.startswith("GET /simple/")] == []
