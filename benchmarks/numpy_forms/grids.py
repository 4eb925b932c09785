"""Stencils and recurrences on grids, by shifted slices, rows and columns."""

from __future__ import annotations

import numpy as np
from kernels.kernel import Kernel


def alternating_directions(steps, u):
    n = u.shape[0]
    v, p, q = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    a, b, d, f = -0.4, 1.8, -0.3, -0.3
    for _ in range(steps):
        v[0, 1 : n - 1] = 1.0
        p[1 : n - 1, 0] = 0.0
        q[1 : n - 1, 0] = v[0, 1 : n - 1]
        for j in range(1, n - 1):
            p[1 : n - 1, j] = -a / (a * p[1 : n - 1, j - 1] + b)
            q[1 : n - 1, j] = (
                -d * u[j, : n - 2]
                + (1.0 + 2.0 * d) * u[j, 1 : n - 1]
                - f * u[j, 2:n]
                - a * q[1 : n - 1, j - 1]
            ) / (a * p[1 : n - 1, j - 1] + b)
        v[n - 1, 1 : n - 1] = 1.0
        for j in range(n - 2, 0, -1):
            v[j, 1 : n - 1] = p[1 : n - 1, j] * v[j + 1, 1 : n - 1] + q[1 : n - 1, j]
        u[1 : n - 1, 0] = 1.0
        for j in range(1, n - 1):
            u[1 : n - 1, j] = 0.5 * (v[1 : n - 1, j] + v[1 : n - 1, j + 1])


def seidel_by_rows(steps, a):
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            a[i, 1:-1] += (
                a[i - 1, :-2]
                + a[i - 1, 1:-1]
                + a[i - 1, 2:]
                + a[i, 2:]
                + a[i + 1, :-2]
                + a[i + 1, 1:-1]
                + a[i + 1, 2:]
            )
            for j in range(1, n - 1):
                a[i, j] += a[i, j - 1]
                a[i, j] /= 9.0


def jacobi_line(steps, a, b):
    for _ in range(1, steps):
        b[1:-1] = 0.33333 * (a[:-2] + a[1:-1] + a[2:])
        a[1:-1] = 0.33333 * (b[:-2] + b[1:-1] + b[2:])


def jacobi_plane(steps, a, b):
    for _ in range(1, steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])


def heat_in_space(steps, a, b):
    for _ in range(1, steps):
        b[1:-1, 1:-1, 1:-1] = (
            0.125 * (a[2:, 1:-1, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1])
            + 0.125 * (a[1:-1, 2:, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, :-2, 1:-1])
            + 0.125 * (a[1:-1, 1:-1, 2:] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, 1:-1, :-2])
            + a[1:-1, 1:-1, 1:-1]
        )
        a[1:-1, 1:-1, 1:-1] = 0.5 * (b[1:-1, 1:-1, 1:-1] + b[:-2, 1:-1, 1:-1])


def electromagnetic(steps, ex, ey, hz, source):
    for t in range(steps):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def recursive_smoothing(alpha, image):
    k = (1.0 - np.exp(-alpha)) * (1.0 - np.exp(-alpha)) / (1.0 + alpha * np.exp(-alpha) - np.exp(2.0 * alpha))
    a1, a2, b1, b2 = k, k * np.exp(-alpha) * (alpha - 1.0), 2.0 ** (-alpha), -np.exp(-2.0 * alpha)
    width = image.shape[1]
    y1 = np.empty_like(image)
    y1[:, 0] = a1 * image[:, 0]
    y1[:, 1] = a1 * image[:, 1] + a2 * image[:, 0] + b1 * y1[:, 0]
    for j in range(2, width):
        y1[:, j] = a1 * image[:, j] + a2 * image[:, j - 1] + b1 * y1[:, j - 1] + b2 * y1[:, j - 2]
    y2 = np.empty_like(image)
    y2[:, -1] = 0.0
    y2[:, -2] = a1 * image[:, -1]
    for j in range(width - 3, -1, -1):
        y2[:, j] = a1 * image[:, j + 1] + a2 * image[:, j + 2] + b1 * y2[:, j + 1] + b2 * y2[:, j + 2]
    return y1 + y2


