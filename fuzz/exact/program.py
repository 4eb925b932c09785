"""Writes a program of one or two themes: its parameters, its statements, its result.

A theme is a part of the language: numbers, arrays, grids, narrow dtypes, lists, reductions and so on. Each brings the
parameters and the statements that show it, so that the count of compiled programs a theme says what the compiler takes.
It refuses to write what reads a clock, a random number, or memory that nobody has written.
"""

from __future__ import annotations

import linecache
import random
from dataclasses import dataclass

from exact.called import names
from exact.expressions import element_kind, numpy_name
from exact.inputs import LAYOUTS, NARROW, Parameter
from exact.loops import Loops

SLICES = [
    ("1:-1", "2:", ":-2"),
    ("::2", "::2", "::2"),
    (":", "::-1", ":"),
    ("n % 4:", "n % 4:", "n % 4:"),
    ("1:", ":-1", "1:"),
]
SCALARS = {"int", "float", "bool", "complex", *NARROW}
# How often a theme is chosen, and what it needs beside `n, m, x, y`.
THEMES = {
    "numbers": (10, ()),
    "arrays": (10, ("A:f8[1]", "B:i8[1]")),
    "grids": (6, ("C:f8[2]", "A:f8[1]")),
    "cubes": (2, ("D:f8[3]", "E:i8[2]")),
    "flags": (5, ("F:b1[1]", "A:f8[1]", "p:bool")),
    "narrow": (6, ("N:narrow[1]", "M:narrow[1]")),
    "complex": (3, ("Z:c16[1]", "z:complex")),
    "scalars": (5, ("g:int!", "h:float!")),
    "reduce": (5, ("A:f8[1]", "B:i8[1]")),
    "lists": (6, ("L:list[int]", "G:list[float]")),
    "rows": (5, ("R:list[list[float]]", "Q:list[list[int]]", "G:list[float]")),
    "loops": (5, ("A:f8[1]", "B:i8[1]")),
    "slices": (5, ("A:f8[1]", "A2:f8[1]")),
    "made": (5, ("A:f8[1]",)),
    "whole": (6, ("A:f8[1]", "N:narrow[1]", "B:i8[1]", "F:b1[1]")),
    "tables": (3, ("C:f8[2]", "E:i8[2]", "A:f8[1]")),
    "matrix": (2, ("A:f8[1]", "C:f8[2]")),
}


@dataclass(frozen=True)
class Program:
    """A program and what it is called with."""

    seed: int
    themes: tuple[str, ...]
    text: str
    function: object
    parameters: tuple[Parameter, ...]


