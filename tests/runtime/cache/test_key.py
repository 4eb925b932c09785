"""The key: it changes with each thing that machine code depends on, and with nothing else."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import types
from dataclasses import fields, replace

import numpy as np
import pytest

from epochly._cache.encoding import Undescribed
from epochly._cache.key import MOST_FUNCTIONS, Build, key_of

BUILD = Build("passes", (("opt", "3"),), "0.68.1", "0.50.0", "2.4.6", "3.11.7", "znver4", "+avx2")
PLAIN = "def f(x, y):\n    return x * 3 + y\n"


def function(source=PLAIN, *, name="f", file="one.py", **names):
    """The function that a source text defines, among these globals."""
    space = {"__name__": "planted", **names}
    exec(compile(source, file, "exec"), space)
    return space[name]


def digest(source=PLAIN, args=(1, 2.0), build=BUILD, **names):
    """The digest of a planted function's key."""
    return key_of(function(source, **names), args, build).digest


def module(name="tool", **names):
    """A module that holds these names."""
    made = types.ModuleType(name)
    vars(made).update(names)
    return made


GLOBAL = "def f(x, y):\n    return x * N + y\n"
TOOL = "def f(x, y):\n    return x * tool.N + y\n"
DEEP = "def f(x, y):\n    return x * tool.part.N + y\n"
CALL = "def f(x, y):\n    return g(x) + y\n"
CELL = "def outer(n):\n    def f(x, y):\n        return x * n + y\n    return f\nf = outer({})\n"
DEFAULT = "def f(x, y={}):\n    return x * 3 + y\n"
KEYWORD = "def f(x, y=1, *, z={}):\n    return x * 3 + y\n"
CONSTANT = "def f(x, y):\n    return x * {} + y\n"
INNER = "def f(x, y):\n    return sum(each * {} for each in x) + y\n"
DIFFERENT = {
    "an operator": ((PLAIN,), (PLAIN.replace("*", "-"),)),
    "a constant": ((CONSTANT.format(3),), (CONSTANT.format(4),)),
    "an int and a float": ((CONSTANT.format(3),), (CONSTANT.format("3.0"),)),
    "an int and a bool": ((CONSTANT.format(1),), (CONSTANT.format("True"),)),
    "the sign of zero": ((CONSTANT.format("0.0"),), (CONSTANT.format("-0.0"),)),
    "the order of a tuple": ((CONSTANT.format("(1, 2)"),), (CONSTANT.format("(2, 1)"),)),
    "the nesting of a tuple": ((CONSTANT.format("(1, (2, 3))"),), (CONSTANT.format("((1, 2), 3)"),)),
    "the name of a variable": ((PLAIN,), (PLAIN.replace("x", "z"),)),
    "a parameter that takes no keyword": ((PLAIN,), (PLAIN.replace("y):", "y, /):"),)),
    "code inside": ((INNER.format(1),), (INNER.format(2),)),
    "a default": ((DEFAULT.format(1),), (DEFAULT.format(2),)),
    "the type of a default": ((DEFAULT.format("[]"),), (DEFAULT.format("{}"),)),
    "a keyword's default": ((KEYWORD.format(1),), (KEYWORD.format(2),)),
    "a closure cell": ((CELL.format(1),), (CELL.format(2),)),
    "a closure cell's type": ((CELL.format(1),), (CELL.format("1.0"),)),
    "the name of a global": ((GLOBAL, {"N": 1}), (GLOBAL.replace("N", "M"), {"M": 1})),
    "the value of a global": ((GLOBAL, {"N": 1}), (GLOBAL, {"N": 2})),
    "the type of a global": ((GLOBAL, {"N": 1}), (GLOBAL, {"N": True})),
    "a global of NumPy's": ((GLOBAL, {"N": 1.0}), (GLOBAL, {"N": np.float64(1.0)})),
    "the width of a global of NumPy's": ((GLOBAL, {"N": np.int32(1)}), (GLOBAL, {"N": np.int64(1)})),
    "the last bit of a global": ((GLOBAL, {"N": 1.0}), (GLOBAL, {"N": math.nextafter(1.0, 2.0)})),
    "a global that is not there": ((GLOBAL, {"N": 1}), (GLOBAL,)),
    "a builtin that a global hides": ((CALL.replace("g", "abs"),), (CALL.replace("g", "abs"), {"abs": math.sqrt})),
    "which function of `math`": ((CALL, {"g": math.sin}), (CALL, {"g": math.cos})),
    "which function of NumPy's": ((TOOL, {"tool": module(N=np.ones)}), (TOOL, {"tool": module(N=np.full)})),
    "a function that took a name of NumPy's": (
        (TOOL, {"tool": module(N=np.ones)}),
        (TOOL, {"tool": module(N=functools.wraps(np.ones)(function()))}),
    ),
    "what a module holds": ((TOOL, {"tool": module(N=1)}), (TOOL, {"tool": module(N=2)})),
    "what a module in a module holds": (
        (DEEP, {"tool": module(part=module(N=1))}),
        (DEEP, {"tool": module(part=module(N=2))}),
    ),
    "the code of a called function": (
        (CALL, {"g": function(CONSTANT.format(1))}),
        (CALL, {"g": function(CONSTANT.format(2))}),
    ),
    "a global of a called function": ((CALL, {"g": function(GLOBAL, N=1)}), (CALL, {"g": function(GLOBAL, N=2)})),
}  # fmt: skip


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_key_tells_functions_apart(what):
    """Functions that may compile to different machine code have different keys."""
    digests = {digest(source, **(names[0] if names else {})) for source, *names in DIFFERENT[what]}
    assert len(digests) == 2


