"""Which commands and actions bring code in from outside, and whether its bytes were fixed beforehand.

Fixed means: the command itself refuses bytes nobody wrote down (`pip install --require-hashes`, `npm ci`, `uv sync
--locked`), or nothing comes from outside at all (`--no-index` together with `--no-deps`). A version number is not enough: a
file of that version can still be another one.

Specification: pip's hash-checking mode; npm's `package-lock.json` integrity; uv's `--locked` and `--frozen`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epochly_release.lint.model import Step
    from epochly_release.lint.shell import Command

_ALWAYS_LOOSE = {
    "pipx",
    "uvx",
    "npx",
    "bunx",
    "easy_install",
    "apt",
    "apt-get",
    "brew",
    "choco",
    "gem",
    "conda",
    "mamba",
}
_INSTALLS = {
    "apt": {"install"},
    "apt-get": {"install"},
    "brew": {"install"},
    "choco": {"install"},
    "gem": {"install"},
    "conda": {"install", "create"},
    "mamba": {"install", "create"},
    "pipx": {"install", "run", "inject", "upgrade"},
}
_NPM_NAMES = {"npm", "pnpm", "yarn", "bun"}
_FETCHES = {"curl", "wget"}
_SHELLS = {"bash", "sh", "zsh", "dash", "python", "node", "perl", "ruby", "tar", "unzip"}
_INSTALLING_ACTIONS = {
    "pre-commit/action": "installs the hooks it finds",
    "pypa/cibuildwheel": "installs what the build asks for",
    "hynek/build-and-inspect-python-package": "installs what the build asks for",
    "pyo3/maturin-action": "installs a build tool",
}


def loose_install(command: Command, before: Command | None) -> str:
    """Why the command brings in code that nobody fixed beforehand; empty where it does not.

    `before` is the command whose output is piped into this one, if any.
    """
    words = command.words
    program, rest = words[0], words[1:]
    first = next((word for word in rest if not word.startswith("-")), "")
    if program in _SHELLS and before is not None and before.words and before.words[0] in _FETCHES:
        return "runs or unpacks what was just fetched"
    if program in ("uv", "pip") and (program == "pip" or "pip" in rest[:1]):
        return _pip(rest if program == "pip" else rest[1:])
    if program == "uv":
        return _uv(first, words)
    if program in _NPM_NAMES:
        return _npm(program, first, rest)
    if program in _ALWAYS_LOOSE:
        wanted = _INSTALLS.get(program)
        return "takes whatever is newest" if wanted is None or first in wanted else ""
    if program in ("cargo", "go") and first == "install" and "--locked" not in words:
        return "resolves its dependencies anew"
    if program in ("poetry", "pdm") and first in ("add", "update"):
        return "resolves its dependencies anew"
    return ""


def _pip(rest: tuple[str, ...]) -> str:
    verb = next((word for word in rest if word in ("install", "download", "wheel", "sync")), "")
    if not verb or "--require-hashes" in rest or "--verify-hashes" in rest:
        return ""
    if "--no-index" in rest and "--no-deps" in rest:
        return ""  # nothing comes from outside, and nothing more than what is named
    return "checks no hashes (`--require-hashes`)"


def _uv(first: str, words: tuple[str, ...]) -> str:
    locked = "--locked" in words or "--frozen" in words
    if first in ("sync", "run") and not locked:
        return "may resolve its dependencies anew (`--locked`)"
    if first == "tool" and ("install" in words or "run" in words):
        return "takes whatever is newest"
    if first == "run" and "--with" in words:
        return "adds what no lock holds (`--with`)"
    return "resolves its dependencies anew" if first in ("add", "upgrade") else ""


def _npm(program: str, first: str, rest: tuple[str, ...]) -> str:
    if first in ("exec", "x", "dlx", "create", "init"):
        return "takes whatever is newest"
    verbs = {"install", "i", "add", "update", "up"} | ({""} if program == "yarn" else set())
    frozen = {"--frozen-lockfile", "--immutable"} & set(rest)
    return "is not `npm ci`, so the lock may change" if first in verbs and not frozen else ""


def loose_action(step: Step) -> str:
    """Why an action brings in code that nobody fixed beforehand; empty where it is not known to."""
    return _INSTALLING_ACTIONS.get(step.action, "")
