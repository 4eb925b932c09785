"""Linear algebra in loops: dense, triangular, sparse."""

from __future__ import annotations

import math

import numpy as np

from kernels.kernel import Kernel


def matmul(a, b, c):
    """A product into an array that is passed in."""
    n, m = a.shape
    p = b.shape[1]
    for i in range(n):
        for j in range(p):
            total = 0.0
            for k in range(m):
                total += a[i, k] * b[k, j]
            c[i, j] = total


def matmul_single(a, b, c):
    """The same on floats of 32 bits, which NumPy keeps narrow."""
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = a[i, 0] * b[0, j]
            for k in range(1, a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total


def lu(a):
    """Doolittle's factors in place."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[k, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            for k in range(i):
                a[i, j] -= a[i, k] * a[k, j]
    return a


def cholesky(a):
    """The lower factor of a positive definite matrix, in place."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] * a[i, k]
        a[i, i] = math.sqrt(a[i, i])


def cholesky_by_rows(a):
    """The same with inner products of slices, as a user of NumPy shortens it."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= np.dot(a[i, :j], a[j, :j])
            a[i, j] /= a[j, j]
        a[i, i] = np.sqrt(a[i, i] - np.dot(a[i, :i], a[i, :i]))


def solve_lower(lower, b, x):
    """A triangular system, forwards."""
    for i in range(x.size):
        total = b[i]
        for j in range(i):
            total -= lower[i, j] * x[j]
        x[i] = total / lower[i, i]
    return x


def spmv(data, columns, starts, x, y):
    """A sparse matrix, in compressed rows, times a vector."""
    for i in range(len(starts) - 1):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += data[k] * x[columns[k]]
        y[i] = total


def power_method(a, x, y, steps):
    """The largest eigenvalue, by repeated products and norms."""
    n = len(x)
    norm = 0.0
    for _ in range(steps):
        squares = 0.0
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += a[i, j] * x[j]
            y[i] = total
            squares += total * total
        norm = math.sqrt(squares)
        for i in range(n):
            x[i] = y[i] / norm
    return norm


def _random(*shape):
    return np.random.default_rng(shape[0]).random(shape)


def _definite(n):
    half = _random(n, n)
    return half @ half.T + n * np.eye(n)


def _sparse(n):
    chooser = np.random.default_rng(n)
    starts = np.arange(0, 8 * n + 1, 8)
    return chooser.random(8 * n), chooser.integers(0, n, 8 * n), starts, chooser.random(n), np.zeros(n)


def _narrow(n):
    return tuple(_random(n, n).astype(np.float32) for _ in range(3))


KERNELS = (
    Kernel(
        matmul,
        lambda n: (_random(n, n), _random(n, n), np.zeros((n, n))),
        8,
        70,
        ("2-D array", "Python then NumPy float"),
    ),
    Kernel(matmul_single, _narrow, 8, 66, ("float32 array",)),
    Kernel(lu, lambda n: (_definite(n),), 9, 80, ("2-D array", "in-place element", "array result")),
    Kernel(cholesky, lambda n: (_definite(n),), 9, 100, ("2-D array", "in-place element", "math.sqrt")),
    Kernel(cholesky_by_rows, lambda n: (_definite(n),), 9, 280, ("slices", "numpy.dot", "numpy.sqrt")),
    Kernel(
        solve_lower,
        lambda n: (np.tril(_random(n, n)) + n * np.eye(n), _random(n), np.zeros(n)),
        14,
        600,
        ("2-D array", "array result"),
    ),
    Kernel(
        spmv, _sparse, 40, 18_000, ("range from NumPy ints", "index from array", "Python then NumPy float")
    ),
    Kernel(
        power_method,
        lambda n: (_random(n, n), np.ones(n), np.zeros(n), 4),
        10,
        200,
        ("math.sqrt", "Python then NumPy float", "Python float result"),
    ),
)
