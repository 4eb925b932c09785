"""Dynamic programming: tables filled from their neighbours, with comparisons and `min` and `max`."""

# ruff: noqa: PLR1730 - loops are written out, as users have them
from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def edit_distance(a, b, table):
    """Levenshtein's distance of two arrays of codes."""
    n = len(a)
    m = len(b)
    for i in range(n + 1):
        table[i, 0] = i
    for j in range(m + 1):
        table[0, j] = j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            best = table[i - 1, j] + 1
            if table[i, j - 1] + 1 < best:
                best = table[i, j - 1] + 1
            if table[i - 1, j - 1] + cost < best:
                best = table[i - 1, j - 1] + cost
            table[i, j] = best
    return table[n, m]


def common_subsequence(a, b):
    """The length of the longest common subsequence, in a table of its own, with `max`."""
    n, m = len(a), len(b)
    table = np.zeros((n + 1, m + 1), dtype=np.int64)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            if a[i - 1] == b[j - 1]:
                table[i, j] = table[i - 1, j - 1] + 1
            else:
                table[i, j] = max(table[i - 1, j], table[i, j - 1])
    return table[n, m]


def knapsack(weights, values, best):
    """The most value that fits; `best` has one place for each weight up to the limit."""
    limit = best.shape[0] - 1
    for item in range(weights.shape[0]):
        weight = weights[item]
        for room in range(limit, weight - 1, -1):
            candidate = best[room - weight] + values[item]
            if candidate > best[room]:
                best[room] = candidate
    return best[limit]


def floyd_warshall(distance):
    """Shortest ways between all nodes, in place."""
    n = distance.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = distance[i, k] + distance[k, j]
                if through < distance[i, j]:
                    distance[i, j] = through
    return distance


def matrix_chain(sizes, cost):
    """The fewest products for a chain of matrices, with floats as costs."""
    n = sizes.shape[0] - 1
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best = 1e300
            for k in range(i, j):
                best = min(best, float(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]))
            cost[i, j] = best
    return float(cost[0, n - 1])


def _codes(n, seed):
    return np.random.default_rng(seed).integers(0, 4, n)


def _items(n):
    chooser = np.random.default_rng(n)
    return chooser.integers(1, 60, n), chooser.integers(1, 100, n), np.zeros(20 * n + 1, np.int64)


def _graph(n):
    return (np.random.default_rng(n).integers(1, 1000, (n, n)),)


def _chain(n):
    return np.random.default_rng(n).integers(5, 60, n + 1).astype(np.float64), np.zeros((n, n))


KERNELS = (
    Kernel(
        edit_distance,
        lambda n: (_codes(n, 1), _codes(n + 3, 2), np.zeros((n + 1, n + 4), np.int64)),
        18,
        260,
        ("int array", "conditional expression", "NumPy int result"),
    ),
    Kernel(
        common_subsequence,
        lambda n: (_codes(n, 1), _codes(n + 3, 2)),
        18,
        320,
        ("numpy.zeros", "max", "NumPy int result"),
    ),
    Kernel(knapsack, _items, 8, 85, ("int array", "range from NumPy int", "downward range")),
    Kernel(floyd_warshall, _graph, 9, 66, ("int array", "array result")),
    Kernel(matrix_chain, _chain, 9, 85, ("min", "float()")),
)
