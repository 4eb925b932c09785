"""Arrays at their edges: bounds, aliasing, memory layouts, narrow dtypes, warnings, undone stores. None differs from the interpreter.

One small program a case, hence long.
"""

# ruff: noqa: D103 - a trap is named after what it does

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import traps

array = traps.array
INF, NAN, TOP, LOW = math.inf, math.nan, 2**63 - 1, -(2**63)


def view(layout, *then, dtype="f8"):
    """Fresh arguments: six numbers in some layout, and what comes after them."""

    def make():
        base = np.arange(1, 13).astype(dtype)
        made = {
            "plain": base[:6].copy(),
            "stepped": base[::2],
            "backwards": base[:6][::-1],
            "offset": base[3:9],
            "empty": base[:0],
            "one": base[:1],
            "square": base[:9].reshape(3, 3),
            "columns": np.asfortranarray(base[:9].reshape(3, 3)),
            "turned": base[:12].reshape(3, 4).T,
            "window": base.reshape(3, 4)[::2, 1::2],
            "no rows": base[:0].reshape(0, 3),
            "spread": np.broadcast_to(base[:1], (6,)),
            "swapped": base[:6].astype(np.dtype(dtype).newbyteorder()),
            "unaligned": np.frombuffer(bytearray(49), "u1")[1:].view(dtype)
            if np.dtype(dtype).itemsize == 8
            else base[:6],
            "nothing": np.array(2.5),
        }[layout]
        return (made, *then)

    return make


def read_only(*then):
    def make():
        made = np.arange(6.0)
        made.flags.writeable = False
        return (made, *then)

    return make


def aliased(how, *then):
    """Fresh arguments: two arrays that share memory."""

    def make():
        base = np.arange(1.0, 9.0)
        pair = {
            "same": (base, base),
            "ahead": (base[1:], base[:-1]),
            "behind": (base[:-1], base[1:]),
            "backwards": (base, base[::-1]),
            "bits": (base, base.view("i8")),
            "apart": (base[:4], base[4:]),
            "halves": (base[::2], base[1::2]),
        }[how]
        return (*pair, *then)

    return make


def at(a, i):
    return a[i]


def put(a, i, x):
    a[i] = x


def put_and_return(a, i, x):
    a[i] = x
    return a


def total(a):
    s = 0
    for x in a:
        s += x
    return s


def total_by_index(a):
    s = 0.0
    for i in range(len(a)):
        s += a[i]
    return s


def doubled(a):
    for i in range(len(a)):
        a[i] *= 2
    return a[0]


def shifted(a, b):
    for i in range(min(len(a), len(b))):
        a[i] = b[i] + 1.0
    return a[0]


def shifted_back(a, b):
    for i in range(len(b) - 1, -1, -1):
        a[i] = b[i] * 0.5
    return a[0], b[0]


def summed_while_stored(a, b):
    s = 0.0
    for i in range(len(b)):
        a[i] = s
        s += b[i]
    return s


def last(a):
    return a[-1]


def first_plus_last(a):
    return a[0] + a[-1]


def diagonal(c):
    s = 0.0
    for i in range(c.shape[0]):
        s += c[i, i]
    return s


def corner(c, i, j):
    return c[i, j]


def row_then_column(c, i, j):
    return c[i][j]


def scaled_rows(c):
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            c[i, j] = c[i, j] * 2.0 - j
    return c.shape[0], c.shape[1]


def sizes(c):
    return len(c), c.size, c.ndim, c.shape


def product(a, i, j):
    return a[i] * a[j]


def quotient(a, i, j):
    return a[i] / a[j]


def remainder(a, i, j):
    return a[i] % a[j], a[i] // a[j]


def negated(a, i):
    return -a[i]


def element_or_number(a, i):
    return a[i] if i > 0 else 1.5


def compared(a, i, x):
    return a[i] < x, a[i] == x


def chosen(a, i, j):
    return min(a[i], a[j]), max(a[i], a[j])


def write_then_overflow(a, n):
    for i in range(len(a)):
        a[i] = i
    return n * n * n


def write_then_miss(a, n):
    for i in range(n):
        a[i] = 7.0
    return a[0]


def write_then_divide(a, x):
    a[0] = 9.0
    return x / a[1]


def write_then_raise(a, n):
    a[0] = 9.0
    if n > 2:
        raise KeyError("after a store")
    return n


def write_through_both(a, b, n):
    a[0] = 5.0
    b[0] = 6
    return a[n * n]


