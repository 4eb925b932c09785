"""Git, as far as a release needs it: facts at a commit, a clean tree, and a clone that holds the commit and no more.

The clone never shares objects with its origin, takes no configuration, hook or template of the user or the machine, and
converts no line ends. Every file gets the mode that git recorded and the commit's time, so that the umask and the clock
of the machine leave no trace. Submodules are refused: their content is not in the commit.

Sources: gitformat-index, git-ls-files, git-checkout-index, git-status (porcelain v1) manual pages.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from epochly_release.errors import InputError, Refused
from epochly_release.plan import Facts, pyproject_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.config import Config
    from epochly_release.world import World

QUIET = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
PLAIN = ("-c", "core.autocrlf=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
MODES = {"100644": 0o644, "100755": 0o755}
SYMLINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository at a folder, asked through the world."""

    path: str
    world: World

    def git(self, *arguments: str, given: bytes = b"") -> bytes:
        """What a git command prints; raises `InputError` with git's own words when it fails."""
        environ = {name: self.world.environ[name] for name in ("PATH", "HOME") if name in self.world.environ}
        ran = self.world.run(
            ["git", *PLAIN, "-C", self.path, *arguments], environ=environ | QUIET, given=given
        )
        if ran.status != 0:
            words = ran.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            raise InputError(
                "git", f"git {arguments[0]}", words[-1], f"is `{self.path}` a git repository with commits?"
            )
        return ran.stdout

    def commit(self, revision: str) -> str:
        """The full id of a revision."""
        if revision.startswith("-"):
            raise InputError("commit", revision, "is no revision", "name a commit, branch or tag")
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        except InputError as error:
            if error.code != "git" or "no reason" not in error.message:
                raise
            raise InputError(
                "commit", revision, "is no commit here", "name one that `git log` shows"
            ) from None

    def show(self, commit: str, path: str) -> bytes:
        """A file's bytes at a commit; raises `Refused` when it is not in it."""
        if not self.git("ls-tree", "-z", commit, "--", path):
            raise Refused(
                "not-committed",
                path,
                f"is not in commit {commit[:12]}",
                "commit it, or mend the configuration",
            )
        return self.git("cat-file", "blob", f"{commit}:{path}")

    def changes(self, *, ignored: bool = False, besides: str = "") -> tuple[str, ...]:
        """Paths that differ from the commit, with git's two letters; `besides` is a path to leave out."""
        out = os.path.relpath(besides, self.path) if besides else ".."
        exclude = () if out == "." or out.startswith("..") else (f":(exclude){out}",)
        ask = ("--ignored",) if ignored else ()
        text = self.git("status", "--porcelain", "-z", "--untracked-files=all", *ask, "--", ".", *exclude)
        return tuple(part for part in text.decode("utf-8", "surrogateescape").split("\0") if part)


def gather_facts(repository: Repository, revision: str, config: Config, config_bytes: bytes) -> Facts:
    """Everything a plan is made from, read at the commit and nowhere else."""
    commit = repository.commit(revision)
    wanted = (config.version_file, *(pyproject_of(folder) for folder in config.distributions))
    return Facts(
        commit=commit,
        epoch=int(repository.git("log", "-1", "--format=%ct", commit)),
        config_sha256=hashlib.sha256(config_bytes).hexdigest(),
        files={path: repository.show(commit, path) for path in wanted},
    )


def refuse_dirty(repository: Repository, out: str) -> None:
    """Raises `Refused` when the working tree is not the commit; ignored files stay, they are never built from."""
    changes = repository.changes(besides=out)
    if changes:
        raise Refused(
            "dirty-tree",
            changes[0][3:].encode("utf-8", "backslashreplace").decode(),
            f"is not as committed ({len(changes)} such files)",
            "commit or remove it, or name the commit with `--commit`",
            tuple(change.encode("utf-8", "backslashreplace").decode() for change in changes[:20]),
        )


def clean_clone(
    origin: Repository, commit: str, folder: str, epoch: int, *, backwards: bool = False
) -> Repository:
    """A clone at `folder` that holds the commit's files and nothing else; `backwards` writes them in reverse order."""
    world = origin.world
    world.fresh_folder(folder)
    origin.git("clone", "--quiet", "--no-local", "--no-checkout", "--template=", "--", origin.path, folder)
    clone = Repository(folder, world)
    clone.git("config", "core.autocrlf", "false")
    clone.git("fetch", "--quiet", origin.path, commit) if not _has(clone, commit) else b""
    clone.git("update-ref", "--no-deref", "HEAD", commit)
    clone.git("read-tree", "HEAD")
    rows = tuple(_rows(clone))
    paths = sorted((path for _, path in rows), reverse=backwards)
    clone.git("checkout-index", "-z", "--stdin", given=b"".join(os.fsencode(path) + b"\0" for path in paths))
    for mode, path in rows:
        if mode in MODES:
            world.settle(os.path.join(folder, path), MODES[mode], epoch)
    clone.git("update-index", "--refresh", "-q")
    left = clone.changes(ignored=True)
    if left:
        message = "differs from the commit in a clean clone"
        raise Refused(
            "clone-dirty",
            left[0][3:],
            message,
            "a filter in .gitattributes changes it, or it was committed ignored",
        )
    return clone


def _rows(clone: Repository) -> Sequence[tuple[str, str]]:
    rows = []
    for row in clone.git("ls-files", "-s", "-z").split(b"\0"):
        if not row:
            continue
        found = re.fullmatch(rb"(\d{6}) [0-9a-f]+ (\d)\t(.*)", row, re.DOTALL)
        assert found is not None, row  # git-ls-files(1), OUTPUT
        mode, path = found[1].decode(), os.fsdecode(found[3])
        if mode == SUBMODULE:
            _refuse(path, "is a submodule, whose content the commit does not hold")
        if mode not in MODES and mode != SYMLINK:
            _refuse(path, f"has the mode {mode}")
        rows.append((mode, path))
    return rows


def _has(clone: Repository, commit: str) -> bool:
    try:
        clone.git("cat-file", "-e", f"{commit}^{{commit}}")
    except InputError:
        return False
    return True


def _refuse(path: str, message: str) -> NoReturn:
    raise Refused("not-a-file", path, message, "release from plain files")
