"""Running the user's own program as `python script.py` and `python -m module` would: the one file that may use `exec`.

The program gets a `__main__` module of its own, its `sys.argv` and its `sys.path[0]`. What it raises goes on up
untouched. It refuses folders, archives and standard input, which Python also runs.
Specification: the Python documentation, "Command line and environment", and "`__main__`".
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Any
else:
    from epochly._records import dataclass


class ProgramError(Exception):
    """There is no such program; the exit code is the one that Python gives."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run: code, the file it came from, what `sys.path[0]` and `sys.argv[0]` are, module attributes."""

    code: CodeType
    file: str
    import_from: str
    called: str
    package: str | None
    spec: Any
    loader: Any


def script(path: str) -> Program:
    """A script by its path; `ProgramError` where there is none, and what `compile` raises."""
    if os.path.isdir(path):
        raise ProgramError(f"`{path}` is a folder; hint: use `run -m` for a package", 2)
    file = os.path.abspath(path)
    try:
        with io.open_code(file) as opened:
            source = opened.read()
    except OSError as error:
        raise ProgramError(f"can't open file `{file}`: {error.strerror}; hint: give a script", 2) from None
    code = compile(source, file, "exec", dont_inherit=True)
    folder = os.path.dirname(os.path.realpath(file))
    return Program(code, file, folder, path, None, None, SourceFileLoader("__main__", file))


def module(name: str) -> Program:
    """A module or package by its name; `ProgramError` where there is none."""
    spec = _found(name)
    if spec is not None and spec.submodule_search_locations is not None:
        name = f"{name}.__main__"
        spec = _found(name)
    loader: Any = None if spec is None else spec.loader
    code = loader.get_code(name) if hasattr(loader, "get_code") else None
    if spec is None or code is None:
        raise ProgramError(f"no module named `{name}`; hint: is it installed for this Python?", 1)
    file = str(spec.origin)
    return Program(code, file, os.getcwd(), file, spec.parent, spec, loader)


def prepare_path(folder: str) -> None:
    """Put the program's folder where Python would; nothing under `-P`."""
    if not sys.flags.safe_path and sys.path:
        sys.path[0] = folder


def execute(program: Program, arguments: list[str]) -> None:
    """Run; returns when the program's main module ends, and raises what it raises."""
    main = ModuleType("__main__")
    main.__dict__.update(
        __builtins__=builtins,
        __file__=program.file,
        __cached__=getattr(program.spec, "cached", None),
        __loader__=program.loader,
        __package__=program.package,
        __spec__=program.spec,
    )
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    sys.argv[:] = [program.called, *arguments]
    exec(program.code, main.__dict__)  # noqa: S102 - the program that the user asked to run


def _found(name: str) -> Any:
    from importlib.util import find_spec  # noqa: PLC0415 - only who runs a module needs it

    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None
