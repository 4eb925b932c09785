"""Checksums and generators made of shifts and masks."""

# ruff: noqa: SIM108 - loops are written out, as users have them
from __future__ import annotations

import numpy as np

from kernels.kernel import Kernel


def crc32(data):
    """The checksum of zip files, bit by bit."""
    crc = 0xFFFFFFFF
    for i in range(len(data)):
        crc ^= data[i]
        for _ in range(8):
            if crc & 1:
                crc = (crc >> 1) ^ 0xEDB88320
            else:
                crc >>= 1
    return int(crc ^ 0xFFFFFFFF)


def crc16(data, polynomial):
    """A checksum of modems, high bit first, on Python's ints."""
    crc = 0xFFFF
    for byte in data:
        crc ^= int(byte) << 8
        for _ in range(8):
            if crc & 0x8000:
                crc = ((crc << 1) ^ polynomial) & 0xFFFF
            else:
                crc = (crc << 1) & 0xFFFF
    return crc


def xorshift(state, n):
    """Marsaglia's generator in 32 bits; how many bits were set in all."""
    ones = 0
    for _ in range(n):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        x = state
        while x:
            x &= x - 1
            ones += 1
    return ones


def fnv1a(data):
    """A hash that needs more than 64 bits on the way: the interpreter's ints are the only right ones."""
    value = 0xCBF29CE484222325
    for byte in data:
        value ^= int(byte)
        value = (value * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def gray_codes(n):
    """Whether neighbours of the Gray code differ in one bit, and the sum of the codes."""
    total = 0
    last = 0
    right = True
    for i in range(1, n):
        code = i ^ (i >> 1)
        change = code ^ last
        right = right and change & (change - 1) == 0
        last = code
        total += code
    return right, total


def _data(n):
    return np.random.default_rng(n).integers(0, 256, n)


KERNELS = (
    Kernel(crc32, lambda n: (_data(n),), 60, 10_000, ("NumPy int or Python int", "shift", "int()")),
    Kernel(crc16, lambda n: (_data(n), 0x1021), 60, 15_000, ("for over array", "shift", "int()")),
    Kernel(xorshift, lambda n: (2463534242, n), 60, 15_000, ("shift", "int as condition")),
    Kernel(fnv1a, lambda n: (_data(n),), 60, 100_000, ("ints beyond 64 bits",)),
    Kernel(gray_codes, lambda n: (n,), 300, 300_000, ("bool on paths", "tuple result")),
)
