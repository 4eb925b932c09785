"""Loop kernels as users write them, by family, and NumPy expressions that the overlay is to leave alone.

`KERNELS` are loops over ints, floats and arrays; a compiler can help. `YIELDING` are programs whose work is done inside
NumPy already; a compiler can only get in the way. All are classics of their field, written anew here.
"""

from __future__ import annotations

from kernels import (
    bits,
    dynamic,
    floats,
    geometry,
    images,
    integers,
    matrices,
    signals,
    sorting,
    stencils,
    yielding,
)

FAMILIES = (integers, floats, stencils, dynamic, sorting, matrices, images, signals, geometry, bits)
KERNELS = tuple(kernel for family in FAMILIES for kernel in family.KERNELS)
YIELDING = yielding.KERNELS