READ_ONLY = np.zeros(4)
READ_ONLY.flags.writeable = False
KINDS = {
    "int": 1, "float": 1.0, "bool": True, "complex": 1j, "None": None, "numpy int": np.int64(1),
    "numpy float": np.float64(1), "numpy bool": np.bool_(1), "float array": np.zeros(4), "int array": np.zeros(4, "i8"),
    "bool array": np.zeros(4, "?"), "other byte order": np.zeros(4, ">f8"), "half as wide": np.zeros(4, "f4"),
    "two dimensions": np.zeros((4, 4)), "Fortran order": np.zeros((4, 4), order="F"), "strided": np.zeros(8)[::2],
    "strided twice": np.zeros((8, 8))[::2, ::2], "read-only": READ_ONLY,
}  # fmt: skip


def test_a_key_tells_argument_kinds_apart():
    """Each type, dtype, number of dimensions, layout and writeability has a key of its own, and so has its place."""
    digests = {digest(args=(kind, 1)) for kind in KINDS.values()} | {
        digest(args=(1, 1.0)),
        digest(args=(1.0, 1)),
    }
    assert len(digests) == len(KINDS) + 1


@pytest.mark.parametrize("name", [field.name for field in fields(Build)])
def test_a_key_tells_builds_apart(name):
    """Another version, flag, processor or pass is another key."""
    other = (("opt", "2"),) if name == "flags" else getattr(BUILD, name) + "1"
    assert digest(build=replace(BUILD, **{name: other})) != digest()


def test_a_key_tells_which_version_is_whose():
    """The same text in another field is another key."""
    assert digest(build=replace(BUILD, numba="1", numpy="2")) != digest(
        build=replace(BUILD, numba="2", numpy="1")
    )


SAME = {
    "another file": ({}, {"file": "two.py"}),
    "other lines": ({}, {"source": "\n\n\n" + PLAIN}),
    "comments": ({}, {"source": PLAIN.replace("+ y", "+ y  # or so")}),
    "another name": ({}, {"source": PLAIN.replace("f(", "better("), "name": "better"}),
    "annotations": ({}, {"source": PLAIN.replace("x, y", "x: int, y: float")}),
    "a global that is not mentioned": ({"N": 1}, {"N": 2}),
    "more of a module": (
        {"source": TOOL, "tool": module(N=1)},
        {"source": TOOL, "tool": module(N=1, other=object())},
    ),
    "a called function of the same content": (
        {"source": CALL, "g": function()},
        {"source": CALL, "g": function()},
    ),
    "an equal global": ({"source": GLOBAL, "N": 10**9}, {"source": GLOBAL, "N": 10**8 * 10}),
}


@pytest.mark.parametrize("what", SAME)
def test_a_key_changes_with_nothing_else(what):
    """What machine code does not depend on is not in the key."""
    one, other = (key_of(function(**made), (1, 2.0), BUILD).digest for made in SAME[what])
    assert one == other


def test_a_key_does_not_change_with_values():
    """Neither a number nor what is in an array, nor its length, is in the key."""
    assert digest(args=(1, np.zeros(4))) == digest(args=(2, np.ones(99)))


def test_a_key_survives_the_hash_seed():
    """The order of a set, which each process shuffles, is not in the key."""
    program = (
        "from epochly._cache.key import Build, key_of\n"
        "def f(x):\n    return x in {'a', 'b', 'c', 'd', 'e', 'f', 'g'}\n"
        "print(key_of(f, (1,), Build('', (), '', '', '', '', '', '')).digest)\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def test_a_key_survives_recursion():
    """Functions and modules that reach each other are described once each."""
    source = "def f(x, y):\n    return g(x)\ndef g(x):\n    return f(x, 1) + tool.tool.N\n"
    tool = module(N=1)
    tool.tool = tool
    made = function(source, tool=tool)
    assert key_of(made, (1, 1), BUILD).functions == (made.__globals__["g"],)


class Length(float):
    """Somebody's number."""


CYCLE = "".join(f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(MOST_FUNCTIONS + 1))
REFUSED = {
    "an object": (GLOBAL, {"N": object()}),
    "an array": (GLOBAL, {"N": np.zeros(3)}),
    "somebody's number": (GLOBAL, {"N": Length(1.0)}),
    "a list": (GLOBAL, {"N": [1]}),
    "a tuple with a list": (GLOBAL, {"N": ([1],)}),
    "a bound method": (CALL, {"g": [].append}),
    "somebody's class": (CALL, {"g": Length}),
    "a cell not yet filled": ("def o():\n    def f(x, y):\n        return n\n    return f\n    n = 1\nf = o()\n",),
    "very many functions": (CYCLE + CALL.replace("g(", "f0("),),
    "a name that leads elsewhere": (CALL, {"g": types.BuiltinFunctionType.__call__}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_key_refuses_what_it_cannot_describe(what):
    """A value that could be mistaken for another one gives no key."""
    source, *names = REFUSED[what]
    with pytest.raises(Undescribed):
        digest(source, **(names[0] if names else {}))


@pytest.mark.parametrize(
    "argument",
    [
        object(),
        Length(1.0),
        [],
        ["a"],
        [[]],
        np.zeros(2).view(np.matrix),
        np.zeros(2, "O"),
        np.zeros(2, "V8"),
    ],
)
def test_a_key_refuses_arguments_of_unknown_types(argument):
    """Only numbers and arrays of numbers have a key."""
    with pytest.raises(Undescribed):
        digest(args=(argument, 1))
