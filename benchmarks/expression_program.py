"""A program that spends its time in one NumPy expression of `kernels/yielding.py`, as `must_yield.py` runs it."""

import sys

import pyperf  # the one in `stand_in/`
from kernels.yielding import KERNELS


def repeat(loops, function, args):
    for _ in range(loops):
        function(*args)


if __name__ == "__main__":
    runner = pyperf.Runner()
    kernel = next(kernel for kernel in KERNELS if kernel.name == sys.argv[1])
    runner.bench_time_func(kernel.name, repeat, kernel.function, kernel.make(kernel.large))
