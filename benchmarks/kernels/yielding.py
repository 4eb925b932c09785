"""NumPy expressions: their work is done inside NumPy, so the overlay is to leave them alone.

Compiled by numba most of these get slower than NumPy, and the sums get other bits. Sizes are those at which a call takes a
millisecond or so: large enough to be worth looking at, small enough that a slow wrapper would show.
"""

# ruff: noqa: PLR0917 - parameters as the field writes them
from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def softmax(x):
    """Along the last axis."""
    moved = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return moved / np.sum(moved, axis=-1, keepdims=True)


def covariance(data):
    """Of columns."""
    centred = data - data.mean(axis=0)
    return centred.T @ centred / (data.shape[0] - 1)


def gemver(alpha, beta, a, u1, v1, u2, v2, y, z):
    """Rank-two update and two products with vectors."""
    updated = a + np.outer(u1, v1) + np.outer(u2, v2)
    x = beta * (y @ updated) + z
    return alpha * (updated @ x)


def normalise(x):
    """Columns to mean zero and deviation one."""
    return (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)


def distances(a, b):
    """All pairs, by broadcasting."""
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))


def bilinear_sum(x, y):
    """A sum over a broadcast grid."""
    return np.sum(np.sin(x)[:, None] * np.cos(y)[None, :])


def gather(values, index, weights):
    """Fancy indexing and a weighted count."""
    return np.bincount(index, weights=values[index] * weights)


def clip_and_mask(x, low, high):
    """Boolean masks and `where`."""
    x = np.where(x < low, low, x)
    x[x > high] = high
    return x[x != high].mean()


def wave_step(u, v):
    """One explicit step on slices."""
    u[1:-1, 1:-1] += 0.1 * (v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4.0 * v[1:-1, 1:-1])
    return u


def moving_average(x, window):
    """By a running sum."""
    total = np.cumsum(np.concatenate((np.zeros(1), x)))
    return (total[window:] - total[:-window]) / window


def dense_layer(x, weights, bias):
    """One layer of a network."""
    return np.maximum(x @ weights + bias, 0.0)


def horner(coefficients, x):
    """A polynomial on a whole array: a loop, but each pass is NumPy's."""
    value = np.zeros_like(x)
    for c in coefficients:
        value = value * x + c
    return value


def _random(*shape):
    return np.random.default_rng(shape[0]).random(shape)


def _gather(n):
    chooser = np.random.default_rng(n)
    return chooser.random(n), chooser.integers(0, n, 4 * n), chooser.random(4 * n)


KERNELS = (
    Kernel(softmax, lambda n: (_random(n, n),), 12, 300, ("exp", "max", "sum", "broadcasting")),
    Kernel(covariance, lambda n: (_random(4 * n, n),), 12, 120, ("mean", "matrix product")),
    Kernel(
        gemver,
        lambda n: (1.5, 1.2, _random(n, n), *(_random(n) for _ in range(6))),
        12,
        350,
        ("outer", "matrix product"),
    ),
    Kernel(normalise, lambda n: (_random(n, n),), 12, 350, ("mean", "std")),
    Kernel(distances, lambda n: (_random(n, 3), _random(n + 1, 3)), 12, 160, ("broadcasting", "sum")),
    Kernel(bilinear_sum, lambda n: (_random(n), _random(n + 1)), 12, 600, ("broadcasting", "sum")),
    Kernel(gather, _gather, 12, 30_000, ("fancy indexing", "bincount")),
    Kernel(clip_and_mask, lambda n: (_random(n), 0.2, 0.8), 40, 150_000, ("masks", "where", "mean")),
    Kernel(wave_step, lambda n: (_random(n, n), _random(n, n)), 12, 350, ("slices",)),
    Kernel(moving_average, lambda n: (_random(n), 9), 40, 150_000, ("cumsum", "slices")),
    Kernel(dense_layer, lambda n: (_random(n, n), _random(n, n), _random(n)), 12, 200, ("matrix product",)),
    Kernel(horner, lambda n: (_random(7), _random(n)), 40, 80_000, ("for over array", "zeros_like")),
)
