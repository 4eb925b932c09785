"""The words of a shell script and what separates them, with their lines; any text gives words, in time of its length.

It knows quotes, comments, line continuations, here-documents and substitutions. The words of a substitution follow the
command they stand in, as if run in the background, because its failure need not stop the script.

Specification: POSIX.1-2024, Shell Command Language, 2.2 (quoting), 2.3 (tokens), 2.6.3 (substitution), 2.7.4 (here-documents).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NESTING = 3  # levels of `$(...)` or `bash -c` that are looked into
_PLAIN = re.compile(r"[^\s\\'\"`$#&|;()<>]+")
_PARENTHESES = re.compile(r"[()]")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_SEPARATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "(", ")", "\n")


def words_in(text: str, depth: int) -> Iterator[tuple[str, int, bool]]:
    """Words and separators: (text, line from 0, whether it separates). Substitutions follow the command they stand in."""
    at, line, word = 0, 0, _Word()
    waiting: list[str] = []  # ends of here-documents that begin on the next line
    inner: list[tuple[str, int]] = []  # substitutions, with their line
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            if text[at + 1] == "\n":
                line += 1
            else:
                word.add(text[at + 1])
            at += 2
        elif char in "'\"":
            end = _quote_end(text, at)
            word.add(text[at + 1 : end])
            if char == '"':
                inner += ((part, line) for part in _substitutions(text[at + 1 : end]))
            line += text.count("\n", at, end)
            at = end + 1
        elif char == "`" or text.startswith("$(", at):
            end = _substitution_end(text, at)
            word.add("SUBSTITUTION")
            inner.append((text[at + (1 if char == "`" else 2) : end], line))
            line += text.count("\n", at, end)
            at = end + 1
        elif char == "#" and not word.parts:
            at = _line_end(text, at)
        elif text.startswith("<<", at) and not text.startswith("<<<", at) and (here := _HERE.match(text, at)):
            waiting.append(here[2])
            at = here.end()
        elif char == "&" and (
            text.startswith("&>", at) or text[at - 1 : at] in ("<", ">")
        ):  # `2>&1`, `&>file`
            word.add(char)
            at += 1
        elif separator := next((mark for mark in _SEPARATORS if text.startswith(mark, at)), ""):
            yield from word.taken(line)
            yield separator, line, True
            yield from _inner_words(inner, depth)
            inner.clear()
            at += len(separator)
            if separator == "\n":
                line += 1
                for mark in waiting:
                    at, passed = _here_end(text, at, mark)
                    line += passed
                waiting.clear()
        elif char.isspace():
            yield from word.taken(line)
            at += 1
        else:
            run = _PLAIN.match(text, at)
            end = run.end() if run else at + 1
            word.add(text[at:end])
            at = end
    yield from word.taken(line)
    yield "\n", line, True
    yield from _inner_words(inner, depth)


class _Word:
    """A word while it is read; pieces are joined once, so that a long one costs no more than its length."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, part: str) -> None:
        self.parts.append(part)

    def taken(self, line: int) -> Iterator[tuple[str, int, bool]]:
        if self.parts:
            yield "".join(self.parts), line, False
            self.parts = []


def _inner_words(inner: list[tuple[str, int]], depth: int) -> Iterator[tuple[str, int, bool]]:
    """The words of substitutions. Each ends as if in the background, because its failure need not stop the script."""
    if depth < MOST_NESTING:
        for text, line in inner:
            for word, _, separates in words_in(text, depth + 1):
                yield ("&" if separates and word not in ("|", "||") else word), line, separates
            yield "&", line, True


def _substitutions(text: str) -> Iterator[str]:
    """What stands in each `$(...)` of a quoted text."""
    at = text.find("$(")
    while at >= 0:
        end = _substitution_end(text, at)
        yield text[at + 2 : end]
        at = text.find("$(", end)


def _substitution_end(text: str, at: int) -> int:
    """Where the substitution that opens at `at` closes; the text's end if it does not."""
    if text[at] == "`":
        end = text.find("`", at + 1)
        return len(text) if end < 0 else end
    open_ = 0
    for found in _PARENTHESES.finditer(text, at):
        open_ += 1 if found[0] == "(" else -1
        if open_ == 0:
            return found.start()
    return len(text)


def _quote_end(text: str, at: int) -> int:
    """Where the quote that opens at `at` closes; the text's end if it does not."""
    quote, end = text[at], at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if quote == '"' and text[end] == "\\" else 1
    return min(end, len(text))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _here_end(text: str, at: int, mark: str) -> tuple[int, int]:
    """Behind a here-document: (place, lines passed)."""
    passed = 0
    while at < len(text):
        end = _line_end(text, at)
        here, at, passed = text[at:end].strip(), end + 1, passed + 1
        if here == mark:
            break
    return at, passed