def swapped_items(a, i, j):
    a[i], a[j] = a[j], a[i]
    return a[i]


def dead_product(a):
    a[0] * a[1]
    return 1


def counted_down(a):
    i = len(a)
    s = 0.0
    while i > 0:
        i -= 1
        s += a[i] * i
    return s


def sliced_sum(a):
    b = a[1:]
    s = 0.0
    for x in b:
        s += x
    return s


def slice_store(a):
    a[1:] = a[:-1]
    return a[0]


def slice_add(a):
    a[1:] += a[:-1]
    return a[0]


def reversed_store(a):
    a[:] = a[::-1]
    return a[0]


def own_in_place(a, b):
    a += b
    return a


def elementwise(a, b):
    return a * b + 1.0 - b / 4.0


def whole_store(a, x):
    a[:] = x
    return a


def view_returned(a):
    return a[1:]


def fresh_returned(a):
    return a.copy()


def same_returned(a):
    b = a
    if len(a) > 0:
        b = a
    return b


def zeros(n):
    return np.zeros(n)


def ones_and_index(n, i):
    b = np.ones(n)
    return b[i]


def ramp(n, m):
    return np.arange(n, m)


def filled(n, x):
    return np.full(n, x)


def xor_all(a):
    x = 0
    for v in a:
        x ^= v
    return x


def narrow_step(a):
    for i in range(len(a)):
        a[i] = a[i] + 100
    return a[0]


def store_ints(a, n):
    for i in range(len(a)):
        a[i] = i * n
    return a[len(a) - 1]


def flags_counted(f):
    n = 0
    for i in range(len(f)):
        if f[i]:
            n += 1
    return n


def flag_sum(f):
    return f[0] + f[1], f[0] & f[1], not f[0]


