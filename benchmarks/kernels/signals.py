"""Filters and recurrences along one axis."""

# ruff: noqa: PLR0917 - parameters as the field writes them
from __future__ import annotations

import math

import numpy as np

from kernels.kernel import Kernel


def fir(signal, taps, out):
    """A finite filter."""
    for i in range(len(taps) - 1, len(signal)):
        total = 0.0
        for k in range(len(taps)):
            total += taps[k] * signal[i - k]
        out[i] = total


def biquad(signal, b0, b1, b2, a1, a2):
    """A recursive filter of second order, in place, its state in floats."""
    x1 = 0.0
    x2 = 0.0
    y1 = 0.0
    y2 = 0.0
    for i in range(signal.shape[0]):
        x = float(signal[i])
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        x2 = x1
        x1 = x
        y2 = y1
        y1 = y
        signal[i] = y
    return y1


def goertzel(signal, frequency):
    """The power at one frequency."""
    turn = 2.0 * math.cos(2.0 * math.pi * frequency)
    last = 0.0
    before = 0.0
    for i in range(signal.shape[0]):
        last, before = signal[i] + turn * last - before, last
    return last * last + before * before - turn * last * before


def exponential_average(signal, out, weight=0.1):
    """A running average whose weight has a default."""
    out[0] = signal[0]
    for i in range(1, len(signal)):
        out[i] = weight * signal[i] + (1 - weight) * out[i - 1]
    return out


def peaks(signal, floor):
    """Where a signal has its highest local peak, or -1; the loop skips with `continue`."""
    where = -1
    highest = floor
    for i in range(1, len(signal) - 1):
        if signal[i] <= signal[i - 1] or signal[i] <= signal[i + 1]:
            continue
        if signal[i] > highest:
            highest = signal[i]
            where = i
    return where


def _signal(n):
    return np.random.default_rng(n).standard_normal(n)


KERNELS = (
    Kernel(
        fir,
        lambda n: (_signal(n), _signal(16), np.zeros(n)),
        60,
        15_000,
        ("1-D array", "Python then NumPy float"),
    ),
    Kernel(
        biquad, lambda n: (_signal(n), 0.07, 0.13, 0.07, -1.1, 0.4), 300, 300_000, ("float()", "recurrence")
    ),
    Kernel(
        goertzel,
        lambda n: (_signal(n), 0.05),
        300,
        300_000,
        ("math.cos", "math.pi", "Python then NumPy float", "swap"),
    ),
    Kernel(
        exponential_average,
        lambda n: (_signal(n), np.zeros(n), 0.1),
        200,
        200_000,
        ("default", "recurrence", "array result"),
    ),
    Kernel(peaks, lambda n: (_signal(n), 0.5), 200, 250_000, ("continue", "or", "Python then NumPy float")),
)
