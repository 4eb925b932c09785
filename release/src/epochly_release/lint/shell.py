"""A script of a `run:` step -> the commands it names, with their lines. A reader of words, not a shell.

It knows quotes, comments, line continuations, here-documents, separators, substitutions and the usual things in front of a
command (`sudo`, `env A=B`, `time`, `if`, `uv run`, `bash -c '...'`). It does not expand variables, follow functions or read
files: a command hidden behind `$TOOL` is not seen, and the guide says so. Any text gives commands; nothing runs.

Specification: POSIX.1-2024, Shell Command Language, 2.2 (quoting), 2.3 (tokens), 2.9 (commands).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from epochly_release.lint.expressions import without_expressions
from epochly_release.lint.words import MOST_NESTING, words_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = re.compile(
    r"\A[/~$].*/|\A(?:[^/]*/)*[^/]*env[^/]*/(?:bin|Scripts)/"
)  # a folder outside the repository's files
_ASSIGNMENT = re.compile(r"\A[A-Za-z_]\w*\+?=")
_PYTHON = re.compile(r"\A(?:python|pypy)(?:\d+(?:\.\d+)*)?(?:\.exe)?\Z")
_BEFORE = {
    "sudo",
    "exec",
    "time",
    "command",
    "nohup",
    "nice",
    "then",
    "do",
    "else",
    "if",
    "elif",
    "while",
    "until",
} | {
    "!",
    "{",
    "env",
    "xargs",
}
_OPEN = {"if", "while", "until", "for", "case", "select", "{", "function"}
_CLOSE = {"fi", "done", "esac", "}"}
_CONTINUE = {"then", "do", "else", "!"}
_SWALLOWS = {"||", "&", "|", "|&"}
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("coverage", "run")}
_TAKES_VALUE = {
    "-W",
    "-X",
    "--with",
    "--python",
    "-p",
    "--project",
    "--directory",
    "--group",
    "--extra",
    "-u",
    "-C",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words after everything in front of it, the line it starts on (from 0), and what follows it.

    Attributes:
        words: the program without its folder first; `python -m x` is `x`, and `pip3.11` is `pip`.
        line: offset into the script, from 0.
        after: the operator behind it: `&&`, `||`, `|`, `;` or a line's end.
        assigned: variables set in front of it or by it (`export`), by name.
        guarded: it is in a block, a function, a subshell or a condition, so its failure need not stop the script.
    """

    words: tuple[str, ...]
    line: int
    after: str = "\n"
    assigned: tuple[str, ...] = ()
    guarded: bool = False

    @property
    def text(self) -> str:
        """The command on one line, for messages."""
        return " ".join(self.words)[:120]


@lru_cache(maxsize=64)  # every rule asks for the same scripts
def commands_in(script: str) -> tuple[Command, ...]:
    """Every command the script names, in its order."""
    return tuple(_commands(script, 0))


def stopping(commands: tuple[Command, ...]) -> tuple[bool, ...]:
    """For each command, whether its failure ends a script that a shell runs with `-e`.

    It does not in a block, condition or subshell, before `||`, `|` or `&`, after `set +e`, nor before `&&` save at the end.
    """
    ends = list(range(len(commands)))  # where the list of `&&` ends that a command begins or is in
    for place in range(len(commands) - 2, -1, -1):
        if commands[place].after == "&&":
            ends[place] = ends[place + 1]
    answers, passing = [], False
    for place, (command, end) in enumerate(zip(commands, ends, strict=True)):
        swallowed = command.guarded or passing or commands[end].after in _SWALLOWS
        answers.append(not swallowed and end in (place, len(commands) - 1))
        passing = _errors_pass(command, passing)
    return tuple(answers)


def _errors_pass(command: Command, before: bool) -> bool:
    """Whether errors pass behind this command; `set +e` and `set -e` change it."""
    if command.words[:1] == ("set",):
        for flag, option in pairwise((*command.words[1:], "")):
            if re.fullmatch(r"[+-]\w*e\w*", flag) or (flag in ("+o", "-o") and option == "errexit"):
                before = flag[0] == "+"
    return before