class Writer(Loops):
    """Writes the statements of one program."""

    def __init__(self, chooser, themes):
        super().__init__(chooser, themes)
        self.lines, self.depth, self.names, self.early = [], 0, 0, False
        self.changed = []
        self.result = chooser.choice(["s", "t", "n", "0.0", "None", "(s, t)", "t * 2.0"])

    def block(self, indent, env, count):
        """Some statements; names bound inside are gone afterwards."""
        for _ in range(count):
            self.statement(indent, env)

    def statement(self, indent, env):
        """One statement."""
        r, k = self.r, self.r.random()
        if k < 0.42:
            if {"lists", "rows"} & set(self.themes) and r.random() < 0.4 and self.list_statement(indent, env):
                return
            self.assignment(indent, env)
        elif k < 0.55:
            self.put(indent, f"if {self.named(env) if r.random() < 0.1 else self.condition(1, env)}:")
            self.block(indent + 1, dict(env), r.randint(1, 2))
            if r.random() < 0.4:
                self.put(indent, "else:")
                self.block(indent + 1, dict(env), r.randint(1, 2))
        elif k < 0.70 and self.depth < 2:
            self.loop(indent, env)
        elif k < 0.86:
            self.store(indent, env)
        elif k < 0.88:
            self.put(indent, f"if {self.condition(1, env)}: return {self.result}")
            self.early = True
        elif k < 0.91 and self.depth:
            self.put(indent, f"if {self.condition(1, env)}: {r.choice(['break', 'continue'])}")
        elif k < 0.93:
            self.put(indent, r.choice(["x, y = y, x", "n, m = m, n", "s, u = u, s + 1"]))
        elif k < 0.935:
            self.put(indent, f"if {self.condition(1, env)}: raise ValueError('as written')")
        elif k < 0.96:  # what nobody reads may raise all the same
            kind = env[r.choice([each for each, kind in env.items() if kind[-1] != "]"])]
            self.put(indent, f"{r.choice(['unread = ', ''])}{self.of(kind, 2, env)}")
        elif "made" in self.themes and not self.depth:
            self.allocation(indent, env)
        else:
            self.assignment(indent, env)

    def named(self, env):
        """A condition that binds a number's name on the way."""
        name = self.r.choice(
            [each for each, kind in env.items() if kind in ("int", "float") and each[0] != "k"]
        )
        self.changed.append(name)
        return f"({name} := {self.of(env[name], 1, env)}) {self.r.choice(['<', '>=', '!='])} {self.of(env[name], 0, env)}"

    def assignment(self, indent, env):
        """`name = expression` or `name += expression`."""
        r = self.r
        name = r.choice([each for each, kind in env.items() if kind[-1] != "]" and each[0] != "k"])
        name = "v" if self.depth and r.random() < 0.15 else name  # it may still be the int it started as
        kind = env[name]
        self.changed.append(name)
        if kind in ("int", "float", "complex") and r.random() < 0.45:
            sign = r.choice("+-*" if kind != "float" else "+-*/" if r.random() < 0.3 else "+-*")
            self.put(indent, f"{name} {sign}= {self.of(kind, 1, env)}")
        else:
            self.put(indent, f"{name} = {self.of(kind, 2, env)}")

    def store(self, indent, env):
        """Into an array or a list."""
        r = self.r
        arrays = [each for each in self.arrays(env) if env[each][0] != "k"]
        if (not arrays or r.random() < 0.5) and self.list_statement(indent, env):
            return
        if arrays:
            name = r.choice(arrays)
            kind = element_kind(env[name])
            if {"slices", "whole", "tables"} & set(self.themes) and r.random() < 0.6 and kind != "bool":
                self.put(indent, self.whole_statement(env, name, kind))
                return
            if kind == "float" and "slices" in self.themes:
                self.put(indent, self.sliced(env, name))
                return
            sign = "=" if kind == "bool" else r.choice(["=", "=", "+=", "-=", "*="])
            value = self.of(kind, 1, env)
            if kind == "float" and r.random() < 0.1:
                value = self.integer(1, env)
            elif kind not in ("int", "float", "bool", "complex") and r.random() < 0.3:
                value = r.choice(["0", "1", "7", "n % 3"])  # a Python int that mostly fits
            self.put(indent, f"{self.element(env, name)} {sign} {value}")
        else:
            self.assignment(indent, env)

    def sliced(self, env, name):
        """A statement on parts of arrays, or on whole ones."""
        r, number = self.r, self.floating(0, env)
        other = r.choice(self.arrays(env, "float"))
        if env[name][-2] == "2":
            i, j = self.small(env), self.small(env)
            return r.choice(
                [
                    f"{name}[{i}, 1:] = {name}[{j}, :-1] * {number}",
                    f"{name}[{i}] *= {number}",
                    f"{name}[1:, {j}] = {number}",
                ]
            )
        if env[other][-2] != "1":
            other = name
        a, b, c = r.choice(SLICES)
        return r.choice(
            [
                f"{name}[{a}] = {name}[{b}] {r.choice('+-*')} {other}[{c}] * {number}",
                f"{name}[{a}] = {other}[{b}] * {number} + {name}[{b}]",
                f"{name}[{a}] {r.choice('+-*')}= {number}",
                f"{name}[{a}] += {other}[{b}] / 2.5",
                f"{name}[{a}] = {other}[{b}]",
                f"{name}[{a}] = {number}",
                f"{name} = {name} * {number}",
                f"{name} = np.{r.choice(['absolute', 'sqrt'])}({other} * {other}) - {number}",
                f"{name} {r.choice('+-*')}= {number}",
                f"{name} = -{name}" if r.random() < 0.3 else f"{name} = {name} + {other}",
            ]
        )

    def allocation(self, indent, env):
        """A new array under a new name or an old one."""
        r = self.r
        name = r.choice(["A", "W", "V"])
        if name == "V" or "A" not in env:
            made = [
                "np.zeros(8, np.int64)",
                "np.arange(8)",
                "np.arange(n)",
                "np.full(8, 3)",
                "np.arange(-3, 5)",
                "np.arange(n % 9)",
                "np.ones(5, dtype=np.int64)",
            ]
            name, kind = "V", "i8[1]"
        elif name == "W" and r.random() < 0.3:
            made, kind = (
                ["np.zeros((3, 3))", "np.ones((n % 4, 2))", "np.full((2, 2), x)", "np.empty((0, 2))"],
                "f8[2]",
            )
            name = "W2"
        else:
            made, kind = (
                [
                    "np.zeros(8)",
                    "np.ones(8)",
                    "np.full(8, 0.5)",
                    "A.copy()",
                    "np.zeros_like(A)",
                    "np.copy(A)",
                    "np.full_like(A, y)",
                    "np.full_like(A, n)",
                    "np.zeros(abs(n) % 9)",
                    "np.full(4, y)",
                    "np.ones_like(A)",
                    "np.array([x, y, 1.0])",
                ],
                "f8[1]",
            )
        if "narrow" in self.themes and r.random() < 0.5:
            dtype = element_kind(env["N"])
            name, kind, made = (
                "W3",
                f"{dtype}[1]",
                [f"np.zeros(8, np.{numpy_name(dtype)})", "N.copy()", "np.zeros_like(N)"],
            )
        self.put(indent, f"{name} = {r.choice(made)}")
        env[name] = kind

    def results(self, env):
        """What the program returns."""
        r, arrays = self.r, self.arrays(env)
        scalars = [each for each, kind in env.items() if kind[-1] != "]" and each[0] != "k"]
        k = r.random()
        if k < 0.1 or (self.early and k < 0.9):
            return self.result
        changed = [each for each in dict.fromkeys(self.changed) if each in env]
        if len(changed) == 1 and k < 0.5:
            return changed[0]
        if changed and k < 0.5:  # what is not returned, LLVM does not compute
            return f"({', '.join([*changed[-3:], r.choice(scalars)])})"
        if k < 0.65 and arrays:
            return r.choice(arrays)
        if k < 0.76 and {"slices", "whole", "tables"} & set(self.themes):
            element = element_kind(env[r.choice(arrays)])
            return self.whole(element, r.choice([1, 2, 2, 3]), env)
        if k < 0.85 and (each := [*self.lists(env), *self.nested(env)]):
            return (
                r.choice(each)
                if r.random() < 0.7
                else f"({r.choice(each)}, {r.choice(scalars)}, {r.choice(each)})"
            )
        return self.of(env[r.choice(scalars)], 2, env)


