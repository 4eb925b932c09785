"""Random well-typed programs, run in the interpreter and through the exact compiler, compared in everything visible.

    python fuzz/exact_jit.py [--seed 0] [--seconds 60] [--programs N] [--verbose]

Programs are drawn from what the compiler accepts and a little beyond; inputs from the edges of their types: 2**63-1, NaN,
infinities, negative zero, empty arrays, views that alias, read-only and non-contiguous arrays. Exits with 1 when value, type,
exception, array bytes or warnings of any call differ. It refuses to use more than 4 GiB. The oracle is CPython itself.
One grammar of programs and its inputs, hence long.
"""

from __future__ import annotations

import argparse
import importlib.util
import linecache
import math
import random
import re
import resource
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MEMORY_BYTES = 4 * 2**30
SLOWEST_S = 1.0  # of one call in the interpreter; slower ones are skipped
CALLS = 12  # of one program
INTS = [0, 1, 2, 3, 5, 8, -1, -7, 100, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [0.0, 1.0, -1.5, 0.1, 1e10, 1e308, -1e-300, 3.0, math.inf, math.nan, -0.0, 2.5]
MILD = 8  # the first so many of each are not extreme
INT_LITERALS = [0, 1, 2, 3, 5, 7, -1, -3, 10, 63, 64, 100, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1]
FLOAT_LITERALS = ["0.0", "1.5", "-2.25", "1e10", "0.1", "1e-300", "1e300", "-0.0", "3.0"]
MATHS = ["sin", "cos", "exp", "sqrt", "log", "atan", "tan", "log2", "tanh", "fabs"]


def double(x):
    return x * 2


def clamp(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x


def mean(x, y):
    return double(x + y) / 4.0


GLOBALS = {
    "double": double,
    "clamp": clamp,
    "mean": mean,
    "math": math,
    "np": np,
    "K": 3,
    "Q": 0.25,
    "T": (1, 2, 3),
}
ROOT = Path(__file__).parents[1]


def _differ():
    """The comparison that the tests use too."""
    path = ROOT / "tests" / "runtime" / "exact" / "differ.py"
    spec = importlib.util.spec_from_file_location("differ", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("differ", module)
    spec.loader.exec_module(module)
    return module


class Writer:
    """Writes one program."""

    def __init__(self, chooser: random.Random) -> None:
        self.r = chooser
        self.lines: list[str] = []
        self.loops = 0
        self.names = 0
        self.result = chooser.choice([*RESULTS, "0.0", "0"])

    def pick(self, env, kind):
        names = [name for name, what in env.items() if what == kind]
        return self.r.choice(names) if names else None

    def integer(self, depth, env):
        r = self.r
        if depth <= 0 or r.random() < 0.25:
            name = self.pick(env, "int")
            return name if name and r.random() < 0.75 else str(r.choice(INT_LITERALS))
        k, sub = r.random(), lambda: self.integer(depth - 1, env)
        if k < 0.46:
            return f"({sub()} {r.choice(['+', '-', '*', '+', '-', '*'])} {sub()})"
        if k < 0.56:
            right = sub() if r.random() < 0.15 else r.choice(["3", "7", "-5", "100", "(n * n + 1)"])
            return f"({sub()} {r.choice(['//', '%'])} {right})"
        if k < 0.64:
            return f"({sub()} {r.choice(['&', '|', '^'])} {sub()})"
        if k < 0.70:
            right = sub() if r.random() < 0.15 else r.choice(["1", "2", "(n & 7)", "3"])
            return f"({sub()} {r.choice(['<<', '>>'])} {right})"
        if k < 0.74:
            return f"({sub()} ** {r.choice(['2', '3', '0', self.integer(0, env)])})"
        if k < 0.77:
            return f"(-{sub()})"
        if k < 0.80:
            return f"abs({sub()})"
        if k < 0.84:
            return f"{r.choice(['int', 'math.floor', 'math.ceil', 'round', 'int'])}({self.floating(depth - 1, env)})"
        if k < 0.88:
            return f"{r.choice(['min', 'max'])}({sub()}, {sub()})"
        if k < 0.92:
            return r.choice(["K", "T[1]", "len(A)", "B.shape[0]", f"T[{self.index(env)}]", "C.size"])
        if k < 0.94:
            return f"({sub()} if {self.condition(env)} else {sub()})"
        if k < 0.96:
            return r.choice([f"double({sub()})", f"clamp({sub()}, -5, 1000)"])
        return f"B[{self.index(env)}]" if k < 0.99 else f"(~{sub()})"

    def index(self, env):
        name = self.pick(env, "int")
        if name and self.r.random() < 0.7:
            return name if self.r.random() < 0.1 else f"{name} % {self.r.choice([2, 3, 8])}"
        return str(self.r.choice([0, 1, 2, 0, 1, 2, -1, 7, 3, -8, 8]))

    def floating(self, depth, env):
        r = self.r
        if depth <= 0 or r.random() < 0.2:
            name = self.pick(env, "float")
            return name if name and r.random() < 0.75 else r.choice(FLOAT_LITERALS)
        k, sub = r.random(), lambda: self.floating(depth - 1, env)
        if k < 0.44:
            return f"({sub()} {r.choice(['+', '-', '*', '*'])} {sub()})"
        if k < 0.49:
            return (
                f"({sub()} / {sub() if r.random() < 0.3 else r.choice(['3.0', '(x * x + 1.0)', '0.1', '7'])})"
            )
        if k < 0.57:
            return f"({sub()} {r.choice(['%', '//'])} {sub() if r.random() < 0.3 else r.choice(['2.5', '-0.7'])})"
        if k < 0.65:
            return f"({sub()} {r.choice(['+', '*', '-'])} {self.integer(depth - 1, env)})"
        if k < 0.70:
            right = self.integer(depth - 1, env) if r.random() < 0.3 else r.choice(["3", "(m * 2 + 1)"])
            return f"({self.integer(depth - 1, env)} / {right})"
        if k < 0.76:
            return f"({sub()} ** {r.choice(['2', '3', '0.5', '-1', '2.0', self.integer(0, env)])})"
        if k < 0.85:
            name = r.choice(MATHS)
            inner = f"abs({sub()})" if name in ("sqrt", "log", "log2") else sub()
            return f"math.{name}({inner})"
        if k < 0.88:
            return f"{r.choice(['min', 'max'])}({sub()}, {sub()})"
        if k < 0.90:
            return r.choice(["Q", f"float({self.integer(0, env)})", f"abs({sub()})", f"(-{sub()})"])
        if k < 0.92:
            return f"({sub()} if {self.condition(env)} else {sub()})"
        if k < 0.94:
            return r.choice([f"double({sub()})", f"mean({sub()}, {sub()})", f"clamp({sub()}, -1.5, {sub()})"])
        return f"A[{self.index(env)}]" if k < 0.97 else f"C[{self.index(env)}, {self.index(env)}]"

    def condition(self, env):
        r, k = self.r, self.r.random()
        sign = r.choice(["<", "<=", ">", ">=", "==", "!="])
        if k < 0.4:
            text = f"{self.integer(1, env)} {sign} {self.integer(1, env)}"
        elif k < 0.7:
            text = f"{self.floating(1, env)} {sign} {self.floating(1, env)}"
        else:
            text = f"{self.integer(1, env)} {sign} {self.floating(1, env)}"
        if r.random() < 0.2:
            text = f"({text}) {r.choice(['and', 'or'])} ({self.condition(env)})"
        return f"not ({text})" if r.random() < 0.1 else text

    def block(self, indent, env, count):
        for _ in range(count):
            self.statement("    " * indent, indent, env)

    def statement(self, pad, indent, env):
        r, k = self.r, self.r.random()
        if k < 0.28:
            name = r.choice([n for n, what in env.items() if what == "int" and n[0] != "k"])
            sign = r.choice(["+", "-", "*"])
            text = (
                f"{name} = {self.integer(2, env)}"
                if r.random() < 0.5
                else f"{name} {sign}= {self.integer(1, env)}"
            )
            self.lines.append(pad + text)
        elif k < 0.52:
            name = self.pick(env, "float")
            sign = r.choice(["+", "-", "*", "/"])
            text = (
                f"{name} = {self.floating(2, env)}"
                if r.random() < 0.5
                else f"{name} {sign}= {self.floating(1, env)}"
            )
            self.lines.append(pad + text)
        elif k < 0.62:
            self.lines.append(f"{pad}if {self.condition(env)}:")
            self.block(indent + 1, dict(env), r.randint(1, 2))
            if r.random() < 0.4:
                self.lines.append(f"{pad}else:")
                self.block(indent + 1, dict(env), r.randint(1, 2))
        elif k < 0.77 and self.loops < 2:
            self.loop(pad, indent, env)
        elif k < 0.91:
            self.store(pad, env)
        elif k < 0.915:
            self.lines.append(f"{pad}if {self.condition(env)}: return {self.result}")
        elif self.loops and k < 0.95:
            self.lines.append(f"{pad}if {self.condition(env)}: {r.choice(['break', 'continue'])}")
        elif k < 0.96:
            self.lines.append(f"{pad}x, y = y, x" if r.random() < 0.5 else f"{pad}n, m = m, n")
        else:
            self.lines.append(f"{pad}{r.choice(['x', 'y'])} = {self.floating(1, env)}")

    def sliced(self, env):
        r = self.r
        a, b, c = r.choice(SLICES)
        k, number = r.random(), self.floating(0, env)
        if k < 0.3:
            return f"A[{a}] = A[{b}] {r.choice('+-*')} A[{c}] * {number}"
        if k < 0.45:
            return f"A[{a}] {r.choice('+-*')}= {number}"
        if k < 0.6:
            return f"A[{a}] += A[{b}] / 2.5"
        if k < 0.7:
            return f"{r.choice('AB')}[{a}] = {r.choice('AB')}[{b}]"
        if k < 0.8:
            i = self.index(env)
            return f"C[{i}, 1:] = C[{self.index(env)}, :-1] * {number}"
        return r.choice(
            [f"C[{self.index(env)}] *= {number}", f"A = A * {number}", "A = np.absolute(A) + C[0, 0]"]
        )

    def loop(self, pad, indent, env):
        r = self.r
        self.loops += 1
        self.names += 1
        name, inside = f"k{self.names}", dict(env)
        k = r.random()
        if k < 0.15:
            inside[name] = "float"
            self.lines.append(f"{pad}for {name} in A:")
        elif k < 0.25:
            inside[name] = "int"
            self.lines.append(f"{pad}for {name} in B:")
        elif k < 0.35:
            inside[name] = "int"
            self.lines += [f"{pad}{name} = 0", f"{pad}while {name} < {r.choice(['5', 'n % 7', 'len(B)'])}:"]
            self.lines.append(f"{pad}    {name} += 1")
        else:
            inside[name] = "int"
            what = r.choice(["3", "8", "n % 10", "len(A)", "1, 9, 2", "7, -1, -1", "n, m", "C.shape[1]"])
            self.lines.append(f"{pad}for {name} in range({what}):")
            if what == "n, m":
                self.lines.append(f"{pad}    if {name} > 20 or {name} < -20: break")
        self.block(indent + 1, inside, r.randint(1, 3))
        self.loops -= 1
        if r.random() < 0.1:
            self.lines.append(f"{pad}else:")
            self.block(indent + 1, dict(env), 1)

    def store(self, pad, env):
        r, k = self.r, self.r.random()
        if k < 0.45:
            text = f"A[{self.index(env)}] {r.choice(['=', '+=', '*=', '-='])} {self.floating(1, env)}"
        elif k < 0.8:
            text = f"B[{self.index(env)}] {r.choice(['=', '+=', '-='])} {self.integer(1, env)}"
        elif k < 0.88:
            text = f"C[{self.index(env)}, {self.index(env)}] {r.choice(['=', '+='])} {self.floating(1, env)}"
        else:
            text = self.sliced(env)
        self.lines.append(pad + text)


FLOAT_ARRAYS = [
    "np.zeros(8)",
    "np.ones(8)",
    "np.full(8, 0.5)",
    "A.copy()",
    "np.zeros_like(A)",
    "np.zeros(abs(n) % 9)",
]
INT_ARRAYS = [
    "np.zeros(8, np.int64)",
    "np.arange(8)",
    "np.arange(n)",
    "np.full(8, 3)",
    "B.copy()",
    "np.arange(-3, 5)",
]
SLICES = [("1:-1", "2:", ":-2"), ("::2", "1::2", "::2"), (":", "::-1", ":"), ("n % 4:", "n % 4:", "m % 4:")]
RESULTS = [
    "A * x + 1",
    "np.sqrt(A * A)",
    "C / 3.0 - C",
    "A[::2] * 1.0",
    "B",
    "s",
    "t",
    "u",
    "u * 2.0",
    "x",
    "n",
    "(s, t)",
    "s + m",
    "A",
    "(n, y)",
    "s < t",
    "t * 2.0",
    "None",
    "(s < t, A[0])",
    "not s",
    "v",
    "v * 0.5",
    "(v, u)",
]


def written(seed):
    """The text of a program, and its function."""
    chooser = random.Random(seed)
    writer = Writer(chooser)
    env = {
        "n": "int",
        "m": "int",
        "x": "float",
        "y": "float",
        "s": "int",
        "t": "float",
        "u": "int",
        "v": "float",
    }
    writer.lines = ["def f(n, m, x, y, A, B, C):", "    s = 0", "    t = 0.0", "    u = 0", "    v = 0"]
    if chooser.random() < 0.25:
        writer.lines += [chooser.choice([f"    A = {made}" for made in FLOAT_ARRAYS])]
        writer.lines += [chooser.choice([f"    B = {made}" for made in INT_ARRAYS])]
    writer.block(1, env, chooser.randint(3, 7))
    result = (
        writer.result
        if chooser.random() < 0.7
        else chooser.choice([*RESULTS, writer.integer(2, env), writer.floating(2, env)])
    )
    writer.lines.append(f"    return {result}")
    text = "\n".join(writer.lines)
    space, name = dict(GLOBALS), f"<program {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)
    return text, space["f"]


def _array(chooser, values, dtype, length):
    mild = [chooser.choice(values[:MILD] if chooser.random() < 0.9 else values) for _ in range(length)]
    return np.array(mild, dtype=dtype)


def drawn(chooser):
    """The arguments of one call."""
    length = 0 if chooser.random() < 0.03 else 8
    a, b = _array(chooser, FLOATS, "f8", length), _array(chooser, INTS, "i8", length)
    c = _array(chooser, FLOATS, "f8", 9).reshape(3, 3)
    k = chooser.random()
    if k < 0.05:
        b = a.view("i8")
    elif k < 0.10:
        a = _array(chooser, FLOATS, "f8", 16)[::2]
    elif k < 0.13:
        a.flags.writeable = False
    elif k < 0.18:
        c = np.asfortranarray(c)
    elif k < 0.23 and length:
        c = a.reshape(2, 4)
    elif k < 0.26:
        a = a[::-1]
    if chooser.random() < 0.6:  # a call that nothing extreme enters
        mild = [int(chooser.choice(INTS[:8])) for _ in range(2)]
        b = np.array([chooser.choice(INTS[:9]) for _ in range(length)], "i8")
        return *mild, chooser.choice(FLOATS[:4]), chooser.choice(FLOATS[:4]), a, b, c
    first = chooser.choice(INTS[:9] if chooser.random() < 0.7 else INTS)
    second = chooser.choice(FLOATS[:MILD] if chooser.random() < 0.8 else FLOATS)
    return first, chooser.choice(INTS), second, chooser.choice(FLOATS), a, b, c


def duplicate(args):
    """Fresh arguments with the same values, layout and sharing of memory."""
    bases = {}
    out = []
    for arg in args:
        if not isinstance(arg, np.ndarray):
            out.append(arg)
            continue
        root = arg
        while root.base is not None:
            root = root.base
        if id(root) not in bases:
            bases[id(root)] = root.copy(order="K")
        memory = bases[id(root)]
        offset = arg.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        copy = np.ndarray(arg.shape, arg.dtype, memory, offset, arg.strides) if arg is not root else memory
        copy.flags.writeable = arg.flags.writeable
        out.append(copy)
    return tuple(out)


class Slow(BaseException):
    """The interpreter took too long."""


def _too_slow(*_):
    raise Slow


@dataclass
class Tally:
    """What a run came to."""

    programs: int = 0
    calls: int = 0
    ways: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)


def one_program(seed, tally, differ):
    """Run one program on a dozen inputs."""
    text, function = written(seed)
    exact, chooser = differ.Exact(function), random.Random(seed * 7 + 1)
    tally.programs += 1
    for _ in range(CALLS):
        args = drawn(chooser)
        signal.setitimer(signal.ITIMER_REAL, SLOWEST_S)
        try:
            expected = differ.observed(function, duplicate(args))
        except (Slow, MemoryError):
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        found = differ.observed(exact, duplicate(args))
        tally.calls += 1
        tally.ways[exact.served] += 1
        if exact.served != "machine":
            tally.reasons[exact.served + ": " + re.sub(r"`\w+`|\d+", "#", exact.why)] += 1
        if found != expected:
            tally.mismatches.append(f"seed {seed}, {exact.served}\n{text}\n{args}\n{expected}\n{found}")


def run(seed, seconds, programs, *, verbose=False):
    """Run programs from `seed` on until time or their number is out."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, limits[1]))
    before = signal.signal(signal.SIGALRM, _too_slow)
    tally, differ, end = Tally(), _differ(), time.monotonic() + seconds
    try:
        while time.monotonic() < end and tally.programs < programs:
            if verbose:
                print(seed, flush=True)
            one_program(seed, tally, differ)
            seed += 1
    finally:
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
    return tally


def main():
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--programs", type=int, default=10**9)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    tally = run(options.seed, options.seconds, options.programs, verbose=options.verbose)
    for mismatch in tally.mismatches[:5]:
        print(mismatch, end="\n\n")
    share = tally.ways["machine"] / max(tally.calls, 1)
    print(f"{tally.programs} programs, {tally.calls} calls, {share:.0%} by machine code, {dict(tally.ways)}")
    print(f"{len(tally.mismatches)} mismatches; left to the interpreter: {tally.reasons.most_common(16)}")
    return 1 if tally.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
