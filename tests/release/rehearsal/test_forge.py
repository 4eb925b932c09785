"""The rehearsed forge over HTTP: what it lets be done, with which token, and what it refuses as the real one does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rehearsed import PUBLISHER, RUN, new

from epochly_release.errors import Refused
from epochly_release.forge import ReleasePlan, ensure_release, ensure_tag, forge_from_environment
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.serve import serve
from epochly_release.world import Machine

COMMIT, REPOSITORY = "a" * 40, RUN.repository
FILES = {"a.whl": b"wheel", "b.json": b"{}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """An instance under the machine's clock, served for all tests of this file."""
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    with serve(tmp_path_factory.mktemp("tls"), RUN, [PUBLISHER], sources) as running:
        yield running


@pytest.fixture
def forge(served):
    """The forge with nothing in it."""
    there = served.instance.forge
    there.tags.refs.clear()
    there.tags.objects.clear()
    there.tags.commits = None
    there.releases.held.clear()
    there.releases.immutable = there.releases.gives_digests = True
    return there


@pytest.fixture
def world(served):
    """The real machine, that finds the forge as a job does."""
    environ = {**served.environment(), "GITHUB_API_URL": f"{served.instance.url}/forge"}
    return Machine(environ, lambda: "", lambda _: None)


@pytest.fixture
def asked(forge, world):
    """Ask as the App, or with another token: (status, JSON or bytes)."""

    def ask(method, path, document=None, *, token=None, data=None, **headers):
        known = {"Authorization": f"Bearer {token or forge.app_token}", "User-Agent": "test"}
        if document is not None:
            known["Content-Type"], data = "application/json", json.dumps(document).encode()
        url = path if path.startswith("https:") else f"{forge.url}/repos/{REPOSITORY}{path}"
        answer = world.fetch(url, method=method, headers=known | headers, body=data)
        try:
            return answer.status, json.loads(answer.body)
        except ValueError:
            return answer.status, answer.headers.get("location") or answer.body

    return ask


def tag(asked, name="v1.0", **more):
    """Ask for a tag."""
    return asked("POST", "/git/refs", {"ref": f"refs/tags/{name}", "sha": COMMIT}, **more)


def draft(asked, **more):
    """Ask for a draft."""
    return asked("POST", "/releases", {"tag_name": "v1.0", "target_commitish": COMMIT, "draft": True, **more})


def sent(asked, release, name="a.whl", data=b"wheel"):
    """Upload an asset."""
    url = release["upload_url"].partition("{")[0]
    return asked("POST", f"{url}?name={name}", data=data, **{"Content-Type": "application/octet-stream"})


def published(asked):
    """A published release with one asset, and that asset."""
    tag(asked)
    _, release = draft(asked)
    _, asset = sent(asked, release)
    assert asked("PATCH", f"/releases/{release['id']}", {"draft": False})[0] == 200
    return release, asset


def test_release_is_made_over_http_by_our_client(forge, served, world):
    """The client of `epochly_release.forge`, on the real network stack, makes tag and release, and finds them again."""
    client = forge_from_environment(
        Machine(world.environ | {"GH_TOKEN": forge.app_token}, lambda: "", lambda _: None), REPOSITORY
    )
    assets = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in FILES.items()}
    plan = ReleasePlan("v1.0", COMMIT, "1.0", "Täxt\n", assets)
    before = len(served.instance.seen)
    assert (ensure_tag(client, "v1.0", COMMIT), ensure_release(client, plan, FILES.__getitem__)) == (
        True,
        True,
    )
    assert served.instance.seen[before:][-1].startswith("PATCH /forge/repos/acme/demo-pkg/releases/")
    assert (ensure_tag(client, "v1.0", COMMIT), ensure_release(client, plan, FILES.__getitem__)) == (
        False,
        False,
    )
    forge.releases.gives_digests = False
    assert ensure_release(client, plan, FILES.__getitem__) is False
    with pytest.raises(Refused):
        ensure_tag(client, "v1.0", "b" * 40)


