"""When an array that is stored to is copied before a call, and that a call given up can never be told from one that began anew."""

from __future__ import annotations

import subprocess
import sys
import warnings

import differ
import numpy as np
import pytest

from epochly._exact import Deopt, gate, specialise
from epochly._exact.snapshot import LEAST_BYTES, calm

LONG = gate.SMALL_BYTES // 8 + 100  # floats; an array that is too long to be copied without asking
N = np.arange(float(LONG))


def squares(out, n):
    """Only stores, and warns of nothing."""
    for i in range(n):
        out[i] = i * 2.0


def quotients(out, a, b):
    """Only stores, and NumPy may warn."""
    for i in range(a.shape[0]):
        out[i] = a[i] / b[i]


def through_a_view(out, n):
    """Stores through views and other names."""
    view = out[1:]
    other = view
    for i in range(n):
        other[i] = 1.0
    return out


def rows_of(out, n):
    """Stores through rows."""
    for i in range(n):
        out[i][0] = 1.0


def through_a_name_that_is_either(out, other, n):
    """Stores to one or the other."""
    target = out
    if n > 3:
        target = other
    for i in range(n):
        target[i] = 1.0


def counted(out, n):
    """Looks at the shape only."""
    for i in range(min(n, len(out), out.shape[0])):
        out[i] = 1.0
    return out.size


def in_place(out, n):
    """Reads what it stores to."""
    for i in range(n):
        out[i] = out[i] + 1.0


def by_another_name(out, n):
    """Reads by another name."""
    other = out
    for i in range(n):
        out[i] = other[i - 1] + 1.0


def by_a_view(out, n):
    """Reads by a view."""
    view = out[1:]
    for i in range(n):
        out[i] = view[i]


def by_a_loop(out, n):
    """Reads by iterating."""
    s = 0.0
    for x in out:
        s += x
    out[n] = s


def by_a_copy(out, n):
    """Reads as a whole."""
    copy = out.copy()
    out[0] = copy[n]


def by_an_operator(out, n):
    """Reads as an operand."""
    other = out + out
    out[0] = other[n]


def by_a_slice(out, n):
    """Reads what it assigns."""
    out[1:] = out[:-1]
    out[0] = n


@pytest.mark.parametrize(
    ("function", "args", "spared"),
    [
        (squares, (N, 3), (0,)),
        (quotients, (N, N, N), (0,)),
        (through_a_view, (N, 3), (0,)),
        (rows_of, (np.ones((3, 3)), 3), (0,)),
        (through_a_name_that_is_either, (N, N, 3), (0, 1)),
        (counted, (N, 3), (0,)),
        *((function, (N, 3), ()) for function in (in_place, by_another_name, by_a_view, by_a_loop)),
        *((function, (N, 3), ()) for function in (by_a_copy, by_an_operator, by_a_slice)),
    ],
)
def test_only_an_argument_that_is_never_read_is_spared(function, args, spared):
    """By whatever name, view or operator it might be read, it is copied then."""
    compiled = specialise(function, tuple(arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args))
    assert compiled.dispatcher.snapshots.only_stored == frozenset(spared)


def copies_made(compiled, *args):
    """Whether a call of this size made any buffer grow, for which a copy has to have been taken."""
    compiled.call(*args)
    return any(each.nbytes > LEAST_BYTES for each in compiled.dispatcher.snapshots.buffers.values())


def test_long_arrays_that_are_only_stored_to_are_not_copied():
    """Neither without warnings to come, nor while warnings are as they are by default."""
    assert not copies_made(specialise(squares, (N.copy(), 3)), N.copy(), LONG)
    compiled = specialise(quotients, (N.copy(), N, N))
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert calm()
        assert not copies_made(compiled, N.copy(), N, N + 1)


def test_an_array_that_shares_memory_is_copied():
    """Two arguments over one memory: what is stored by one is read by the other."""
    base = np.ones(2 * LONG)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        apart = specialise(quotients, (N.copy(), N, N))
        assert not copies_made(apart, base[:LONG], base[LONG:], N + 1)
        assert copies_made(apart, base[1 : LONG + 1], base[:LONG], N + 1)


def stops_late(out, a, b, at):
    """Stores, warns where `b` is zero, and fails after all stores where `at` is out of range."""
    for i in range(a.shape[0]):
        out[i] = a[i] / b[i]
    return a[at]


def make_late(zero_at, at, overlap=False, length=LONG):
    """Arguments of `stops_late`."""

    def make():
        base = np.full(2 * length + 10, -7.0)
        out = base[:length]
        a = base[5 : length + 5] if overlap else np.arange(length) + 1.0
        b = np.arange(length) + 1.0
        if zero_at is not None:
            b[zero_at] = 0.0
        return out, a, b, at

    return make


