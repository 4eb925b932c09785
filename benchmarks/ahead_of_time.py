"""Builds kernels with Cython and Pythran, each as its documentation advises for the example arguments at hand.

Three tools: `cython` compiles a family's file as it is; `cython-typed` gets the kernels with C types for arguments and
locals (those that numba infers), unchecked memoryviews and C's mathematics, as a user of Cython writes it; `pythran` gets
export lines. All
are compiled for this processor with `-O3`, and without fused multiply-add, which would change bits for no fault of theirs.
A family is built as one module, and kernel by
kernel where that fails. What was built is kept by a digest of text, versions and flags. It refuses to load what it builds: that is a worker's.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernels.kernel import Kernel

TOOLS = ("cython", "cython-typed", "pythran")
FLAGS = ("-O3", "-march=native", "-ffp-contract=off")
MOST_S = 300  # seconds for one compiler
C_NAMES = {
    "float64": "double",
    "float32": "float",
    "int64": "longlong",
    "int32": "int",
    "uint8": "uchar",
    "bool": "uchar",
}
UNCHECKED = [
    f"@cython.{each}"
    for each in (
        "boundscheck(False)",
        "wraparound(False)",
        "initializedcheck(False)",
        "cpow(True)",
        "infer_types(True)",
    )
]


@dataclass(frozen=True, slots=True)
class Built:
    """An extension module, or why there is none."""

    path: str | None
    why: str
    seconds: float


def here(tool: str) -> bool:
    """Whether the tool is installed."""
    try:
        return bool(version(tool.partition("-")[0]))
    except PackageNotFoundError:
        return False


def built(tool: str, kernel: Kernel, family: Sequence[Kernel], folder: Path) -> Built:
    """The kernel's module from `folder`, where it is built unless it is there: the family's, or else its own."""
    together = _module(tool, family, f"{kernel.family}_{tool.replace('-', '_')}", folder)
    if together.path or tool == "cython" or len(family) == 1:
        return together
    return _module(tool, [kernel], f"{kernel.name}_{tool.replace('-', '_')}", folder)


def source(tool: str, kernels: Sequence[Kernel]) -> str:
    """What the tool gets to read."""
    if tool == "cython":
        return _file_of(kernels[0])
    return _typed(kernels) if tool == "cython-typed" else _exported(kernels)


def _file_of(kernel: Kernel) -> str:
    return Path(inspect.getfile(kernel.function)).read_text(encoding="utf-8")


def _module(tool: str, kernels: Sequence[Kernel], name: str, folder: Path) -> Built:
    # what Cython gets takes numba's inference to write, so what it is made of stands in for it
    made_of = (_typed, _locals, _cython_type, AsCythonHasIt)
    text = (
        "".join([_file_of(kernels[0]), *map(inspect.getsource, made_of), *UNCHECKED])
        if tool == "cython-typed"
        else source(tool, kernels)
    )
    known = "\0".join((text, tool, version(tool.partition("-")[0]), sys.version, np.__version__, *FLAGS))
    place = folder / f"{name}-{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    note = place / "built.json"
    if not note.exists():
        place.mkdir(parents=True, exist_ok=True)
        text = source(tool, kernels)
        started = time.perf_counter()
        why = _compile(tool, text, name, place)
        note.write_text(json.dumps({"why": why, "seconds": time.perf_counter() - started}))
    said = json.loads(note.read_text())
    return Built(None if said["why"] else str(place / f"{name}.so"), said["why"], said["seconds"])


def _compile(tool: str, text: str, name: str, place: Path) -> str:
    """Why it does not compile, or nothing."""
    path, c_path, made = place / f"{name}.py", place / f"{name}.c", place / f"{name}.so"
    path.write_text(text, encoding="utf-8")
    python = sys.executable
    if tool == "pythran":
        commands = [[python, "-m", "pythran.run", *FLAGS, "-o", made, path]]
    else:
        include = sysconfig.get_path("include")
        gcc = [
            os.environ.get("CC", "cc"), "-shared", "-fPIC", "-w", *FLAGS, f"-I{include}", c_path, "-o", made, "-lm",
        ]  # fmt: skip
        commands = [[python, "-m", "cython", "-3", path, "-o", c_path], gcc]
    for command in commands:
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=MOST_S)
        except subprocess.TimeoutExpired:
            return f"was not compiled within {MOST_S} s"
        if done.returncode:
            return _first_word(done.stderr + done.stdout)
    return "" if made.exists() else "made no module"


def _first_word(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    found = [line for line in lines if re.search(r":\d+:\d+:? |error: ", line)] or lines[-1:]
    return found[0].rpartition(os.sep)[2] if found else "does not compile"


def _functions(kernel: Kernel) -> list[ast.FunctionDef]:
    """Its own definitions: those it calls come first."""
    space = kernel.function.__globals__
    found = [*(space[name] for name in kernel.helpers), kernel.function]
    trees = [ast.parse(textwrap.dedent(inspect.getsource(each))).body[0] for each in found]
    return [tree for tree in trees if isinstance(tree, ast.FunctionDef)]


def _exported(kernels: Sequence[Kernel]) -> str:
    lines, bodies = [], {}
    for kernel in kernels:
        types = ", ".join(map(_pythran_type, kernel.make(kernel.small)))
        lines.append(f"#pythran export {kernel.name}({types})")
        bodies |= {tree.name: ast.unparse(tree) for tree in _functions(kernel)}
        bodies = {
            name: text.replace("math.inf", "np.inf") for name, text in bodies.items()
        }  # it has no other
    return "\n\n\n".join(["\n".join([*lines, "import math", "import numpy as np"]), *bodies.values()]) + "\n"


def _pythran_type(arg: object) -> str:
    if isinstance(arg, np.ndarray):
        return f"{arg.dtype}[{', '.join(':' * arg.ndim)}]"
    return f"{type(arg[0]).__name__} list" if isinstance(arg, list) else type(arg).__name__


def _cython_type(arg: object) -> str:
    if isinstance(arg, np.ndarray):
        return f"cython.{C_NAMES[str(arg.dtype)]}[{', '.join([':'] * (arg.ndim - 1) + ['::1'])}]"
    return {int: "cython.longlong", float: "cython.double", list: "list"}[type(arg)]


def _typed(kernels: Sequence[Kernel]) -> str:
    parts = {"": "import cython\nfrom cython.cimports.libc import math\nimport numpy as np"}
    for kernel in kernels:
        for tree in _functions(kernel):
            names = [each.arg for each in tree.args.args]
            types, marks = dict.fromkeys(names, "cython.longlong"), []
            if tree.name == kernel.name:
                types = dict(zip(names, map(_cython_type, kernel.make(kernel.small)), strict=True))
                types |= {name: said for name, said in _locals(kernel).items() if name not in types}
            else:  # the functions that kernels call take and give ints
                marks = ["@cython.cfunc", "@cython.returns(cython.longlong)"]
            dimensions = {name: said.count(":") - 1 for name, said in types.items() if "[" in said}
            written = ast.unparse(ast.fix_missing_locations(AsCythonHasIt(dimensions, types).visit(tree)))
            declared = ", ".join(f"{name}={said}" for name, said in types.items())
            marks += [*UNCHECKED, f"@cython.locals({declared})"]
            parts[tree.name] = "\n".join([*marks, written])
    return "\n\n\n".join(parts.values()) + "\n"


def _locals(kernel: Kernel) -> dict[str, str]:
    """C types of the numbers a kernel computes, from numba's inference; none where numba cannot compile it."""
    import numba

    jitted = numba.njit(kernel.function)
    try:
        jitted.compile(tuple(map(numba.typeof, kernel.make(kernel.small))))
    except Exception:  # noqa: BLE001 - whatever numba says, Cython infers for itself then
        return {}
    (overload,) = jitted.overloads.values()
    found: dict[str, set[str]] = {}
    for name, kind in overload.type_annotation.typemap.items():
        own = name.partition(".")[0]  # each assignment has a name of its own
        if own in kernel.function.__code__.co_varnames:
            found.setdefault(own, set()).add(str(numba.types.unliteral(kind)))
    order = {
        "bool": "cython.bint",
        "int64": "cython.longlong",
        "float32": "cython.float",
        "float64": "cython.double",
    }
    return {
        name: next(said for kind, said in reversed(order.items()) if kind in kinds)
        for name, kinds in found.items()
        if kinds <= set(order)
    }