@pytest.mark.parametrize("token", ["unknown", "", "ghs_" + "0" * 36])
def test_forge_knows_its_tokens_only(asked, token):
    """Anybody else is nobody: 401, whatever is asked."""
    assert asked("GET", "/releases", token=token or " ")[0] == 401
    assert tag(asked, token=token or " ")[0] == 401


def test_forge_wants_to_know_who_asks(asked):
    """A request without a user agent is forbidden, as at the real forge."""
    assert asked("GET", "/releases", **{"User-Agent": ""})[0] == 403


def test_release_tags_are_made_by_the_app_only(forge, asked):
    """A job and an administrator are refused by rule; the App is not, and other tags are free."""
    for token in (forge.job_token, forge.admin_token):
        status, said = tag(asked, token=token)
        assert (status, said["message"].startswith("Repository rule violations found")) == (422, True)
    assert tag(asked, "nightly", token=forge.job_token)[0] == 201
    assert tag(asked)[0] == 201
    assert asked("GET", "/git/ref/tags/v1.0")[1]["object"] == {
        "sha": COMMIT,
        "type": "commit",
        "url": f"{forge.url}/repos/{REPOSITORY}/git/commits/{COMMIT}",
    }


def test_tags_neither_move_nor_go(forge, asked):
    """Making a tag again, moving and removing it is refused for everyone, the App as well."""
    tag(asked)
    assert tag(asked)[0] == 422
    assert asked("PATCH", "/git/refs/tags/v1.0", {"sha": "b" * 40, "force": True})[0] == 422
    assert asked("DELETE", "/git/refs/tags/v1.0")[0] == 422
    assert asked("DELETE", "/git/refs/tags/v2.0")[0] == 422
    assert forge.tags.refs == {"v1.0": COMMIT}


@pytest.mark.parametrize(
    "document",
    [{}, {"ref": "v1.0", "sha": COMMIT}, {"ref": "refs/tags/v1", "sha": "main"}, {"ref": 1, "sha": 2}, []],
)
def test_no_tag_is_made_of_a_broken_request(forge, asked, document):
    """A name that is no full reference, or an id that is none, makes nothing."""
    assert asked("POST", "/git/refs", document)[0] == 422
    assert forge.tags.refs == {}


def test_tag_needs_a_commit_that_is_pushed(forge, asked):
    """Where the commits are known, no other can be tagged."""
    forge.tags.commits = {"b" * 40}
    assert tag(asked)[0] == 422
    forge.tags.commits = {COMMIT}
    assert tag(asked)[0] == 201


def test_draft_has_no_address_by_tag(asked):
    """A draft is in the list alone, until it is published."""
    tag(asked)
    _, release = draft(asked)
    assert asked("GET", "/releases/tags/v1.0")[0] == 404
    assert [one["id"] for one in asked("GET", "/releases")[1]] == [release["id"]]
    assert asked("PATCH", f"/releases/{release['id']}", {"draft": False})[0] == 200
    assert asked("GET", "/releases/tags/v1.0")[1]["immutable"] is True
    assert asked("GET", f"/releases/{release['id']}")[1]["draft"] is False


def test_publishing_makes_no_release_tag_for_a_job(forge, asked):
    """Publishing without a tag would make it, so it is refused to whoever may not; the draft stays a draft."""
    _, release = draft(asked)
    status, said = asked("PATCH", f"/releases/{release['id']}", {"draft": False}, token=forge.job_token)
    assert (status, said["message"].startswith("Repository rule violations found")) == (422, True)
    assert asked("GET", f"/releases/{release['id']}")[1]["draft"] is True
    assert asked("POST", "/releases", {"tag_name": "v1.0"}, token=forge.job_token)[0] == 422
    assert asked("PATCH", f"/releases/{release['id']}", {"draft": False})[0] == 200
    assert forge.tags.refs == {"v1.0": COMMIT}