def _commands(script: str, nesting: int) -> Iterator[Command]:
    words: list[str] = []
    start, depth = 0, 0
    for word, line, separates in words_in(without_expressions(script), 0):
        if not separates:
            start = start if words else line
            words.append(word)
            continue
        if words:
            opens, closes = _block_marks(words)
            depth += opens
            bang = words[0] == "!"
            for command in _named(words, start, word, nesting):
                yield replace(command, guarded=command.guarded or depth > 0 or bang)
            depth = max(0, depth - closes)
            words = []
        depth = max(0, depth + {"(": 1, ")": -1}.get(word, 0))


def _block_marks(words: list[str]) -> tuple[int, int]:
    """How many blocks begin and end with these words, such as `if`, `{`, and `fi`, `}`."""
    at = 0
    while at < len(words) - 1 and words[at] in _CONTINUE:
        at += 1
    return int(words[at] in _OPEN), int(words[0] in _CLOSE)


def _named(words: list[str], line: int, after: str, nesting: int) -> Iterator[Command]:
    """The command these words name, and those in a `bash -c` text."""
    words, assigned, runner = _stripped(words)
    if runner:
        yield Command(runner, line, after, assigned)
    if not words:
        yield Command((), line, after, assigned)
        return
    program = words[0].replace("\\", "/").rpartition("/")[2]
    if program in ("export", "declare", "readonly"):
        assigned += tuple(_names(words[1:]))
    if program in ("bash", "sh", "zsh", "dash") and nesting < MOST_NESTING:
        flag = next((place for place, word in enumerate(words) if re.fullmatch(r"-\w*c", word)), None)
        if flag is not None and flag + 1 < len(words):
            yield from _inner_commands(
                words[flag + 1], words[flag], nesting, Command((), line, after, assigned)
            )
            return
    if _PYTHON.match(program):
        module = _module(words)
        words = module or ["python", *words[1:]]
    elif re.fullmatch(r"pip\d[\d.]*", program):
        words = ["pip", *words[1:]]
    elif _INSTALLED.match(words[0].replace("\\", "/")):
        words = [program, *words[1:]]
    yield Command(tuple(words), line, after, assigned)


def _inner_commands(script: str, flag: str, nesting: int, outer: Command) -> Iterator[Command]:
    """The commands of a `bash -c` text, as if they stood where it stands."""
    inner = tuple(_commands(script, nesting + 1))
    last = len(inner) - 1
    for place, (command, stops) in enumerate(zip(inner, stopping(inner), strict=True)):
        ends_it = stops and (place == last or "e" in flag) and outer.after not in _SWALLOWS
        yield Command(
            command.words,
            outer.line,
            outer.after if place == last else command.after,
            outer.assigned + command.assigned,
            guarded=not ends_it,
        )


def _module(words: list[str]) -> list[str]:
    """`python -P -m build x` -> `build x`; empty where no module is run."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "-c":
            return []
        if re.fullmatch(r"-[A-Za-z]*m", words[at]):
            return [words[at + 1].replace("_", "-"), *words[at + 2 :]] if at + 1 < len(words) else []
        at += 2 if words[at] in _TAKES_VALUE else 1
    return []


def _stripped(words: list[str]) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """The words from the program on, the variables set in front of it, and the runner (`uv run --with x`) if any."""
    assigned: list[str] = []
    runner: tuple[str, ...] = ()
    while words:
        if _ASSIGNMENT.match(words[0]):
            assigned += _names(words[:1])
            words = words[1:]
        elif words[0] in _BEFORE:
            words = _without_options(words[1:])
        elif tuple(words[:2]) in _RUNNERS and len(words) > 2:
            rest = _without_options(words[2:])
            runner, words = tuple(words[: len(words) - len(rest)]), rest
        else:
            break
    return words, tuple(assigned), runner


def _without_options(words: list[str]) -> list[str]:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _TAKES_VALUE else words[1:]
    return words


def _names(words: list[str]) -> list[str]:
    return [word.partition("=")[0].rstrip("+") for word in words if _ASSIGNMENT.match(word)]
