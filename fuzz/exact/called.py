"""The Python functions and constants that programs use by name: what a user's module would hold beside a hot function."""

from __future__ import annotations

import math

import numpy as np


def double(x):
    return x * 2


def clamp(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x


def mean(x, y):
    return double(x + y) / 4.0


def scaled(x, by=3, plus=1):
    return x * by + plus


def raised(x, *, to=2.0):
    return x + to


def halves(x):
    return x * 0.5, x - x * 0.5


def checked(x):
    if x < -1000:
        raise ValueError("too small")
    return x


def collatz(n):
    steps = 0
    while n > 1 and steps < 40:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def names():
    """A fresh namespace for one program."""
    return {
        "double": double,
        "clamp": clamp,
        "mean": mean,
        "scaled": scaled,
        "raised": raised,
        "halves": halves,
        "checked": checked,
        "collatz": collatz,
        "math": math,
        "np": np,
        "K": 3,
        "Q": 0.25,
        "T": (1, 2, 3),
    }