def test_published_release_is_immutable(asked):
    """Assets, tag and publication of a release stay; its text may be mended; a tag has one release."""
    release, asset = published(asked)
    assert sent(asked, release, "b.whl")[0] == 422
    assert asked("DELETE", f"/releases/assets/{asset['id']}")[0] == 422
    for change in ({"draft": True}, {"tag_name": "v2.0"}, {"target_commitish": "main"}, {"prerelease": True}):
        assert asked("PATCH", f"/releases/{release['id']}", change)[0] == 422
    assert asked("PATCH", f"/releases/{release['id']}", {"body": "mended"})[1]["body"] == "mended"
    assert len(asked("GET", f"/releases/{release['id']}/assets")[1]) == 1
    assert asked("POST", "/releases", {"tag_name": "v1.0"})[0] == 422


def test_assets_are_given_back_as_they_came(forge, asked, world):
    """An asset lies where no token is wanted, nor taken; users find it by tag and name."""
    _, asset = published(asked)
    assert (asset["state"], asset["size"]) == ("uploaded", 5)
    assert asset["digest"] == f"sha256:{hashlib.sha256(b'wheel').hexdigest()}"
    assert asked("GET", f"/releases/assets/{asset['id']}")[1]["name"] == "a.whl"
    status, store = asked("GET", f"/releases/assets/{asset['id']}", Accept="application/octet-stream")
    assert status == 302
    assert world.fetch(store).body == b"wheel"
    assert asked("GET", store)[0] == 400
    assert world.fetch(f"{forge.url}/{REPOSITORY}/releases/download/v1.0/a.whl").body == b"wheel"
    assert world.fetch(f"{forge.url}/{REPOSITORY}/releases/download/v1.0/b.whl").status == 404


def test_asset_names_are_changed_and_barred_as_at_the_forge(asked):
    """Odd characters become dots, a name is taken once, and an asset has bytes and a type."""
    _, release = draft(asked)
    assert sent(asked, release, "a%2Bb%20c.whl")[1]["name"] == "a.b.c.whl"
    status, said = sent(asked, release, "a.b.c.whl")
    assert (status, said["errors"][0]["code"]) == (422, "already_exists")
    assert sent(asked, release, "empty", b"")[0] == 400
    assert sent(asked, release, "..")[0] == 422


def test_broken_upload_leaves_half_an_asset(forge, asked):
    """It bars its name until it is removed, and has no digest."""
    _, release = draft(asked)
    forge.releases.breaking_uploads = 1
    assert sent(asked, release)[0] == 502
    (half,) = asked("GET", f"/releases/{release['id']}/assets")[1]
    assert (half["state"], half["digest"]) == ("starter", None)
    assert sent(asked, release)[0] == 422
    assert asked("DELETE", f"/releases/assets/{half['id']}")[0] == 204
    assert sent(asked, release)[0] == 201


def test_lists_come_in_pages(forge, world, asked):
    """`per_page` and `page` are heeded up to a hundred, and `Link` says that there is more."""
    for number in range(3):
        draft(asked, tag_name=f"x{number}")
    headers = {"Authorization": f"Bearer {forge.app_token}", "User-Agent": "x"}
    url = f"{forge.url}/repos/{REPOSITORY}/releases"
    first = world.fetch(f"{url}?per_page=2", headers=headers)
    assert [one["tag_name"] for one in json.loads(first.body)] == ["x2", "x1"]
    assert first.headers["link"] == f'<{url}?per_page=2&page=2>; rel="next"'
    last = world.fetch(f"{url}?per_page=2&page=2", headers=headers)
    assert [one["tag_name"] for one in json.loads(last.body)] == ["x0"]
    assert "link" not in last.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/git/ref/tags/v1.0"),
        ("GET", f"/git/tags/{COMMIT}"),
        ("GET", "/releases/1"),
        ("PATCH", "/releases/1"),
        ("GET", "/releases/1/assets"),
        ("POST", "/releases/1/assets?name=x"),
        ("GET", "/releases/assets/1"),
        ("DELETE", "/releases/assets/1"),
        ("GET", "/rulesets/1"),
        ("GET", "/environments/pypi/deployment-branch-policies"),
        ("GET", "/actions/secrets"),
    ],
)
def test_what_is_not_there_is_not_found(asked, method, path):
    """An id, a name or an address that the forge does not have is 404."""
    assert asked(method, path, {} if method in ("PATCH", "POST") else None)[0] == 404