BOUNDS = traps.Traps(
    (at, [array(1, 2, 3, then=(i,)) for i in (0, 2, 3, -1, -3, -4, TOP, LOW, 2**62, True, 1.0)]),
    (at, [array(1, 2, 3, dtype="i8", then=(-1,)), array(1, 0, dtype="?", then=(0,)), array(then=(0,)), array(1, then=(np.int64(0),)), array(1, then=(None,))]),
    (put, [array(1, 2, 3, then=(i, 9.5)) for i in (0, 3, -3, -4, TOP)]),
    (put, [array(1, 2, dtype="i8", then=(0, x)) for x in (1.5, NAN, 2**70, True, "7")]),
    (put, [array(1, 2, then=(0, x)) for x in (2**53 + 1, 2**70, True, np.float32(0.1), None, 1j)]),
    (put, [read_only(0, 1.0), read_only(99, 1.0)]),
    (put_and_return, [array(1, 2, then=(0, 3.0)), view("stepped", 1, 9.0), view("offset", 1, 9.0)]),
    (last, [array(), array(1), array(1, 2)]),
    (first_plus_last, [array(), array(1e308, 1e308), array(TOP, 1, dtype="i8"), array(1, 1, dtype="?")]),
    (corner, [view("square", i, j) for i, j in ((0, 0), (2, 2), (3, 0), (0, 3), (-3, -1), (-4, 0), (0, -4), (TOP, 0))]),
    (corner, [view("no rows", 0, 0), view("columns", 1, 2), view("window", 1, 1), view("turned", 3, 2)]),
    (row_then_column, [view("square", i, j) for i, j in ((0, 0), (3, 0), (0, 3), (-1, -1))]),
    (diagonal, [view("square"), view("no rows"), view("turned"), view("columns"), view("window")]),
    (sizes, [view("square"), view("no rows"), view("window"), view("plain")]),
    (counted_down, [view("plain"), view("empty"), view("backwards")]),
    (zeros, [(3,), (0,), (-1,), (2**62,), (True,)]),
    (ones_and_index, [(3, 2), (3, 3), (0, 0), (3, -4)]),
    (ramp, [(0, 4), (4, 0), (-2, 2), (LOW, TOP), (TOP - 2, TOP)]),
    (filled, [(2, 0.5), (2, 3), (0, 1.0), (2, True), (-1, 1.0)]),
)  # fmt: skip
LAYOUTS = traps.Traps(
    *[
        (function, [view(layout) for layout in ("plain", "stepped", "backwards", "offset", "empty", "one", "spread", "swapped", "unaligned", "nothing")])
        for function in (total, total_by_index, doubled, sliced_sum, view_returned, fresh_returned, same_returned)
    ],
    (scaled_rows, [view(layout) for layout in ("square", "columns", "turned", "window", "no rows")]),
    (total, [view("plain", dtype=dtype) for dtype in ("i8", "?", "f4", "i1", "u8", "c16", "M8[s]", "S3")]),
    (doubled, [lambda: (np.matrix([1.0, 2.0]),), lambda: (np.ma.array([1.0, 2.0], mask=[0, 1]),), lambda: ([1.0, 2.0],), lambda: ((1.0, 2.0),), lambda: (bytearray(b"ab"),)]),
)  # fmt: skip
ALIASING = traps.Traps(
    *[
        (function, [aliased(how) for how in ("same", "ahead", "behind", "backwards", "apart", "halves")])
        for function in (shifted, shifted_back, summed_while_stored, own_in_place, elementwise)
    ],
    (write_through_both, [aliased("bits", n) for n in (1, 2, 3, 2**33)]),
    (slice_store, [view(layout) for layout in ("plain", "stepped", "backwards", "one", "empty")]),
    (slice_add, [view(layout) for layout in ("plain", "stepped", "backwards")]),
    (reversed_store, [view(layout) for layout in ("plain", "stepped", "backwards")]),
    (swapped_items, [view("plain", 0, 1), view("plain", 0, 0), view("plain", 0, 6), view("backwards", -1, 0)]),
    (whole_store, [view("plain", 1), view("plain", 1.5), view("empty", 1.0), read_only(1.0)]),
)  # fmt: skip
UNDONE = traps.Traps(
    (write_then_overflow, [view("plain", 2**22), view("stepped", 2**22), view("plain", 3), view("plain", 3, dtype="i8")]),
    (write_then_miss, [view("plain", 7), view("plain", 6), view("backwards", 7), view("offset", 9), view("empty", 0)]),
    (write_then_divide, [view("plain", 1.0), array(1, 0, then=(1.0,)), array(1, 0, then=(0.0,)), array(1, 0, then=(1,))]),
    (write_then_raise, [view("plain", 2), view("plain", 3), read_only(3)]),
)  # fmt: skip
WARNINGS = traps.Traps(
    (product, [array(x, y, then=(0, 1)) for x, y in ((1e200, 1e200), (INF, 0), (NAN, 0), (1e-200, 1e-200), (5e-324, 0.5), (-0.0, 1))]),
    (product, [array(2**62, 2, dtype="i8", then=(0, 1)), array(LOW, -1, dtype="i8", then=(0, 1)), array(1, 1, dtype="?", then=(0, 1))]),
    (quotient, [array(x, y, then=(0, 1)) for x, y in ((1, 0), (0, 0), (-1, 0), (1, -0.0), (INF, INF), (1, 3))]),
    (quotient, [array(1, 0, dtype="i8", then=(0, 1)), array(2**53 + 1, 1, dtype="i8", then=(0, 1)), array(7, 2, dtype="i8", then=(0, 1))]),
    (remainder, [array(x, y, then=(0, 1)) for x, y in ((1, 0), (-7.5, 2), (7.5, -2), (INF, 1), (-0.0, 1), (NAN, 1))]),
    (remainder, [array(x, y, dtype="i8", then=(0, 1)) for x, y in ((1, 0), (-7, 2), (LOW, -1), (7, -2))]),
    (negated, [array(LOW, dtype="i8", then=(0,)), array(0.0, then=(0,)), array(1, dtype="?", then=(0,))]),
    (dead_product, [array(1e200, 1e200), array(1, 2), array(2**62, 4, dtype="i8")]),
    (element_or_number, [array(1, 2, then=(0,)), array(1, 2, then=(1,)), array(1, 2, dtype="i8", then=(1,))]),
    (compared, [array(NAN, then=(0, 1.0)), array(2**53 + 1, dtype="i8", then=(0, 2.0**53)), array(1, then=(0, True)), array(TOP, dtype="i8", then=(0, 2**63))]),
    (chosen, [array(NAN, 1, then=(0, 1)), array(1, NAN, then=(0, 1)), array(0.0, -0.0, then=(0, 1)), array(3, 2, dtype="i8", then=(0, 1))]),
    (xor_all, [array(1, 2, 3, dtype="i8"), array(dtype="i8"), array(1, 0, dtype="?")]),
    (flags_counted, [array(1, 0, 1, dtype="?"), array(dtype="?")]),
    (flag_sum, [array(1, 1, dtype="?"), array(0, 1, dtype="?")]),
    (elementwise, [lambda: (np.array([1e308, 1.0]), np.array([10.0, NAN])), lambda: (np.ones(3), np.ones(1)), lambda: (np.ones(3), np.ones(2)), lambda: (np.ones(0), np.ones(1))]),
)  # fmt: skip
NARROW = traps.Traps(
    *[
        (function, [array(*values, dtype=dtype) for dtype, values in (("i1", (100, 27)), ("i1", (100, 1)), ("u1", (100, 5)), ("u1", (200, 5)), ("i2", (32700, 1)), ("i4", (2**31 - 1, 1)), ("u4", (2**32 - 1, 1)), ("u8", (2**64 - 1, 1)), ("f4", (0.1, 3e38)))])
        for function in (narrow_step, total, first_plus_last)
    ],
    (at, [array(5, dtype=dtype, then=(0,)) for dtype in ("i1", "i2", "i4", "u1", "u2", "u4", "u8", "f4", "f2", "c8", "c16", "q", "l")]),
    (put, [array(1, dtype="i1", then=(0, x)) for x in (127, 128, -128, -129, 1.5, np.int8(3), np.int64(300), True)]),
    (put, [array(1, dtype="u1", then=(0, x)) for x in (255, 256, -1, np.uint8(3), np.int8(-1))]),
    (put, [array(1, dtype="u8", then=(0, x)) for x in (TOP, 2**63, -1, 2**64)]),
    (put, [array(1, dtype="f4", then=(0, x)) for x in (0.1, 1e300, 3, NAN, 16777217, np.float64(1e300))]),
    (product, [array(100, 100, dtype=dtype, then=(0, 1)) for dtype in ("i1", "u1", "i2", "f4", "u8")]),
    (quotient, [array(1, 0, dtype=dtype, then=(0, 1)) for dtype in ("i1", "u1", "f4")]),
    (remainder, [array(-7, 2, dtype=dtype, then=(0, 1)) for dtype in ("i1", "i4", "f4")]),
    (negated, [array(-128, dtype="i1", then=(0,)), array(1, dtype="u1", then=(0,)), array(0, dtype="f4", then=(0,))]),
    (compared, [array(200, dtype="u1", then=(0, x)) for x in (-1, 300, 200.0)] + [array(0.1, dtype="f4", then=(0, 0.1))]),
    (store_ints, [array(0, 0, 0, dtype=dtype, then=(n,)) for dtype in ("i1", "u1", "i4", "f4") for n in (1, 100, -1)]),
)  # fmt: skip
TABLES = {
    "bounds": BOUNDS,
    "layouts": LAYOUTS,
    "aliasing": ALIASING,
    "undone": UNDONE,
    "warnings": WARNINGS,
    "narrow": NARROW,
}
CASES = traps.parameters(TABLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("table", "what", "call"), CASES)
def test_arrays_end_as_in_the_interpreter(table, what, call):
    """Value, type, error, every array's bytes and warnings are the interpreter's, whichever way the call went."""
    table.ends_alike(what, call)


