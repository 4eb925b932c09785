"""Verify mode: a sampled call runs in both versions, on equal arguments, and the results are held together bit by bit.

It refuses to let a difference out: the interpreter's result is returned, its array contents too, and the compiled version
is given up. It can run a call twice only because the compiler takes no function with effects beyond its array arguments.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from itertools import combinations
from typing import TYPE_CHECKING, Any

from epochly._compare import difference, outcome, outcomes_differ

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

    from epochly._versions import Version


def shadow(
    original: FunctionType,
    version: Version,
    args: tuple[Any, ...],
    deopt: type[Exception],
    say: Callable[[str], None],
) -> Any:
    """Answer one call with what the interpreter says, and give the version up if compiled code says otherwise."""
    call = version.call
    if call is None or overlapping(args):
        return original(*args)
    copies = deepcopy(args)
    compiled = outcome(call, copies)
    if isinstance(compiled.error, deopt):
        return original(*args)
    version.compared += 1
    expected = outcome(original, args)
    found = outcomes_differ(compiled, expected) or difference(copies, args)
    if found is not None:
        name = f"{original.__module__}.{original.__qualname__}"
        version.end("differs", f"compiled code differed from the interpreter: {found}")
        say(f"`{name}` differed when compiled: {found}, back to the interpreter; hint: please report this")
    if expected.error is not None:
        raise expected.error
    return expected.value


def overlapping(args: tuple[Any, ...]) -> bool:
    """Whether two arrays among the arguments may share memory, which copies of them would not."""
    numpy = sys.modules.get("numpy")
    arrays = [] if numpy is None else [each for each in args if isinstance(each, numpy.ndarray)]
    return numpy is not None and any(numpy.may_share_memory(a, b) for a, b in combinations(arrays, 2))
