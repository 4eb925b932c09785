"""The table of arguments that foreign functions are called with: edge numbers, and arrays of every layout.

A row is a set of types; each of its calls is a recipe that makes the arguments afresh, the same each time. It refuses
randomness. Sources of the edges: IEEE 754, 64-bit ints, and NumPy's memory layouts.
"""

# ruff: noqa: D103 - a recipe is named after the array it makes

from __future__ import annotations

import math
import zlib

import numpy as np

CALLS = 8  # a row
INTS = (3, 0, -1, 7, 1, -5, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2, 10)
FLOATS = (1.5, 0.0, -0.0, -2.5, math.nan, math.inf, -math.inf, 5e-324, 1e308, 0.1, 2.0**53, -1e-5, 3.0)
BOOLS = (True, False)
F8 = (
    (0.5, -1.25, 3.0, 0.1, 2.0),
    (),
    (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308),
    (1e200, 1e200, -1e200, 7.0),
    (4.0,),
)
I8 = ((3, -1, 2, 0, 5), (), (2**63 - 1, -(2**63), 2**62, -1), (1,), (2**31, 2**33, 3, 2))
B1 = ((True, False, True), (), (False,))


def f8(n):
    return np.array(F8[n % len(F8)], dtype=np.float64)


def f8_strided(n):
    return np.repeat(f8(n), 2)[::2]


def f8_backwards(n):
    return f8(n)[::-1]


def f8_read_only(n):
    array = f8(n)
    array.flags.writeable = False
    return array


def f8_square(n):
    return np.array([[1.0, -2.0, 0.5], [4.0, 0.1, -0.0], [3.0, 2.0, 1.0]]) * (1.0, 1e200, 0.25)[n % 3]


def f8_columns(n):
    return np.asfortranarray(f8_square(n))


def f8_window(n):
    return np.array([[1.0, 2.0, 3.0, 4.0, 5.0]] * 4)[::2, n % 2 :: 2]


def i8(n):
    return np.array(I8[n % len(I8)], dtype=np.int64)


def i8_square(n):
    return np.array([[1, -2, 3], [4, 0, 2**40]], dtype=np.int64) * (1, 2**20, -1)[n % 3]


def b1(n):
    return np.array(B1[n % len(B1)], dtype=np.bool_)


MAKERS = {
    "i": lambda n: INTS[n % len(INTS)],
    "f": lambda n: FLOATS[n % len(FLOATS)],
    "b": lambda n: BOOLS[n % 2],
    "F": f8,
    "S": f8_strided,
    "V": f8_backwards,
    "R": f8_read_only,
    "M": f8_square,
    "C": f8_columns,
    "W": f8_window,
    "I": i8,
    "J": i8_square,
    "B": b1,
}
# The first of each tell whether a function is worth more; of the others each function gets a few, not all the same.
FIRST, MORE = 7, 3
ROWS = {
    1: ("i", "f", "F", "I", "M", "b", "J", "S", "V", "R", "C", "W", "B"),
    2: (
        *("ii", "ff", "FF", "Fi", "Ff", "II", "Mi", "MM", "if", "fi", "bb", "bi", "F=", "iF", "fF", "Ii", "M="),
        *("SF", "Sf", "RF", "FR", "Ri", "FI", "Bb", "JJ", "MF", "CM"),
    ),
    3: ("iii", "fff", "FFF", "Fii", "FFf", "Ffi", "MMM", "Iii", "F==", "FFi", "III", "iif", "RFF", "FRS", "MFF", "MII"),
    4: ("iiii", "ffff", "FFFF", "FFii", "FFfi", "Fiii", "MMMM", "FFFi", "F===", "IIii", "MFFi", "ifif"),
}  # fmt: skip


def rows(name, count):
    """The rows for a function of `count` parameters; which of the later ones is settled by its name."""
    every = ROWS[count]
    later = every[FIRST:]
    start = zlib.crc32(name.encode()) % len(later)
    return every[:FIRST] + (later[start:] + later[:start])[:MORE]


def calls(row):
    """Recipes of a row's calls; `=` is the argument before it, the same object."""
    for call in range(CALLS):
        yield lambda call=call: made(row, call)


def made(row, call):
    """The arguments of one call: the first calls are mild, then every parameter walks its edges at its own pace."""
    args = []
    for position, letter in enumerate(row):
        if letter == "=":
            args.append(args[-1])
        else:
            args.append(MAKERS[letter](call * (2 * position + 1) + position * (call > 1)))
    return tuple(args)
