"""Expressions without a loop of their own, or with one that only repeats NumPy's work: to be left alone, or not slowed."""

# ruff: noqa: PLR0917 - a kernel is named after its algorithm, and takes what the field gives it
from __future__ import annotations

import numpy as np
from kernels.kernel import Kernel


def matrix_product(alpha, beta, c, a, b):
    c[:] = alpha * a @ b + beta * c


def rank_two_and_products(alpha, beta, a, u1, v1, u2, v2, y, z):
    a += np.outer(u1, v1) + np.outer(u2, v2)
    x = beta * y @ a + z
    return alpha * a @ x


def there_and_back(a, x):
    return (a @ x) @ a


def two_products(a, p, r):
    return r @ a, a @ p


def chain_of_products(tensor, matrix):
    for r in range(tensor.shape[0]):
        for q in range(tensor.shape[1]):
            tensor[r, q, :] = tensor[r, q, :] @ matrix


def soft_maximum(x):
    moved = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return moved / np.sum(moved, axis=-1, keepdims=True)


def great_circles(t1, p1, t2, p2):
    h = np.sin((t2 - t1) / 2) ** 2 + np.cos(t1) * np.cos(t2) * np.sin((p2 - p1) / 2) ** 2
    return 2 * np.arctan2(np.sqrt(h), np.sqrt(1 - h))


def clipped(a, b, x, y, z):
    return np.clip(a, 2, 10) * x + b * y + z


def perceptron(x, first, second):
    hidden = np.maximum(x @ first, 0.0)
    return np.maximum(hidden @ second, 0.0)


def self_energies(neighbours, green, couplings):
    energies = np.zeros_like(green)
    for k in range(green.shape[0]):
        for e in range(green.shape[1]):
            for a in range(green.shape[2]):
                for b in range(neighbours.shape[1]):
                    product = green[k, e, neighbours[a, b]] @ couplings[a, b]
                    energies[k, e, a] += product @ couplings[a, b]
    return energies


def _random(*shape, seed=1):
    return np.random.default_rng(seed).random(shape)


def _self_energies(n):
    chooser = np.random.default_rng(n)
    return (
        chooser.integers(0, n, (n, 4)),
        _random(2, 3, n, 4, 4) + 1j * _random(2, 3, n, 4, 4, seed=2),
        _random(n, 4, 4, 4) + 1j * _random(n, 4, 4, 4, seed=3),
    )


def _integers(n, seed):
    return np.random.default_rng(seed).integers(0, 1000, (n, n))


KERNELS = (
    Kernel(
        matrix_product,
        lambda n: (1.5, 1.2, _random(n, n), _random(n, n, seed=2), _random(n, n, seed=3)),
        12,
        200,
        ("matrix product",),
    ),
    Kernel(
        rank_two_and_products,
        lambda n: (1.5, 1.2, _random(n, n), *(_random(n, seed=seed) for seed in range(6))),
        12,
        300,
        ("outer", "matrix product"),
    ),
    Kernel(there_and_back, lambda n: (_random(n, n), _random(n)), 12, 500, ("matrix product",)),
    Kernel(
        two_products, lambda n: (_random(n, n), _random(n), _random(n, seed=2)), 12, 500, ("matrix product",)
    ),
    Kernel(chain_of_products, lambda n: (_random(n, n, n), _random(n, n)), 6, 30, ("matrix product",)),
    Kernel(soft_maximum, lambda n: (_random(n, n),), 12, 300, ("exp", "max", "sum")),
    Kernel(
        great_circles,
        lambda n: tuple(_random(n, seed=seed) for seed in range(4)),
        12,
        30_000,
        ("sin", "arctan2"),
    ),
    Kernel(clipped, lambda n: (_integers(n, 1), _integers(n, 2), 4, 3, 9), 12, 400, ("clip", "int64")),
    Kernel(
        perceptron,
        lambda n: (_random(n, n), _random(n, n, seed=2), _random(n, n, seed=3)),
        12,
        150,
        ("matrix product", "maximum"),
    ),
    Kernel(self_energies, _self_energies, 3, 8, ("complex", "5-D", "matrix product")),
)
