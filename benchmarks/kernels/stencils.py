"""Grids that are swept again and again, in one, two and three dimensions."""

from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def heat_1d(a, b, steps):
    """Diffusion on a line, between two arrays."""
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            b[i] = 0.33333 * (a[i - 1] + a[i] + a[i + 1])
        for i in range(1, n - 1):
            a[i] = 0.33333 * (b[i - 1] + b[i] + b[i + 1])


def jacobi_2d(a, b, steps):
    """Diffusion on a plane, between two arrays."""
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = b[i, j]
    return a


def seidel_2d(a, steps):
    """The same in place: each element takes neighbours of this sweep and of the last."""
    n = len(a)
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (
                    a[i - 1, j - 1]
                    + a[i - 1, j]
                    + a[i - 1, j + 1]
                    + a[i, j - 1]
                    + a[i, j]
                    + a[i, j + 1]
                    + a[i + 1, j - 1]
                    + a[i + 1, j]
                    + a[i + 1, j + 1]
                ) / 9.0


def heat_3d(a, b, steps):
    """Diffusion in space."""
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    b[i, j, k] = (
                        0.125 * (a[i + 1, j, k] - 2.0 * a[i, j, k] + a[i - 1, j, k])
                        + 0.125 * (a[i, j + 1, k] - 2.0 * a[i, j, k] + a[i, j - 1, k])
                        + 0.125 * (a[i, j, k + 1] - 2.0 * a[i, j, k] + a[i, j, k - 1])
                        + a[i, j, k]
                    )
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    a[i, j, k] = b[i, j, k]


def life(cells, following):
    """One generation of Conway's game on a torus; the number of cells alive after it."""
    rows, columns = cells.shape
    alive = 0
    for i in range(rows):
        for j in range(columns):
            around = 0
            for di in range(-1, 2):
                for dj in range(-1, 2):
                    if di != 0 or dj != 0:
                        around += cells[(i + di) % rows, (j + dj) % columns]
            if around == 3 or (around == 2 and cells[i, j] == 1):
                following[i, j] = 1
                alive += 1
            else:
                following[i, j] = 0
    return alive


def _random(*shape):
    return np.random.default_rng(shape[0]).random(shape)


def _cells(n):
    return np.random.default_rng(n).integers(0, 2, (n, n)), np.zeros((n, n), np.int64)


KERNELS = (
    Kernel(heat_1d, lambda n: (_random(n), _random(n), 20), 16, 5_000, ("1-D array", "no result")),
    Kernel(
        jacobi_2d,
        lambda n: (_random(n, n), _random(n, n), 4),
        10,
        110,
        ("2-D array", "shape unpacked", "array result"),
    ),
    Kernel(seidel_2d, lambda n: (_random(n, n), 4), 10, 100, ("2-D array", "len", "no result")),
    Kernel(heat_3d, lambda n: (_random(n, n, n), _random(n, n, n), 2), 6, 24, ("3-D array", "no result")),
    Kernel(life, _cells, 12, 110, ("int array", "literal accumulator", "or", "and")),
)
