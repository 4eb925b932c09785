"""Control flow, names, exceptions, recursion, threads, reentrancy and wrong arguments. None differs from the interpreter.

One small program a case, hence long.
"""

# ruff: noqa: D103, B007, PLW2901, RET504, ARG005 - a trap is named after what it does, and written as it is to be trapped

from __future__ import annotations

import builtins
import math
import sys
import threading
import types

import numpy as np
import pytest
import traps

import epochly
from epochly import _api
from epochly._exact import Compiled, Deopt, specialise

array = traps.array
TOP, NAN = 2**63 - 1, math.nan


def after_loop(n):
    for i in range(n):
        pass
    return i


def after_loop_or_before(n):
    i = -1
    for i in range(n):
        pass
    return i


def inner_after(n, m):
    for i in range(n):
        for j in range(m):
            pass
    return i + j


def loop_else(n, stop):
    for i in range(n):
        if i == stop:
            break
    else:
        return -1
    return i


def changed_inside(n):
    s = 0
    for i in range(n):
        i = i * 2
        s += i
    return s, i


def bound_changed(n):
    s = 0
    for _ in range(n):
        n -= 1
        s += 1
    return s, n


def while_else(n):
    while n > 3:
        n -= 1
        if n == 7:
            break
    else:
        return -n
    return n


def one_branch(n):
    if n > 0:
        x = 1.5
    return x


def either_type(n):
    x = 1 if n > 0 else 2.5
    return x


def early(n, x):
    if n == 0:
        return None
    if n == 1:
        return x
    return n


def int_then_float(n):
    s = 0
    for i in range(n):
        s += i / 2
    return s


def float_then_int(n):
    s = 0.0
    for i in range(n):
        s = i
    return s


def bool_then_int(n):
    s = False
    for i in range(n):
        s = s + 1
    return s


def counted_by_flag(n):
    s = 0
    for i in range(n):
        s += i > 2
    return s


def down(n):
    s = 0
    for i in range(n, -1, -3):
        s = s * 10 + i
    return s


def stepped(a, b, c):
    s = 0
    for i in range(a, b, c):
        s += i
        if s > 1000 or s < -1000:
            break
    return s


def nested_break(n):
    s = 0
    for i in range(n):
        for j in range(n):
            if j > i:
                break
            if (i + j) % 2:
                continue
            s += i * j
    return s


def short_circuit(n, a):
    return n < len(a) and a[n] > 0


def chained(a, b, c):
    return a < b < c or a == b == c


def divided_if(n, d):
    return n // d if d != 0 else -1


def swapped(a, b):
    a, b = b, a + b
    return a, b


def deleted(n):
    x = n
    del x
    return x  # noqa: F821 - the point


def asserted(n):
    assert n > 0, "n must be positive"
    return n


def raised(n):
    if n > 1:
        raise ValueError("n is", n)
    return n


def raised_by_name(n):
    if n > 1:
        raise OverflowError
    return n


def raised_from(a, n):
    if n >= len(a):
        raise IndexError(f"no item {n}")
    return a[n]


def divided(n, d):
    return n / d, n // d, n % d


def rooted(x):
    return math.sqrt(x) + math.log(x)


def shifted(n, by):
    return n << by


def powered(x, y):
    return x**y


