"""Whether a requirement line or a version range can be read.

`packaging` decides. It takes 10 ms to import, so the forms nearly all real lines have are recognised here first; what
is recognised is a strict subset of what `packaging` reads, and a test holds that.

Specification: "Dependency specifiers", "Version specifiers".
"""

from __future__ import annotations

import re

MAX_CHARS = 4_096  # of one line; the longest seen has about 600
MAX_RANGE_CHARS = 512  # of a range of Python versions; the longest seen has about 60
MAX_NESTING = 20  # opening parentheses of one line; the parser behind it recurses

_RANGE = r"(?:(?:[<>=!]=|~=|<|>) ?[0-9]{1,9}(?:\.[0-9]{1,9}){1,9})"
_RANGES = rf"{_RANGE}(?:, ?{_RANGE}){{0,30}}"
_MARKER = (
    r"(?:extra|python_version|python_full_version|sys_platform|os_name|platform_system|platform_machine|"
    r"implementation_name|platform_python_implementation) ?(?:==|!=) ?(?:'[A-Za-z0-9._-]+'|\"[A-Za-z0-9._-]+\")"
)
_REQUIREMENT = re.compile(
    rf"[A-Za-z0-9](?:[A-Za-z0-9._-]{{0,200}}[A-Za-z0-9])? ?(?:{_RANGES})? ?(?:; ?{_MARKER})?"
)
_VERSION_RANGE = re.compile(_RANGES)


def is_requirement(text: str) -> bool:
    """Whether `text` is a dependency specifier, as in `Requires-Dist`."""
    if len(text) > MAX_CHARS or text.count("(") > MAX_NESTING:
        return False
    if _REQUIREMENT.fullmatch(text):
        return True
    from packaging.requirements import Requirement  # noqa: PLC0415 - seldom needed

    try:
        Requirement(text)
    except ValueError:  # `InvalidRequirement`, or a number too long for `int`
        return False
    return True


def is_version_range(text: str) -> bool:
    """Whether `text` is a set of version specifiers, as in `Requires-Python`."""
    if len(text) > MAX_RANGE_CHARS:
        return False
    if _VERSION_RANGE.fullmatch(text):
        return True
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - seldom needed

    try:
        SpecifierSet(text)
    except ValueError:
        return False
    return True
