"""Loops over floats: escapes, iterations to a fixed point, particles, quadrature."""

from __future__ import annotations

import math

import numpy as np

from kernels.kernel import Kernel


def mandelbrot(width, height, most):
    """How many steps all points of a grid take to escape."""
    total = 0
    for row in range(height):
        y0 = 2.0 * row / height - 1.0
        for column in range(width):
            x0 = 3.0 * column / width - 2.0
            x = 0.0
            y = 0.0
            steps = 0
            while x * x + y * y <= 4.0 and steps < most:
                x, y = x * x - y * y + x0, 2.0 * x * y + y0
                steps += 1
            total += steps
    return total


def newton_roots(n):
    """The sum of cube roots by Newton's method, from a start that stays an int until the first step."""
    total = 0
    for i in range(1, n):
        x = float(i)
        while True:
            step = (x * x * x - i) / (3.0 * x * x)
            x -= step
            if abs(step) < 1e-12 * x:
                break
        total += x
    return total


def nbody(position, velocity, mass, steps, dt):
    """Gravity between a few bodies; arrays of positions and velocities are stepped in place."""
    n = position.shape[0]
    for _ in range(steps):
        for i in range(n):
            for j in range(i + 1, n):
                dx = position[i, 0] - position[j, 0]
                dy = position[i, 1] - position[j, 1]
                dz = position[i, 2] - position[j, 2]
                distance = dx * dx + dy * dy + dz * dz
                pull = dt / distance**1.5
                velocity[i, 0] -= dx * mass[j] * pull
                velocity[i, 1] -= dy * mass[j] * pull
                velocity[i, 2] -= dz * mass[j] * pull
                velocity[j, 0] += dx * mass[i] * pull
                velocity[j, 1] += dy * mass[i] * pull
                velocity[j, 2] += dz * mass[i] * pull
        for i in range(n):
            for k in range(3):
                position[i, k] += dt * velocity[i, k]


def energy(position, velocity, mass):
    """Kinetic and potential energy of many bodies, as a tuple."""
    n = len(mass)
    kinetic = 0.0
    potential = 0.0
    for i in range(n):
        speed = 0.0
        for k in range(3):
            speed += velocity[i, k] ** 2
        kinetic += 0.5 * mass[i] * speed
        for j in range(i):
            distance = 0.0
            for k in range(3):
                distance += (position[i, k] - position[j, k]) ** 2
            potential -= mass[i] * mass[j] / math.sqrt(distance)
    return kinetic, potential


def simpson(low, high, n):
    """The integral of exp(-x) sin(x) by Simpson's rule."""
    h = (high - low) / n
    total = 0.0
    for i in range(n + 1):
        x = low + i * h
        y = math.exp(-x) * math.sin(x)
        if i in (0, n):
            total += y
        elif i % 2:
            total += 4 * y
        else:
            total += 2 * y
    return total * h / 3


def kahan_sum(values):
    """A compensated sum; the loop goes over the array itself."""
    total = 0.0
    lost = 0.0
    for value in values:
        y = value - lost
        t = total + y
        lost = (t - total) - y
        total = t
    return total


def mean_and_variance(values):
    """Welford's running mean and variance, with accumulators that start as the literal 0."""
    mean = 0
    squares = 0
    for i in range(values.size):
        delta = values[i] - mean
        mean += delta / (i + 1)
        squares += delta * (values[i] - mean)
    return mean, squares / (values.size - 1)


def _random(*shape):
    return np.random.default_rng(shape[0]).random(shape)


KERNELS = (
    Kernel(mandelbrot, lambda n: (n, n, 60), 12, 95, ("while", "and", "swap")),
    Kernel(newton_roots, lambda n: (n,), 40, 12_000, ("while True", "break", "literal accumulator", "abs")),
    Kernel(
        nbody,
        lambda n: (_random(5, 3), _random(5, 3), _random(5), n, 0.001),
        8,
        900,
        ("2-D array", "NumPy floats", "power", "in-place element"),
    ),
    Kernel(
        energy,
        lambda n: (_random(n, 3), _random(n, 3), _random(n)),
        16,
        200,
        ("2-D array", "NumPy floats", "math.sqrt", "square", "tuple result"),
    ),
    Kernel(simpson, lambda n: (0, 2.0, n), 200, 300_000, ("math.exp", "int times float", "in tuple")),
    Kernel(kahan_sum, lambda n: (_random(n),), 500, 400_000, ("for over array", "Python then NumPy float")),
    Kernel(mean_and_variance, lambda n: (_random(n),), 300, 200_000, ("literal accumulator", "tuple result")),
)
