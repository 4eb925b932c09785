"""Writes expressions of a wanted kind: an int, a float, a bool, a complex number, or one of NumPy's narrow scalars.

An `int` or a `float` may be Python's or NumPy's, as in a user's program; a narrow kind is NumPy's alone. What is written is
what the compiler accepts and a little beyond, and mostly stays within 64 bits and away from zero divisors. One table of
productions a kind, hence long.
"""

from __future__ import annotations

INT_LITERALS = [0, 1, 2, 3, 5, 7, -1, -3, 10, 63, 64, 100]
WIDE_LITERALS = [2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1]
FLOAT_LITERALS = ["0.0", "1.5", "-2.25", "0.1", "3.0", "0.5", "1e10", "-0.0"]
WIDE_FLOATS = ["1e-300", "1e300"]
ONE_FLOAT = [
    "sin",
    "cos",
    "exp",
    "sqrt",
    "log",
    "atan",
    "tan",
    "log2",
    "tanh",
    "fabs",
    "degrees",
    "radians",
    "log1p",
    "cbrt",
]
POSITIVE = ("sqrt", "log", "log2", "log1p")
OF_ONE = ["sqrt", "absolute", "floor", "ceil", "rint", "exp", "log", "sin", "tanh", "square", "sign"]
OF_TWO = ["minimum", "maximum", "hypot", "arctan2", "copysign", "power"]
SIGNS = ["<", "<=", ">", ">=", "==", "!="]
ELEMENTS = {"f8": "float", "i8": "int", "b1": "bool", "c16": "complex"}
NARROW_INTS = ("i1", "i2", "i4", "u1", "u2", "u4", "u8")


def element_kind(kind):
    """What an element of an array of this kind is."""
    dtype = kind.partition("[")[0]
    return ELEMENTS.get(dtype, dtype)