FLOW = traps.Traps(
    (after_loop, [(0,), (1,), (5,), (-3,)]),
    (after_loop_or_before, [(0,), (4,), (-1,)]),
    (inner_after, [(2, 3), (0, 3), (2, 0), (0, 0)]),
    (loop_else, [(5, 2), (5, 9), (0, 0)]),
    (changed_inside, [(4,), (0,), (1,)]),
    (bound_changed, [(6,), (0,)]),
    (while_else, [(2,), (5,), (9,), (7,)]),
    (one_branch, [(1,), (0,)]),
    (either_type, [(1,), (0,)]),
    (early, [(0, 1.5), (1, 1.5), (2, 1.5), (1, 7)]),
    (int_then_float, [(0,), (1,), (5,)]),
    (float_then_int, [(0,), (3,)]),
    (bool_then_int, [(0,), (3,)]),
    (counted_by_flag, [(0,), (6,)]),
    (down, [(10,), (-1,), (0,), (2,)]),
    (stepped, [(0, 10, 3), (10, 0, -3), (0, 10, 0), (TOP - 5, TOP, 2), (-(2**63), TOP, 2**62), (0, 10, -1), (5, 5, 1)]),
    (nested_break, [(0,), (1,), (7,)]),
    (short_circuit, [array(1.0, -1.0, then=()), lambda: (0, np.ones(2)), lambda: (2, np.ones(2)), lambda: (1, np.array([1.0, NAN]))]),
    (chained, [(1, 2, 3), (2, 2, 2), (NAN, NAN, NAN), (1, 2.5, 3)]),
    (divided_if, [(7, 2), (7, 0), (7, -2)]),
    (swapped, [(1, 2), (TOP, 1), (1.5, 2)]),
    (deleted, [(1,)]),
)  # fmt: skip
ERRORS = traps.Traps(
    (asserted, [(1,), (0,)]),
    (raised, [(1,), (2,)]),
    (raised_by_name, [(1,), (2,)]),
    (raised_from, [lambda: (np.ones(2), 1), lambda: (np.ones(2), 2), lambda: (np.ones(2), -5)]),
    (divided, [(1, 0), (1.0, 0), (1, 0.0), (0.0, 0.0), (7, 2), (-7, 2.0), (TOP, -1)]),
    (rooted, [(4.0,), (-1.0,), (0.0,), (0,), (NAN,), (math.inf,)]),
    (shifted, [(1, 3), (1, -1), (1, 63), (1, 10**6), (0, 10**10)]),
    (powered, [(2, 10), (2, -1), (0, -1), (0.0, -1), (-1.0, 0.5), (1e300, 2), (2, 100), (2.0, 10**400)]),
    ("a[b]", [lambda: (np.ones(2), 5), lambda: (np.ones((2, 2)), 5), lambda: (np.ones(2), (0, 0)), lambda: ((1, 2), 5), lambda: ([1, 2], -3)]),
    ("a + b", [(1, None), (1, "x"), ([], 1), (1.0, object)]),
    ("a < b", [(1, None), (1, "x"), (1j, 1), (1.0, [])]),
    ("-a", [("x",), (None,), ([],)]),
    ("len(a)", [(1,), lambda: (np.float64(1),), lambda: (np.array(1.0),)]),
    ("range(a)", [(1.5,), (2**70,), ("x",)]),
    ("math.floor(a)", [(math.inf,), (NAN,), ("x",), (None,)]),
    ("int(a)", [(math.inf,), (NAN,), ("x",), (None,), ("0x1",)]),
    ("abs(a)", [("x",), (None,)]),
    ("min(a, b)", [(1, None), ("a", "b"), (1, "x")]),
    ("np.zeros(a)", [(-1,), (1.5,), (2**70,), ("x",)]),
    ("np.arange(a, b)", [(0, 2**62), (1.5, 3), (0, "x")]),
    ("math.sqrt(a)", [(-4,), ("x",), (2**2000,), (1j,)]),
)  # fmt: skip
TABLES = {"flow": FLOW, "errors": ERRORS}
CASES = traps.parameters(TABLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("table", "what", "call"), CASES)
def test_calls_end_as_in_the_interpreter(table, what, call):
    """Value, type, error and message are the interpreter's, whichever way the call went."""
    table.ends_alike(what, call)


def test_most_control_flow_entered_machine_code():
    """Being exact by refusing would be no feat."""
    calls = FLOW.ways.total()
    assert not calls or FLOW.ways["machine"] + FLOW.ways["deopt"] > 0.4 * calls, FLOW.ways
    assert len(CASES) >= 130


def in_module(source):
    """A function `f` of a module of its own."""
    module = types.ModuleType("trapped")
    vars(module).update(math=math, np=np)
    exec(source, vars(module))
    return module


