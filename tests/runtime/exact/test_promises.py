"""What holds around machine code: undone writes, memory, warnings, and rejections that can be read."""

from __future__ import annotations

import pickle
import resource
import signal
import subprocess
import sys
import time

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise

FACTOR = 3


def by_factor(n):
    """Uses a global."""
    return n * FACTOR


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
