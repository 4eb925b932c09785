"""Programs in NumPy form: Python loops around slices, whole rows and updates in place, and expressions without loops.

Written from the textbook algorithms, as a user of NumPy writes them. See `benchmarks/numpy_forms.py` for the runner.
"""

from __future__ import annotations

from numpy_forms import expressions, grids, solvers, tables

KERNELS = (*solvers.KERNELS, *grids.KERNELS, *tables.KERNELS, *expressions.KERNELS)