NAMES = {
    "a number": ("K = 3\ndef f(n): return n * K", lambda module: setattr(module, "K", 4)),
    "a number becomes a float": ("K = 3\ndef f(n): return n * K", lambda module: setattr(module, "K", 4.0)),
    "a number is gone": ("K = 3\ndef f(n): return n * K", lambda module: delattr(module, "K")),
    "a tuple": ("K = (1, 2)\ndef f(n): return n * K[1]", lambda module: setattr(module, "K", (1, 5))),
    "a NumPy number": ("K = np.float64(2)\ndef f(n): return n * K", lambda module: setattr(module, "K", np.float64(3))),
    "a function": ("def g(n): return n + 1\ndef f(n): return g(n)", lambda module: setattr(module, "g", lambda n: n - 1)),
    "a function's code": ("def g(n): return n + 1\ndef f(n): return g(n)", lambda module: setattr(module.g, "__code__", (lambda n: n - 1).__code__)),
    "a function's default": ("def g(n, k=1): return n + k\ndef f(n): return g(n)", lambda module: setattr(module.g, "__defaults__", (5,))),
    "a function's keyword default": ("def g(n, *, k=1): return n + k\ndef f(n): return g(n)", lambda module: module.g.__kwdefaults__.update(k=5)),
    "a function's constant": ("K = 3\ndef g(n): return n + K\ndef f(n): return g(n)", lambda module: setattr(module, "K", 7)),
    "a builtin": ("def f(n): return abs(n)", lambda module: setattr(module, "abs", lambda n: n * 100)),
    "range": ("def f(n):\n s = 0\n for i in range(n): s += i\n return s", lambda module: setattr(module, "range", lambda n: [7])),
    "a module": ("def f(n): return math.sqrt(n)", lambda module: setattr(module, "math", types.SimpleNamespace(sqrt=lambda n: n))),
    "own code": ("def f(n): return n + 1", lambda module: setattr(module.f, "__code__", (lambda n: n + 2).__code__)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_means_something_else_is_noticed(name):
    """What a function uses is looked at at each call: what was bound anew, or taken away, is what the call sees."""
    source, change = NAMES[name]
    plain, module = in_module(source), in_module(source)
    exact = traps.differ.Exact(module.f)
    assert traps.differ.observed(exact, (3,)) == traps.differ.observed(plain.f, (3,))
    assert exact.served == "machine", exact.why
    for each in (plain, module):
        change(each)
    compiled = exact.compiled[0]
    with pytest.raises(Deopt, match="guard: "):
        compiled.call(3)
    assert traps.differ.observed(module.f, (3,)) == traps.differ.observed(plain.f, (3,))


def test_a_builtin_that_was_replaced_is_noticed(monkeypatch):
    """`builtins.min` is looked up when the call runs, as in the interpreter."""

    def least(a, b):
        return min(a, b)

    compiled = specialise(least, (1, 2))
    assert isinstance(compiled, Compiled)
    assert compiled.call(1, 2) == 1
    monkeypatch.setattr(builtins, "min", max)
    with pytest.raises(Deopt, match="guard: "):
        compiled.call(1, 2)


def test_a_closure_is_followed():
    """A cell that holds something else now is what the call sees."""
    factor = 2

    def scaled(n):
        return n * factor

    exact = traps.differ.Exact(scaled)
    assert exact(5) == 10
    assert exact.served == "machine", exact.why
    for factor in (3, 2.5, 2**63):
        assert traps.differ.observed(exact, (5,)) == traps.differ.observed(scaled, (5,))


@pytest.fixture
def eager(monkeypatch):
    """`epochly.optimize` in its most eager mode, in a session of its own."""
    monkeypatch.setattr(_api, "_SESSIONS", [])
    return epochly.optimize(mode="aggressive")


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def endless(n):
    return endless(n + 1) + 1


def test_recursion_ends_as_in_the_interpreter(eager, monkeypatch):
    """A recursive function gives the same, and one without end the same error."""
    plain = fibonacci(12)
    monkeypatch.setitem(globals(), "fibonacci", eager(fibonacci))
    assert [fibonacci(12) for _ in range(5)] == [plain] * 5
    with pytest.raises(RecursionError) as expected:
        endless(0)
    monkeypatch.setitem(globals(), "endless", eager(endless))
    for _ in range(3):
        with pytest.raises(RecursionError) as found:
            endless(0)
        assert str(found.value)[:32] == str(expected.value)[:32]


def two_and_more(a, b, c=3):
    return a * b + c


CALLS = [
    ((), {}),
    ((1,), {}),
    ((1, 2, 3, 4), {}),
    ((1, 2), {"c": 5}),
    ((1, 2), {"d": 5}),
    ((1,), {"a": 5}),
    ((), {"a": 1, "b": 2}),
    ((1, 2), {}),
    ((1.5, 2), {}),
    (("ab", 2, "c"), {}),
    ((None, None), {}),
    (([1], 2, [3]), {}),
    ((2**70, 2), {}),
    ((1, 2, TOP), {}),
]


@pytest.mark.parametrize(("args", "keywords"), CALLS)
def test_wrong_and_unusual_arguments_are_the_function_s_own_affair(eager, args, keywords):
    """Missing, surplus, named and odd arguments give what the function gives, message included."""

    def outcome(function):
        try:
            result = function(*args, **keywords)
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is compared
            return type(error), str(error)
        return type(result), repr(result)

    function = eager(
        types.FunctionType(two_and_more.__code__, globals(), "two_and_more", two_and_more.__defaults__)
    )
    for _ in range(6):
        assert function(2, 3) == 9
    assert [outcome(function) for _ in range(3)] == [outcome(two_and_more)] * 3


def drained(a, n):
    s = 0.0
    for k in range(n):
        for i in range(len(a)):
            a[i] = a[i] * 0.5 + k
            s += a[i]
    return s


def test_threads_do_not_disturb_each_other():
    """Many threads in one specialisation, some served and some given up and undone, each with arrays of their own."""
    compiled = specialise(drained, (np.ones(50), 3))
    assert isinstance(compiled, Compiled)
    exact = traps.differ.Exact(drained)
    wrong = []

    def work(seed):
        for turn in range(60):
            start = np.linspace(seed, seed + 1, 50)
            if turn % 3 == 0:
                start[7] = 1e308 * 10  # infinity: nothing warns, as it came from outside
            mine, plain = start.copy(), start.copy()
            found, due = exact(mine, 4), drained(plain, 4)
            if (found, mine.tobytes()) != (due, plain.tobytes()) and not (found != found and due != due):  # noqa: PLR0124
                wrong.append((seed, turn, found, due))

    exact(np.ones(50), 1)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


class Reentrant:
    """A number whose arithmetic calls the function it was given to."""

    def __init__(self, call):
        self.call = call

    def __mul__(self, other):
        return self.call(2.0, other)

    def __add__(self, other):
        return self.call(3.0, other)


def combined(x, y):
    return x * y + 1.0


def test_a_function_may_be_entered_again_from_within(eager):
    """An argument of another type runs in the interpreter, whose operators may call the optimised function again."""
    function = eager(types.FunctionType(combined.__code__, globals(), "combined"))
    for _ in range(6):
        assert function(2.0, 3.0) == 7.0
    assert function(Reentrant(function), 5.0) == combined(Reentrant(combined), 5.0)


def test_a_debugger_that_looks_on_sees_every_line(eager):
    """While a trace function is set, the interpreter runs and the debugger misses nothing."""
    function = eager(types.FunctionType(combined.__code__, globals(), "combined"))
    for _ in range(6):
        function(2.0, 3.0)
    seen = []

    def trace(frame, event, _):
        if frame.f_code is combined.__code__:
            seen.append(event)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(2.0, 3.0)
    finally:
        sys.settrace(before)
    assert seen == ["call", "line", "return"]


def test_undone_stores_are_seen_by_nobody():
    """A call that gives up after storing leaves views, bases and other arguments as the interpreter will find them."""

    def stored_then_failed(a, b, n):
        for i in range(len(a)):
            a[i] = -1.0
            b[i] = i
        return a[n]

    base = np.arange(10.0)
    ints = np.arange(5)
    compiled = specialise(stored_then_failed, (base[2:7], ints, 1))
    assert isinstance(compiled, Compiled)
    before = base.tobytes(), ints.tobytes()
    for n in (5, -6, TOP):
        with pytest.raises(Deopt):
            compiled.call(base[2:7], ints, n)
        assert (base.tobytes(), ints.tobytes()) == before
    assert compiled.call(base[2:7], ints, 1) == -1.0
    assert base.tolist() == [0.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 7.0, 8.0, 9.0]
