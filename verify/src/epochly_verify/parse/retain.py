"""Which members are kept in memory, because a later check reads their text or code; all others are only hashed.

The sizes are bounded where the members are read (`Limits.retained_bytes`), not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_SITE_HOOKS = frozenset({"sitecustomize.py", "usercustomize.py"})
_SDIST_TOP = frozenset({"PKG-INFO", "pyproject.toml"})


def members_to_retain(names: Collection[str]) -> frozenset[str]:
    """The names whose content a check needs, of all the names in a wheel.

    These are: everything below a `*.dist-info` folder, `*.pth`, `*.start`, `sitecustomize.py` and `usercustomize.py` anywhere
    (Python runs them when it starts), and every `.pyc` with the `.py` beside it that it claims to come from (PEP 3147).
    """
    kept: set[str] = set()
    for name in names:
        lowered = name.lower()
        if lowered.endswith("/"):
            continue
        if (
            ".dist-info/" in lowered
            or lowered.endswith((".pth", ".start"))
            or lowered.rpartition("/")[2] in _SITE_HOOKS
            or retained_in_sdist(name)
        ):
            kept.add(name)
        elif lowered.endswith((".pyc", ".pyo")):
            kept.add(name)
            kept.add(source_of(name))
    return frozenset(kept.intersection(names))


def source_of(pyc: str) -> str:
    """The `.py` a `.pyc` belongs to: `a/__pycache__/x.cpython-311.pyc` and `a/x.pyc` both give `a/x.py`."""
    folder, _, base = pyc.rpartition("/")
    above, _, last = folder.rpartition("/")
    stem = base.rpartition(".")[0]
    if last == "__pycache__":
        folder, stem = above, stem.partition(".")[0]
    return f"{folder}/{stem}.py" if folder else f"{stem}.py"


def retained_in_sdist(name: str) -> bool:
    """Whether this member of a source tree is read: `PKG-INFO` or `pyproject.toml` in the top folder."""
    folder, _, base = name.removeprefix("./").rpartition("/")
    return base in _SDIST_TOP and "/" not in folder and folder != ""


def retention_order(name: str) -> tuple[int, str]:
    """Sorts what matters most to the front, so that a flood of `.pyc` cannot push out METADATA or RECORD."""
    lowered = name.lower()
    if ".dist-info/" in lowered:
        return (0, name) if "/" not in lowered.partition(".dist-info/")[2] else (1, name)
    return (
        (3, name)
        if lowered.endswith((".pyc", ".pyo", ".py")) and lowered.rpartition("/")[2] not in _SITE_HOOKS
        else (2, name)
    )
