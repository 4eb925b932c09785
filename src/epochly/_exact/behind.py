"""The function that one of our own wrappers stands for, told by the wrapper's code and by nothing that could be copied.

A caller that is compiled with the function inside gives the same results as through the wrapper, which only counts, times and
passes on. It refuses wrappers that stand in a function's own place (`epochly run` takes those out again), and wrappers
whose defaults were changed. Pure; numba is not imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types

SITE = (
    "epochly._call",
    "Site",
)  # where the class of a wrapper's constant is from; `_call` is not imported here


def behind(function: types.FunctionType) -> types.FunctionType:
    """The function itself, unless it is a wrapper that `optimize` made."""
    for constant in function.__code__.co_consts:
        kind = type(constant)
        if (kind.__module__, kind.__qualname__) == SITE and constant.on_refusal is None:
            original: types.FunctionType = constant.original
            same = (original.__defaults__, original.__kwdefaults__)
            if function.__defaults__ is same[0] and function.__kwdefaults__ is same[1]:
                return original
    return function
