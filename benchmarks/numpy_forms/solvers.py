"""Linear algebra by rows and columns: factorisations, triangular systems, updates of symmetric and triangular matrices."""

from __future__ import annotations

import numpy as np
from kernels.kernel import Kernel


def cholesky(a):
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[j, :j]
            a[i, j] /= a[j, j]
        a[i, i] = np.sqrt(a[i, i] - a[i, :i] @ a[i, :i])


def lu(a):
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] = (a[i, j] - a[i, :j] @ a[:j, j]) / a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]


def lu_and_solve(a, b):
    n = a.shape[0]
    x, y = np.zeros_like(b), np.zeros_like(b)
    for i in range(n):
        for j in range(i):
            a[i, j] = (a[i, j] - a[i, :j] @ a[:j, j]) / a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    for i in range(n):
        y[i] = b[i] - a[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def triangular_solve(lower, x, b):
    for i in range(x.shape[0]):
        x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]


def triangular_product(alpha, a, b):
    m, n = b.shape
    for i in range(m):
        for j in range(n):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    b *= alpha


def symmetric_product(alpha, beta, c, a, b):
    m, n = c.shape
    row = np.empty(n)
    c *= beta
    for i in range(m):
        for j in range(n):
            c[:i, j] += alpha * b[i, j] * a[i, :i]
            row[j] = b[:i, j] @ a[i, :i]
        c[i, :] += alpha * b[i, :] * a[i, i] + alpha * row


def rank_k_update(alpha, beta, c, a):
    for i in range(a.shape[0]):
        c[i, : i + 1] *= beta
        for k in range(a.shape[1]):
            c[i, : i + 1] += alpha * a[i, k] * a[: i + 1, k]


def rank_2k_update(alpha, beta, c, a, b):
    for i in range(a.shape[0]):
        c[i, : i + 1] *= beta
        for k in range(a.shape[1]):
            c[i, : i + 1] += a[: i + 1, k] * alpha * b[i, k] + b[: i + 1, k] * alpha * a[i, k]


def levinson_durbin(r):
    y = np.empty_like(r)
    alpha, beta = -r[0], 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def gram_schmidt(a):
    q, r = np.zeros_like(a), np.zeros((a.shape[1], a.shape[1]))
    for k in range(a.shape[1]):
        r[k, k] = np.sqrt(np.dot(a[:, k], a[:, k]))
        q[:, k] = a[:, k] / r[k, k]
        for j in range(k + 1, a.shape[1]):
            r[k, j] = np.dot(q[:, k], a[:, j])
            a[:, j] -= q[:, k] * r[k, j]
    return q, r


def correlation_by_columns(data):
    m = data.shape[1]
    mean = np.mean(data, axis=0)
    data -= mean
    found = np.eye(m, dtype=data.dtype)
    for i in range(m - 1):
        found[i + 1 : m, i] = found[i, i + 1 : m] = data[:, i] @ data[:, i + 1 : m]
    return found


def _matrix(n, m=0, seed=1):
    return np.random.default_rng(seed).random((n, m or n))


def _vector(n, seed=2):
    return np.random.default_rng(seed).random(n)


def _positive(n):
    made = _matrix(n)
    return made @ made.T + n * np.eye(n)


KERNELS = (
    Kernel(cholesky, lambda n: (_positive(n),), 20, 110, ("row product",)),
    Kernel(lu, lambda n: (_positive(n),), 20, 80, ("row product",)),
    Kernel(lu_and_solve, lambda n: (_positive(n), _vector(n)), 20, 80, ("row product", "zeros_like")),
    Kernel(
        triangular_solve,
        lambda n: (np.tri(n) * 0.5, np.zeros(n), _vector(n)),
        20,
        1000,
        ("row product",),
    ),
    Kernel(triangular_product, lambda n: (1.5, _matrix(n), _matrix(n, n + 5)), 20, 80, ("dot",)),
    Kernel(
        symmetric_product,
        lambda n: (1.5, 1.2, _matrix(n, n + 5), _matrix(n), _matrix(n, n + 5, 3)),
        20,
        60,
        ("column update",),
    ),
    Kernel(rank_k_update, lambda n: (1.5, 1.2, _matrix(n), _matrix(n, n - 4)), 20, 90, ("row update",)),
    Kernel(
        rank_2k_update,
        lambda n: (1.5, 1.2, _matrix(n), _matrix(n, n - 4), _matrix(n, n - 4, 3)),
        20,
        60,
        ("row update",),
    ),
    Kernel(levinson_durbin, lambda n: (_vector(n),), 20, 1500, ("flip", "dot")),
    Kernel(gram_schmidt, lambda n: (_matrix(n + 10, n),), 20, 70, ("column update", "dot")),
    Kernel(correlation_by_columns, lambda n: (_matrix(n + 10, n),), 20, 200, ("mean", "chained store")),
)
