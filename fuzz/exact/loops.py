"""Writes loops: over ranges, arrays and lists, in step, while, and the plain inner loops that compilers cut bound checks from."""

from __future__ import annotations

from exact.expressions import element_kind
from exact.lists import Lists

# Where an inner loop begins, ends and how it steps; some leave the array.
SPANS = [
    "len({0})", "len({0})", "1, len({0}) - 1", "1, len({0})", "len({0}) - 1", "2, len({0}) - 2", "8", "n % 9", "-1, len({0})",
    "len({0}) + 1", "0, len({0}), 2", "len({0}) - 1, -1, -1", "len({0}) - 1, 0, -2", "n, m", "n, len({0})", "m % 3, len({0}), n % 3 + 1",
    "-3, 4", "n",
]  # fmt: skip
OFFSETS = [
    "{0}",
    "{0}",
    "{0}",
    "{0} + 1",
    "{0} - 1",
    "{0} + 2",
    "{0} - 2",
    "-{0}",
    "7 - {0}",
    "{0} + m",
    "2 * {0}",
    "{0} // 2",
    "len({1}) - 1 - {0}",
]


class Loops(Lists):
    """Loops; `depth` counts those that are open, `names` those there were."""

    lines: list
    changed: list
    depth = names = 0

    def put(self, indent, text):
        """A line."""
        self.lines.append("    " * indent + text)

    def loop(self, indent, env):
        """A `for` or a `while`."""
        r = self.r
        self.depth += 1
        self.names += 1
        name, inside, k = f"k{self.names}", dict(env), r.random()
        arrays, lists = self.arrays(env), self.lists(env) + self.nested(env)
        if k < 0.25 and self.arrays(env, None, 1):
            self.plain(indent, name, env)
            self.depth -= 1
            return
        if k < 0.4 and arrays and (one := r.choice(arrays)):
            dimensions = int(env[one][-2])
            inside[name] = element_kind(env[one]) if dimensions == 1 else f"{env[one][:-3]}[{dimensions - 1}]"
            self.put(indent, f"for {name} in {one}:")
        elif k < 0.5 and lists:
            one = r.choice(lists)
            inside[name] = env[one][5:-1]
            self.put(indent, f"for {name} in {one}:")
        elif k < 0.6 and (flat := self.lists(env)):
            self.listed_in_step(indent, name, inside, env, flat)
        elif k < 0.7 and "loops" in self.themes:
            self.drawn_in_step(indent, name, inside, env)
        elif k < 0.78:
            inside[name] = "int"
            self.put(indent, f"{name} = 0")
            self.put(indent, f"while {name} < {r.choice(['5', 'n % 7', 'm % 4'])}:")
            self.put(indent + 1, f"{name} += 1")
        else:
            inside[name] = "int"
            what = r.choice(["3", "8", "n % 10", "1, 9, 2", "7, -1, -1", "n, m", "-2, 3", self.sized(env)])
            self.put(indent, f"for {name} in range({what}):")
            if what == "n, m":
                self.put(indent + 1, f"if {name} > 20 or {name} < -20: break")
        if r.random() < 0.35:
            self.accumulated(indent + 1, inside)
        else:
            self.block(indent + 1, inside, r.randint(1, 3 - self.depth // 2))
        self.depth -= 1
        if r.random() < 0.1:
            self.put(indent, "else:")
            self.block(indent + 1, dict(env), 1)
        elif "loops" in self.themes and r.random() < 0.6 and inside[name][-1] != "]":
            env[name] = inside[name]  # what the loop left, if it ran at all
            self.changed.append(name)

    def accumulated(self, indent, env):
        """An accumulator, which a loop that never runs leaves as it was."""
        into = self.r.choice(["v", "v", "s", "t"])
        self.changed.append(into)
        value = self.of("int" if into == "s" else "float", 1, env)
        self.put(indent, f"{into} {self.r.choice(['+=', '+=', '-='])} {value}")

    def plain(self, indent, name, env):
        """A loop without branches over neighbours of elements, right up to the ends of the array or beyond."""
        r, vectors = self.r, self.arrays(env, None, 1)
        first = r.choice(vectors)
        span = r.choice(SPANS).format(first)
        if span in ("n, m", "n"):
            span = f"{r.choice(['n', '0', '-2'])} % 12, {r.choice(['m', 'n'])} % 12"
        self.put(indent, f"for {name} in range({span}):")
        inside = {**env, name: "int"}
        for _ in range(r.choice([1, 1, 2, 3])):
            if r.random() < 0.3:
                self.accumulated(indent + 1, inside)
                continue
            into = r.choice(vectors)
            element = element_kind(env[into])
            sources = [each for each in vectors if element_kind(env[each]) == element]
            read = [
                f"{each}[{r.choice(OFFSETS).format(name, each)}]"
                for each in (r.choice(sources), r.choice(sources))
            ]
            sign = r.choice("&|^") if element == "bool" else r.choice("+-*")
            value = f"{read[0]} {sign} {read[1]}" if r.random() < 0.6 else f"{read[0]}"
            if element in ("int", "float") and r.random() < 0.5:
                value = f"({value}) {r.choice('+-*')} {self.of(element, 0, inside)}"
            self.put(
                indent + 1,
                f"{into}[{r.choice(OFFSETS[:9]).format(name, into)}] {'=' if element == 'bool' else r.choice(['=', '=', '+=', '-='])} {value}",
            )

    def drawn_in_step(self, indent, name, inside, env):
        """`enumerate`, `zip`, `reversed`."""
        r, vectors = self.r, self.arrays(env, None, 1)
        one, other = r.choice(vectors), r.choice(vectors)
        k = r.random()
        if k < 0.35:
            inside[f"{name}i"] = "int"
            inside[name] = element_kind(env[one])
            start = r.choice(["", "", ", 1"])
            self.put(indent, f"for {name}i, {name} in enumerate({one}{start}):")
        elif k < 0.7:
            inside[f"{name}b"] = element_kind(env[other])
            inside[name] = element_kind(env[one])
            self.put(indent, f"for {name}, {name}b in zip({one}, {other}):")
        elif k < 0.85:
            inside[name] = "int"
            self.put(indent, f"for {name} in reversed(range({r.choice(['8', 'n % 5', self.sized(env)])})):")
        else:
            inside[name] = element_kind(env[one])
            self.put(indent, f"for {name} in reversed({one}):")

    def listed_in_step(self, indent, name, inside, env, flat):
        """`enumerate`, `zip`, `reversed` and indices of lists."""
        r, k = self.r, self.r.random()
        one, other = r.choice(flat), r.choice(flat)
        inside[name] = env[one][5:-1]
        if k < 0.3:
            inside[f"{name}i"] = "int"
            self.put(indent, f"for {name}i, {name} in enumerate({one}):")
        elif k < 0.5:
            inside[f"{name}b"] = env[other][5:-1]
            self.put(indent, f"for {name}, {name}b in zip({one}, {other}):")
        elif k < 0.65:
            self.put(indent, f"for {name} in reversed({one}):")
        else:
            inside[name] = "int"
            self.put(indent, f"for {name} in range(len({one})):")

    def sized(self, env):
        """A length."""
        arrays = [*self.arrays(env), *self.lists(env), *self.nested(env)]
        return f"len({self.r.choice(arrays)})" if arrays else "m % 6"
