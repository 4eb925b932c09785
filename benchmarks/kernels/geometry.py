"""Points and polygons: many comparisons, early ends, few numbers."""

from __future__ import annotations

import math

import numpy as np

from kernels.kernel import Kernel


def is_convex(xs, ys):
    """Whether a polygon turns one way only; ends at the first turn back."""
    n = len(xs)
    sign = 0
    for i in range(n):
        j = (i + 1) % n
        k = (i + 2) % n
        cross = (xs[j] - xs[i]) * (ys[k] - ys[j]) - (ys[j] - ys[i]) * (xs[k] - xs[j])
        if cross > 0:
            turn = 1
        elif cross < 0:
            turn = -1
        else:
            continue
        if sign == 0:
            sign = turn
        elif sign != turn:
            return False
    return True


def points_inside(px, py, xs, ys):
    """How many points are inside a polygon, by counting crossings."""
    inside = 0
    n = xs.shape[0]
    for p in range(px.shape[0]):
        odd = False
        j = n - 1
        for i in range(n):
            if (ys[i] > py[p]) != (ys[j] > py[p]):
                crossing = (xs[j] - xs[i]) * (py[p] - ys[i]) / (ys[j] - ys[i]) + xs[i]
                if px[p] < crossing:
                    odd = not odd
            j = i
        if odd:
            inside += 1
    return inside


def closest_pair(points):
    """The smallest distance of two points, and which they are."""
    n = points.shape[0]
    best = math.inf
    first = -1
    second = -1
    for i in range(n):
        for j in range(i + 1, n):
            dx = points[i, 0] - points[j, 0]
            dy = points[i, 1] - points[j, 1]
            square = float(dx * dx + dy * dy)
            if square < best:
                best = square
                first = i
                second = j
    return math.sqrt(best), first, second


def haversines(latitudes, longitudes):
    """The length of a way over the globe."""
    total = 0.0
    for i in range(1, len(latitudes)):
        a = math.radians(latitudes[i - 1])
        b = math.radians(latitudes[i])
        d = math.radians(longitudes[i] - longitudes[i - 1])
        h = math.sin((b - a) / 2.0) ** 2 + math.cos(a) * math.cos(b) * math.sin(d / 2.0) ** 2
        total += 2.0 * 6371.0 * math.asin(math.sqrt(h))
    return total


def _circle(n):
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return np.cos(angles), np.sin(angles)


def _scattered(n):
    chooser = np.random.default_rng(n)
    return chooser.uniform(-1, 1, n), chooser.uniform(-1, 1, n)


KERNELS = (
    Kernel(is_convex, _circle, 200, 80_000, ("early return", "bool result", "continue")),
    Kernel(
        points_inside,
        lambda n: (*_scattered(n), *_circle(24)),
        24,
        4_000,
        ("not", "comparison of comparisons"),
    ),
    Kernel(
        closest_pair,
        lambda n: (np.random.default_rng(n).random((n, 2)),),
        20,
        380,
        ("math.inf", "float()", "tuple result"),
    ),
    Kernel(
        haversines,
        lambda n: tuple(60.0 * axis for axis in _scattered(n)),
        60,
        60_000,
        ("math.radians", "math.sin", "square"),
    ),
)
