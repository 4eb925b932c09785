"""Integers, tables, gathers and particles: loops whose body is a few operations on small arrays or single elements."""

from __future__ import annotations

import numpy as np
from kernels.kernel import Kernel


def checksum(data, polynomial):
    value = 0xFFFF
    for byte in data:
        current = 0xFF & byte
        for _ in range(8):
            value = (value >> 1) ^ polynomial if (value & 1) ^ (current & 1) else value >> 1
            current >>= 1
    value = (~value & 0xFFFF) << 8 | ((~value & 0xFFFF) >> 8)
    return value & 0xFFFF


def base_pairs(n, bases):
    table = np.zeros((n, n), np.int32)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < n:
                table[i, j] = max(table[i, j], table[i + 1, j])
                pair = 1 if bases[i] + bases[j] == 3 and i < j - 1 else 0
                table[i, j] = max(table[i, j], table[i + 1, j - 1] + pair)
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table


def sparse_product(starts, columns, values, x):
    y = np.empty(starts.size - 1)
    for i in range(starts.size - 1):
        where = columns[starts[i] : starts[i + 1]]
        y[i] = values[starts[i] : starts[i + 1]] @ x[where]
    return y


def shortest_paths(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))


def radial_histogram(radius, weights, bins):
    edges = np.linspace(0.0, radius.max(), bins + 1)
    counts, total = np.zeros(bins), np.zeros(bins)
    width = edges[1] - edges[0]
    for i in range(radius.size):
        k = min(int(radius[i] / width), bins - 1)
        counts[k] += 1.0
        total[k] += weights[i]
    return total / counts


def rings(data, radius, count):
    most = radius.max()
    found = np.zeros(count)
    for i in range(count):
        inner = np.logical_and(most * i / count <= radius, radius < most * (i + 1) / count)
        found[i] = data[inner].mean()
    return found


def bodies(steps, mass, place, speed, dt):
    for _ in range(steps):
        x, y, z = place[:, 0:1], place[:, 1:2], place[:, 2:3]
        dx, dy, dz = x.T - x, y.T - y, z.T - z
        inverse = 1.0 / (dx * dx + dy * dy + dz * dz + 0.01)
        inverse = inverse * np.sqrt(inverse)
        force = np.hstack(((dx * inverse) @ mass, (dy * inverse) @ mass, (dz * inverse) @ mass))
        speed += force * dt
        place += speed * dt


def fourier(x):
    n = x.shape[0]
    levels = int(np.log2(n))
    y = x.copy()
    for level in range(levels):
        half = 2**level
        wide = y.reshape(half, 2, n // (2 * half)).copy()
        turn = np.exp(-1j * np.pi * np.arange(half) / half).reshape(half, 1)
        y = np.concatenate(
            (wide[:, 0, :] + turn * wide[:, 1, :], wide[:, 0, :] - turn * wide[:, 1, :])
        ).reshape(n)
    return y


def escape_times(c, steps):
    z = np.zeros(c.shape, c.dtype)
    count = np.zeros(c.shape, np.int64)
    for n in range(steps):
        inside = np.abs(z) < 2.0
        count[inside] = n
        z[inside] = z[inside] ** 2 + c[inside]
    return count


def convolution(image, weights):
    k = weights.shape[0]
    height, width = image.shape[0] - k + 1, image.shape[1] - k + 1
    out = np.empty((height, width, weights.shape[3]))
    for i in range(height):
        for j in range(width):
            out[i, j, :] = np.sum(image[i : i + k, j : j + k, :, np.newaxis] * weights, axis=(0, 1, 2))
    return out


def trace_of_tanh(a):
    trace = 0.0
    for i in range(a.shape[0]):
        trace += np.tanh(a[i, i])
    return a + trace


def iterated_map(x, count):
    for _ in range(count):
        x[:] = 3.7 * x * (1.0 - x)
    return x


def moving_means(x, window):
    out = np.empty(x.size - window)
    for i in range(out.size):
        out[i] = x[i : i + window].mean()
    return out


def _sparse(n):
    chooser = np.random.default_rng(n)
    starts = np.arange(0, 8 * n + 1, 8)
    return starts, chooser.integers(0, n, 8 * n), chooser.random(8 * n), chooser.random(n)


def _plane(n):
    real, imaginary = np.meshgrid(np.linspace(-2.0, 0.5, n), np.linspace(-1.2, 1.2, n))
    return real + 1j * imaginary


def _bodies(n):
    chooser = np.random.default_rng(n)
    return 20, chooser.random((n, 1)), chooser.random((n, 3)), chooser.random((n, 3)), 0.01


def _random(*shape):
    return np.random.default_rng(shape[0]).random(shape)


KERNELS = (
    Kernel(
        checksum,
        lambda n: (np.random.default_rng(1).integers(0, 256, n).astype(np.uint8), 0x8408),
        50,
        3000,
        ("uint8",),
    ),
    Kernel(
        base_pairs,
        lambda n: (n, np.random.default_rng(1).integers(0, 4, n).astype(np.int32)),
        12,
        50,
        ("int32 table",),
    ),
    Kernel(sparse_product, _sparse, 20, 4000, ("gather", "row product")),
    Kernel(
        shortest_paths,
        lambda n: (np.random.default_rng(1).integers(1, 1000, (n, n)).astype(np.int32),),
        20,
        120,
        ("outer", "int32"),
    ),
    Kernel(radial_histogram, lambda n: (_random(n), _random(n), 30), 50, 30_000, ("histogram", "linspace")),
    Kernel(rings, lambda n: (_random(n), _random(n), 10), 200, 60_000, ("masks", "mean")),
    Kernel(bodies, _bodies, 6, 40, ("columns", "products")),
    Kernel(fourier, lambda n: (_random(n) + 1j * _random(n),), 16, 4096, ("complex", "reshape")),
    Kernel(escape_times, lambda n: (_plane(n), 30), 10, 100, ("complex", "masks")),
    Kernel(convolution, lambda n: (_random(n, n, 3), _random(3, 3, 3, 8)), 8, 40, ("4-D", "newaxis")),
    Kernel(trace_of_tanh, lambda n: (_random(n, n),), 10, 300, ("tanh",)),
    Kernel(iterated_map, lambda n: (_random(n), 50), 10, 2000, ("in place",)),
    Kernel(moving_means, lambda n: (_random(n), 16), 40, 8000, ("mean",)),
)
