"""What is looked at on every call: whatever the compiled code relied on and is no longer so sends it to the interpreter."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, specialise

FACTOR = 3


def by_factor(n):
    """Uses a global."""
    return n * FACTOR


def double(n):
    """A helper."""
    return n * 2


def write_then_fail(a, n):
    """Writes, then leaves 64 bits, then indexes out of range."""
    for i in range(n):
        a[i] = a[i] * 2.0
    return a[n * n]


def test_a_rebound_global_sends_the_call_to_the_interpreter(monkeypatch):
    """Globals are compared at each call, never frozen; an equal value of another type is another value."""
    compiled = specialise(by_factor, (7,))
    assert isinstance(compiled, Compiled)
    assert compiled.call(7) == 21
    monkeypatch.setitem(by_factor.__globals__, "FACTOR", 3.0)
    with pytest.raises(Deopt, match="guard: `FACTOR`"):
        compiled.call(7)


def test_a_shadowed_builtin_sends_the_call_to_the_interpreter(monkeypatch):
    """A global named like a builtin hides it, and the call sees that."""

    def counted(n):
        s = 0
        for i in range(n):
            s += i
        return s

    compiled = specialise(counted, (7,))
    assert compiled.call(7) == 21
    monkeypatch.setitem(counted.__globals__, "range", lambda n: [n])
    with pytest.raises(Deopt, match="guard: `range`"):
        compiled.call(7)


def test_other_code_and_other_cells_send_the_call_to_the_interpreter():
    """A function whose code or closure changed is another function."""
    step = 2

    def stepped(n):
        return n + step

    compiled = specialise(stepped, (7,))
    assert compiled.call(7) == 9
    stepped.__closure__[0].cell_contents = 3
    with pytest.raises(Deopt, match="guard: a closure cell"):
        compiled.call(7)
    step = 2
    assert compiled.call(7) == 9
    stepped.__code__ = (lambda n: n - step).__code__
    with pytest.raises(Deopt, match="guard: the function"):
        compiled.call(7)


def test_a_debugger_sees_the_real_function():
    """While a trace or profile function is set, calls go to the interpreter."""
    compiled = specialise(by_factor, (7,))
    before = sys.getprofile()
    sys.setprofile(lambda *_: None)
    try:
        with pytest.raises(Deopt, match="guard: a debugger"):
            compiled.call(7)
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(
    "args",
    [
        (True,),
        (7.0,),
        (np.int64(7),),
        (np.arange(3),),
    ],
)
def test_arguments_of_another_type_are_not_taken(args):
    """Exact types only: `True` is an int to Python and not to the guard."""
    compiled = specialise(by_factor, (7,))
    with pytest.raises(Deopt, match="guard: "):
        compiled.call(*args)


def test_an_array_of_another_layout_is_not_taken():
    """Order, writeability and dimensions are part of what was compiled for."""
    compiled = specialise(write_then_fail, (np.zeros(20), 3))
    readonly = np.zeros(20)
    readonly.flags.writeable = False
    unaligned = np.zeros(161, "u1")[1:].view("f8")
    for other in (
        readonly,
        np.zeros(40)[::2],
        np.zeros((20, 1)),
        np.zeros(20, "f4"),
        np.zeros(20, ">f8"),
        unaligned,
    ):
        with pytest.raises(Deopt, match="guard: an array"):
            compiled.call(other, 3)


def test_a_name_deep_in_a_package_is_guarded(monkeypatch):
    """`package.module.function` is looked up anew by Python, so each step of it is compared."""
    module = types.ModuleType("module")
    package = types.ModuleType("package")
    package.module = module
    module.step = double
    space = {"package": package}
    exec("def stepped(n):\n    return package.module.step(n)\n", space)
    function = space["stepped"]
    compiled = specialise(function, (4,))
    assert isinstance(compiled, Compiled)
    assert compiled.call(4) == 8
    monkeypatch.setattr(module, "step", abs)
    with pytest.raises(Deopt, match="guard: `step`"):
        compiled.call(4)


def test_a_helper_with_other_code_sends_the_call_to_the_interpreter(monkeypatch):
    """The code of a helper was compiled in, so a change of it is a change of its caller."""

    def doubled_twice(n):
        return double(double(n))

    compiled = specialise(doubled_twice, (4,))
    assert compiled.call(4) == 16
    monkeypatch.setattr(double, "__code__", (lambda n: n * 3).__code__)
    with pytest.raises(Deopt, match="guard: a function"):
        compiled.call(4)


def test_module_in_a_closure_is_watched_like_a_global_one():
    """A function of a module that a closure holds may be rebound; the compiled call then steps back."""
    module = types.ModuleType("held")
    exec("def h(x):\n    return x + 1.5", module.__dict__)
    inner = types.ModuleType("held.inner")
    exec("def k(x):\n    return x * 2.0", inner.__dict__)
    module.inner = inner

    def make(m):
        def g(x):
            return m.h(x) + m.inner.k(x)

        return g

    g = make(module)
    compiled = specialise(g, (1.0,))
    assert isinstance(compiled, Compiled), compiled
    assert compiled.call(1.0) == g(1.0) == 4.5
    for namespace, name, changed in (
        (module, "h", "def h(x):\n    return x + 100.5"),
        (inner, "k", "k = abs"),
    ):
        kept = getattr(namespace, name)
        exec(changed, namespace.__dict__)
        with pytest.raises(Deopt, match="guard"):
            compiled.call(1.0)
        setattr(namespace, name, kept)
    assert compiled.call(1.0) == 4.5
