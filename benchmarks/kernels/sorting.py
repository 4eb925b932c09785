"""Sorting and searching on arrays, and one sort on a list."""

from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def insertion_sort(a):
    """Each element moves down to its place."""
    for i in range(1, len(a)):
        x = a[i]
        j = i - 1
        while j >= 0 and a[j] > x:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = x


def shell_sort(a):
    """Insertion over shrinking gaps."""
    n = a.shape[0]
    gap = n // 2
    while gap > 0:
        for i in range(gap, n):
            x = a[i]
            j = i
            while j >= gap and a[j - gap] > x:
                a[j] = a[j - gap]
                j -= gap
            a[j] = x
        gap //= 2
    return a


def quick_sort(a, stack):
    """Partitions with a stack of bounds instead of recursion."""
    stack[0, 0] = 0
    stack[0, 1] = a.shape[0] - 1
    top = 1
    while top > 0:
        top -= 1
        low = stack[top, 0]
        high = stack[top, 1]
        while low < high:
            pivot = a[(low + high) // 2]
            i = low
            j = high
            while i <= j:
                while a[i] < pivot:
                    i += 1
                while a[j] > pivot:
                    j -= 1
                if i <= j:
                    a[i], a[j] = a[j], a[i]
                    i += 1
                    j -= 1
            if i < high:
                stack[top, 0] = i
                stack[top, 1] = high
                top += 1
            high = j


def binary_searches(ordered, wanted):
    """How many of the wanted values are there."""
    found = 0
    for k in range(wanted.shape[0]):
        value = wanted[k]
        low = 0
        high = ordered.shape[0]
        while low < high:
            middle = (low + high) // 2
            if ordered[middle] < value:
                low = middle + 1
            else:
                high = middle
        if low < ordered.shape[0] and ordered[low] == value:
            found += 1
    return found


def bubble_sort(items):
    """The first sort of every course, on a list."""
    n = len(items)
    for i in range(n):
        for j in range(n - 1 - i):
            if items[j] > items[j + 1]:
                items[j], items[j + 1] = items[j + 1], items[j]
    return items


def _floats(n):
    return np.random.default_rng(n).random(n)


def _ints(n):
    return np.random.default_rng(n).integers(0, 10 * n, n)


KERNELS = (
    Kernel(insertion_sort, lambda n: (_floats(n),), 40, 1_000, ("while", "and", "no result")),
    Kernel(shell_sort, lambda n: (_ints(n),), 60, 15_000, ("int array", "while", "array result")),
    Kernel(
        quick_sort,
        lambda n: (_floats(n), np.zeros((64, 2), np.int64)),
        60,
        12_000,
        ("int array", "NumPy int or Python int", "swap of elements"),
    ),
    Kernel(
        binary_searches, lambda n: (np.sort(_ints(n)), _ints(n)), 60, 30_000, ("int array", "while", "and")
    ),
    Kernel(bubble_sort, lambda n: (_floats(n).tolist(),), 30, 700, ("list argument", "swap of elements")),
)
