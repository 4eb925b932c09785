"""What a kernel is to the benchmark and to the tests: a plain function, a maker of its arguments, and what it is made of.

A kernel is written as a user of NumPy writes it, without annotations or decorators, so that one text serves CPython, the
overlay and numba alike. It refuses shared state: every call gets arguments that were made for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType


@dataclass(frozen=True, slots=True)
class Kernel:
    """One loop, or one array expression that is to be left alone.

    Attributes:
        function: the plain function.
        make: from a size to fresh arguments, the same ones for the same size.
        small: a size for comparing, a few milliseconds of CPython.
        large: a size for measuring, some tenths of a second of CPython.
        uses: the constructs it depends on, for telling what a rejection costs.
        helpers: names of functions in its module that it calls; numba wants them decorated too.
    """

    function: FunctionType
    make: Callable[[Any], tuple[object, ...]]
    small: Any
    large: Any
    uses: tuple[str, ...]
    helpers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How tables call it."""
        return self.function.__name__

    @property
    def family(self) -> str:
        """The module it lives in."""
        return self.function.__module__.rpartition(".")[2]
