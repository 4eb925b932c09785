"""Functions that the tests of the cache compile, each with the arguments of its calls; run as a program, it says what came.

`python kernels.py FOLDER [NAME...]` prints JSON: for each function whether it was cached, the results of its calls as bits,
what the interpreter gave, and how often numba compiled anything.
"""

from __future__ import annotations

import json
import math
import sys

import numpy as np

SCALE = 7


def shift(x):
    """A helper."""
    return x * 2.5 + SCALE


def dot(a, b):
    """A float of NumPy's, from a loop with libm in it."""
    s = 0.0
    for i in range(a.shape[0]):
        s += a[i] * math.sin(b[i])
    return s


def in_place(a, k):
    """Stores into its argument, gives it back, and may leave at any time."""
    for i in range(a.shape[0]):
        a[i] = shift(a[i]) // k
    return a


def total(n):
    """An int, or more than 64 bits."""
    s = 0
    for i in range(n):
        s += i * i * i * i * i % SCALE * n
    return s


def pair(n, x):
    """A tuple of numbers."""
    return n * 2, x * 2.0


def scaled(x):
    """One operation on what may be NumPy's."""
    return x * 3.0


def nothing(a):
    """Only stores."""
    for i in range(a.size):
        a[i] = i


def fresh(n):
    """An array of its own."""
    a = np.ones(n)
    for i in range(n):
        a[i] = i * 0.1
    return a


def whole(a, b):
    """An expression of whole arrays."""
    return a * 2.0 + b


CALLS = {
    "dot": [(np.linspace(0, 9, 50), np.linspace(1, 2, 50)), (np.zeros(0), np.zeros(0))],
    "in_place": [(np.linspace(-3, 3, 9), 0.5), (np.linspace(-3, 3, 9), 0.0)],
    "total": [(1000,), (20000,)],
    "pair": [(3, 0.1), (2**62, 1.0)],
    "scaled": [(np.float64(0.1),), (np.float64(1e308),)],
    "fresh": [(5,), (0,), (-1,)],
    "whole": [(np.linspace(0, 1, 9), np.linspace(2, 3, 9)), (np.zeros(2), np.zeros(3))],
    "nothing": [(np.zeros(5, "i8"),), (np.zeros(0, "i8"),)],
}


def bits(value):
    """A value as text that tells every bit and type."""
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, tuple):
        return f"({', '.join(map(bits, value))})"
    text = np.float64(value).tobytes().hex() if isinstance(value, float) else repr(value)
    return f"{type(value).__module__}.{type(value).__qualname__} {text}"


def outcome(call, args):
    """Result and arguments after a call, on copies of these."""
    given = tuple(arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args)
    try:
        result = call(*given)
    except Exception as error:  # noqa: BLE001 - any that the function raises
        return f"{type(error).__name__}: {error}", bits(given)
    same = [position for position, arg in enumerate(given) if arg is result]
    return f"{bits(result)} is {same}", bits(given)


def main(folder, *names):
    """See the top."""
    import warnings

    from numba.core import event

    from epochly._cache import cached_specialise, open_store

    warnings.simplefilter("ignore")
    store, told = open_store(folder), {}
    with event.install_recorder("numba:compile") as compiles:
        for name in names or CALLS:
            function, calls = globals()[name], CALLS[name]
            made = cached_specialise(function, calls[0], store)
            told[name] = {
                "cached": made.cached,
                "machine": [outcome(made.call, args) for args in calls],
                "python": [outcome(function, args) for args in calls],
            }
    sys.stdout.write(json.dumps({"told": told, "compiles": len(compiles.buffer), "trouble": store.trouble}))


if __name__ == "__main__":
    main(*sys.argv[1:])