class AsCythonHasIt(ast.NodeTransformer):
    """What a user changes by hand so that memoryviews and C's mathematics serve: shapes, sizes, casts, new arrays."""

    def __init__(self, dimensions: dict[str, int], types: dict[str, str]) -> None:
        self.dimensions, self.types = dimensions, types

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`a.size` is a length, `a.shape` as a whole a tuple; `math.pi` and `math.inf` are numbers."""
        said = ast.unparse(node)
        if said == "math.pi":
            return ast.parse("3.141592653589793", mode="eval").body
        if said == "math.inf":
            return ast.parse('float("inf")', mode="eval").body
        if isinstance(node.value, ast.Name) and node.value.id in self.dimensions:
            name, count = node.value.id, self.dimensions[node.value.id]
            if node.attr == "size" and count == 1:
                return ast.parse(f"{name}.shape[0]", mode="eval").body
            if node.attr == "shape":
                shape = ", ".join(f"{name}.shape[{axis}]" for axis in range(count))
                return ast.parse(f"({shape},)", mode="eval").body
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """`a.shape[0]` stays."""
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            return node
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`int(x)` is a cast, `math.radians(x)` what CPython makes of it."""
        node = self.generic_visit(node)  # type: ignore[assignment]
        said = ast.unparse(node.func)
        if said == "int":
            return ast.parse(f"cython.cast(cython.longlong, {ast.unparse(node.args[0])})", mode="eval").body
        if said == "math.radians":
            return ast.parse(f"({ast.unparse(node.args[0])} * {3.141592653589793 / 180})", mode="eval").body
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Ints beyond C's `int` would be Python's."""
        if type(node.value) is int and 2**31 <= node.value < 2**63:
            return ast.parse(f"cython.cast(cython.longlong, {node.value})", mode="eval").body
        return node

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        """A range with a step that is no constant would be Python's, too; here such steps are above zero."""
        node = self.generic_visit(node)  # type: ignore[assignment]
        call = node.iter
        if not isinstance(call, ast.Call) or len(call.args) < 3 or not isinstance(call.args[2], ast.Name):
            return node
        name, (start, stop, step) = ast.unparse(node.target), map(ast.unparse, call.args)
        loop = ast.parse(f"while {name} < {stop}:\n    {name} += {step}").body[0]
        assert isinstance(loop, ast.While)
        return [ast.parse(f"{name} = {start}").body[0], ast.While(loop.test, [*node.body, *loop.body], [])]

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """A new array gets its type; flags are bytes."""
        said = ast.unparse(node.value)
        if said.startswith(("np.zeros(", "np.ones(")) and isinstance(node.targets[0], ast.Name):
            name, dtype = node.targets[0].id, "bool" if "np.bool_" in said else "int64"
            count = said.count(", ") if "((" in said else 1
            self.types[name] = f"cython.{C_NAMES[dtype]}[{', '.join([':'] * (count - 1) + ['::1'])}]"
            node.value = ast.parse(said.replace("np.bool_", "np.uint8"), mode="eval").body
            return node
        return self.generic_visit(node)
