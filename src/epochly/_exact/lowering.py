"""Pieces of machine code that the exact operators are made of, and how they are registered with numba.

A primitive is a key that numba's typing and lowering know by us alone, so nothing of numba's own meaning of an operator is
changed for anybody else. It refuses to let LLVM see libm: functions of the C library are reached through symbols that no
optimiser knows, or `pow(x, 3.0)` would become `x*x*x`, which differs in the last bit. Sources: numba's extension API,
LLVM's language reference (`llvm.*.with.overflow`, inline asm).
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import (
    AbstractTemplate,
    infer_global,
    make_concrete_template,
    signature,
)

from epochly._exact import Deopt

Key = Callable[..., Any]
Implementation = Callable[[Any, Any, Any, Any], Any]  # numba's (context, builder, signature, arguments)

numba_types: Any = types  # numba's stubs list few of them
INT, FLOAT, BOOL, NONE = types.int64, types.float64, types.boolean, types.none
I64, I32, F64, I1 = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.IntType(1)
LEAST = ir.Constant(I64, -(2**63))
ZERO = ir.Constant(I64, 0)
INFINITY = ir.Constant(F64, float("inf"))
EXACT_IN_FLOAT = 2**53  # ints up to here are floats too
FLOAT_REGISTER = {"x86_64": "x", "AMD64": "x", "aarch64": "w", "arm64": "w"}.get(platform.machine())
LIBM = ctypes.CDLL(None)  # the symbols of the running interpreter: the `pow` that CPython itself calls


def plain(machine_type: Any) -> Any:
    """A numba type without the literal value it may carry."""
    return numba_types.unliteral(machine_type)


def primitive(name: str, cases: dict[tuple[Any, ...], tuple[Any, Implementation]]) -> Key:
    """A new key of numba's, typed and lowered by `cases`: argument types to (result type, implementation)."""

    def key(*_: object) -> None:
        raise AssertionError(f"`{name}` exists in machine code only")

    key.__name__ = key.__qualname__ = f"epochly_{name}"
    globals()[key.__name__] = key  # numba wants to find a key where its module says it is
    template = make_concrete_template(
        key.__name__, key, [signature(result, *args) for args, (result, _) in cases.items()]
    )
    infer_global(key)(template)
    for args, (_, implementation) in cases.items():
        lower_builtin(key, *args)(implementation)
    return key


def install() -> None:
    """Make the primitives that were defined so far known to numba's CPU target."""
    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()


def deopt_if(context: Any, builder: Any, condition: Any, why: str) -> None:
    """Leave machine code for the interpreter where `condition` holds."""
    with builder.if_then(condition, likely=False):
        context.call_conv.return_user_exc(builder, Deopt, (why,))


def intrinsic(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def overflowing(builder: Any, operation: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Result and overflow bit of `sadd`, `ssub` or `smul`."""
    pair = ir.LiteralStructType([I64, I1])
    both = intrinsic(builder, f"llvm.{operation}.with.overflow.i64", pair, left, right)
    return builder.extract_value(both, 0), builder.extract_value(both, 1)


def opaque_symbol(name: str) -> str:
    """The C library's function under a name that LLVM does not know."""
    symbol = f"epochly_c_{name}"
    llvmlite.binding.add_symbol(symbol, ctypes.cast(getattr(LIBM, name), ctypes.c_void_p).value)
    return symbol


def call_c(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call a C function that `opaque_symbol` was told of."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, kind, f"epochly_c_{name}")
    function.attributes.add("nounwind")
    return builder.call(function, args)


def not_finite(builder: Any, value: Any) -> Any:
    """Whether a float is an infinity or not a number."""
    return builder.fcmp_unordered(">=", intrinsic(builder, "llvm.fabs.f64", F64, value), INFINITY)


def beyond_floats(builder: Any, value: Any) -> Any:
    """Whether an int is so large that a float may not hold it."""
    shifted = builder.add(value, ir.Constant(I64, EXACT_IN_FLOAT))
    return builder.icmp_unsigned(">", shifted, ir.Constant(I64, 2 * EXACT_IN_FLOAT))


def pinned(builder: Any, value: Any) -> Any:
    """The float itself, computed here and now: LLVM may neither drop nor move it, so its status flags are raised."""
    kind = ir.FunctionType(F64, [F64])
    constraint = f"={FLOAT_REGISTER},0"
    return builder.asm(kind, "", constraint, [value], side_effect=True)


def array_primitive(
    name: str, count: int, result_of: Callable[..., Any], implementation: Implementation
) -> Key:
    """A new key of numba's that takes `count` values of any type; `result_of` their types is what it gives, or None."""

    def key(*_: object) -> None:
        raise AssertionError(f"`{name}` exists in machine code only")

    key.__name__ = key.__qualname__ = f"epochly_{name}"
    globals()[key.__name__] = key  # as above

    def generic(_self: Any, args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        result = None if kws or len(args) != count else result_of(*map(plain, args))
        return None if result is None else signature(result, *map(plain, args))

    infer_global(key)(type(f"Of{name}", (AbstractTemplate,), {"key": key, "generic": generic}))
    lower_builtin(key, *(types.Any,) * count)(implementation)
    return key