class Expressions:
    """Writes expressions from the names of `env`, which maps each to its kind."""

    def __init__(self, chooser, themes):
        self.r, self.themes = chooser, themes
        self.bare = False  # operands are names, so that an edge in an argument meets the operator itself

    # -- names ---------------------------------------------------------------------------------------------------
    def pick(self, env, *kinds):
        """A name of one of these kinds, if there is any."""
        names = [name for name, kind in env.items() if kind in kinds]
        return self.r.choice(names) if names else None

    def arrays(self, env, element=None, dimensions=None):
        """Names of arrays whose elements are of a kind."""
        return [
            name
            for name, kind in env.items()
            if kind[-1] == "]"
            and not kind.startswith("list")
            and (element is None or element_kind(kind) == element)
            and (dimensions is None or kind[-2] == str(dimensions))
        ]

    def index(self, env):
        """An index into eight, mostly within."""
        r = self.r
        name = self.pick(env, "int")
        k = r.random()
        if name and k < 0.6:
            return name if name[0] == "k" else f"{name} % {r.choice([2, 3, 8])}"
        if name and k < 0.66:
            return r.choice([name, f"-{name}", f"{name} - 1", f"{name} + 1"])
        return str(r.choice([0, 1, 2, 0, 1, -1, -2, 0, 1, 2, 7, 3, -8]))

    def element(self, env, name):
        """One element of an array."""
        dimensions = int(env[name][-2])
        if dimensions == 1:
            return f"{name}[{self.index(env)}]"
        small = [self.small(env) for _ in range(dimensions)]
        if self.r.random() < 0.1:
            return name + "".join(f"[{each}]" for each in small)
        return f"{name}[{', '.join(small)}]"

    def small(self, env):
        """An index into two or three."""
        name = self.pick(env, "int")
        if name and self.r.random() < 0.5:
            return name if name[0] == "k" and self.r.random() < 0.5 else f"{name} % 2"
        return str(self.r.choice([0, 0, 1, 1, -1, 2, -2]))

    # -- kinds ---------------------------------------------------------------------------------------------------
    def of(self, kind, depth, env):
        """An expression of that kind."""
        if kind in ("int", "float", "bool", "complex"):
            writer = {
                "int": self.integer,
                "float": self.floating,
                "bool": self.condition,
                "complex": self.complex,
            }
            return writer[kind](depth, env)
        return self.narrow(kind, depth, env)

    def integer(self, depth, env):
        """An int, Python's or NumPy's."""
        r = self.r
        if depth <= 0 or (r.random() < 0.25 and not self.bare):
            name = self.pick(env, "int")
            if name and (self.bare or r.random() < 0.75):
                return name
            return str(r.choice(WIDE_LITERALS if r.random() < 0.06 else INT_LITERALS))
        k, sub = r.random(), lambda: self.integer(depth - 1, env)
        if k < 0.30:
            return f"({sub()} {r.choice('+-*+-')} {sub()})"
        if k < 0.38:
            return f"(({sub()} {r.choice('+-*')} {sub()}) % {r.choice([7, 97, 1000, -13])})"
        if k < 0.47:
            right = (
                sub()
                if self.bare or r.random() < 0.1
                else r.choice(["3", "7", "-5", "100", f"({sub()} | 1)"])
            )
            return f"({sub()} {r.choice(['//', '%'])} {right})"
        if k < 0.54:
            return f"({sub()} {r.choice('&|^')} {sub()})"
        if k < 0.59:
            right = sub() if self.bare or r.random() < 0.1 else r.choice(["1", "2", f"({sub()} & 7)", "3"])
            return f"({sub()} {r.choice(['<<', '>>', '>>'])} {right})"
        if k < 0.62:
            return f"({sub()} ** {r.choice(['2', '2', '3', '0', f'({sub()} & 3)'])})"
        if k < 0.66:
            return r.choice([f"(-{sub()})", f"abs({sub()})", f"(~{sub()})", f"(+{sub()})"])
        if k < 0.71:
            name = r.choice(["int", "math.floor", "math.ceil", "round", "int", "math.trunc"])
            return f"{name}({self.floating(depth - 1, env)})"
        if k < 0.75:
            count = 3 if r.random() < 0.2 else 2
            return f"{r.choice(['min', 'max'])}({', '.join(sub() for _ in range(count))})"
        if k < 0.79:
            return self.counted(env)
        if k < 0.82:
            return f"({sub()} if {self.condition(1, env)} else {sub()})"
        if k < 0.84:
            return r.choice(
                [
                    *self.whole_numbers(sub),
                    f"int({self.condition(0, env)})",
                    f"({self.condition(0, env)} + {sub()})",
                ]
            )
        if k < 0.88 and "loops" in self.themes:
            return r.choice([f"scaled({sub()})", f"scaled({sub()}, 2)", f"scaled({sub()}, plus={sub()})"])
        if k < 0.90:
            return r.choice(
                [
                    f"double({sub()})",
                    f"clamp({sub()}, -5, 1000)",
                    f"collatz({sub()} % 30)",
                    f"checked({sub()})",
                ]
            )
        return self.from_container(env, "int", depth)

    def whole_numbers(self, sub):
        """Functions of whole numbers."""
        return [
            f"math.gcd({sub()}, {sub()})",
            f"math.isqrt(abs({sub()}))",
            f"math.comb({sub()} % 20, {sub()} % 6)",
            f"math.factorial({sub()} % 21)",
            f"pow({sub()}, {sub()} % 7, {self.r.choice(['97', sub()])})",
            f"divmod({sub()}, {self.r.choice(['7', '-5', sub()])})[{self.r.choice('01')}]",
        ]

    def counted(self, env):
        """Lengths, shapes and global ints."""
        choices = ["K", f"T[{self.r.choice([0, 1, 2, -1])}]", f"T[{self.r.choice([0, 1])}]"]
        for name in self.arrays(env):
            choices += [f"len({name})", f"{name}.size", f"{name}.shape[0]"]
        for name, kind in env.items():
            if kind.startswith("list"):
                choices.append(f"len({name})")
            if kind.startswith("list[list"):
                choices.append(f"len({name}[{self.small(env)}])")
        return self.r.choice(choices)

    def from_container(self, env, kind, depth):
        """An element of an array or list, or a reduction."""
        r, choices = self.r, []
        for name in self.arrays(env, kind):
            choices.append(self.element(env, name))
            if "reduce" in self.themes and kind in ("int", "float"):
                how = r.choice(
                    ["sum", "min", "max", "sum"] if kind == "int" else ["sum", "mean", "min", "max", "sum"]
                )
                choices += [f"np.{how}({name})", f"{name}.{how}()"]
                if r.random() < 0.3:
                    choices += self.rarer(name, kind, env)
        if kind == "int" and "reduce" in self.themes:
            choices += [f"{name}.{r.choice(['argmin', 'argmax'])}()" for name in self.arrays(env)]
        if kind == "float" and "matrix" in self.themes:
            vectors = self.arrays(env, "float", 1)
            choices += (
                [
                    f"({r.choice(vectors)} @ {r.choice(vectors)})",
                    f"np.dot({r.choice(vectors)}, {r.choice(vectors)})",
                ]
                if vectors
                else []
            )
        choices += self.list_number(env, kind)
        return r.choice(choices) if choices else self.of(kind, min(depth - 1, 1), env)

    def rarer(self, name, kind, env):
        """Reductions that few programs have."""
        i = self.small(env)
        if env[name][-2] != "1":
            return [f"{name}.sum()", f"np.max({name})"]
        if kind == "int":
            return [
                f"np.cumsum({name})[{i}]",
                f"{name}.prod()",
                f"{name}.cumprod()[{i}]",
                f"int({name}.any())",
            ]
        more = [
            "var({0})",
            "std({0})",
            "linalg.norm({0})",
            "inner({0}, {0})",
            "prod({0})",
            "vdot({0}, {0})",
            "median({0})",
        ]
        return [
            f"np.{self.r.choice(more).format(name)}",
            f"np.cumsum({name})[{i}]",
            f"{name}.std()",
            f"{name}.cumprod()[{i}]",
        ]

    def floating(self, depth, env):
        """A float, Python's or NumPy's."""
        r = self.r
        if depth <= 0 or (r.random() < 0.2 and not self.bare):
            name = self.pick(env, "float")
            if name and (self.bare or r.random() < 0.75):
                return name
            return r.choice(WIDE_FLOATS if r.random() < 0.05 else FLOAT_LITERALS)
        k, sub = r.random(), lambda: self.floating(depth - 1, env)
        if k < 0.36:
            return f"({sub()} {r.choice('+-**')} {sub()})"
        if k < 0.42:
            right = (
                sub()
                if self.bare or r.random() < 0.2
                else r.choice(["3.0", "(x * x + 1.0)", "0.1", "7", "-2.0"])
            )
            return f"({sub()} / {right})"
        if k < 0.48:
            right = sub() if self.bare or r.random() < 0.2 else r.choice(["2.5", "-0.7"])
            return f"({sub()} {r.choice(['%', '//'])} {right})"
        if k < 0.56:
            return f"({sub()} {r.choice('+*-')} {self.integer(depth - 1, env)})"
        if k < 0.61:
            right = (
                self.integer(depth - 1, env) if self.bare or r.random() < 0.2 else r.choice(["3", "7", "-2"])
            )
            return f"({self.integer(depth - 1, env)} / {right})"
        if k < 0.65:
            return f"({sub()} ** {r.choice(['2', '3', '2.0', '0', '-1', '0.5', self.integer(0, env)])})"
        if k < 0.74:
            name = r.choice(ONE_FLOAT)
            inner = f"(abs({sub()}) + 0.5)" if name in POSITIVE and r.random() < 0.9 else sub()
            return f"math.{name}({inner})"
        if k < 0.77:
            return f"math.{r.choice(['atan2', 'copysign', 'fmod', 'pow'])}({sub()}, {r.choice(['2.0', '-0.5', sub()])})"
        if k < 0.80:
            return f"{r.choice(['min', 'max'])}({sub()}, {sub()})"
        if k < 0.84:
            return r.choice(
                [
                    "Q",
                    "math.pi",
                    f"float({self.integer(0, env)})",
                    f"abs({sub()})",
                    f"(-{sub()})",
                    f"(+{sub()})",
                ]
            )
        if k < 0.86:
            return f"({sub()} if {self.condition(1, env)} else {sub()})"
        if k < 0.90:
            return r.choice(
                [
                    f"double({sub()})",
                    f"mean({sub()}, {sub()})",
                    f"clamp({sub()}, -1.5, {sub()})",
                    f"scaled({sub()}, 0.5, 1.0)",
                ]
                + ([f"raised({sub()}, to={sub()})", f"halves({sub()})[0]"] if "loops" in self.themes else [])
            )
        if k < 0.92 and (name := self.pick(env, "complex")):
            return r.choice([f"{name}.real", f"{name}.imag", f"abs({name})"])
        return self.from_container(env, "float", depth)

    def complex(self, depth, env):
        """A complex number."""
        r = self.r
        name = self.pick(env, "complex")
        if depth <= 0 or r.random() < 0.25:
            return name if name and r.random() < 0.75 else r.choice(["1j", "(0.5 + 2j)", "-1j"])
        k, sub = r.random(), lambda: self.complex(depth - 1, env)
        if k < 0.5:
            return f"({sub()} {r.choice('+-*')} {sub()})"
        if k < 0.6:
            return f"({sub()} / {r.choice(['(2.0 + 1j)', '2.0', sub()])})"
        if k < 0.75:
            return f"({sub()} {r.choice('+-*')} {self.floating(depth - 1, env)})"
        if k < 0.82:
            return r.choice(
                [
                    f"(-{sub()})",
                    f"{name or '1j'}.conjugate()",
                    f"complex({self.floating(0, env)}, {self.floating(0, env)})",
                ]
            )
        if k < 0.85:
            return f"({sub()} if {self.condition(1, env)} else {sub()})"
        return self.from_container(env, "complex", depth)

    def narrow(self, kind, depth, env):
        """One of NumPy's narrow scalars, which stays that under NEP 50."""
        r = self.r
        arrays = self.arrays(env, kind)
        leaf = self.pick(env, kind)
        if leaf is None or (arrays and r.random() < 0.5):
            leaf = (
                self.element(env, r.choice(arrays))
                if arrays
                else f"np.{numpy_name(kind)}({r.choice([0, 1, 5])})"
            )
        if depth <= 0 or r.random() < 0.25:
            return leaf
        k, sub = r.random(), lambda: self.narrow(kind, depth - 1, env)
        if k < 0.4:
            return f"({sub()} {r.choice('+-*')} {sub()})"
        if k < 0.6:
            return f"({sub()} {r.choice('+-*')} {r.choice(['1', '2', '3', '100', '0'])})"
        if kind == "f4":
            return r.choice(
                [
                    f"({sub()} / {sub()})",
                    f"({sub()} * 0.1)",
                    f"(-{sub()})",
                    f"abs({sub()})",
                    f"({sub()} + {self.pick(env, 'float') or '0.5'})",
                ]
            )
        if k < 0.75:
            return f"({sub()} {r.choice(['&', '|', '^'])} {sub()})"
        if k < 0.85:
            return f"({sub()} {r.choice(['//', '%'])} {r.choice([sub(), '3', '7'])})"
        if k < 0.9:
            return f"({sub()} {r.choice(['<<', '>>'])} {r.choice(['1', '2', sub()])})"
        return r.choice([f"(~{sub()})", f"(-{sub()})", f"abs({sub()})"])

    def condition(self, depth, env):
        """A bool."""
        r, k = self.r, self.r.random()
        sign = r.choice(SIGNS)
        if k < 0.08 and (name := self.pick(env, "bool")):
            return name
        if k < 0.12 and (flags := self.arrays(env, "bool")):
            return self.element(env, r.choice(flags))
        depth_of = self.r.choice([0, 0, 1])
        narrow = [kind for kind in env.values() if kind in NARROW_INTS or kind == "f4"]
        if k < 0.2 and narrow:
            kind = r.choice(narrow)
            text = f"{self.narrow(kind, 1, env)} {sign} {r.choice(['3', '0', self.narrow(kind, 1, env)])}"
        elif k < 0.45:
            text = f"{self.integer(depth_of, env)} {sign} {self.integer(1, env)}"
        elif k < 0.75:
            text = f"{self.floating(depth_of, env)} {sign} {self.floating(1, env)}"
        elif k < 0.79:
            text = f"math.{r.choice(['isnan', 'isinf', 'isfinite'])}({self.floating(1, env)})"
        elif k < 0.80:
            text = f"{self.integer(0, env)} {r.choice(['in', 'not in'])} {r.choice(['(1, 2, 3)', 'T', f'({self.integer(0, env)}, 0)'])}"
        elif k < 0.82:
            text = f"{self.integer(0, env)} < {self.integer(1, env)} <= {self.integer(0, env)}"
        else:
            text = f"{self.integer(depth_of, env)} {sign} {self.floating(depth_of, env)}"
        if depth > 0 and r.random() < 0.2:
            text = f"({text}) {r.choice(['and', 'or'])} ({self.condition(0, env)})"
        return f"(not ({text}))" if r.random() < 0.1 else f"({text})"


def numpy_name(kind):
    """What NumPy calls a narrow kind."""
    return {"f4": "float32"}.get(kind) or f"{'int' if kind[0] == 'i' else 'uint'}{8 * int(kind[1])}"
