"""Writes statements about lists: methods, slices, copies, aliases, comprehensions, lists of lists and their rows.

Kinds are `list[int]`, `list[float]` and lists of these. A name bound to a row, or to another name's list, is one more way to the
same elements, which is what goes wrong most easily.
"""

from __future__ import annotations

from exact.wholes import Wholes

SLICED = (":", "1:", ":-1", "::-1", "::2", "n % 3:", "-2:", "1:3", "5:2", ":n", "m:", "::n % 3 + 1")


class Lists(Wholes):
    """Lists; `names` counts what was bound."""

    names = 0

    def lists(self, env, *elements):
        """Names of lists of these elements; of numbers, if none are given."""
        kinds = [f"list[{each}]" for each in elements or ("int", "float")]
        return [name for name, kind in env.items() if kind in kinds]

    def nested(self, env):
        """Names of lists of lists."""
        return self.lists(env, "list[int]", "list[float]")

    def fresh(self, env, kind):
        """A new list of numbers."""
        r, e = self.r, lambda: self.of(kind, 1, env)
        one = r.choice(self.lists(env, kind) or ["[]"])
        made = [
            f"[{e()}, {e()}]", f"[{e()}]", f"[{e()}] * {r.choice(['3', 'n % 5', 'm', '2'])}", f"{one}[:]", f"{one}.copy()", f"list({one})",
            f"{one}[{r.choice(SLICED)}]", f"{one} + [{e()}]", f"{one} + {one}", f"[w for w in {one}]", f"{one}",
        ]  # fmt: skip
        if r.random() < 0.4:
            numbers = [name for name, its in env.items() if its in ("int", "float")]
            w = r.choice(["w", "w", *numbers])  # the comprehension's own, whatever else has its name
            comprehended = {**env, w: kind}
            made = [
                f"[{self.of(kind, 1, comprehended)} for {w} in {one}]",
                f"[{self.of(kind, 1, {**env, w: 'int'})} for {w} in range({r.choice(['3', 'n % 6', '8'])})]",
                f"[{w} for {w} in {one} if {self.condition(0, comprehended)}]",
            ]
        if kind == "int":
            made += ["list(range(8))", "list(range(n % 7))", "list(range(5, -3, -2))"]
        return r.choice([each for each in made if "[]" not in each] if one == "[]" else made)

    def fresh_rows(self, env, kind):
        """A new list of lists."""
        r, row = self.r, lambda: self.fresh(env, kind)
        one = r.choice(self.lists(env, f"list[{kind}]") or ["[]"])
        made = [
            f"[{row()} for _ in range({r.choice(['3', 'n % 4', '2'])})]", f"[{row()}, {row()}]", f"[{row()}] * 2",
            f"[[{self.of(kind, 0, env)}] * 3 for _ in range(3)]",
        ]  # fmt: skip
        if one != "[]":
            made += [
                f"{one}[:]",
                f"{one}[{r.choice(SLICED)}]",
                f"[row[:] for row in {one}]",
                f"{one}",
                f"[row for row in {one}]",
            ]
        return r.choice(made)

    def list_statement(self, indent, env):
        """One statement about a list; whether there was any list to make it about."""
        r, flat, rows = self.r, self.lists(env), self.nested(env)
        if not flat and not rows:
            return False
        if rows and (not flat or r.random() < 0.5):
            self.put(indent, self.about_rows(env, r.choice(rows)))
        else:
            self.put(indent, self.about(indent, env, r.choice(flat)))
        if r.random() < 0.2:  # what nobody reads may raise all the same
            numbers = self.list_number(env, "int") + self.list_number(env, "float")
            self.put(
                indent,
                f"{r.choice(['unread = ', ''])}{r.choice([*numbers, f'({self.integer(0, env)} // n)'])}",
            )
        return True

    def about(self, indent, env, name):
        """About a list of numbers."""
        r, kind = self.r, env[name][5:-1]
        e, i, j = self.of(kind, 1, env), self.index(env), self.index(env)
        other = r.choice(self.lists(env, kind))
        said = [
            f"{name}[{i}] = {e}", f"{name}[{i}] = {e}", f"{name}[{i}] {r.choice('+-*')}= {e}", f"{name}[{i}], {name}[{j}] = {name}[{j}], {name}[{i}]",
            f"{name}[{i}] = {other}[{j}]", f"{name}.append({e})", f"{name}.reverse()", f"{name}.insert({i}, {e})",
        ]  # fmt: skip
        if r.random() < 0.1:
            said = [f"unread = {name}[{i}]", f"{name}[{i}]", f"unread = {self.fresh(env, kind)}"]
        if self.depth < 2:
            said += [f"{name}.pop()", f"{self.scalar(env, kind)} = {name}.pop({r.choice(['', i])})"]
        if kind == "int":
            said += [f"{name}.sort()", f"{name}.extend(range({r.choice(['3', 'n % 4'])}))"]
        if r.random() < 0.05:
            said = [f"{name}.clear()"]
        if not indent or (not self.depth and r.random() < 0.4):
            self.names += 1
            made = r.choice(["H", "H", name, f"l{self.names}"])
            text = f"{made} = {self.fresh(env, kind)}"
            if env.get(made, f"list[{kind}]") == f"list[{kind}]":
                env[made] = f"list[{kind}]"
                self.changed.append(made)
                return text
        self.changed.append(name)
        return r.choice(said)

    def about_rows(self, env, name):
        """About a list of lists."""
        r, kind = self.r, env[name][10:-2]
        e, i, j, k = self.of(kind, 1, env), self.small(env), self.small(env), self.small(env)
        row = r.choice([*self.lists(env, kind), f"{name}[{k}]", f"{name}[{k}]"])
        said = [
            f"{name}[{i}][{j}] = {e}", f"{name}[{i}][{j}] = {e}", f"{name}[{i}][{j}] {r.choice('+-*')}= {e}",
            f"{name}[{i}][{j}] = {name}[{k}][{j}]", f"{name}[{i}] = {self.fresh(env, kind)}", f"{name}[{i}] = {row}",
            f"{name}[{i}], {name}[{j}] = {name}[{j}], {name}[{i}]", f"{name}.append({row})", f"{name}.reverse()",
            f"{name}[{i}].append({e})", f"{name}[{i}].reverse()",
        ]  # fmt: skip
        if not self.depth and r.random() < 0.45:
            self.names += 1
            if r.random() < 0.5:
                env[f"l{self.names}"] = f"list[{kind}]"
                self.changed.append(f"l{self.names}")
                return f"l{self.names} = {name}[{i}]"
            env[f"r{self.names}"] = f"list[list[{kind}]]"
            self.changed.append(f"r{self.names}")
            return f"r{self.names} = {self.fresh_rows(env, kind)}"
        self.changed.append(name)
        return r.choice(said)

    def scalar(self, env, kind):
        """A name of that kind, to be assigned."""
        return self.r.choice([name for name, its in env.items() if its == kind and name[0] != "k"])

    def list_number(self, env, kind):
        """Ways to read a number out of lists."""
        r, found = self.r, []
        for name in self.lists(env, kind):
            found += [f"{name}[{self.index(env)}]"] * 2
            if "lists" in self.themes and r.random() < 0.2:
                found += [f"sum({name})", f"{r.choice(['min', 'max'])}({name})"]
        for name in self.lists(env, f"list[{kind}]"):
            found += [f"{name}[{self.small(env)}][{self.small(env)}]"] * 2
            if r.random() < 0.1:
                found.append(f"sum({name}[{self.small(env)}])")
        return found