def parameters_of(chooser, themes):
    """The parameters of a program of these themes."""
    found = {
        "n": Parameter("n", "int"),
        "m": Parameter("m", "int"),
        "x": Parameter("x", "float"),
        "y": Parameter("y", "float"),
    }
    dtype = chooser.choice(NARROW)
    for theme in themes:
        for written in THEMES[theme][1]:
            name, _, kind = written.partition(":")
            if name == "M" and chooser.random() < 0.3:
                dtype = chooser.choice(NARROW)
            kind = kind.replace("narrow", dtype)
            layout = chooser.choice(LAYOUTS) if kind[-1] == "]" and chooser.random() < 0.35 else "C"
            if kind.startswith("list"):
                layout = "C"
                if chooser.random() < 0.35:
                    continue  # with one list fewer, those made inside matter more
            found[name] = Parameter(name, kind.rstrip("!"), layout, numpy=kind[-1] == "!")
    if "scalars" in themes:
        found["q"] = Parameter("q", chooser.choice([*NARROW, "bool", "int", "float"]), numpy=True)
    for name in ("n", "x"):
        if chooser.random() < 0.04:
            found[name] = Parameter(name, found[name].kind, numpy=True)
    return tuple(found.values())


def written(seed):
    """The program of a seed."""
    chooser = random.Random(seed)
    weights = [weight for weight, _ in THEMES.values()]
    themes = tuple(
        dict.fromkeys(chooser.choices(list(THEMES), weights, k=1 if chooser.random() < 0.6 else 2))
    )
    parameters = parameters_of(chooser, themes)
    writer = Writer(chooser, themes)
    env = {each.name: each.kind for each in parameters} | {"s": "int", "t": "float", "u": "int", "v": "float"}
    given = ", ".join(each.name for each in parameters)
    writer.lines = [
        f"def f({given}):",
        "    s = 0",
        "    t = 0.0",
        "    u = 1",
        f"    v = {chooser.choice(['0.5', '0', '0'])}",
    ]
    if {"lists", "rows"} & set(themes) and chooser.random() < 0.5:
        writer.put(1, f"H = {chooser.choice(['[]', '[1.0, x]', '[0.0] * 3', writer.fresh(env, 'float')])}")
        writer.put(1, f"H.append({writer.floating(1, env)})")
        env["H"] = "list[float]"
    size = chooser.choice([0, 0, 0, 1, 1, 2, 2, 3, 3, 5])
    writer.block(1, env, size)
    if size:
        result = writer.results(env)
    else:  # one operation or a few, on the parameters themselves
        writer.bare = chooser.random() < 0.6
        kind = chooser.choice(sorted(set(env.values()) & SCALARS | {"bool"}))
        result = writer.of(kind, 1 if writer.bare else 3, {each.name: each.kind for each in parameters})
    writer.put(1, f"return {result}")
    text = "\n".join(writer.lines)
    space, file = names(), f"<program {seed}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), space)
    return Program(seed, themes, text, space["f"], parameters)