def vertical_solve(wind, stage, position, tendency):
    depth = stage.shape[2]
    lower, right = np.zeros_like(stage), np.zeros_like(stage)
    for k in range(depth - 1):
        gravity = 0.25 * (wind[1:, :, k + 1] + wind[:-1, :, k + 1])
        upper = gravity * 0.5
        diagonal = 3.0 - upper
        correction = -upper * 0.3 * (stage[:, :, k + 1] - stage[:, :, k])
        if k > 0:
            below = -0.25 * (wind[1:, :, k] + wind[:-1, :, k]) * 0.5
            diagonal = diagonal - below
            divided = 1.0 / (diagonal - lower[:, :, k - 1] * below)
            lower[:, :, k] = upper * divided
            right[:, :, k] = (
                position[:, :, k] * 3.0 + tendency[:, :, k] + correction - right[:, :, k - 1] * below
            ) * divided
        else:
            divided = 1.0 / diagonal
            lower[:, :, k] = upper * divided
            right[:, :, k] = (position[:, :, k] * 3.0 + tendency[:, :, k] + correction) * divided
    for k in range(depth - 2, -1, -1):
        right[:, :, k] -= lower[:, :, k] * right[:, :, k + 1]
        tendency[:, :, k] = 3.0 * (right[:, :, k] - position[:, :, k])


def horizontal_diffusion(steps, field, out, coefficient):
    for _ in range(steps):
        laplace = 4.0 * field[1:-1, 1:-1, :] - (
            field[2:, 1:-1, :] + field[:-2, 1:-1, :] + field[1:-1, 2:, :] + field[1:-1, :-2, :]
        )
        flux = laplace[1:, 1:-1, :] - laplace[:-1, 1:-1, :]
        flux = np.where(flux * (field[2:-1, 2:-2, :] - field[1:-2, 2:-2, :]) > 0.0, 0.0, flux)
        out[:, :, :] = field[2:-2, 2:-2, :] - coefficient * (flux[1:, :, :] - flux[:-1, :, :])


def lid_driven_cavity(steps, u, v, p, b):
    dt, dx, dy = 0.001, 0.05, 0.05
    for _ in range(steps):
        un, vn = u.copy(), v.copy()
        b[1:-1, 1:-1] = (
            1.0 / dt * ((u[1:-1, 2:] - u[1:-1, :-2]) / (2.0 * dx) + (v[2:, 1:-1] - v[:-2, 1:-1]) / (2.0 * dy))
        )
        for _ in range(10):
            pn = p.copy()
            p[1:-1, 1:-1] = (
                (pn[1:-1, 2:] + pn[1:-1, :-2]) * dy**2 + (pn[2:, 1:-1] + pn[:-2, 1:-1]) * dx**2
            ) / (2.0 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2.0 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0.0
        u[1:-1, 1:-1] = un[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, :-2])
        v[1:-1, 1:-1] = vn[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, :-2])
        u[0, :] = 0.0
        u[-1, :] = 1.0
        v[:, 0] = 0.0


def _grid(*shape, seed=1):
    return np.random.default_rng(seed).random(shape)


KERNELS = (
    Kernel(alternating_directions, lambda n: (5, _grid(n, n)), 12, 100, ("columns",)),
    Kernel(seidel_by_rows, lambda n: (4, _grid(n, n)), 12, 120, ("rows",)),
    Kernel(jacobi_line, lambda n: (200, _grid(n), _grid(n, seed=2)), 20, 3000, ("slices",)),
    Kernel(jacobi_plane, lambda n: (20, _grid(n, n), _grid(n, n, seed=2)), 12, 150, ("slices",)),
    Kernel(heat_in_space, lambda n: (10, _grid(n, n, n), _grid(n, n, n, seed=2)), 8, 25, ("slices",)),
    Kernel(
        electromagnetic,
        lambda n: (20, _grid(n, n), _grid(n, n, seed=2), _grid(n, n, seed=3), _grid(20)),
        12,
        180,
        ("slices", "in place"),
    ),
    Kernel(recursive_smoothing, lambda n: (0.25, _grid(n, n)), 12, 300, ("columns", "exp")),
    Kernel(
        vertical_solve,
        lambda n: (_grid(n + 1, n, 64), _grid(n, n, 64), _grid(n, n, 64, seed=2), _grid(n, n, 64, seed=3)),
        6,
        60,
        ("planes",),
    ),
    Kernel(
        horizontal_diffusion,
        lambda n: (3, _grid(n + 4, n + 4, 20), np.zeros((n, n, 20)), _grid(n, n, 20)),
        6,
        60,
        ("where", "slices"),
    ),
    Kernel(
        lid_driven_cavity,
        lambda n: (10, *(np.zeros((n, n)) for _ in range(3)), _grid(n, n)),
        11,
        61,
        ("copy", "slices"),
    ),
)
