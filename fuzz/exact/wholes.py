"""Writes expressions whose values are arrays: elementwise arithmetic, NumPy's functions, comparisons, `where`, slices of all."""

from __future__ import annotations

from exact.expressions import NARROW_INTS, SIGNS, Expressions

PARTS = ["", "", "", "[1:]", "[:-1]", "[::2]", "[::-1]", "[:4]", "[2:]", "[n % 3:]"]
OF_FLOATS = [
    "np.sqrt",
    "np.absolute",
    "np.floor",
    "np.ceil",
    "np.rint",
    "np.trunc",
    "np.square",
    "np.fabs",
    "abs",
    "-",
    "np.negative",
]


class Wholes(Expressions):
    """Expressions of whole arrays."""

    def whole(self, element, depth, env):
        """An array of that kind of element, if the program has any to start from."""
        r, names = self.r, self.arrays(env, element)
        if not names:
            return None
        if depth <= 0:
            name = r.choice(names)
            return name + (
                r.choice(PARTS) if env[name][-2] == "1" else r.choice(["", "", "[0]", "[:, 1]", ".T"])
            )
        k, sub = r.random(), lambda: self.whole(element, depth - 1, env)
        if element == "bool":
            return self.flags(depth, env)
        if k < 0.3:
            return f"({sub()} {r.choice('+-*')} {sub()})"
        if k < 0.5:
            scalar = self.of(element, 0, env) if r.random() < 0.7 else self.integer(0, env)
            pair = [sub(), scalar]
            r.shuffle(pair)
            return f"({pair[0]} {r.choice('+-*')} {pair[1]})"
        if k < 0.6:
            return f"np.{r.choice(['minimum', 'maximum'])}({sub()}, {r.choice([sub(), self.of(element, 0, env)])})"
        if k < 0.68:
            return f"np.where({self.flags(depth - 1, env)}, {sub()}, {r.choice([sub(), self.of(element, 0, env)])})"
        if k < 0.72:
            low, high = self.of(element, 0, env), self.of(element, 0, env)
            return r.choice(
                [
                    f"np.clip({sub()}, {low}, {high})",
                    f"{sub()}.clip({low}, {high})",
                    *self.moved(element, env),
                ]
            )
        if element in ("float", "f4"):
            if k < 0.78:
                return f"({sub()} / {r.choice([sub(), '3.0', '7'])})"
            if k < 0.95:
                return f"{r.choice(OF_FLOATS)}({sub()})"
            return f"({sub()} ** 2)"
        if element == "complex":
            return r.choice(
                [f"(-{sub()})", f"({sub()} / (2.0 + 1j))", f"({sub()} * {self.floating(0, env)})"]
            )
        if k < 0.9:
            return f"({sub()} {r.choice(['&', '|', '^', '//', '%', '>>'])} {r.choice([sub(), '3', '7'])})"
        return r.choice([f"(-{sub()})", f"(~{sub()})", f"np.absolute({sub()})", f"({sub()} ** 2)"])

    def moved(self, element, env):
        """Elements gathered, turned, or put into other shapes."""
        name = self.r.choice(self.arrays(env, element))
        found = [f"{name}.copy()", f"np.transpose({name})", f"{name}.ravel()"]
        if env[name][-2] == "1":
            found += [
                f"np.outer({name}, {name})[0]",
                f"{name}[np.arange(3)]",
                f"{name}[::-1]",
                f"{name}[None, :][0]",
                f"np.flip({name})",
            ]
            if "B" in env:
                found.append(f"{name}[B % 2]")
        return found

    def flags(self, depth, env):
        """An array of bools."""
        r = self.r
        elements = [each for each in ("float", "int", "f4", *NARROW_INTS) if self.arrays(env, each)]
        if not elements or (self.arrays(env, "bool") and r.random() < 0.3):
            own = r.choice(self.arrays(env, "bool"))
            return r.choice([own, f"(~{own})", f"np.logical_not({own})"])
        element = r.choice(elements)
        one, other = (self.whole(element, 0, env) for _ in range(2))
        if depth > 0 and r.random() < 0.4:
            return f"({self.flags(depth - 1, env)} {r.choice('&|^')} {self.flags(0, env)})"
        if element in ("float", "f4") and r.random() < 0.2:
            return f"np.{r.choice(['isnan', 'isfinite', 'isinf'])}({one})"
        return f"({one} {r.choice(SIGNS)} {r.choice([other, self.of(element, 0, env)])})"

    def whole_statement(self, env, name, element):
        """A statement that computes an array at once and puts it into `name`, or into a part of it."""
        r = self.r
        if r.random() < 0.4:
            return self.beside_itself(env, name, element)
        value = self.whole(element, r.choice([1, 1, 2]), env)
        if env[name][-2] != "1":
            return r.choice(
                [
                    f"{name} = {value}",
                    f"{name}[:] = {value}",
                    f"{name}[1:] += {value}",
                    f"{name} *= {self.of(element, 0, env)}",
                ]
            )
        part = r.choice(["[:]", "[1:]", "[:-1]", "[::2]", "[::-1]"])
        return r.choice(
            [
                f"{name} = {value}",
                f"{name}{part} = {value}",
                f"{name} {r.choice('+-*')}= {value}",
                f"{name}{part} {r.choice('+-*')}= {value}",
            ]
        )

    def beside_itself(self, env, name, element):
        """A statement that reads the memory it stores to, or that of an argument which may be the same."""
        r, scalar = self.r, self.of(element, 0, env)
        other = r.choice([each for each in self.arrays(env, element) if env[each] == env[name]])
        if env[name][-2] == "1":
            left, right = r.choice(
                [
                    ("[1:]", "[:-1]"),
                    ("[:-1]", "[1:]"),
                    ("[:]", "[::-1]"),
                    ("[2:]", "[:-2]"),
                    ("[1::2]", "[:-1:2]"),
                ]
            )
        elif env[name][-2] == "2":
            left, right = r.choice(
                [
                    ("[1:]", "[:-1]"),
                    ("[:, 1:]", "[:, :-1]"),
                    ("[:]", "[::-1]"),
                    ("[1:, 1:]", "[:-1, :-1]"),
                    ("[:]", ".T"),
                ]
            )
        else:
            left, right = r.choice([("[1:]", "[:-1]"), ("[:, 1:]", "[:, :-1]"), ("[:]", "[::-1]")])
        return r.choice(
            [
                f"{name}{left} = {other}{right} {r.choice('+-*')} {scalar}",
                f"{name}{left} = {name}{right} {r.choice('+-*')} {other}{left}",
                f"{name}{left} {r.choice('+-*')}= {other}{right}",
                f"{name}{left} = {other}{right}",
            ]
        )
