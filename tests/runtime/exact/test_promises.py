"""What holds around machine code: guards, undone writes, memory, and rejections that can be read."""

from __future__ import annotations

import importlib.util
import pickle
import resource
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise


def _beside(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


differ = _beside("differ")
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


def test_importing_the_compiler_loads_nothing_heavy():
    """Numba and NumPy load when the first function is to be compiled, not before."""
    code = "import sys, epochly._exact; print(sorted({'numba', 'numpy', 'llvmlite'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_index_that_overflowed_is_an_error_and_not_a_crash():
    """`m * m` that leaves 64 bits reaches the interpreter, which raises, and no memory is touched."""

    def indexed(m, a):
        m = m * m
        return a[m]

    expected, found, exact = differ.both(indexed, lambda: (2**33, np.arange(3.0)))
    assert exact.served == "deopt"
    assert found == expected
    assert found[0][1] == "IndexError"


def test_a_call_given_up_leaves_arrays_as_they_were():
    """Every write is undone before `Deopt` is raised, also through views that share memory."""
    base = np.arange(6.0)
    compiled = specialise(write_then_fail, (base[:4], 3))
    assert isinstance(compiled, Compiled)
    with pytest.raises(Deopt):
        compiled.call(base[:4], 3)
    assert base.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


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


def test_warnings_are_numpys_own():
    """Overflow, invalid and underflow of NumPy's scalars warn or raise as `numpy.errstate` says, used or not."""

    def unused(a, b):
        x = a[0] * b[0]
        if b[0] > 1e300:
            return 1.0
        return x * 2.0

    def product(a, b):
        return a[0] * b[0]

    for value in (1e200, 1e301, 1e-200):
        for function in (unused, product):
            expected, found, _ = differ.both(
                function, lambda value=value: (np.full(1, value), np.full(1, value))
            )
            assert found == expected
            with np.errstate(all="raise"):
                expected, found, _ = differ.both(
                    function, lambda value=value: (np.full(1, value), np.full(1, value))
                )
            assert found == expected
            assert found[0][1] == "FloatingPointError" or value == 1e301


def test_ten_thousand_deopts_keep_their_memory():
    """Giving up often does not grow the process: at most 16 MiB for ten thousand calls with arrays."""
    a = np.zeros(1000)
    compiled = specialise(write_then_fail, (a, 100))

    def deopts(count):
        for _ in range(count):
            with pytest.raises(Deopt):
                compiled.call(a, 100)

    deopts(1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    deopts(10_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


def test_a_rejection_says_why_where_and_what_to_do():
    """A mixed variable is named in Python words, with its line, and a fix."""

    def mixed(n, m):
        s = n
        for _ in range(m):
            s = s + 0.5
        return s

    rejected = specialise(mixed, (1, 2))
    assert isinstance(rejected, Rejected)
    assert "`s` is" in rejected.reason
    assert "an int" in rejected.reason
    assert "a float" in rejected.reason
    assert rejected.line is not None
    assert rejected.fix


def test_an_untested_numba_is_refused(monkeypatch):
    """The intermediate representation is no stable interface: an unknown version compiles nothing."""
    import numba

    monkeypatch.setattr(numba, "__version__", "99.0.0")
    rejected = specialise(by_factor, (7,))
    assert isinstance(rejected, Rejected)
    assert "not tested" in rejected.reason


def test_a_long_loop_can_be_interrupted():
    """A signal handler runs within seconds of its signal, and what it raises comes out; flat and nested loops."""

    class Interrupted(BaseException):
        pass

    def flat(n):
        s = 0
        for i in range(n):
            s ^= i * 3
        return s

    def nested(n):
        s = 0
        for i in range(n):
            for j in range(1000):
                s ^= i * j
        return s

    def handler(*_):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for function in (flat, nested):
            compiled = specialise(function, (10,))
            assert compiled.call(10) == function(10)
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Interrupted):
                compiled.call(10**11)
            assert time.monotonic() - start < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


def test_scalars_keep_the_type_of_their_array():
    """`long long` is as wide as `int64`, and its scalars are of another type: it is not taken for it."""

    def first(a):
        return a[0]

    for dtype in ("q", "l", "d", "?"):
        expected, found, _ = differ.both(first, lambda dtype=dtype: (np.ones(3, dtype),))
        assert found == expected


def test_an_array_that_was_unpickled_is_taken():
    """Its dtype is another object, and the same dtype."""
    compiled = specialise(write_then_fail, (np.arange(20.0), 3))
    assert compiled.call(pickle.loads(pickle.dumps(np.arange(20.0))), 3) == 9.0


def test_a_function_that_defines_another_is_rejected():
    """When a closure looks a variable up is Python's own affair."""

    def outer(n):
        k = 1
        inner = lambda x: x + k  # noqa: E731 - the construct in question
        k = 2
        return inner(n)

    assert isinstance(specialise(outer, (1,)), Rejected)


def test_results_of_two_sorts_are_told_apart():
    """A function that returns Python's number here and NumPy's there is exact on both ways, compiled or not."""

    def early(a, n):
        if n == 0:
            return 0.0
        return a[0]

    def either(a, b, n):
        if n == 0:
            return a
        return b

    def pair(a, n):
        if n == 0:
            return 0.0, 1
        return a[0], 1

    a, b = np.ones(2), np.zeros(2)
    for n in (0, 1):
        for function, make in (
            (early, lambda n=n: (a, n)),
            (either, lambda n=n: (a, b, n)),
            (pair, lambda n=n: (a, n)),
        ):
            expected, found, _ = differ.both(function, make)
            assert found == expected


def rebinding(n):
    """Binds a global, which no machine code may do."""
    global FACTOR  # noqa: PLW0603 - the construct in question
    FACTOR = n
    return n


def caught(a, i):
    """Handles an error that machine code would have to raise."""
    try:
        return a[i]
    except IndexError:
        return None


def finished(a, i):
    """Runs code whatever happens."""
    s = 0.0
    try:
        s = a[i]
    finally:
        a[0] = 1.0
    return s


@pytest.mark.parametrize("function", [rebinding, caught, finished])
def test_what_numba_itself_cannot_read_is_rejected(function):
    """Whatever numba raises while it compiles, and whatever handles errors, leaves the function to the interpreter."""
    args = (1,) if function is rebinding else (np.ones(3), 1)
    assert isinstance(specialise(function, args), Rejected)


def test_underflow_is_served_unless_numpy_was_told_to_care():
    """Denormal results of NumPy's numbers are no reason to step back; under `errstate(under=...)` they are."""

    def halved(values, times):
        for _ in range(times):
            for at in range(values.shape[0]):
                values[at] = values[at] * 0.5
        return values[0]

    compiled = specialise(halved, (np.full(2, 1.0), 1))
    assert isinstance(compiled, Compiled)
    served, plain = np.full(2, 1e-300), np.full(2, 1e-300)
    result = compiled.call(served, 60)
    assert type(result) is np.float64
    assert (result, served.tobytes()) == (halved(plain, 60), plain.tobytes())
    assert 0.0 < result < sys.float_info.min
    with np.errstate(under="raise"):
        again = np.full(2, 1e-300)
        with pytest.raises(Deopt, match="may have to warn"):
            compiled.call(again, 60)
        assert again.tobytes() == np.full(2, 1e-300).tobytes()


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
