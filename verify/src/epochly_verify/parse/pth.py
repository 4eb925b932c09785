r"""`.pth` files: lines that extend `sys.path`, and lines that `site` executes at every start of Python.

Lines are split both as old Pythons do (`\n`, `\r`) and as new ones do (`str.splitlines`), so that no line hides
behind a separator only one of them knows. Nothing is executed or resolved here.

Specification: the `site` module's documentation; PEP 829 for what becomes of `import` lines.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_EXECUTED = ("import ", "import\t")
_OLD_LINE_END = re.compile(r"\r\n|\r|\n")
_PACKAGE = re.compile(r"\*\(((?:'[A-Za-z_]\w*', ?)*'[A-Za-z_]\w*',?)\)", re.ASCII)
# The line that old setuptools writes for a namespace package, in the shapes found in published wheels: SHA-256 of it
# without white space, the package's name put as N, its parent as P and its last part as L.
_NAMESPACE_LINES = frozenset(
    {
        "24208e655bed41ca252157f56c93a017f95cb80601ff9ffc7090b7a8ee33c5b5",
        "3dd8131310a0188f9f10a43d37b66f111519e41e921b9d43832f54722e7cf0ff",  # below another namespace
        "fc0b63cb1a11971625c1430bd3ab4b8acb51584196aa63e731e009ebd8226374",
        "5ca350992e8dfd30a7af3b2da56c17b0ec8f3a0d4e5917b713f3d144afadbd5f",  # below another namespace
        "8a2396d287e0bfc223362d957009cc7c8b63da3775eb3bbb833181916e3f5a6e",
        "5dd977a40b7b94d71601cbafca68f02e4dbc6801eff5ff6c7c446c97ead6e57d",  # below another namespace
        "1d0d1314a85ef82bba6cc3c2f28056b26b3e7e8b7b9133757284c3de1e2bc9c0",
        "c22d31f43796e505f83e672c313cd5c9c3d1c7dc97a557cc2a856578fe9c1e30",  # below another namespace
    }
)


@dataclass(frozen=True, slots=True)
class PthLine:
    """One line that does something: `number` counts from 1; `executed` tells code from a path."""

    number: int
    text: str
    executed: bool


@dataclass(frozen=True, slots=True)
class Pth:
    """A `.pth` file. `undecodable` is set when it is not UTF-8 and its lines were read as Latin-1."""

    lines: tuple[PthLine, ...]
    undecodable: bool = False


def parse_pth(data: bytes) -> Pth:
    """Read a `.pth` file as any supported Python would, all readings together. Raises nothing."""
    try:
        text, undecodable = data.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        text, undecodable = data.decode("latin-1"), True
    found: dict[tuple[str, bool], PthLine] = {}
    for split in (_OLD_LINE_END.split(text), text.splitlines()):
        for number, line in enumerate(split, start=1):
            executed = line.startswith(_EXECUTED)
            if line.strip() and not line.startswith("#"):
                kept = line.rstrip()
                found.setdefault((kept, executed), PthLine(number, kept, executed))
    return Pth(tuple(found.values()), undecodable)


def declares_namespace(line: str) -> bool:
    """Whether an executed line is the well-known one that declares a namespace package, and nothing else."""
    package = _PACKAGE.search(line)
    if package is None:
        return False
    parts = re.findall(r"'(\w+)'", package[1])
    shape = line.replace(package[0], "*(N)").replace(f"'{'.'.join(parts)}'", "'N'")
    if len(parts) > 1:
        shape = shape.replace(f"'{'.'.join(parts[:-1])}'", "'P'").replace(f"'{parts[-1]}'", "'L'")
    digest = hashlib.sha256(re.sub(r"\s", "", shape).encode("utf-8", "surrogatepass"))
    return digest.hexdigest() in _NAMESPACE_LINES


def leaves_site_packages(path: str) -> bool:
    """Whether a path line points outside the folder of its `.pth` file, on any system."""
    if path.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", path):
        return True
    depth = 0
    for part in re.split(r"[/\\]", path):
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return True
    return False
