"""Pictures as arrays of grey: windows, gradients, counts."""

# ruff: noqa: PLR1730 - loops are written out, as users have them
from __future__ import annotations

import math

import numpy as np

from kernels.kernel import Kernel


def box_blur(image, out, radius):
    """The mean of a window that is cut at the borders."""
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            total = 0.0
            count = 0
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for u in range(max(0, x - radius), min(width, x + radius + 1)):
                    total += image[v, u]
                    count += 1
            out[y, x] = total / count


def sobel(image, out):
    """The length of the gradient; the largest is returned."""
    height, width = image.shape
    largest = 0.0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            gx = (
                image[y - 1, x + 1]
                + 2.0 * image[y, x + 1]
                + image[y + 1, x + 1]
                - image[y - 1, x - 1]
                - 2.0 * image[y, x - 1]
                - image[y + 1, x - 1]
            )
            gy = (
                image[y + 1, x - 1]
                + 2.0 * image[y + 1, x]
                + image[y + 1, x + 1]
                - image[y - 1, x - 1]
                - 2.0 * image[y - 1, x]
                - image[y - 1, x + 1]
            )
            length = math.sqrt(gx * gx + gy * gy)
            out[y, x] = length
            if length > largest:
                largest = length
    return largest


def histogram(image, counts, low, high):
    """Counts in equal bins; what is outside is left out."""
    bins = counts.shape[0]
    scale = bins / (high - low)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            value = image[y, x]
            if low <= value < high:
                counts[int((value - low) * scale)] += 1


def threshold(image, out, level):
    """Black or white, on floats."""
    white = 0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            if image[y, x] > level:
                out[y, x] = 1.0
                white += 1
            else:
                out[y, x] = 0.0
    return white


def threshold_bytes(image, out, level):
    """The same on the bytes that pictures are made of."""
    white = 0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            if image[y, x] > level:
                out[y, x] = 255
                white += 1
            else:
                out[y, x] = 0
    return white


def _image(n):
    return np.random.default_rng(n).random((n, n + 4))


def _bytes(n):
    return np.random.default_rng(n).integers(0, 256, (n, n + 4), dtype=np.uint8)


KERNELS = (
    Kernel(
        box_blur,
        lambda n: (_image(n), np.zeros((n, n + 4)), 2),
        9,
        75,
        ("min", "max", "Python then NumPy float", "float over int"),
    ),
    Kernel(sobel, lambda n: (_image(n), np.zeros((n, n + 4))), 12, 150, ("2-D array", "math.sqrt")),
    Kernel(
        histogram,
        lambda n: (_image(n), np.zeros(32, np.int64), 0.1, 0.9),
        14,
        300,
        ("chained comparison", "int()", "in-place element"),
    ),
    Kernel(
        threshold,
        lambda n: (_image(n), np.zeros((n, n + 4)), 0.4),
        14,
        450,
        ("2-D array", "store of a constant"),
    ),
    Kernel(
        threshold_bytes, lambda n: (_bytes(n), np.zeros((n, n + 4), np.uint8), 100), 14, 450, ("uint8 array",)
    ),
)
