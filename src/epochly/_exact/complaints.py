"""What numba says when it cannot tell the types of a function, in the words of the Python that was written.

Pure text to text. It refuses to pass anything of numba's on that it does not understand: then the reason is general, and the
line is the message. Source: numba's error messages.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from epochly._exact.kinds import words

_LINE = re.compile(r'", line (\d+)|(?:\.py|>) \((\d+)\)')
_UNIFY = re.compile(r"Cannot unify (.+) and (.+) for '([\w.$]+)'")
_NO_IMPLEMENTATION = re.compile(r">>> (\w+)\((.*)\)")
_ATTRIBUTE = re.compile(r"Unknown attribute '(\w+)' of type (.+)")
_NAME = re.compile(r"(?:name '(\w+)' is not defined|[Gg]lobal name '(\w+)')")
_BOUNDARY = re.compile(r",\s*(?![^(\[]*[)\]])")
_SPOKEN = {"at_sign": "@", "least_of": "min", "most_of": "max"}


class Complaint(NamedTuple):
    """A reason, its line where one is named, and a fix where one is known."""

    reason: str
    line: int | None
    fix: str = ""


def translated(text: str) -> Complaint:
    """Numba's message as a reason."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    numbers = [int(one or other) for one, other in _LINE.findall(text)]
    line = next((number for number in numbers if number), None)
    if found := _UNIFY.search(text):
        one, other = words(found[1]), words(found[2])
        name = found[3].partition(".")[0]
        name = "a value" if name.startswith("$") else f"`{name}`"
        return Complaint(
            f"{name} is {one} on one path and {other} on another", line, f"keep {name} to one type"
        )
    if found := _ATTRIBUTE.search(text):
        return Complaint(f"`.{found[1]}` of {words(found[2].strip())}", line)
    if found := _NO_IMPLEMENTATION.search(text):
        return Complaint(_call(found[1], _BOUNDARY.split(found[2])), line)
    if found := _NAME.search(text):
        return Complaint(f"`{found[1] or found[2]}` is not defined, or nothing that can be compiled", line)
    return Complaint("a call, or an operation, that is not on the exact list for values of these types", line)


def _call(function: str, types: list[str]) -> str:
    """What has no implementation."""
    named = [each.strip().partition("=")[0] for each in types if re.match(r"\s*\w+=", each)]
    spoken = [words(each.strip().rpartition(": ")[2]) for each in types if not re.match(r"\s*\w+=", each)]
    if function == "setitem" and len(spoken) == 3:
        return f"a store of {spoken[2]} into {spoken[0]} at {spoken[1]}"
    if function in {"getitem", "static_getitem"} and len(spoken) > 1:
        return f"an index of {spoken[1]} into {spoken[0]}"
    name = function.removeprefix("epochly_").removeprefix("provisional_").removesuffix("_strong")
    keywords = f" with `{'` and `'.join(named)}`" if named else ""
    return f"`{_SPOKEN.get(name, name)}` of {' and '.join(spoken) or 'nothing'}{keywords}"