@pytest.mark.parametrize("length", [50, LONG])
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("zero_at", [None, 20])
@pytest.mark.parametrize("at", [3, 10**9])
def test_given_up_late_is_as_if_never_begun(length, overlap, zero_at, at):
    """Every byte, the exception and the warnings: with and without a copy, by default and with warnings that raise."""
    make = make_late(zero_at, at, overlap, length)
    exact = differ.Exact(stops_late)
    expected, found, _ = differ.both(stops_late, make, exact)
    assert found == expected
    with np.errstate(all="raise"):
        expected, found, _ = differ.both(stops_late, make, exact)
        assert found == expected
    with np.errstate(all="call", divide="call"):
        before = np.seterrcall(_fail)
        try:
            expected, found, _ = differ.both(stops_late, make, exact)
        finally:
            np.seterrcall(before)
        assert found == expected
    expected, found = (_with_errors(call, make()) for call in (stops_late, exact))
    assert found == expected
    assert exact.compiled


def _fail(*_):
    raise LookupError("called")


def _with_errors(call, args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            outcome = repr(call(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is compared
            outcome = repr(error)
    return outcome, *(arg.tobytes() for arg in args[:3])


TELLING = """
import io, sys, warnings
import numpy as np
from epochly._exact import Deopt, specialise
from epochly._exact.snapshot import calm

class Broken(io.StringIO):
    def write(self, text):
        raise LookupError("written")

def fail(*_):
    raise LookupError("told")

def closed():
    stream = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), errors="backslashreplace")
    assert set_stream(stream) is None and calm()
    stream.close()
    return stream

def set_stream(stream):
    sys.stderr = stream

def stops_late(out, a, b):
    for i in range(a.shape[0]):
        out[i] = a[i] / b[i]

def arguments(zero):
    b = np.arange(20_000.0) + 1.0
    b[30] *= zero
    return np.zeros(20_000), np.ones(20_000), b

def seen(call):
    args = arguments(0.0)
    try:
        try:
            outcome = call(*args)
        except Deopt:
            outcome = stops_late(*args)
    except Exception as error:
        outcome = repr(error)
    return outcome, [arg.tobytes() for arg in args]

warnings.simplefilter("always")
call = specialise(stops_late, arguments(1.0)).call
call(*arguments(1.0))
kept, told = sys.stderr, 0
assert calm()
changes = [
    lambda: set_stream(Broken()),
    lambda: set_stream(closed()),
    lambda: set_stream(io.StringIO()),
    *(lambda name=name: setattr(warnings, name, fail) for name in
      ("showwarning", "formatwarning", "_showwarnmsg", "_showwarnmsg_impl", "_formatwarnmsg")),
]
for change in changes:
    before = vars(warnings).copy()
    change()
    assert not calm(), change
    expected, found = seen(stops_late), seen(call)
    sys.stderr = kept
    vars(warnings).update(before)
    assert found == expected, (found[0], expected[0])
    told += expected[0] is not None
print(told)
"""


def test_telling_of_a_warning_may_raise():
    """A closed or odd stream, or another way of telling: Python stops at the warning, and so does the compiled function."""
    ran = subprocess.run([sys.executable, "-c", TELLING], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "7"), ran.stderr


def test_read_only_arrays_and_gaps_are_as_in_python():
    """Views with gaps are copied in Python, arrays that are read-only never enter."""
    exact = differ.Exact(stops_late)

    def gaps(at):
        def make():
            base = np.full(3 * LONG, -7.0)
            return base[::3], np.arange(LONG) + 1.0, np.arange(2 * LONG)[::-2] + 1.0, at

        return make

    def locked():
        out, *rest = make_late(20, 3)()
        out.flags.writeable = False
        return out, *rest

    for make in (gaps(3), gaps(10**9), locked, make_late(20, 3), locked):
        expected, found, _ = differ.both(stops_late, make, exact)
        assert found == expected


def test_arrays_read_and_written_are_put_back():
    """A stencil in place, whatever the size: short ones by the gate's own buffer, the first long one by another."""
    compiled = specialise(write_then_fail, (np.ones(10), 1))
    for length in (3, 10, LEAST_BYTES // 8 + 1, LONG, 5, 4 * LONG, 4 * LONG, LONG):
        array = np.arange(float(length))
        for _ in range(2):
            with pytest.raises(Deopt):
                compiled.call(array, length)
            assert (array == np.arange(float(length))).all()


def write_then_fail(a, n):
    """Writes, then leaves the array."""
    for i in range(1, n):
        a[i] = a[i - 1] * 0.5 + a[i]
    return a[n]


def test_calm_knows_what_makes_a_warning_more_than_told():
    """Filters, `numpy.errstate`, and whoever replaced a part of `warnings`."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with warnings.catch_warnings(record=True):
            assert calm()
            warnings.filterwarnings("error", category=ImportWarning)
            assert not calm()
        with warnings.catch_warnings(record=True):
            for state in ("raise", "call", "print", "log"):
                with np.errstate(over=state):
                    assert not calm()
            with np.errstate(all="ignore"):
                assert calm()
            warnings.showwarning = _fail
            assert not calm()
