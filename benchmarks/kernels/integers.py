"""Loops over Python ints: divisions, remainders and flags, no floats."""

# ruff: noqa: SIM108, PLR1730 - loops are written out, as users have them
from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def collatz(n):
    """The start below `n` with the longest way down to one."""
    longest = 0
    best = 1
    for start in range(1, n):
        steps = 0
        x = start
        while x != 1:
            if x % 2 == 0:
                x = x // 2
            else:
                x = 3 * x + 1
            steps += 1
        if steps > longest:
            longest = steps
            best = start
    return best


def totient_sum(n):
    """How many pairs below `n` have no common divisor, by Euclid's algorithm in place."""
    total = 0
    for a in range(1, n):
        for b in range(1, a + 1):
            x, y = a, b
            while y:
                x, y = y, x % y
            if x == 1:
                total += 1
    return total


def gcd(a, b):
    """The greatest common divisor."""
    while b != 0:
        a, b = b, a % b
    return a


def totient_by_helper(n):
    """The same, as a program with functions has it."""
    total = 0
    for a in range(1, n):
        for b in range(1, a + 1):
            if gcd(a, b) == 1:
                total += 1
    return total


def sieve(n):
    """How many primes there are below `n`, on an array of flags of its own."""
    prime = np.ones(n, dtype=np.bool_)
    count = 0
    for i in range(2, n):
        if prime[i]:
            count += 1
            for j in range(i * i, n, i):
                prime[j] = False
    return count


def sieve_into(prime):
    """The same, on an array that is passed in."""
    n = prime.shape[0]
    for i in range(n):
        prime[i] = i >= 2
    count = 0
    for i in range(2, n):
        if prime[i]:
            count += 1
            for j in range(i * i, n, i):
                prime[j] = False
    return count


def power_residues(n, exponent, modulus):
    """The sum of `base ** exponent % modulus` by squaring."""
    total = 0
    for base in range(1, n):
        result = 1
        factor = base % modulus
        left = exponent
        while left > 0:
            if left & 1:
                result = result * factor % modulus
            factor = factor * factor % modulus
            left >>= 1
        total += result
    return total


def monte_carlo_pi(seed, n):
    """An estimate of pi from a linear congruential generator whose state is passed in."""
    state = seed
    inside = 0
    for _ in range(n):
        state = (1103515245 * state + 12345) % 2147483648
        x = state / 2147483648
        state = (1103515245 * state + 12345) % 2147483648
        y = state / 2147483648
        if x * x + y * y <= 1.0:
            inside += 1
    return 4.0 * inside / n


def random_walk(state, n):
    """The same generator with its state in an array: ints of NumPy's, and the state stays behind."""
    position = 0
    furthest = 0
    for _ in range(n):
        state[0] = (1103515245 * state[0] + 12345) % 2147483648
        if state[0] & 65536:
            position += 1
        else:
            position -= 1
        if abs(position) > furthest:
            furthest = abs(position)
    return furthest


KERNELS = (
    Kernel(collatz, lambda n: (n,), 300, 12_000, ("while", "floor division")),
    Kernel(totient_sum, lambda n: (n,), 40, 380, ("while", "swap", "int as condition")),
    Kernel(totient_by_helper, lambda n: (n,), 40, 300, ("helper function",), helpers=("gcd",)),
    Kernel(sieve, lambda n: (n,), 2_000, 400_000, ("numpy.ones", "strided range")),
    Kernel(sieve_into, lambda n: (np.zeros(n, np.bool_),), 2_000, 400_000, ("bool array", "strided range")),
    Kernel(power_residues, lambda n: (n, 65537, 1_000_003), 100, 30_000, ("while", "bit operators")),
    Kernel(monte_carlo_pi, lambda n: (42, n), 2_000, 400_000, ("true division of ints",)),
    Kernel(random_walk, lambda n: (np.array([42]), n), 1_000, 150_000, ("int array", "NumPy ints", "abs")),
)