def test_another_repository_is_not_found(forge, asked):
    """The forge has one repository, under a name without regard to case."""
    assert asked("GET", f"{forge.url}/repos/evil/demo-pkg/releases")[0] == 404
    assert asked("GET", f"{forge.url}/repos/Acme/Demo-Pkg/releases")[0] == 200


@pytest.mark.parametrize("document", [[], {"tag_name": 1}, {"tag_name": "v1", "draft": "yes"}, {}])
def test_release_of_a_broken_request_is_refused(forge, asked, document):
    """What is no request for a release makes none."""
    assert asked("POST", "/releases", document)[0] == 422
    assert forge.releases.held == {}


def test_settings_are_shown_by_rights(forge, asked):
    """Who may bypass a ruleset is shown to administrators; a list names rulesets, and leaves their rules out."""
    forge.rulesets = [{"id": 3, "name": "x", "target": "tag", "rules": [], "bypass_actors": []}]
    forge.environments = [{"name": "pypi"}]
    forge.branch_policies = {"pypi": [{"name": "main"}]}
    assert asked("GET", "/rulesets")[1] == [{"id": 3, "name": "x", "target": "tag"}]
    assert "bypass_actors" not in asked("GET", "/rulesets/3")[1]
    assert asked("GET", "/rulesets/3", token=forge.admin_token)[1] == forge.rulesets[0]
    assert asked("GET", "/environments")[1] == {"total_count": 1, "environments": [{"name": "pypi"}]}
    policies = asked("GET", "/environments/pypi/deployment-branch-policies")[1]
    assert policies == {"total_count": 1, "branch_policies": [{"name": "main"}]}


def test_settings_command_asks_the_forge_it_is_told(forge, world, tmp_path):
    """`epochly-release settings --check --live`, as a program of its own, finds the forge through its environment."""
    forge.rulesets, forge.environments, forge.branch_policies = [], [], {}
    wanted = {"environment": "pypi", "can_admins_bypass": False, "wait_timer": 0}
    wanted |= {"prevent_self_review": False, "reviewers": [], "branches": ["main"]}
    (tmp_path / "environment.json").write_text(json.dumps(wanted))
    command = [sys.executable, "-m", "epochly_release", "settings", "--settings", str(tmp_path)]
    known = world.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}

    def checked(token):
        given = [*command, "--check", "--live", REPOSITORY]
        environ = known | {"GH_TOKEN": token}
        done = subprocess.run(given, env=environ, check=False, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    assert checked(forge.admin_token) == (1, "environment pypi: is not at the forge\n")
    policy = {"protected_branches": False, "custom_branch_policies": True}
    there = {"name": "pypi", "can_admins_bypass": False, "protection_rules": []}
    forge.environments = [there | {"deployment_branch_policy": policy}]
    forge.branch_policies = {"pypi": [{"name": "main", "type": "branch"}]}
    assert checked(forge.admin_token) == (0, "no drift in 1 settings\n")
    assert checked("unknown") == (2, "")


def test_tokens_of_two_instances_differ():
    """A token of one rehearsal is worth nothing in another, and the three of one are three."""
    one, other = new().forge, new(seed=b"other").forge
    tokens = {there.app_token for there in (one, other)} | {one.job_token, one.admin_token}
    assert len(tokens) == 4