AMBIENT = [case for case in CASES if case.values[0] in (WARNINGS, UNDONE)]


@pytest.mark.parametrize(
    "around",
    [lambda: np.errstate(all="raise"), lambda: np.errstate(all="ignore"), lambda: np.errstate(all="warn")],
    ids=["raise", "ignore", "warn"],
)
def test_what_numpy_was_told_to_do_about_errors_is_done(around):
    """Under each setting of `numpy.errstate` the same error or warning comes, from the same call."""
    for case in AMBIENT:
        table, what, call = case.values
        with around():
            table.ends_alike(what, call)


def test_warnings_that_are_errors_are_raised():
    """With filters that raise, the interpreter's exception comes out, and stores are as far as they were."""
    for case in AMBIENT:
        table, what, call = case.values
        function = traps.function_of(what)
        exact = table.made.setdefault((what, None), traps.differ.Exact(function))
        outcomes = []
        for run in (function, exact):
            args = call()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    outcome = traps.differ.seen(run(*args), args)
                except Exception as error:  # noqa: BLE001 - whatever it raises is what is compared
                    outcome = (type(error), str(error))
            outcomes.append((outcome, [traps.differ.seen(arg) for arg in args]))
        assert outcomes[0] == outcomes[1], case.id


def test_a_good_part_of_these_calls_entered_machine_code():
    """Being exact by refusing would be no feat."""
    for name, table in TABLES.items():
        calls = table.ways.total()
        assert not calls or table.ways["machine"] + table.ways["deopt"] > 0.4 * calls, (name, table.ways)
    assert len(CASES) >= 300
